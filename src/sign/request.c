/* Checks that requests of subscribers share: the sealed account, the JWS, its payload. */
#include <assert.h>
#include <stdio.h>

#include "base/base64.h"
#include "crypto/digest.h"
#include "sign/internal.h"

struct digest digest_of(struct slice bytes) {
  struct digest d = {{0}};
  sha256(bytes, d.b);
  return d;
}

avow_err answer_again(struct work *w, uint64_t record) {
  w->state = WORK_ANSWERED;
  w->answer->record = record;
  return AVOW_OK;
}

avow_err claim(struct signer *s, enum claim_kind kind, struct slice key, struct problem *why) {
  struct claim c = {.kind = (uint8_t)kind};
  if (key.n > 0)
    memcpy(c.key, key.p, key.n < sizeof c.key ? key.n : sizeof c.key);
  for (size_t i = 0; i < s->claims_n; i++)
    if (s->claims[i].kind == c.kind && memcmp(s->claims[i].key, c.key, sizeof c.key) == 0)
      return problem_set(why, ERR_UNAVAILABLE, "the same object is being signed for");
  assert(s->claims_n < sizeof s->claims / sizeof s->claims[0]);
  s->claims[s->claims_n++] = c;
  return AVOW_OK;
}

bool is_our_url(const struct signer *s, struct slice url, const char *path) {
  for (size_t i = 0; i < s->bases_n; i++) {
    struct slice base = slice_str(s->bases[i]);
    if (slice_starts(url, base) && slice_eq_str(slice_skip(url, base.n), path))
      return true;
  }
  return false;
}

avow_err account_current(struct signer *s, struct slice sealed, int64_t now_ms, struct sealed_account *out,
                         struct problem *why) {
  avow_err e = account_open(s->setup.ring_signer, sealed, now_ms, out, why);
  if (e != AVOW_OK)
    return e;
  const struct account_state *known = table_find(&s->state.accounts, &out->id);
  if (!known)
    return problem_set(why, ERR_EVIDENCE, "the journal knows no such account");
  if (known->status != ACCOUNT_VALID)
    return problem_set(why, ERR_UNAUTHORIZED, "The account is deactivated");
  if (out->epoch != known->epoch || out->status != ACCOUNT_VALID)
    return problem_set(why, ERR_EVIDENCE, "the account's record is of epoch %u, the journal is at %u",
                       (unsigned)out->epoch, (unsigned)known->epoch);
  return AVOW_OK;
}

avow_err account_key(struct signer *s, const struct sealed_account *account, const struct public_key **out,
                     struct problem *why) {
  struct cached_key *slot = &s->cache[account->id.b[ID_BYTES - 1] % KEY_CACHE];
  if (!slot->key || slot->epoch != account->epoch || !id_eq(slot->account, account->id)) {
    struct jwk jwk = {0};
    avow_err e = jwk_parse(account->jwk, &s->batch, &jwk, why);
    if (e != AVOW_OK) {
      jwk_clear(&jwk);
      return e;
    }
    public_key_free(slot->key);
    *slot = (struct cached_key){.account = account->id, .epoch = account->epoch, .key = public_key_ref(jwk.key)};
    jwk_clear(&jwk);
  }
  *out = slot->key;
  return AVOW_OK;
}

avow_err account_jws(struct signer *s, struct slice body, const struct sealed_account *account, const char *path,
                     struct jws *out, struct problem *why) {
  avow_err e = jws_parse(body, &s->batch, out, why);
  if (e != AVOW_OK)
    return e;
  char id[ID_TEXT], kid[64 + ID_TEXT];
  snprintf(kid, sizeof kid, "/acme/acct/%s", id_text(account->id, id));
  if (out->has_jwk || !is_our_url(s, out->kid, kid))
    return problem_set(why, ERR_EVIDENCE, "the request is not signed by the account of the sealed record");
  /* RFC 8555, 6.4: a mismatch is "unauthorized". */
  if (path && !is_our_url(s, out->url, path))
    return problem_set(why, ERR_UNAUTHORIZED, "The request was signed for another URL");
  const struct public_key *key;
  e = account_key(s, account, &key, why);
  return e == AVOW_OK ? jws_verify(out, key, why) : e;
}

avow_err payload_object(struct slice payload, json_t **out, struct problem *why) {
  json_error_t error;
  *out = json_loadb((const char *)payload.p, payload.n, JSON_REJECT_DUPLICATES, &error);
  if (!json_is_object(*out))
    return problem_set(why, ERR_MALFORMED, "The payload is not a JSON object");
  return AVOW_OK;
}

avow_err payload_bytes(struct signer *s, const json_t *object, const char *member, struct slice *out,
                       struct problem *why) {
  const json_t *text = json_object_get(object, member);
  *out = json_is_string(text) ? base64url_get(&s->batch, slice_of(json_string_value(text), json_string_length(text)))
                              : SLICE_NONE;
  if (!out->p || out->n == 0)
    return problem_set(why, ERR_MALFORMED, "\"%s\" must be base64url without padding", member);
  return AVOW_OK;
}
