#include "base/clock.h"
#include "der/der.h"

/* Octets of the length field for `n` content octets (X.690, 8.1.3). */
static size_t length_octets(size_t n) {
  size_t octets = 1;
  if (n >= 0x80)
    for (size_t rest = n; rest > 0; rest >>= 8)
      octets++;
  return octets;
}

static void write_length(uint8_t *at, size_t n, size_t octets) {
  if (octets == 1) {
    at[0] = (uint8_t)n;
    return;
  }
  at[0] = (uint8_t)(0x80 | (octets - 1));
  for (size_t i = 1; i < octets; i++)
    at[i] = (uint8_t)(n >> 8 * (octets - 1 - i));
}

size_t der_size(size_t n) {
  return 1 + length_octets(n) + n;
}

void der_put_header(struct buf *b, uint8_t tag, size_t n) {
  size_t octets = length_octets(n);
  uint8_t *at = buf_extend(b, 1 + octets);
  if (!at)
    return;
  at[0] = tag;
  write_length(at + 1, n, octets);
}

/* The mark is where the content begins. One length octet is reserved: most values are short, and moving the few
   long ones costs less than measuring all of them first. */
size_t der_begin(struct buf *b, uint8_t tag) {
  uint8_t *at = buf_extend(b, 2);
  if (!at)
    return 0;
  at[0] = tag;
  at[1] = 0;
  return b->n;
}

size_t der_begin_bits(struct buf *b) {
  size_t mark = der_begin(b, DER_BIT_STRING);
  buf_put_u8(b, 0);
  return mark;
}

void der_end(struct buf *b, size_t mark) {
  if (b->failed)
    return;
  size_t n = b->n - mark, octets = length_octets(n);
  if (octets > 1 && !buf_extend(b, octets - 1))
    return;
  uint8_t *length = b->p + mark - 1;
  if (octets > 1)
    memmove(length + octets, length + 1, n);
  write_length(length, n, octets);
}

void der_put(struct buf *b, uint8_t tag, struct slice content) {
  size_t octets = length_octets(content.n);
  uint8_t *at = buf_extend(b, 1 + octets + content.n);
  if (!at)
    return;
  at[0] = tag;
  write_length(at + 1, content.n, octets);
  if (content.n)
    memcpy(at + 1 + octets, content.p, content.n);
}

void der_put_str(struct buf *b, uint8_t tag, const char *text) {
  der_put(b, tag, slice_str(text));
}

void der_put_integer(struct buf *b, struct slice content) {
  struct slice s = content;
  if (s.n == 0 || (s.n > 1 && ((s.p[0] == 0x00 && s.p[1] < 0x80) || (s.p[0] == 0xff && s.p[1] >= 0x80)))) {
    b->failed = true;
    return;
  }
  der_put(b, DER_INTEGER, s);
}

static void put_magnitude(struct buf *b, uint8_t tag, struct slice s) {
  while (s.n > 1 && s.p[0] == 0)
    s = slice_skip(s, 1);
  if (s.n == 0)
    s = SLICE_LIT("\0");
  size_t sign = s.p[0] >= 0x80;
  der_put_header(b, tag, sign + s.n);
  if (sign)
    buf_put_u8(b, 0);
  buf_put(b, s);
}

static void put_uint(struct buf *b, uint8_t tag, uint64_t v) {
  uint8_t octets[8];
  for (size_t i = 0; i < sizeof octets; i++)
    octets[i] = (uint8_t)(v >> 8 * (7 - i));
  put_magnitude(b, tag, SLICE_OF(octets));
}

void der_put_unsigned(struct buf *b, struct slice magnitude) {
  put_magnitude(b, DER_INTEGER, magnitude);
}

void der_put_uint(struct buf *b, uint64_t v) {
  put_uint(b, DER_INTEGER, v);
}

void der_put_enumerated(struct buf *b, uint64_t v) {
  put_uint(b, DER_ENUMERATED, v);
}

