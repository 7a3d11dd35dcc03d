/* Bodies of sealed records, under a right seal: what opens must seal to the same bytes. The first byte says which
 * record. */
#include <stdlib.h>

#include "conf/conf.h"
#include "evidence/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct seal_ring ring;

static avow_err again(enum seal_type type, struct slice sealed, struct buf *out) {
  struct sealed_account a;
  struct control_statement c;
  struct caa_statement s;
  struct issuance_record i;
  struct revocation_record r;
  avow_err e = ERR_EVIDENCE;
  switch (type) {
  case SEAL_ACCOUNT:
    e = account_open(&ring, sealed, 0, &a, NULL);
    return e == AVOW_OK ? account_seal(&ring, &a, out) : e;
  case SEAL_CONTROL:
    e = control_open(&ring, sealed, 0, &c, NULL);
    return e == AVOW_OK ? control_seal(&ring, &c, out) : e;
  case SEAL_CAA:
    e = caa_open(&ring, sealed, 0, &s, NULL);
    return e == AVOW_OK ? caa_seal(&ring, &s, out) : e;
  case SEAL_ISSUANCE:
    e = issuance_open(&ring, sealed, 0, &i, NULL);
    return e == AVOW_OK ? issuance_seal(&ring, &i, out) : e;
  case SEAL_REVOCATION:
    e = revocation_open(&ring, sealed, 0, &r, NULL);
    return e == AVOW_OK ? revocation_seal(&ring, &r, out) : e;
  }
  return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const char text[] = "1 0 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
  if (ring.n == 0 && seal_ring_parse(slice_str(text), KIND_PRIVATE, &ring, NULL) != AVOW_OK)
    abort();
  if (n == 0)
    return 0;
  struct slice body;
  (void)!seal_open(&ring, SEAL_CONTROL, slice_of(data, n), 0, &body, NULL);
  enum seal_type type = (enum seal_type)(SEAL_ACCOUNT + data[0] % 5);
  AUTO_BUF sealed, copy;
  buf_init(&sealed, 1 << 20);
  buf_init(&copy, 1 << 20);
  if (seal_put(&ring, type, slice_of(data + 1, n - 1), &sealed) != AVOW_OK)
    abort();
  if (again(type, buf_slice(&sealed), &copy) == AVOW_OK && !slice_eq(buf_slice(&sealed), buf_slice(&copy)))
    abort();
  return 0;
}
