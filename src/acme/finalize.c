/* Finalizing an order (RFC 8555, 7.4). The signer reads the CSR again, from the subscriber's own JWS: what is refused
   here is refused early, to spare a job and to name the mistake at once. */
#include "acme/resources.h"
#include "base/base64.h"
#include "pki/cert.h"
#include "pki/csr.h"

/* The DER of the CSR in the payload. */
static avow_err read_csr(struct acme_request *r, struct slice *der) {
  AUTO_JSON o = NULL;
  struct slice text;
  avow_err e = payload_parse(r->jws.payload, &o, &r->why);
  if (e == AVOW_OK)
    e = payload_text(o, "csr", &text, &r->why);
  if (e != AVOW_OK)
    return e;
  if (!text.p)
    return problem_set(&r->why, ERR_MALFORMED, "The payload has no \"csr\"");
  *der = base64url_get(r->arena, text);
  if (!der->p)
    return problem_set(&r->why, ERR_BAD_CSR, "\"csr\" is not base64url without padding");
  return AVOW_OK;
}

static bool has_name(const struct rec_order *o, const struct name *n) {
  for (size_t i = 0; i < o->authzs_n; i++) {
    const struct rec_identifier *id = &o->authzs[i].identifier;
    if (id->type == (uint8_t)n->type && id->wildcard == n->wildcard && slice_eq(id->value, n->text))
      return true;
  }
  return false;
}

/* RFC 8555, 7.4: the CSR must have the exact names of the order; both lists are without duplicates. */
static avow_err compare_names(struct acme_request *r, const struct csr *csr, const struct rec_order *o) {
  for (size_t i = 0; i < csr->names_n; i++)
    if (!has_name(o, &csr->names[i]))
      return problem_set(&r->why, ERR_BAD_CSR, "The CSR has a name that the order does not have: %.300s",
                         name_display(&csr->names[i], r->arena));
  if (csr->names_n != o->authzs_n)
    return problem_set(&r->why, ERR_BAD_CSR, "The CSR lacks names of the order: it has %zu of %zu", csr->names_n,
                       o->authzs_n);
  return AVOW_OK;
}

static avow_err check_csr(struct acme_request *r, const struct csr *csr, const struct rec_order *o) {
  /* RFC 8555, 11.1: an account key that is also a certificate's key signs what it does not mean to. */
  if (slice_eq(csr->spki, public_key_spki(r->key)))
    return problem_set(&r->why, ERR_BAD_CSR, "The CSR's key must not be the account's key");
  avow_err e = r->site->blocklist ? key_list_check(r->site->blocklist, csr->key, &r->why) : AVOW_OK;
  if (e != AVOW_OK)
    return e;
  if (csr->wants_must_staple)
    return problem_set(&r->why, ERR_BAD_CSR,
                       "Certificates with the TLS feature extension (must-staple) are not issued");
  return compare_names(r, csr, o);
}

/* Answers with the order as it is now. */
static avow_err answer_order(struct acme_request *r) {
  struct message m = {.type = MSG_order_get, .order_get = {.account = r->account, .order = r->id}};
  avow_err e = acme_call(r, &m, MSG_order_is);
  if (e == AVOW_OK)
    order_answer(r, 200, &acme_answer(r)->order_is.order);
  return e;
}

/* A repeated finalize gets the order again, as the first one would have: so asks a client that lost the answer. With
   another key it is a new request, which a finalize URL does not take twice. */
static avow_err compare_key(struct acme_request *r, struct id128 certificate, struct slice spki) {
  struct message m = {.type = MSG_certificate_get,
                      .certificate_get = {.account = r->account, .certificate = certificate}};
  avow_err e = acme_call(r, &m, MSG_certificate_is);
  if (e != AVOW_OK)
    return e;
  struct cert cert;
  e = cert_parse(acme_answer(r)->certificate_is.certificate.der, r->arena, &cert, &r->why);
  if (e != AVOW_OK)
    return problem_set(&r->why, ERR_INTERNAL, "a stored certificate cannot be read");
  if (!slice_eq(cert.spki, spki))
    return problem_set(&r->why, ERR_ORDER_NOT_READY, "The order has been finalized with another key");
  return AVOW_OK;
}

/* What the waiting steps know of the CSR; it is in the arena. */
struct finalizing {
  struct slice spki;
  bool repeated; /* another request may have been first */
};

static avow_err finalize_resume(struct acme_request *r) {
  const struct finalizing *f = r->kept;
  struct message m = {.type = MSG_order_get, .order_get = {.account = r->account, .order = r->id}};
  avow_err e = acme_call(r, &m, MSG_order_is);
  if (e != AVOW_OK)
    return e;
  const struct rec_order *o = &acme_answer(r)->order_is.order;
  if (o->status == ORDER_PROCESSING && !acme_waited(r)) {
    acme_wait(r, r->id, HOLD_MS, finalize_resume);
    return AVOW_OK;
  }
  if (o->status == ORDER_VALID && f->repeated) {
    e = compare_key(r, o->certificate, f->spki);
    return e == AVOW_OK ? answer_order(r) : e;
  }
  order_answer(r, 200, o);
  return AVOW_OK;
}

static avow_err start(struct acme_request *r, struct finalizing *f) {
  acme_wait(r, r->id, HOLD_MS, finalize_resume);
  struct message m = {.type = MSG_order_finalize,
                      .order_finalize = {.account = r->account, .order = r->id, .jws = r->x->rq.body}};
  avow_err e = acme_call(r, &m, MSG_order_is);
  if (e == AVOW_OK)
    return AVOW_OK;
  r->resume = NULL;
  if (e != ERR_ORDER_NOT_READY)
    return e;
  /* It was ready a moment ago: a request at the same time was first, or this one was, and its answer was lost with the
   * store. */
  f->repeated = true;
  return finalize_resume(r);
}

static avow_err finalize_with(struct acme_request *r, const struct csr *csr) {
  const struct rec_order *o = &acme_answer(r)->order_is.order;
  struct finalizing *f = arena_alloc(r->arena, sizeof *f);
  if (!f)
    return ERR_NO_MEMORY;
  f->spki = csr->spki;
  r->kept = f;
  switch ((enum order_status)o->status) {
  case ORDER_PENDING:
    return problem_set(&r->why, ERR_ORDER_NOT_READY, "The order's authorizations are not all valid yet");
  case ORDER_INVALID:
    return problem_set(&r->why, ERR_ORDER_NOT_READY, "The order is invalid");
  case ORDER_READY:
  case ORDER_PROCESSING:
  case ORDER_VALID: {
    f->repeated = o->status != ORDER_READY;
    avow_err e = check_csr(r, csr, o);
    if (e != AVOW_OK)
      return e;
    return f->repeated ? finalize_resume(r) : start(r, f);
  }
  }
  return problem_set(&r->why, ERR_FORBIDDEN_MESSAGE, "the store answered with an unknown order status");
}

avow_err order_finalize_post(struct acme_request *r) {
  struct message m = {.type = MSG_order_get, .order_get = {.account = r->account, .order = r->id}};
  avow_err e = acme_call(r, &m, MSG_order_is);
  if (e != AVOW_OK)
    return e;
  struct slice der;
  e = read_csr(r, &der);
  if (e != AVOW_OK)
    return e;
  struct csr csr = {0};
  e = csr_parse(der, r->arena, &csr, &r->why);
  if (e == AVOW_OK)
    e = finalize_with(r, &csr);
  csr_clear(&csr);
  return e;
}
