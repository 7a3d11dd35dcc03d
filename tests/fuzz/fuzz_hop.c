/* Location values: what is accepted has one reading, and is read the same way again. Input: the value. */
#include <stdlib.h>

#include "validate/hop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct config config = {.kind = KIND_PUBLIC, .http_port = 80, .tls_port = 443};
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct hop hop, again;
  struct problem why = {.err = AVOW_OK};
  avow_err e = hop_parse("http://base.example/a/b?c", slice_of(data, n), &config, &a, &hop, &why);
  if (e != why.err)
    abort();
  if (e != AVOW_OK)
    return 0;
  if (hop.port != 80 && hop.port != 443)
    abort();
  /* RFC 3986, 3.2: no user information before the host; an '@' in the path is one of its characters. */
  const char *authority = strstr(hop.url, "://");
  if (!authority || memchr(authority + 3, '@', strcspn(authority + 3, "/?")))
    abort();
  struct address address;
  if (address_parse(slice_str(hop.host), &address) != hop.literal)
    abort();
  if (hop_parse(NULL, slice_str(hop.url), &config, &a, &again, NULL) != AVOW_OK || strcmp(hop.url, again.url) != 0 ||
      strcmp(hop.host, again.host) != 0 || hop.port != again.port || hop.https != again.https)
    abort();
  return 0;
}
