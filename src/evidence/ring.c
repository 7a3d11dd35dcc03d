#include <assert.h>

#include "base/base64.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "evidence/evidence.h"

/* Sealed form: u8 version, u8 type, u8 kind, u32 key id, body, 32 bytes of HMAC-SHA-256 over all that precedes. */
enum { SEAL_VERSION = 1, SEAL_HEAD = 7, SEAL_MAC = SHA256_BYTES, SEAL_KEY = 32, SEAL_MAX = 64 * 1024 };

/* A decimal number without sign or leading zero; false when it is none or over `max`. */
static bool parse_number(struct slice s, uint64_t max, uint64_t *out) {
  uint64_t v = 0;
  if (s.n == 0 || s.n > 19 || (s.n > 1 && s.p[0] == '0'))
    return false;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < '0' || s.p[i] > '9')
      return false;
    v = v * 10 + (uint64_t)(s.p[i] - '0');
  }
  *out = v;
  return v <= max;
}

/* The part of *s before `end`, which is consumed too; false when there is no `end`. */
static bool take_until(struct slice *s, uint8_t end, struct slice *part) {
  for (size_t i = 0; i < s->n; i++)
    if (s->p[i] == end) {
      *part = slice_of(s->p, i);
      *s = slice_skip(*s, i + 1);
      return true;
    }
  return false;
}

static avow_err parse_line(struct slice line, struct seal_ring *ring, struct problem *why) {
  struct slice id_text, until_text;
  uint64_t id, until;
  uint8_t key[SEAL_KEY];
  if (ring->n == sizeof ring->keys / sizeof ring->keys[0])
    return problem_set(why, ERR_MALFORMED, "a seal ring holds at most %zu keys", ring->n);
  if (!take_until(&line, ' ', &id_text) || !take_until(&line, ' ', &until_text) ||
      !parse_number(id_text, UINT32_MAX, &id) || !parse_number(until_text, INT64_MAX, &until) ||
      !hex_decode(line, key, sizeof key)) {
    secret_wipe(key, sizeof key);
    return problem_set(why, ERR_MALFORMED, "line %zu of the seal ring is not \"ID UNTIL HEX\"", ring->n + 1);
  }
  avow_err e = AVOW_OK;
  for (size_t i = 0; i < ring->n; i++)
    if (ring->keys[i].id == id)
      e = problem_set(why, ERR_MALFORMED, "the seal ring holds key %u twice", (unsigned)id);
  struct seal_key *k = &ring->keys[ring->n];
  if (e == AVOW_OK)
    e = secret_copy(&k->key, SLICE_OF(key));
  secret_wipe(key, sizeof key);
  if (e != AVOW_OK)
    return e;
  k->id = (uint32_t)id;
  k->opens_until_ms = (int64_t)until;
  ring->n++;
  return AVOW_OK;
}

avow_err seal_ring_parse(struct slice text, uint8_t kind, struct seal_ring *out, struct problem *why) {
  memset(out, 0, sizeof *out);
  out->kind = kind;
  avow_err e = AVOW_OK;
  struct slice line;
  while (e == AVOW_OK && text.n > 0)
    e = take_until(&text, '\n', &line)
          ? parse_line(line, out, why)
          : problem_set(why, ERR_MALFORMED, "the last line of the seal ring has no end: is the file cut off?");
  if (e == AVOW_OK && out->n == 0)
    e = problem_set(why, ERR_MALFORMED, "the seal ring holds no key");
  if (e == AVOW_OK && out->keys[out->n - 1].opens_until_ms != 0)
    e = problem_set(why, ERR_MALFORMED, "the last key of the seal ring, which seals, must have no end (UNTIL 0)");
  if (e != AVOW_OK)
    seal_ring_clear(out);
  return e;
}

avow_err seal_ring_generate(struct buf *out) {
  AUTO_SECRET key = {0};
  avow_err e = secret_new(&key, SEAL_KEY);
  if (e != AVOW_OK)
    return e;
  random_bytes(key.p, key.n);
  char hex[2 * SEAL_KEY + 1];
  hex_encode(secret_slice(&key), hex);
  buf_printf(out, "1 0 %s\n", hex);
  secret_wipe(hex, sizeof hex);
  return out->failed ? ERR_NO_MEMORY : AVOW_OK;
}

void seal_ring_clear(struct seal_ring *ring) {
  for (size_t i = 0; i < sizeof ring->keys / sizeof ring->keys[0]; i++)
    secret_clear(&ring->keys[i].key);
  ring->n = 0;
}

avow_err seal_put(const struct seal_ring *ring, enum seal_type type, struct slice body, struct buf *out) {
  assert(ring->n > 0);
  const struct seal_key *k = &ring->keys[ring->n - 1];
  size_t at = out->n;
  buf_put_u8(out, SEAL_VERSION);
  buf_put_u8(out, (uint8_t)type);
  buf_put_u8(out, ring->kind);
  buf_put_u32(out, k->id);
  buf_put(out, body);
  uint8_t mac[SEAL_MAC];
  if (!out->failed) {
    hmac_sha256(secret_slice(&k->key), slice_skip(buf_slice(out), at), mac);
    buf_put(out, SLICE_OF(mac));
  }
  return out->failed ? ERR_NO_MEMORY : AVOW_OK;
}

static const struct seal_key *find_key(const struct seal_ring *ring, uint32_t id) {
  for (size_t i = 0; i < ring->n; i++)
    if (ring->keys[i].id == id)
      return &ring->keys[i];
  return NULL;
}

avow_err seal_open(const struct seal_ring *ring, enum seal_type type, struct slice sealed, int64_t now_ms,
                   struct slice *body, struct problem *why) {
  *body = SLICE_NONE;
  if (sealed.n < SEAL_HEAD + SEAL_MAC || sealed.n > SEAL_MAX)
    return problem_set(why, ERR_EVIDENCE, "%zu bytes are no sealed record", sealed.n);
  struct cursor c = cursor_of(sealed);
  uint8_t version = cursor_u8(&c), sealed_type = cursor_u8(&c), kind = cursor_u8(&c);
  uint32_t id = cursor_u32(&c);
  const struct seal_key *k = find_key(ring, id);
  if (version != SEAL_VERSION)
    return problem_set(why, ERR_EVIDENCE, "the sealed record has the unknown version %u", version);
  if (!k)
    return problem_set(why, ERR_EVIDENCE, "the sealed record names the unknown key %u", (unsigned)id);
  if (k->opens_until_ms != 0 && now_ms > k->opens_until_ms)
    return problem_set(why, ERR_EVIDENCE, "the sealed record was made with key %u, which has ended", (unsigned)id);
  size_t signed_n = sealed.n - SEAL_MAC;
  uint8_t mac[SEAL_MAC];
  hmac_sha256(secret_slice(&k->key), slice_of(sealed.p, signed_n), mac);
  if (!secret_equal(SLICE_OF(mac), slice_skip(sealed, signed_n)))
    return problem_set(why, ERR_EVIDENCE, "the seal of the record is broken");
  /* After the seal, so that these messages speak of authentic records. */
  if (kind != ring->kind)
    return problem_set(why, ERR_EVIDENCE, "the record was sealed for another kind of CA");
  if (sealed_type != type)
    return problem_set(why, ERR_EVIDENCE, "the record is sealed as type %u, not %u", sealed_type, (unsigned)type);
  *body = slice_of(sealed.p + SEAL_HEAD, signed_n - SEAL_HEAD);
  return AVOW_OK;
}
