/* Accounts: minted from newAccount's JWS (RFC 8555, 7.3), changed by the account's own (7.3.5, 7.3.6). */
#include <assert.h>
#include <stdio.h>

#include "crypto/digest.h"
#include "jose/key_change.h"
#include "sign/internal.h"

/* Whether the payload asks for an account now, and with the terms agreed to. */
static avow_err check_new(const struct signer *s, struct slice payload, bool *agreed, struct problem *why) {
  AUTO_JSON object = NULL;
  avow_err e = payload_object(payload, &object, why);
  if (e != AVOW_OK)
    return e;
  if (json_is_true(json_object_get(object, "onlyReturnExisting")))
    return problem_set(why, ERR_EVIDENCE, "the request asks for no new account");
  *agreed = json_is_true(json_object_get(object, "termsOfServiceAgreed"));
  if (s->setup.config->terms_url && !*agreed)
    return problem_set(why, ERR_USER_ACTION, "%s", err_text(ERR_USER_ACTION));
  return AVOW_OK;
}

static bool is_present(const struct account_state *account, const struct account_key *key) {
  return slice_eq(digest_slice(&account->present), digest_slice(&key->thumbprint));
}

static avow_err check_blocked(const struct signer *s, const struct public_key *key, struct problem *why) {
  struct digest spki = digest_of(public_key_spki(key));
  if (table_find(&s->state.blocked, &spki))
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "This key was reported as compromised");
  return AVOW_OK;
}

/* The key has an account. The same job gets its record again; another gets a record of its own with the same contents,
   so that the stream ends it too. */
static avow_err account_again(struct signer *s, struct work *w, const struct account_key *key, struct problem *why) {
  const struct msg_sign_account *m = &w->request->sign_account;
  const struct account_state *known = table_find(&s->state.accounts, &key->account);
  if (known && !is_present(known, key))
    return problem_set(why, ERR_UNAUTHORIZED, "This key was given up by a key change; please make a new one");
  if (!known || known->status != ACCOUNT_VALID)
    return problem_set(why, ERR_UNAUTHORIZED, "The account of this key is deactivated");
  if (id_eq(known->job, m->job))
    return answer_again(w, known->record);
  AUTO_BUF bytes;
  buf_init(&bytes, FRAME_PAYLOAD_MAX);
  avow_err e = read_account(s, known->record, &bytes, &w->entry, why);
  if (e != AVOW_OK)
    return e;
  struct msg_record_account *r = &w->entry.m.record_account;
  r->job = m->job;
  r->account.jwk = arena_dup(&s->batch, r->account.jwk);
  r->account.sealed = arena_dup(&s->batch, r->account.sealed);
  if (!r->account.jwk.p || !r->account.sealed.p)
    return ERR_NO_MEMORY;
  w->entry.request = digest_of(m->jws);
  w->state = WORK_RECORD;
  return AVOW_OK;
}

/* Seals `a` into the batch arena and makes the record of it. */
static avow_err put_record(struct signer *s, struct work *w, const struct sealed_account *a, struct id128 job,
                           bool agreed, struct slice jws) {
  AUTO_BUF sealed;
  buf_init(&sealed, 8192);
  avow_err e = account_seal(s->setup.ring_signer, a, &sealed);
  if (e != AVOW_OK)
    return e;
  struct msg_record_account *r = &w->entry.m.record_account;
  w->entry.m.type = MSG_record_account;
  r->job = job;
  r->account = (struct rec_account){.id = a->id,
                                    .status = a->status,
                                    .epoch = a->epoch,
                                    .jwk = arena_dup(&s->batch, a->jwk),
                                    .sealed = arena_dup(&s->batch, buf_slice(&sealed)),
                                    .created = a->created_ms,
                                    .terms_agreed = agreed};
  memcpy(r->account.thumbprint.b, a->keys[a->keys_n - 1], sizeof r->account.thumbprint.b);
  w->entry.request = digest_of(jws);
  w->state = WORK_RECORD;
  return r->account.jwk.p && r->account.sealed.p ? AVOW_OK : ERR_NO_MEMORY;
}

avow_err plan_account(struct signer *s, struct work *w, struct problem *why) {
  const struct msg_sign_account *m = &w->request->sign_account;
  AUTO_JWS jws = {0};
  avow_err e = jws_parse(m->jws, &s->batch, &jws, why);
  if (e != AVOW_OK)
    return e;
  if (!jws.has_jwk)
    return problem_set(why, ERR_MALFORMED, "A new account's request must carry its jwk");
  if (!is_our_url(s, jws.url, "/acme/new-account"))
    return problem_set(why, ERR_UNAUTHORIZED, "The request was signed for another URL");
  e = jws_verify(&jws, jws.jwk.key, why);
  if (e != AVOW_OK)
    return e;
  bool agreed = false;
  e = check_new(s, jws.payload, &agreed, why);
  if (e != AVOW_OK)
    return e;
  const struct account_key *known = table_find(&s->state.account_keys, jws.jwk.thumbprint);
  /* A known account is claimed as its change claims it: a repeat of its record behind its deactivation would undo that.
   */
  e = known ? claim(s, CLAIM_ACCOUNT, id_slice(&known->account), why)
            : claim(s, CLAIM_ACCOUNT_KEY, SLICE_OF(jws.jwk.thumbprint), why);
  if (e != AVOW_OK)
    return e;
  if (known)
    return account_again(s, w, known, why);
  e = check_blocked(s, jws.jwk.key, why);
  if (e != AVOW_OK)
    return e;
  struct sealed_account a = {.id = id_make(w->now_ms, s->setup.signer_id),
                             .epoch = 1,
                             .status = ACCOUNT_VALID,
                             .created_ms = w->now_ms,
                             .jwk = jws.jwk.canonical,
                             .keys_n = 1};
  memcpy(a.keys[0], jws.jwk.thumbprint, sizeof a.keys[0]);
  return put_record(s, w, &a, m->job, agreed, m->jws);
}

