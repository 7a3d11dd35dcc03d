/* Byte ranges and cursors: how bytes travel through Avow. Nothing here owns memory. */
#ifndef AVOW_BASE_BYTES_H
#define AVOW_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WARN_UNUSED __attribute__((warn_unused_result))

/* A borrowed run of `n` bytes. `p` may be NULL only when `n` is 0. */
struct slice {
  const uint8_t *p;
  size_t n;
};

#define SLICE_NONE ((struct slice){NULL, 0})
#define SLICE_LIT(text) ((struct slice){(const uint8_t *)("" text), sizeof(text) - 1})
#define SLICE_OF(array) ((struct slice){(const uint8_t *)(array), sizeof(array)})

static inline struct slice slice_of(const void *p, size_t n) {
  return (struct slice){(const uint8_t *)p, n};
}

static inline struct slice slice_str(const char *text) {
  return slice_of(text, text ? strlen(text) : 0);
}

static inline bool slice_eq(struct slice a, struct slice b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_eq_str(struct slice a, const char *text) {
  return slice_eq(a, slice_str(text));
}

/* Bytewise order, shorter first on a common prefix; <0, 0, >0 like memcmp. */
int slice_cmp(struct slice a, struct slice b);

/* True if `a` equals `b` after ASCII lower-casing of both. */
bool slice_eq_nocase(struct slice a, struct slice b);

bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);

/* Drops the first `n` bytes (all of them when there are fewer). */
struct slice slice_skip(struct slice s, size_t n);

/* Reads big-endian values front to back. After the first short read `failed` sticks, values read as 0 and
   slices as empty, so that a decoder checks once, with cursor_at_end(). */
struct cursor {
  const uint8_t *p, *end;
  bool failed;
};

struct cursor cursor_of(struct slice s);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
struct slice cursor_take(struct cursor *c, size_t n);
/* A slice preceded by its length as u32; fails when longer than `max`. */
struct slice cursor_take_u32(struct cursor *c, size_t max);

static inline size_t cursor_left(const struct cursor *c) {
  return (size_t)(c->end - c->p);
}

/* True if nothing failed and every byte was read. */
static inline bool cursor_at_end(const struct cursor *c) {
  return !c->failed && c->p == c->end;
}

#endif
