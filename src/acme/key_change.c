/* keyChange (RFC 8555, 7.3.5). What is checked here saves a job; the signer checks it all again. */
#include "jose/key_change.h"
#include "acme/resources.h"

/* Reads who signed the inner JWS into r->thumbprint. */
static avow_err read_new_key(struct acme_request *r) {
  AUTO_BUF old_jwk;
  buf_init(&old_jwk, 4096);
  avow_err e = jwk_write(r->key, &old_jwk);
  if (e != AVOW_OK)
    return e;
  struct jws inner = {0};
  e = key_change_open(&r->jws, buf_slice(&old_jwk), r->arena, &inner, &r->why);
  if (e == AVOW_OK)
    memcpy(r->thumbprint, inner.jwk.thumbprint, sizeof r->thumbprint);
  jws_clear(&inner);
  return e;
}

static avow_err conflict(struct acme_request *r) {
  http_header_put(&r->x->rs, "Location", "%s", acme_url(r, "/acme/acct/", acme_answer(r)->account_is.account.id, ""));
  return problem_set(&r->why, ERR_CONFLICT, "The new key is that of another account");
}

avow_err key_change_post(struct acme_request *r) {
  avow_err e = read_new_key(r);
  if (e != AVOW_OK)
    return e;
  e = account_find(r);
  if (e == AVOW_OK)
    return conflict(r);
  return e == ERR_NOT_FOUND || e == ERR_ACCOUNT_UNKNOWN ? account_change(r) : e;
}
