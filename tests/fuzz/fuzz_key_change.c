/* Payloads of key changes: whatever is accepted is about the account and its old key, and brings another key. */
#include <stdlib.h>

#include "jose/key_change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The key, account and URL of the seeds. */
static const char old_jwk[] =
  "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";

static void demand(bool ok) {
  if (!ok)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  AUTO_ARENA a;
  arena_init(&a, JWS_ARENA + 100000);
  struct jws outer = {.payload = slice_of(data, n),
                      .url = SLICE_LIT("https://localhost:14000/acme/key-change"),
                      .kid = SLICE_LIT("https://localhost:14000/acme/acct/00000000000000000000000000000001")},
             inner;
  if (key_change_open(&outer, slice_str(old_jwk), &a, &inner, NULL) == AVOW_OK) {
    demand(inner.has_jwk && !inner.nonce.p && !inner.kid.p && slice_eq(inner.url, outer.url));
    demand(!slice_eq_str(inner.jwk.canonical, old_jwk));
    demand(jws_verify(&inner, inner.jwk.key, NULL) == AVOW_OK);
  }
  jws_clear(&inner);
  return 0;
}
