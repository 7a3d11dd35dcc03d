/* The DER reader: what it accepts, the writer writes back octet for octet. */
#include <stdlib.h>

#include "der/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { DEPTH_MAX = 16 };

/* Each type's own reader, on a reader that stands before such an element; true when it accepts. */
static bool check_value(struct der *d, int tag, struct buf *again) {
  struct der copy = *d;
  struct slice s;
  switch (tag) {
  case DER_BOOLEAN:
    der_put_boolean(again, der_boolean(&copy));
    break;
  case DER_INTEGER:
    s = der_integer(&copy);
    if (!copy.failed)
      der_put_integer(again, s);
    break;
  case DER_BIT_STRING:
    der_put_named_bits(again, der_named_bits(&copy));
    break;
  case DER_NULL:
    der_null(&copy);
    der_put_null(again);
    break;
  case DER_OID:
    der_put_oid(again, der_oid(&copy));
    break;
  case DER_UTC_TIME:
  case DER_GENERALIZED_TIME:
    der_put_time(again, der_time(&copy));
    break;
  default:
    return false;
  }
  return !copy.failed;
}

static void walk(struct der *d, struct buf *out, int depth) {
  AUTO_BUF again;
  buf_init(&again, 1 << 20);
  while (der_more(d)) {
    const uint8_t *start = d->p;
    int tag = der_peek(d);
    buf_reset(&again);
    bool known = check_value(d, tag, &again);
    if (tag & 0x20 && depth < DEPTH_MAX) {
      size_t mark = der_begin(out, (uint8_t)tag);
      struct der inner = der_enter(d, (uint8_t)tag);
      walk(&inner, out, depth + 1);
      der_end(out, mark);
      der_leave(d, &inner);
      continue;
    }
    uint8_t found;
    struct slice content = der_read_any(d, &found);
    if (d->failed)
      return;
    der_put(out, found, content);
    if (known && !slice_eq(buf_slice(&again), slice_of(start, (size_t)(d->p - start))))
      abort();
    if (der_is_printable(content) && !der_is_utf8(content))
      abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  AUTO_BUF out;
  buf_init(&out, 1 << 22);
  struct der d = der_of(slice_of(data, n));
  walk(&d, &out, 0);
  if (der_at_end(&d) && (out.failed || !slice_eq(buf_slice(&out), slice_of(data, n))))
    abort();
  return 0;
}
