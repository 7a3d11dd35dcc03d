/* PKCS#10 requests: names come out sorted, once each and in their one form. */
#include <stdlib.h>

#include "pki/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  AUTO_ARENA a;
  arena_init(&a, 1 << 22);
  struct csr csr;
  struct problem why = {0};
  avow_err err = csr_parse(slice_of(data, n), &a, &csr, &why);
  if (err != AVOW_OK && (why.err != err || csr.key))
    abort();
  for (size_t i = 0; err == AVOW_OK && i < csr.names_n; i++) {
    struct name again;
    const struct name *name = &csr.names[i];
    avow_err parsed = name->type == NAME_DNS ? name_parse_dns(slice_str(name_display(name, &a)), &a, &again, NULL)
                                             : name_parse_ip(name->text, &a, &again, NULL);
    if (parsed != AVOW_OK || !name_eq(name, &again) || (i > 0 && name_cmp(name - 1, name) >= 0))
      abort();
  }
  csr_clear(&csr);
  return 0;
}
