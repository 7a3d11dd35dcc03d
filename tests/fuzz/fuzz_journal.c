/* The journal: frames (first byte 0), and payloads of each kind, which must encode to the same bytes. */
#include <stdlib.h>

#include "sign/entry.h"
#include "sign/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void frames(struct slice bytes) {
  uint8_t chain[FRAME_CHAIN] = {0};
  struct frame f = {.offset = 0};
  while (frame_parse(bytes, chain, &f, NULL) == FRAME_OK) {
    if (frame_end(&f) > bytes.n)
      abort();
    bytes = slice_skip(bytes, (size_t)frame_end(&f));
  }
}

static avow_err again(uint8_t kind, struct slice payload, struct arena *a, struct buf *out) {
  struct intent intent;
  struct entry entry;
  struct orphan orphan;
  struct refusal refusal;
  avow_err e;
  switch (kind) {
  case FRAME_INTENT:
    e = intent_get(payload, &intent, NULL);
    return e == AVOW_OK ? intent_put(&intent, out) : e;
  case FRAME_RECORD:
    e = entry_get(payload, a, &entry, NULL);
    return e == AVOW_OK ? entry_put(&entry, out) : e;
  case FRAME_ORPHAN:
    e = orphan_get(payload, &orphan, NULL);
    return e == AVOW_OK ? orphan_put(&orphan, out) : e;
  case FRAME_REFUSAL:
    e = refusal_get(payload, &refusal, NULL);
    return e == AVOW_OK ? refusal_put(&refusal, out) : e;
  default:
    frames(payload);
    return ERR_CONFIG;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n == 0)
    return 0;
  AUTO_ARENA a;
  AUTO_BUF copy;
  arena_init(&a, 1 << 20);
  buf_init(&copy, 1 << 20);
  struct slice payload = slice_of(data + 1, n - 1);
  if (again(data[0], payload, &a, &copy) == AVOW_OK && !slice_eq(payload, buf_slice(&copy)))
    abort();
  return 0;
}
