/* JWKs and SubjectPublicKeyInfos: what is accepted has one canonical form in each notation. */
#include <stdlib.h>

#include "jose/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void demand(bool ok) {
  if (!ok)
    abort();
}

static void check_key(struct public_key *key, struct arena *a) {
  AUTO_PUBLIC_KEY by_spki = NULL;
  demand(public_key_from_spki(public_key_spki(key), &by_spki, NULL) == AVOW_OK);
  demand(slice_eq(public_key_spki(by_spki), public_key_spki(key)));
  AUTO_BUF text;
  buf_init(&text, 8192);
  demand(jwk_write(by_spki, &text) == AVOW_OK);
  struct jwk jwk;
  demand(jwk_parse(buf_slice(&text), a, &jwk, NULL) == AVOW_OK);
  demand(slice_eq(jwk.canonical, buf_slice(&text)));
  demand(slice_eq(public_key_spki(jwk.key), public_key_spki(key)));
  jwk_clear(&jwk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct jwk jwk;
  if (jwk_parse(slice_of(data, n), &a, &jwk, NULL) == AVOW_OK)
    check_key(jwk.key, &a);
  jwk_clear(&jwk);
  AUTO_PUBLIC_KEY key = NULL;
  if (public_key_from_spki(slice_of(data, n), &key, NULL) == AVOW_OK) {
    demand(slice_eq(public_key_spki(key), slice_of(data, n)));
    check_key(key, &a);
  }
  return 0;
}
