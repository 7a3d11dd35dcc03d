/* The few exact SubjectPublicKeyInfo forms (TLS BR 7.1.3.1; RFC 5480; RFC 8410). All but RSA's are a constant and the
   key's bytes, so that reading is comparing. */
#include <stdlib.h>

#include "crypto/key_internal.h"

static const uint8_t prefix_p256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
static const uint8_t prefix_p384[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                      0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04};
static const uint8_t prefix_p521[] = {0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                      0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00, 0x04};
static const uint8_t prefix_ed25519[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
static const uint8_t rsa_algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

static const struct {
  enum key_type type;
  struct slice prefix;
  size_t content; /* where the BIT STRING's content starts */
  size_t part;    /* bytes of a coordinate */
  size_t parts;
} fixed[] = {
  {KEY_P256, {prefix_p256, sizeof prefix_p256}, sizeof prefix_p256 - 1, 32, 2},
  {KEY_P384, {prefix_p384, sizeof prefix_p384}, sizeof prefix_p384 - 1, 48, 2},
  {KEY_P521, {prefix_p521, sizeof prefix_p521}, sizeof prefix_p521 - 1, 66, 2},
  {KEY_ED25519, {prefix_ed25519, sizeof prefix_ed25519}, sizeof prefix_ed25519, 32, 1},
};

static size_t length_size(size_t n) {
  return n < 0x80 ? 1 : n < 0x100 ? 2 : 3;
}

static size_t tlv_size(size_t content) {
  return 1 + length_size(content) + content;
}

static uint8_t *put_head(uint8_t *p, uint8_t tag, size_t n) {
  *p++ = tag;
  if (n >= 0x80)
    *p++ = n < 0x100 ? 0x81 : 0x82;
  if (n >= 0x100)
    *p++ = (uint8_t)(n >> 8);
  *p++ = (uint8_t)n;
  return p;
}

/* An INTEGER of a positive number without leading zeros; `at` gets where the number itself lies. */
static uint8_t *put_integer(uint8_t *p, struct slice v, struct slice *at) {
  size_t pad = v.p[0] >> 7;
  p = put_head(p, 0x02, v.n + pad);
  if (pad)
    *p++ = 0;
  memcpy(p, v.p, v.n);
  *at = slice_of(p, v.n);
  return p + v.n;
}

static struct public_key *allocate(enum key_type type, size_t n) {
  struct public_key *key = calloc(1, sizeof *key + n);
  if (!key)
    return NULL;
  atomic_init(&key->owners, 1);
  key->type = type;
  key->spki = slice_of(key->bytes, n);
  return key;
}

struct public_key *spki_build_rsa(struct slice n, struct slice e) {
  size_t n_size = tlv_size(n.n + (n.p[0] >> 7)), e_size = tlv_size(e.n + (e.p[0] >> 7));
  size_t numbers = tlv_size(n_size + e_size), bit_string = tlv_size(1 + numbers);
  struct public_key *key = allocate(KEY_RSA, tlv_size(sizeof rsa_algorithm + bit_string));
  if (!key)
    return NULL;
  uint8_t *p = put_head(key->bytes, 0x30, sizeof rsa_algorithm + bit_string);
  memcpy(p, rsa_algorithm, sizeof rsa_algorithm);
  p = put_head(p + sizeof rsa_algorithm, 0x03, 1 + numbers);
  *p++ = 0;
  key->content = slice_of(p, numbers);
  p = put_head(p, 0x30, n_size + e_size);
  p = put_integer(p, n, &key->rsa_n);
  put_integer(p, e, &key->rsa_e);
  return key;
}

struct public_key *spki_build_fixed(enum key_type type, struct slice x, struct slice y) {
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
    if (fixed[i].type != type)
      continue;
    struct slice prefix = fixed[i].prefix;
    struct public_key *key = allocate(type, prefix.n + x.n + y.n);
    if (!key)
      return NULL;
    memcpy(key->bytes, prefix.p, prefix.n);
    memcpy(key->bytes + prefix.n, x.p, x.n);
    if (y.n)
      memcpy(key->bytes + prefix.n + x.n, y.p, y.n);
    key->content = slice_skip(key->spki, fixed[i].content);
    return key;
  }
  return NULL;
}

/* Takes one element with this tag and a definite length of at most two octets. Whether the length had its shortest
   form is checked by rebuilding the whole. */
static struct slice take(struct cursor *c, uint8_t tag) {
  if (cursor_u8(c) != tag)
    c->failed = true;
  size_t n = cursor_u8(c);
  if (n == 0x81)
    n = cursor_u8(c);
  else if (n == 0x82)
    n = cursor_u16(c);
  else if (n >= 0x80)
    c->failed = true;
  return cursor_take(c, n);
}

static struct slice take_integer(struct cursor *c) {
  struct slice v = take(c, 0x02);
  return v.n > 1 && v.p[0] == 0 ? slice_skip(v, 1) : v;
}

static bool read_rsa(struct slice spki, struct slice *n, struct slice *e) {
  struct cursor outer = cursor_of(spki);
  struct cursor all = cursor_of(take(&outer, 0x30));
  struct slice algorithm = cursor_take(&all, sizeof rsa_algorithm);
  struct cursor bits = cursor_of(take(&all, 0x03));
  if (!cursor_at_end(&outer) || !cursor_at_end(&all) || !slice_eq(algorithm, SLICE_OF(rsa_algorithm)) ||
      cursor_u8(&bits) != 0)
    return false;
  struct cursor numbers = cursor_of(take(&bits, 0x30));
  *n = take_integer(&numbers);
  *e = take_integer(&numbers);
  return cursor_at_end(&bits) && cursor_at_end(&numbers) && n->n > 0 && e->n > 0;
}

enum key_type spki_read(struct slice spki, struct slice *x, struct slice *y) {
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
    struct slice rest = slice_skip(spki, fixed[i].prefix.n);
    if (!slice_starts(spki, fixed[i].prefix) || rest.n != fixed[i].part * fixed[i].parts)
      continue;
    *x = slice_of(rest.p, fixed[i].part);
    *y = slice_skip(rest, fixed[i].part);
    return fixed[i].type;
  }
  return read_rsa(spki, x, y) ? KEY_RSA : KEY_NONE;
}
