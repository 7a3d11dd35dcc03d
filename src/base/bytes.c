#include "base/bytes.h"

int slice_cmp(struct slice a, struct slice b) {
  size_t n = a.n < b.n ? a.n : b.n;
  int order = n ? memcmp(a.p, b.p, n) : 0;
  if (order != 0)
    return order;
  return a.n < b.n ? -1 : a.n > b.n;
}

static uint8_t ascii_lower(uint8_t c) {
  return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool slice_eq_nocase(struct slice a, struct slice b) {
  if (a.n != b.n)
    return false;
  for (size_t i = 0; i < a.n; i++)
    if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
      return false;
  return true;
}

bool slice_starts(struct slice s, struct slice prefix) {
  return s.n >= prefix.n && slice_eq(slice_of(s.p, prefix.n), prefix);
}

bool slice_ends(struct slice s, struct slice suffix) {
  return s.n >= suffix.n && slice_eq(slice_skip(s, s.n - suffix.n), suffix);
}

struct slice slice_skip(struct slice s, size_t n) {
  if (n >= s.n)
    return slice_of(s.p ? s.p + s.n : NULL, 0);
  return slice_of(s.p + n, s.n - n);
}

struct cursor cursor_of(struct slice s) {
  static const uint8_t nothing;
  const uint8_t *p = s.p ? s.p : &nothing;
  return (struct cursor){p, p + s.n, false};
}

struct slice cursor_take(struct cursor *c, size_t n) {
  if (c->failed || cursor_left(c) < n) {
    c->failed = true;
    return SLICE_NONE;
  }
  struct slice s = slice_of(c->p, n);
  c->p += n;
  return s;
}

static uint64_t cursor_be(struct cursor *c, size_t n) {
  struct slice s = cursor_take(c, n);
  uint64_t v = 0;
  for (size_t i = 0; i < s.n; i++)
    v = v << 8 | s.p[i];
  return v;
}

uint8_t cursor_u8(struct cursor *c) {
  return (uint8_t)cursor_be(c, 1);
}

uint16_t cursor_u16(struct cursor *c) {
  return (uint16_t)cursor_be(c, 2);
}

uint32_t cursor_u32(struct cursor *c) {
  return (uint32_t)cursor_be(c, 4);
}

uint64_t cursor_u64(struct cursor *c) {
  return cursor_be(c, 8);
}

struct slice cursor_take_u32(struct cursor *c, size_t max) {
  uint32_t n = cursor_u32(c);
  if (n > max)
    c->failed = true;
  return cursor_take(c, n);
}
