/* The floor: what the primitives of one certificate cost on this machine, measured in the same run as the servers.
   Prints one JSON object of microseconds of CPU each. */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/random.h"
#include "crypto/digest.h"
#include "crypto/key.h"

static double cpu_us(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(void) {
  enum { SIGNS = 3000, VERIFIES = 2000, SYNCS = 500 };
  struct private_key *key;
  struct buf signature;
  uint8_t data[600];
  random_bytes(data, sizeof data);
  buf_init(&signature, 1024);
  if (private_key_generate(KEY_P256, 0, &key) != AVOW_OK)
    return 1;
  double from = cpu_us();
  for (int i = 0; i < SIGNS; i++) {
    buf_reset(&signature);
    if (private_key_sign(key, SIG_ES256, SIGNATURE_DER, SLICE_OF(data), &signature) != AVOW_OK)
      return 1;
  }
  double sign = (cpu_us() - from) / SIGNS;
  from = cpu_us();
  for (int i = 0; i < VERIFIES; i++)
    if (public_key_verify(private_key_public(key), SIG_ES256, SIGNATURE_DER, SLICE_OF(data), buf_slice(&signature)) !=
        AVOW_OK)
      return 1;
  double verify = (cpu_us() - from) / VERIFIES;
  char path[] = "floor-XXXXXX";
  int fd = mkstemp(path);
  unlink(path);
  from = cpu_us();
  for (int i = 0; i < SYNCS; i++)
    if (write(fd, data, sizeof data) != (ssize_t)sizeof data || fdatasync(fd) != 0)
      return 1;
  double sync = (cpu_us() - from) / SYNCS;
  /* Five signed requests, the CSR twice and the signer's own look at the JWS: eight verifications; one signature and
     its check; two syncs of the journal and five commits when nobody shares them. */
  json_t *out = json_pack("{s:f, s:f, s:f, s:f}", "p256_sign_us", sign, "p256_verify_us", verify, "fdatasync_us", sync,
                          "sum_ms", (9 * verify + sign + 7 * sync) / 1000);
  json_dumpf(out, stdout, JSON_COMPACT);
  puts("");
  return 0;
}
