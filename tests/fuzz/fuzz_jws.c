/* Request bodies: what is accepted has one reading. */
#include <stdlib.h>

#include "base/base64.h"
#include "jose/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void demand(bool ok) {
  if (!ok)
    abort();
}

static void check(const struct jws *jws, struct arena *a) {
  const uint8_t *dot = memchr(jws->signing_input.p, '.', jws->signing_input.n);
  demand(dot != NULL);
  AUTO_BUF payload;
  buf_init(&payload, JWS_MAX);
  base64url_put(&payload, jws->payload);
  demand(slice_eq(buf_slice(&payload), slice_skip(jws->signing_input, (size_t)(dot - jws->signing_input.p) + 1)));
  demand(jws->payload_is_empty_string == (payload.n == 0));
  if (jws->is_mac) {
    demand(jws->alg == SIG_NONE && jws->kid.p && jws->url.p && !jws->nonce.p && !jws->has_jwk);
    return;
  }
  demand(jose_alg_text(jws->alg) != NULL && jws->has_jwk == !jws->kid.p);
  if (!jws->has_jwk)
    return;
  demand(key_signature_alg(public_key_type(jws->jwk.key)) == jws->alg);
  avow_err e = jws_verify(jws, jws->jwk.key, NULL);
  demand(e == AVOW_OK || e == ERR_MALFORMED);
  struct jwk again;
  demand(jwk_parse(jws->jwk.canonical, a, &again, NULL) == AVOW_OK);
  demand(slice_eq(again.canonical, jws->jwk.canonical));
  jwk_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  AUTO_ARENA a;
  arena_init(&a, JWS_ARENA + 100000);
  struct jws jws;
  if (jws_parse(slice_of(data, n), &a, &jws, NULL) == AVOW_OK)
    check(&jws, &a);
  jws_clear(&jws);
  arena_reset(&a);
  if (jws_parse_mac(slice_of(data, n), &a, &jws, NULL) == AVOW_OK) {
    check(&jws, &a);
    (void)!jws_verify_mac(&jws, SLICE_LIT("key"), NULL);
  }
  jws_clear(&jws);
  return 0;
}
