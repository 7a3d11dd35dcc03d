/* Certificates that servers show for tls-alpn-01. Input: DER. */
#include <openssl/err.h>
#include <stdlib.h>

#include "validate/alpn_cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  const uint8_t *p = data;
  X509 *cert = d2i_X509(NULL, &p, (long)n);
  if (!cert) {
    ERR_clear_error();
    return 0;
  }
  uint8_t digest[32] = {0};
  struct name names[] = {{.type = NAME_DNS, .text = SLICE_LIT("example.test")}, {.type = NAME_IP, .ip_n = 4}};
  for (size_t i = 0; i < 2; i++) {
    struct problem why = {.err = AVOW_OK};
    avow_err e = alpn_cert_check(cert, &names[i], digest, &why);
    if (e != why.err)
      abort();
  }
  X509_free(cert);
  return 0;
}
