/* policy.conf: any text is read or refused with a reason. */
#include <stdlib.h>

#include "privacy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct policy p;
  struct problem why = {0};
  avow_err e = policy_parse(slice_of(data, n), "policy.conf", &p, &why);
  if (e != AVOW_OK && why.detail[0] == 0)
    abort();
  if (e == AVOW_OK)
    policy_clear(&p);
  return 0;
}
