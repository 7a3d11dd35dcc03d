/* Certificates: what is read lies inside what was given. */
#include <stdlib.h>

#include "pki/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_inside(struct slice part, struct slice whole) {
  if (part.n && (part.p < whole.p || part.n > whole.n || (size_t)(part.p - whole.p) > whole.n - part.n))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  AUTO_ARENA a;
  arena_init(&a, 1 << 22);
  struct cert cert;
  struct problem why = {0};
  struct slice der = slice_of(data, n);
  avow_err err = cert_parse(der, &a, &cert, &why);
  if (err != AVOW_OK) {
    if (why.err != err)
      abort();
    return 0;
  }
  const struct slice parts[] = {cert.tbs,  cert.signature,   cert.serial,         cert.issuer,          cert.subject,
                                cert.spki, cert.common_name, cert.subject_key_id, cert.authority_key_id};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    check_inside(parts[i], der);
  if (cert.serial.n == 0 || cert.serial.n > SERIAL_MAX || cert.alg == SIG_NONE)
    abort();
  return 0;
}