void der_put_boolean(struct buf *b, bool v) {
  der_put(b, DER_BOOLEAN, v ? SLICE_LIT("\xff") : SLICE_LIT("\0"));
}

void der_put_null(struct buf *b) {
  der_put(b, DER_NULL, SLICE_NONE);
}

void der_put_oid(struct buf *b, struct slice oid) {
  der_put(b, DER_OID, oid);
}

/* One arc in base 128, most significant group first (X.690, 8.19.2). */
static size_t put_arc(uint8_t *at, uint64_t arc) {
  size_t n = 1;
  for (uint64_t rest = arc >> 7; rest > 0; rest >>= 7)
    n++;
  for (size_t i = 0; i < n; i++)
    at[i] = (uint8_t)((arc >> 7 * (n - 1 - i) & 0x7f) | (i + 1 < n ? 0x80 : 0));
  return n;
}

/* The next decimal arc of *text, below 2^32, without leading zeros; false when there is none. */
static bool next_arc(const char **text, uint64_t *arc) {
  const char *p = *text;
  *arc = 0;
  if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
    return false;
  for (; *p >= '0' && *p <= '9'; p++) {
    *arc = *arc * 10 + (uint64_t)(*p - '0');
    if (*arc > UINT32_MAX)
      return false;
  }
  *text = p;
  return true;
}

void der_put_oid_text(struct buf *b, const char *dotted) {
  uint8_t octets[128];
  uint64_t first, second;
  size_t n = 0;
  bool ok = next_arc(&dotted, &first) && *dotted++ == '.' && next_arc(&dotted, &second) && first <= 2 &&
            (first == 2 || second < 40);
  if (ok)
    n = put_arc(octets, first * 40 + second);
  while (ok && *dotted == '.') {
    uint64_t arc;
    dotted++;
    ok = next_arc(&dotted, &arc) && n + 10 <= sizeof octets;
    if (ok)
      n += put_arc(octets + n, arc);
  }
  if (!ok || *dotted != 0) {
    b->failed = true;
    return;
  }
  der_put_oid(b, slice_of(octets, n));
}

void der_put_bit_string(struct buf *b, struct slice octets) {
  der_put_header(b, DER_BIT_STRING, 1 + octets.n);
  buf_put_u8(b, 0);
  buf_put(b, octets);
}

void der_put_named_bits(struct buf *b, uint32_t bits) {
  uint8_t content[3] = {0};
  size_t n = 1;
  for (unsigned bit = 0; bit < 16; bit++) {
    if (!(bits >> bit & 1))
      continue;
    content[1 + bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    content[0] = (uint8_t)(7 - bit % 8); /* X.690, 11.2.2: nothing after the last set bit */
    n = 2 + bit / 8;
  }
  der_put(b, DER_BIT_STRING, slice_of(content, n));
}

static void put_two(uint8_t *at, int v) {
  at[0] = (uint8_t)('0' + v / 10);
  at[1] = (uint8_t)('0' + v % 10);
}

void der_put_time(struct buf *b, int64_t seconds) {
  /* 1950-01-01 to 9999-12-31 */
  if (seconds < INT64_C(-631152000) || seconds > INT64_C(253402300799)) {
    b->failed = true;
    return;
  }
  struct civil c = time_civil(seconds * SECOND_MS);
  uint8_t text[15];
  put_two(text, c.year / 100);
  put_two(text + 2, c.year % 100);
  put_two(text + 4, c.month);
  put_two(text + 6, c.day);
  put_two(text + 8, c.hour);
  put_two(text + 10, c.minute);
  put_two(text + 12, c.second);
  text[14] = 'Z';
  if (c.year < 2050)
    der_put(b, DER_UTC_TIME, slice_of(text + 2, 13));
  else
    der_put(b, DER_GENERALIZED_TIME, slice_of(text, 15));
}
