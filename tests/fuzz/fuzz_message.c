/* Every message of the table: what decodes must encode to the same bytes. */
#include <stdlib.h>

#include "ipc/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  AUTO_ARENA a;
  arena_init(&a, 1 << 22);
  AUTO_BUF b;
  buf_init(&b, MESSAGE_MAX);
  struct message m;
  if (message_decode(slice_of(data, n), &a, &m) != AVOW_OK)
    return 0;
  if (message_encode(&m, &b) != AVOW_OK || !slice_eq(buf_slice(&b), slice_of(data, n)))
    abort();
  return 0;
}
