/* revokeCert (RFC 8555, 7.6), by the account that got the certificate or by the certificate's own key. */
#include "acme/resources.h"
#include "base/base64.h"
#include "crypto/digest.h"
#include "pki/cert.h"

/* RFC 5280, 5.3.1. Subscribers may give these (ca-rules 79): 0 unspecified, 1 keyCompromise, 3 affiliationChanged, 4
   superseded, 5 cessationOfOperation. */
enum { REASON_KEY_COMPROMISE = 1 };

static avow_err read_reason(const json_t *o, struct problem *why) {
  const json_t *v = json_object_get(o, "reason");
  if (!v)
    return AVOW_OK;
  if (!json_is_integer(v))
    return problem_set(why, ERR_MALFORMED, "\"reason\" must be a number");
  json_int_t reason = json_integer_value(v);
  if (reason == 0 || reason == 1 || (reason >= 3 && reason <= 5))
    return AVOW_OK;
  return problem_set(why, ERR_BAD_REASON, "The reason must be 0, 1, 3, 4 or 5");
}

static avow_err read_payload(struct acme_request *r, struct slice *der) {
  AUTO_JSON o = NULL;
  struct slice text;
  avow_err e = payload_parse(r->jws.payload, &o, &r->why);
  if (e == AVOW_OK)
    e = payload_text(o, "certificate", &text, &r->why);
  if (e != AVOW_OK)
    return e;
  if (!text.p)
    return problem_set(&r->why, ERR_MALFORMED, "The payload has no \"certificate\"");
  *der = base64url_get(r->arena, text);
  if (!der->p || der->n == 0)
    return problem_set(&r->why, ERR_MALFORMED, "\"certificate\" is not base64url without padding");
  return read_reason(o, &r->why);
}

static avow_err check_right(struct acme_request *r, struct slice der, const struct msg_certificate_is *is) {
  if (!id_is_zero(r->account)) {
    if (id_eq(is->account, r->account))
      return AVOW_OK;
    return problem_set(&r->why, ERR_UNAUTHORIZED, "The certificate was issued to another account");
  }
  struct cert cert;
  avow_err e = cert_parse(der, r->arena, &cert, &r->why);
  if (e != AVOW_OK)
    return e;
  if (slice_eq(cert.spki, public_key_spki(r->key)))
    return AVOW_OK;
  return problem_set(&r->why, ERR_UNAUTHORIZED, "The JWS was not made by the certificate's key");
}

/* After the job. That it ended is the registrar's word; that the certificate is revoked, the signer's record. */
static avow_err answer_revoked(struct acme_request *r) {
  const struct digest *sum = r->kept;
  struct message m = {.type = MSG_certificate_find, .certificate_find = {.sha256 = *sum}};
  avow_err e = acme_call(r, &m, MSG_certificate_is);
  if (e != AVOW_OK)
    return e;
  const struct rec_certificate *c = &acme_answer(r)->certificate_is.certificate;
  if (c->status != CERTIFICATE_REVOKED || (id_is_zero(r->account) && c->reason != REASON_KEY_COMPROMISE))
    return problem_set(&r->why, ERR_UNAVAILABLE, "The revocation is not recorded yet; ask again in a minute");
  acme_begin_answer(r, 200, NULL);
  return AVOW_OK;
}

avow_err revoke_post(struct acme_request *r) {
  struct slice der;
  avow_err e = read_payload(r, &der);
  if (e != AVOW_OK)
    return e;
  struct digest *sum = r->kept = arena_alloc(r->arena, sizeof *sum);
  if (!sum)
    return ERR_NO_MEMORY;
  sha256(der, sum->b);
  struct message m = {.type = MSG_certificate_find, .certificate_find = {.sha256 = *sum}};
  e = acme_call(r, &m, MSG_certificate_is);
  if (e != AVOW_OK)
    return e;
  const struct msg_certificate_is *is = &acme_answer(r)->certificate_is;
  e = check_right(r, der, is);
  if (e != AVOW_OK)
    return e;
  /* Proof that the key is compromised is worth more than the reason given before (ca-rules 80). */
  bool by_key = id_is_zero(r->account);
  const struct rec_certificate *c = &is->certificate;
  if (c->status == CERTIFICATE_REVOKED && (!by_key || c->reason == REASON_KEY_COMPROMISE))
    return ERR_ALREADY_REVOKED;
  if (c->not_after < r->now)
    return problem_set(&r->why, ERR_UNAUTHORIZED, "The certificate has expired");
  struct message revoke = {.type = MSG_revoke,
                           .revoke = {.certificate = c->id, .account = r->account, .jws = r->x->rq.body}};
  e = acme_call(r, &revoke, MSG_job_made);
  if (e != AVOW_OK)
    return e;
  return acme_wait_job(r, acme_answer(r)->job_made.job, answer_revoked);
}
