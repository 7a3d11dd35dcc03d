#include "base/clock.h"
#include "der/der.h"

struct der der_of(struct slice bytes) {
  static const uint8_t nothing;
  const uint8_t *p = bytes.p ? bytes.p : &nothing;
  return (struct der){p, p + bytes.n, false};
}

bool der_at_end(const struct der *d) {
  return !d->failed && d->p == d->end;
}

bool der_more(const struct der *d) {
  return !d->failed && d->p < d->end;
}

int der_peek(const struct der *d) {
  return der_more(d) ? *d->p : -1;
}

void der_fail(struct der *d) {
  d->failed = true;
}

static struct slice fail(struct der *d) {
  d->failed = true;
  return SLICE_NONE;
}

/* The next element; X.690, 8.1.3 and 10.1: definite form, fewest octets. Tag numbers from 31 are in no type we read. */
static struct slice take(struct der *d, uint8_t *tag) {
  size_t left = (size_t)(d->end - d->p);
  if (d->failed || left < 2 || (d->p[0] & 0x1f) == 0x1f)
    return fail(d);
  size_t n = d->p[1], head = 2;
  if (n >= 0x80) {
    size_t octets = n & 0x7f;
    if (octets == 0 || octets > 4 || left < 2 + octets)
      return fail(d);
    n = 0;
    for (size_t i = 0; i < octets; i++)
      n = n << 8 | d->p[2 + i];
    if (n < 0x80 || n >> 8 * (octets - 1) == 0)
      return fail(d);
    head += octets;
  }
  if (n > left - head)
    return fail(d);
  struct slice content = slice_of(d->p + head, n);
  *tag = d->p[0];
  d->p += head + n;
  return content;
}

struct slice der_read_any(struct der *d, uint8_t *tag) {
  *tag = 0;
  return take(d, tag);
}

struct slice der_read(struct der *d, uint8_t tag) {
  uint8_t found;
  if (der_peek(d) != tag)
    return fail(d);
  return take(d, &found);
}

struct slice der_element(struct der *d, uint8_t tag) {
  const uint8_t *start = d->p;
  der_read(d, tag);
  return d->failed ? SLICE_NONE : slice_of(start, (size_t)(d->p - start));
}

bool der_optional(struct der *d, uint8_t tag, struct slice *content) {
  *content = SLICE_NONE;
  if (der_peek(d) != tag)
    return false;
  *content = der_read(d, tag);
  return !d->failed;
}

struct der der_enter(struct der *d, uint8_t tag) {
  struct der inner = der_of(der_read(d, tag));
  inner.failed = d->failed;
  return inner;
}

void der_leave(struct der *d, const struct der *inner) {
  if (!der_at_end(inner))
    d->failed = true;
}

/* X.690, 8.3.2: the first nine bits are not all equal. */
static bool is_minimal(struct slice s) {
  if (s.n < 2)
    return s.n == 1;
  return !(s.p[0] == 0x00 && s.p[1] < 0x80) && !(s.p[0] == 0xff && s.p[1] >= 0x80);
}

struct slice der_integer(struct der *d) {
  struct slice s = der_read(d, DER_INTEGER);
  return d->failed || is_minimal(s) ? s : fail(d);
}

struct slice der_unsigned(struct der *d) {
  struct slice s = der_integer(d);
  if (d->failed || s.p[0] >= 0x80)
    return fail(d);
  return s.n > 1 && s.p[0] == 0 ? slice_skip(s, 1) : s;
}

static uint64_t read_uint(struct der *d, uint8_t tag, uint64_t max) {
  struct slice s = der_read(d, tag);
  uint64_t v = 0;
  if (d->failed || !is_minimal(s) || s.p[0] >= 0x80 || s.n > 9 || (s.n == 9 && s.p[0] != 0)) {
    d->failed = true;
    return 0;
  }
  for (size_t i = 0; i < s.n; i++)
    v = v << 8 | s.p[i];
  if (v > max) {
    d->failed = true;
    return 0;
  }
  return v;
}

uint64_t der_uint(struct der *d, uint64_t max) {
  return read_uint(d, DER_INTEGER, max);
}

uint64_t der_enumerated(struct der *d, uint64_t max) {
  return read_uint(d, DER_ENUMERATED, max);
}

bool der_boolean(struct der *d) {
  struct slice s = der_read(d, DER_BOOLEAN);
  if (!d->failed && (s.n != 1 || (s.p[0] != 0x00 && s.p[0] != 0xff)))
    d->failed = true;
  return !d->failed && s.p[0] == 0xff;
}

