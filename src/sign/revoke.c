/* Revocation (RFC 8555, 7.6) on evidence: the sealed issuance record, and a JWS of the account it was issued to or of
   the certificate's own key. */
#include "base/base64.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "sign/internal.h"

enum { REASON_UNSPECIFIED = 0, REASON_KEY_COMPROMISE = 1 };

/* TLS BR 7.2.2 and Mozilla 6.1.1: what a subscriber may say. 9 is the CA's own, the others are refused everywhere. */
static bool subscriber_reason(json_int_t reason) {
  return reason == 0 || reason == 1 || reason == 3 || reason == 4 || reason == 5;
}

/* The payload speaks of the certificate of the issuance record, and gives a reason that may be given. */
static avow_err check_payload(struct signer *s, struct slice payload, const struct issuance_record *issued,
                              uint8_t *reason, struct problem *why) {
  AUTO_JSON object = NULL;
  struct slice der;
  avow_err e = payload_object(payload, &object, why);
  if (e == AVOW_OK)
    e = payload_bytes(s, object, "certificate", &der, why);
  if (e != AVOW_OK)
    return e;
  struct digest sum = digest_of(der);
  if (!slice_eq(digest_slice(&sum), SLICE_OF(issued->der_sha256)))
    return problem_set(why, ERR_EVIDENCE, "the request speaks of another certificate than the issuance record");
  const json_t *given = json_object_get(object, "reason");
  if (given && (!json_is_integer(given) || !subscriber_reason(json_integer_value(given))))
    return problem_set(why, ERR_BAD_REASON, "Allowed reasons are 0, 1, 3, 4 and 5");
  *reason = given ? (uint8_t)json_integer_value(given) : REASON_UNSPECIFIED;
  return AVOW_OK;
}

/* Who signed: the account of the issuance record, or the certificate's key. */
static avow_err check_right(struct signer *s, struct work *w, const struct issuance_record *issued, struct jws *jws,
                            uint8_t *by, struct problem *why) {
  const struct msg_sign_revoke *m = &w->request->sign_revoke;
  if (m->account.n > 0) {
    struct sealed_account a;
    avow_err e = account_current(s, m->account, w->now_ms, &a, why);
    if (e != AVOW_OK)
      return e;
    *by = REVOKED_BY_ACCOUNT;
    if (!id_eq(a.id, issued->account))
      return problem_set(why, ERR_UNAUTHORIZED, "The certificate was issued to another account");
    return account_jws(s, m->jws, &a, "/acme/revoke-cert", jws, why);
  }
  avow_err e = jws_parse(m->jws, &s->batch, jws, why);
  if (e != AVOW_OK)
    return e;
  *by = REVOKED_BY_KEY;
  if (!jws->has_jwk)
    return problem_set(why, ERR_EVIDENCE, "the request is signed by an account, but none came with it");
  if (!is_our_url(s, jws->url, "/acme/revoke-cert"))
    return problem_set(why, ERR_UNAUTHORIZED, "The request was signed for another URL");
  struct digest spki = digest_of(public_key_spki(jws->jwk.key));
  if (!slice_eq(digest_slice(&spki), SLICE_OF(issued->spki_sha256)))
    return problem_set(why, ERR_UNAUTHORIZED, "The request is not signed by the certificate's key");
  return jws_verify(jws, jws->jwk.key, why);
}

avow_err plan_revoke(struct signer *s, struct work *w, struct problem *why) {
  const struct msg_sign_revoke *m = &w->request->sign_revoke;
  struct issuance_record issued;
  avow_err e = issuance_open(s->setup.ring_signer, m->issuance, w->now_ms, &issued, why);
  if (e != AVOW_OK)
    return e;
  if (!slice_eq_str(issued.issuer, s->setup.issuer_id))
    return problem_set(why, ERR_EVIDENCE, "another issuer signed that certificate");
  struct serial serial = serial_key(issued.serial);
  const struct revoked_state *known = table_find(&s->state.revoked, &serial);
  if (known && known->record != 0 && id_eq(known->job, m->job))
    return answer_again(w, known->record);
  AUTO_JWS jws = {0};
  uint8_t reason = REASON_UNSPECIFIED, by = 0;
  e = check_right(s, w, &issued, &jws, &by, why);
  if (e == AVOW_OK)
    e = check_payload(s, jws.payload, &issued, &reason, why);
  if (e != AVOW_OK)
    return e;
  /* BR 4.9.1.1 (3): whoever can sign with the key has shown that it is not only the subscriber's. */
  if (by == REVOKED_BY_KEY)
    reason = REASON_KEY_COMPROMISE;
  /* BR 7.2.2: a second revocation only makes a reason into keyCompromise, and keeps the date. */
  if (known && !(reason == REASON_KEY_COMPROMISE && known->reason != REASON_KEY_COMPROMISE))
    return problem_set(why, ERR_ALREADY_REVOKED, "%s", err_text(ERR_ALREADY_REVOKED));
  if (issued.not_after_ms < w->now_ms)
    return problem_set(why, ERR_UNAUTHORIZED, "The certificate has expired");
  e = claim(s, CLAIM_SERIAL, issued.serial, why);
  if (e != AVOW_OK)
    return e;
  w->revocation = (struct revocation_record){.certificate = issued.certificate,
                                             .serial = issued.serial,
                                             .issuer = issued.issuer,
                                             .reason = reason,
                                             .by = by,
                                             .revoked_ms = known ? known->revoked_ms : w->now_ms};
  if (by == REVOKED_BY_KEY)
    memcpy(w->revocation.blocked_key, issued.spki_sha256, sizeof w->revocation.blocked_key);
  struct msg_record_revocation *r = &w->entry.m.record_revocation;
  w->entry.m.type = MSG_record_revocation;
  w->entry.shard = issued.shard;
  w->entry.not_after_ms = issued.not_after_ms;
  r->job = m->job;
  r->certificate = issued.certificate;
  r->serial = issued.serial;
  r->reason = reason;
  r->revoked = w->revocation.revoked_ms;
  memcpy(r->blocked_key.b, w->revocation.blocked_key, sizeof r->blocked_key.b);
  w->state = WORK_RECORD;
  return AVOW_OK;
}

avow_err finish_record(struct signer *s, struct work *w, uint64_t number, struct problem *why) {
  switch ((int)w->entry.m.type) {
  case MSG_record_account:
    w->entry.m.record_account.number = number;
    return AVOW_OK;
  case MSG_record_crl:
    w->entry.m.record_crl.number = number;
    return AVOW_OK;
  case MSG_record_issuer:
    w->entry.m.record_issuer.number = number;
    return AVOW_OK;
  default:
    break;
  }
  AUTO_BUF sealed;
  buf_init(&sealed, 4096);
  w->revocation.number = number;
  avow_err e = revocation_seal(s->setup.ring_signer, &w->revocation, &sealed);
  if (e != AVOW_OK)
    return problem_set(why, e, "the revocation record cannot be sealed");
  struct msg_record_revocation *r = &w->entry.m.record_revocation;
  r->number = number;
  r->sealed = arena_dup(&s->batch, buf_slice(&sealed));
  return r->sealed.p ? AVOW_OK : ERR_NO_MEMORY;
}
