/* Lists of refused keys: each line that counts is found again. */
#include <stdlib.h>

#include "pki/key_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct key_list l;
  struct problem why = {0};
  key_list_init(&l);
  avow_err e = key_list_add(&l, slice_of(data, n), "list", &why);
  if (e != why.err || l.spki.n % SHA256_BYTES != 0 || l.modulus.n % KEY_LIST_MODULUS_BYTES != 0 ||
      key_list_count(&l) > n / 20 + 1)
    abort();
  key_list_sort(&l);
  for (size_t i = SHA256_BYTES; i < l.spki.n; i += SHA256_BYTES)
    if (memcmp(l.spki.p + i - SHA256_BYTES, l.spki.p + i, SHA256_BYTES) > 0)
      abort();
  key_list_clear(&l);
  return 0;
}
