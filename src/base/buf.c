#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t cap) {
  *b = (struct buf){.cap = cap};
}

void buf_clear(struct buf *b) {
  free(b->p);
  *b = (struct buf){.cap = b->cap};
}

void buf_reset(struct buf *b) {
  b->n = 0;
  b->failed = false;
}

uint8_t *buf_extend(struct buf *b, size_t n) {
  if (b->failed || n > b->cap - b->n) {
    b->failed = true;
    return NULL;
  }
  if (b->n + n > b->room || !b->p) {
    size_t room = b->room ? b->room : 256;
    while (room < b->n + n)
      room *= 2;
    if (room > b->cap)
      room = b->cap;
    uint8_t *p = realloc(b->p, room ? room : 1);
    if (!p) {
      b->failed = true;
      return NULL;
    }
    b->p = p;
    b->room = room;
  }
  uint8_t *at = b->p + b->n;
  b->n += n;
  return at;
}

void buf_put(struct buf *b, struct slice s) {
  if (s.n == 0)
    return;
  uint8_t *at = buf_extend(b, s.n);
  if (at)
    memcpy(at, s.p, s.n);
}

void buf_put_str(struct buf *b, const char *text) {
  buf_put(b, slice_str(text));
}

static void buf_put_be(struct buf *b, uint64_t v, size_t n) {
  uint8_t *at = buf_extend(b, n);
  for (size_t i = 0; at && i < n; i++)
    at[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

void buf_put_u8(struct buf *b, uint8_t v) {
  buf_put_be(b, v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v) {
  buf_put_be(b, v, 2);
}

void buf_put_u32(struct buf *b, uint32_t v) {
  buf_put_be(b, v, 4);
}

void buf_put_u64(struct buf *b, uint64_t v) {
  buf_put_be(b, v, 8);
}

void buf_put_u32_slice(struct buf *b, struct slice s) {
  if (s.n > UINT32_MAX) {
    b->failed = true;
    return;
  }
  buf_put_u32(b, (uint32_t)s.n);
  buf_put(b, s);
}

void buf_printf(struct buf *b, const char *format, ...) {
  char small[512];
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(small, sizeof small, format, args);
  va_end(args);
  if (n < 0) {
    b->failed = true;
  } else if ((size_t)n < sizeof small) {
    buf_put(b, slice_of(small, (size_t)n));
  } else {
    char *large = malloc((size_t)n + 1);
    if (large) {
      vsnprintf(large, (size_t)n + 1, format, again);
      buf_put(b, slice_of(large, (size_t)n));
    } else {
      b->failed = true;
    }
    free(large);
  }
  va_end(again);
}

void buf_consume(struct buf *b, size_t n) {
  if (n >= b->n) {
    b->n = 0;
    return;
  }
  memmove(b->p, b->p + n, b->n - n);
  b->n -= n;
}
