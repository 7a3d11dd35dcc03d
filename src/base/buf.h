/* A growable byte buffer with a hard cap and a sticky error, for everything that is written. */
#ifndef AVOW_BASE_BUF_H
#define AVOW_BASE_BUF_H

#include "base/bytes.h"

struct buf {
  uint8_t *p;
  size_t n, room, cap;
  bool failed; /* out of memory, or more than `cap` bytes */
};

/* An empty buffer that never holds more than `cap` bytes; allocates on first use. */
void buf_init(struct buf *b, size_t cap);
/* Frees the memory; wipes nothing (secrets live in struct secret). Safe on a zeroed struct. */
void buf_clear(struct buf *b);
/* Forgets the contents and the error, keeps the memory. */
void buf_reset(struct buf *b);

/* Room for `n` more bytes at the end, counted as written; NULL (and failed) when there is none. */
uint8_t *buf_extend(struct buf *b, size_t n);
void buf_put(struct buf *b, struct slice s);
void buf_put_str(struct buf *b, const char *text);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
/* Length as u32, then the bytes. */
void buf_put_u32_slice(struct buf *b, struct slice s);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first `n` bytes. */
void buf_consume(struct buf *b, size_t n);

static inline struct slice buf_slice(const struct buf *b) {
  return slice_of(b->p, b->n);
}

#define AUTO_BUF __attribute__((cleanup(buf_clear))) struct buf

#endif
