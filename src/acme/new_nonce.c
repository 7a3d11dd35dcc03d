#include "acme/resources.h"

/* RFC 8555, 7.2: 200 to HEAD, 204 to GET, never cached. */
avow_err new_nonce_get(struct acme_request *r) {
  avow_err e = link_open(r->store, &r->why);
  if (e != AVOW_OK)
    return e;
  char nonce[NONCE_TEXT];
  e = nonce_make(&r->site->nonces, false, nonce);
  if (e != AVOW_OK)
    return e;
  acme_begin_answer(r, r->x->rq.method == HTTP_HEAD ? 200 : 204, NULL);
  http_header_put(&r->x->rs, "Replay-Nonce", "%s", nonce);
  return AVOW_OK;
}
