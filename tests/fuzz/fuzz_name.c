/* Names: the canonical form is its own canonical form, and the policy has a verdict on each. */
#include <stdlib.h>

#include "pki/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct slice text = slice_of(data, n);
  struct name name, again;
  static const struct name_policy policies[] = {{0}, {.allow_reserved = true}};
  bool is_ip = name_parse_ip(text, &a, &name, NULL) == AVOW_OK;
  if (is_ip && (name_parse_ip(name.text, &a, &again, NULL) != AVOW_OK || !name_eq(&name, &again) ||
                !slice_eq(name.text, again.text)))
    abort();
  bool is_dns = name_parse_dns(text, &a, &name, NULL) == AVOW_OK;
  if (is_ip && is_dns)
    abort();
  if (!is_dns)
    return 0;
  struct slice shown = slice_str(name_display(&name, &a));
  if (name_parse_dns(shown, &a, &again, NULL) != AVOW_OK || !name_eq(&name, &again) || !slice_eq_nocase(shown, text))
    abort();
  for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
    if (name_check(&name, &policies[i], NULL) != AVOW_OK &&
        name_check(&name, &policies[i], NULL) != ERR_REJECTED_IDENTIFIER)
      abort();
  return 0;
}