void der_null(struct der *d) {
  if (der_read(d, DER_NULL).n != 0)
    d->failed = true;
}

struct slice der_oid(struct der *d) {
  struct slice s = der_read(d, DER_OID);
  if (d->failed || s.n == 0 || s.p[s.n - 1] >= 0x80)
    return fail(d);
  /* X.690, 8.19.2: an arc does not begin with the octet 80. */
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] == 0x80 && (i == 0 || s.p[i - 1] < 0x80))
      return fail(d);
  return s;
}

struct slice der_bit_string(struct der *d) {
  struct slice s = der_read(d, DER_BIT_STRING);
  if (d->failed || s.n == 0 || s.p[0] != 0)
    return fail(d);
  return slice_skip(s, 1);
}

uint32_t der_named_bits(struct der *d) {
  struct slice s = der_read(d, DER_BIT_STRING);
  if (d->failed || s.n == 0 || s.n > 3 || s.p[0] > 7 || (s.n == 1 && s.p[0] != 0)) {
    d->failed = true;
    return 0;
  }
  uint32_t bits = 0;
  for (size_t i = 1; i < s.n; i++)
    for (unsigned bit = 0; bit < 8; bit++)
      if (s.p[i] >> (7 - bit) & 1)
        bits |= 1u << (8 * (i - 1) + bit);
  /* The last bit that is there must be set: it is the one before the unused ones. */
  if (s.n > 1 && (s.p[s.n - 1] & ((2u << s.p[0]) - 1)) != 1u << s.p[0]) {
    d->failed = true;
    return 0;
  }
  return bits;
}

static int digits(const uint8_t *p, size_t n) {
  int v = 0;
  for (size_t i = 0; i < n; i++) {
    if (p[i] < '0' || p[i] > '9')
      return -1;
    v = v * 10 + (p[i] - '0');
  }
  return v;
}

/* The civil time in `s`, "YYMMDDhhmmssZ" with `year_digits` digits of year; false when it is none. */
static bool read_civil(struct slice s, size_t year_digits, struct civil *c) {
  if (s.n != year_digits + 11 || s.p[s.n - 1] != 'Z')
    return false;
  const uint8_t *rest = s.p + year_digits;
  *c = (struct civil){digits(s.p, year_digits), digits(rest, 2),     digits(rest + 2, 2),
                      digits(rest + 4, 2),      digits(rest + 6, 2), digits(rest + 8, 2)};
  return c->year >= 0 && c->month >= 1 && c->month <= 12 && c->day >= 1 && c->hour >= 0 && c->hour <= 23 &&
         c->minute >= 0 && c->minute <= 59 && c->second >= 0 && c->second <= 59;
}

int64_t der_time(struct der *d) {
  struct civil c;
  uint8_t tag;
  struct slice s = der_read_any(d, &tag);
  bool ok = !d->failed && (tag == DER_UTC_TIME || tag == DER_GENERALIZED_TIME) &&
            read_civil(s, tag == DER_UTC_TIME ? 2 : 4, &c);
  if (ok && tag == DER_UTC_TIME)
    c.year += c.year >= 50 ? 1900 : 2000; /* RFC 5280, 4.1.2.5.1 */
  if (ok && tag == DER_GENERALIZED_TIME)
    ok = c.year >= 2050;
  if (ok) {
    int64_t ms = time_from_civil(c);
    if (time_civil(ms).day == c.day)
      return ms / SECOND_MS;
  }
  d->failed = true;
  return 0;
}

bool der_is_printable(struct slice s) {
  for (size_t i = 0; i < s.n; i++) {
    uint8_t c = s.p[i];
    bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alnum && (c == 0 || !strchr(" '()+,-./:=?", c)))
      return false;
  }
  return true;
}

bool der_is_utf8(struct slice s) {
  for (size_t i = 0; i < s.n;) {
    uint8_t lead = s.p[i++];
    if (lead < 0x80)
      continue;
    /* RFC 3629, 4: the second octet's range depends on the first. */
    size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0xc2 || lead > 0xf4 || s.n - i < more || s.p[i] < low || s.p[i] > high)
      return false;
    for (size_t k = 1; k < more; k++)
      if ((s.p[i + k] & 0xc0) != 0x80)
        return false;
    i += more;
  }
  return true;
}
