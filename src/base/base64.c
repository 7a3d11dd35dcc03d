#include "base/base64.h"

static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char std_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_with(struct buf *b, struct slice s, const char *alphabet, bool pad) {
  for (size_t i = 0; i < s.n; i += 3) {
    size_t have = s.n - i < 3 ? s.n - i : 3;
    uint32_t v = (uint32_t)s.p[i] << 16;
    if (have > 1)
      v |= (uint32_t)s.p[i + 1] << 8;
    if (have > 2)
      v |= s.p[i + 2];
    for (size_t k = 0; k < 4; k++) {
      if (k <= have)
        buf_put_u8(b, (uint8_t)alphabet[v >> (18 - 6 * k) & 63]);
      else if (pad)
        buf_put_u8(b, '=');
    }
  }
}

static int digit_value(uint8_t c, const char *alphabet) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  if (c == (uint8_t)alphabet[62])
    return 62;
  return c == (uint8_t)alphabet[63] ? 63 : -1;
}

/* `text` without padding. */
static struct slice get_with(struct arena *a, struct slice text, const char *alphabet) {
  if (text.n % 4 == 1)
    return SLICE_NONE;
  size_t n = text.n / 4 * 3 + (text.n % 4 ? text.n % 4 - 1 : 0), at = 0;
  uint8_t *out = arena_alloc(a, n);
  if (!out)
    return SLICE_NONE;
  uint32_t v = 0;
  for (size_t i = 0; i < text.n; i++) {
    int d = digit_value(text.p[i], alphabet);
    if (d < 0)
      return SLICE_NONE;
    v = v << 6 | (uint32_t)d;
    if (i % 4 == 3) {
      out[at++] = (uint8_t)(v >> 16);
      out[at++] = (uint8_t)(v >> 8);
      out[at++] = (uint8_t)v;
      v = 0;
    }
  }
  if (text.n % 4 == 2) {
    if (v & 15)
      return SLICE_NONE;
    out[at++] = (uint8_t)(v >> 4);
  } else if (text.n % 4 == 3) {
    if (v & 3)
      return SLICE_NONE;
    out[at++] = (uint8_t)(v >> 10);
    out[at++] = (uint8_t)(v >> 2);
  }
  return slice_of(out, n);
}

void base64url_put(struct buf *b, struct slice bytes) {
  put_with(b, bytes, url_alphabet, false);
}

struct slice base64url_get(struct arena *a, struct slice text) {
  return get_with(a, text, url_alphabet);
}

void base64_put(struct buf *b, struct slice bytes) {
  put_with(b, bytes, std_alphabet, true);
}

struct slice base64_get(struct arena *a, struct slice text) {
  if (text.n % 4 != 0)
    return SLICE_NONE;
  for (int i = 0; i < 2 && text.n > 0 && text.p[text.n - 1] == '='; i++)
    text.n--;
  return get_with(a, text, std_alphabet);
}

void pem_put(struct buf *b, const char *label, struct slice der) {
  buf_printf(b, "-----BEGIN %s-----\n", label);
  while (der.n > 0) {
    size_t n = der.n < 48 ? der.n : 48;
    put_with(b, slice_of(der.p, n), std_alphabet, true);
    buf_put_u8(b, '\n');
    der = slice_skip(der, n);
  }
  buf_printf(b, "-----END %s-----\n", label);
}

struct slice pem_get(struct arena *a, const char *label, struct slice text) {
  char *begin = arena_printf(a, "-----BEGIN %s-----", label);
  char *end = arena_printf(a, "-----END %s-----", label);
  if (!begin || !end || !text.p)
    return SLICE_NONE;
  const uint8_t *from = memmem(text.p, text.n, begin, strlen(begin));
  if (!from)
    return SLICE_NONE;
  text = slice_skip(text, (size_t)(from - text.p) + strlen(begin));
  const uint8_t *to = memmem(text.p, text.n, end, strlen(end));
  if (!to)
    return SLICE_NONE;
  size_t room = (size_t)(to - text.p), n = 0;
  uint8_t *packed = arena_alloc(a, room);
  for (size_t i = 0; packed && i < room; i++)
    if (text.p[i] != '\n' && text.p[i] != '\r')
      packed[n++] = text.p[i];
  return packed ? base64_get(a, slice_of(packed, n)) : SLICE_NONE;
}

char *hex_encode(struct slice bytes, char *out) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < bytes.n; i++) {
    out[2 * i] = digits[bytes.p[i] >> 4];
    out[2 * i + 1] = digits[bytes.p[i] & 15];
  }
  out[2 * bytes.n] = 0;
  return out;
}

static int hex_value(uint8_t c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct slice text, uint8_t *out, size_t n) {
  if (text.n != 2 * n)
    return false;
  for (size_t i = 0; i < n; i++) {
    int high = hex_value(text.p[2 * i]), low = hex_value(text.p[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    out[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}