/* {"status": "deactivated"} and nothing that could be mistaken for it. */
static avow_err deactivate(const struct jws *jws, struct sealed_account *a, struct problem *why) {
  AUTO_JSON object = NULL;
  avow_err e = payload_object(jws->payload, &object, why);
  if (e != AVOW_OK)
    return e;
  const char *status = json_string_value(json_object_get(object, "status"));
  if (!status || strcmp(status, "deactivated") != 0)
    return problem_set(why, ERR_MALFORMED, "An account's status can only become \"deactivated\"");
  a->status = ACCOUNT_DEACTIVATED;
  return AVOW_OK;
}

/* A key that any account has or had is not taken: an old key change could be played again by whoever kept it. */
static avow_err check_new_key(const struct signer *s, const struct jwk *jwk, struct problem *why) {
  const struct account_key *known = table_find(&s->state.account_keys, jwk->thumbprint);
  if (!known)
    return check_blocked(s, jwk->key, why);
  const struct account_state *owner = table_find(&s->state.accounts, &known->account);
  if (owner && is_present(owner, known))
    return problem_set(why, ERR_CONFLICT, "The new key is that of another account");
  return problem_set(why, ERR_BAD_PUBLIC_KEY, "The new key was given up by an earlier key change");
}

/* Statements made under one of the earlier keys stay usable as long as there is room for its thumbprint. */
static void add_key(struct sealed_account *a, const struct jwk *jwk) {
  if (a->keys_n == ACCOUNT_KEYS_MAX)
    memmove(a->keys[0], a->keys[1], --a->keys_n * sizeof a->keys[0]);
  memcpy(a->keys[a->keys_n++], jwk->thumbprint, sizeof a->keys[0]);
  a->jwk = jwk->canonical;
}

static avow_err change_key(struct signer *s, const struct jws *jws, struct sealed_account *a, struct problem *why) {
  AUTO_JWS inner = {0};
  avow_err e = key_change_open(jws, a->jwk, &s->batch, &inner, why);
  if (e == AVOW_OK)
    e = check_new_key(s, &inner.jwk, why);
  if (e == AVOW_OK)
    e = claim(s, CLAIM_ACCOUNT_KEY, SLICE_OF(inner.jwk.thumbprint), why);
  if (e == AVOW_OK)
    add_key(a, &inner.jwk);
  return e;
}

/* Which change it is follows from the URL that the account signed for. */
static avow_err change_account(struct signer *s, struct slice body, struct sealed_account *a, struct problem *why) {
  AUTO_JWS jws = {0};
  avow_err e = account_jws(s, body, a, NULL, &jws, why);
  if (e != AVOW_OK)
    return e;
  if (is_our_url(s, jws.url, "/acme/key-change"))
    return change_key(s, &jws, a, why);
  char id[ID_TEXT], path[64 + ID_TEXT];
  snprintf(path, sizeof path, "/acme/acct/%s", id_text(a->id, id));
  if (!is_our_url(s, jws.url, path))
    return problem_set(why, ERR_UNAUTHORIZED, "The request was signed for another URL");
  return deactivate(&jws, a, why);
}

avow_err plan_account_change(struct signer *s, struct work *w, struct problem *why) {
  const struct msg_sign_account_change *m = &w->request->sign_account_change;
  struct sealed_account a;
  avow_err e = account_open(s->setup.ring_signer, m->sealed, w->now_ms, &a, why);
  if (e != AVOW_OK)
    return e;
  struct digest request = digest_of(m->jws);
  const struct account_state *known = table_find(&s->state.accounts, &a.id);
  if (known && id_eq(known->job, m->job) && slice_eq(digest_slice(&known->request), digest_slice(&request)))
    return answer_again(w, known->record);
  e = account_current(s, m->sealed, w->now_ms, &a, why);
  if (e != AVOW_OK)
    return e;
  e = change_account(s, m->jws, &a, why);
  if (e == AVOW_OK)
    e = claim(s, CLAIM_ACCOUNT, id_slice(&a.id), why);
  if (e != AVOW_OK)
    return e;
  AUTO_BUF bytes;
  buf_init(&bytes, FRAME_PAYLOAD_MAX);
  assert(known); /* or account_current() had refused */
  e = read_account(s, known->record, &bytes, &w->entry, why);
  if (e != AVOW_OK)
    return e;
  a.epoch++;
  return put_record(s, w, &a, m->job, w->entry.m.record_account.account.terms_agreed, m->jws);
}
