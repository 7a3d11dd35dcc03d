/* Downloading a certificate (RFC 8555, 7.4.2): the leaf, then its issuer; the root is not sent. */
#include "acme/resources.h"
#include "base/base64.h"

avow_err certificate_post(struct acme_request *r) {
  avow_err e = acme_expect_empty(r);
  if (e != AVOW_OK)
    return e;
  struct message m = {.type = MSG_certificate_get, .certificate_get = {.account = r->account, .certificate = r->id}};
  e = acme_call(r, &m, MSG_certificate_is);
  if (e != AVOW_OK)
    return e;
  const struct msg_certificate_is *is = &acme_answer(r)->certificate_is;
  if (!id_eq(is->account, r->account))
    return ERR_NOT_FOUND;
  AUTO_BUF issuer;
  buf_init(&issuer, 1024 * 1024);
  e = site_issuer_pem(r->site, is->certificate.issuer, &issuer, &r->why);
  if (e != AVOW_OK)
    return e;
  struct buf *b = acme_begin_answer(r, 200, "application/pem-certificate-chain");
  pem_put(b, "CERTIFICATE", is->certificate.der);
  buf_put(b, buf_slice(&issuer));
  return AVOW_OK;
}
