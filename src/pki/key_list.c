#include "pki/key_list.h"

#include <stdlib.h>

void key_list_init(struct key_list *l) {
  buf_init(&l->spki, KEY_LIST_TEXT_MAX);
  buf_init(&l->modulus, KEY_LIST_TEXT_MAX);
}

void key_list_clear(struct key_list *l) {
  buf_clear(&l->spki);
  buf_clear(&l->modulus);
}

static int digit_value(uint8_t c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One line without its end; false when it is none that a list has. */
static bool add_line(struct key_list *l, struct slice line) {
  while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' '))
    line.n--;
  if (line.n == 0 || line.p[0] == '#')
    return true;
  uint8_t bytes[SHA256_BYTES];
  if (line.n != 2 * (size_t)SHA256_BYTES && line.n != 2 * (size_t)KEY_LIST_MODULUS_BYTES)
    return false;
  for (size_t i = 0; i < line.n; i += 2) {
    int high = digit_value(line.p[i]), low = digit_value(line.p[i + 1]);
    if (high < 0 || low < 0)
      return false;
    bytes[i / 2] = (uint8_t)(high << 4 | low);
  }
  buf_put(line.n == 2 * (size_t)SHA256_BYTES ? &l->spki : &l->modulus, slice_of(bytes, line.n / 2));
  return true;
}

avow_err key_list_add(struct key_list *l, struct slice text, const char *file, struct problem *why) {
  for (size_t number = 1; text.n > 0; number++) {
    const uint8_t *end = memchr(text.p, '\n', text.n);
    struct slice line = slice_of(text.p, end ? (size_t)(end - text.p) : text.n);
    if (!add_line(l, line))
      return problem_set(why, ERR_CONFIG, "%s:%zu: expected 20 or 64 hexadecimal digits, or a comment with #", file,
                         number);
    text = slice_skip(text, line.n + (end != NULL));
  }
  return l->spki.failed || l->modulus.failed ? problem_set(why, ERR_NO_MEMORY, "%s: too many keys", file) : AVOW_OK;
}

static int by_spki(const void *a, const void *b) {
  return memcmp(a, b, SHA256_BYTES);
}

static int by_modulus(const void *a, const void *b) {
  return memcmp(a, b, KEY_LIST_MODULUS_BYTES);
}

void key_list_sort(struct key_list *l) {
  if (l->spki.n > 0)
    qsort(l->spki.p, l->spki.n / SHA256_BYTES, SHA256_BYTES, by_spki);
  if (l->modulus.n > 0)
    qsort(l->modulus.p, l->modulus.n / KEY_LIST_MODULUS_BYTES, KEY_LIST_MODULUS_BYTES, by_modulus);
}

size_t key_list_count(const struct key_list *l) {
  return l->spki.n / SHA256_BYTES + l->modulus.n / KEY_LIST_MODULUS_BYTES;
}

static bool has_spki(const struct key_list *l, const struct public_key *key) {
  uint8_t sum[SHA256_BYTES];
  if (l->spki.n == 0)
    return false;
  sha256(public_key_spki(key), sum);
  return bsearch(sum, l->spki.p, l->spki.n / SHA256_BYTES, SHA256_BYTES, by_spki) != NULL;
}

/* What `openssl rsa -modulus -noout | sha1sum` says of it. */
static bool has_modulus(const struct key_list *l, const struct public_key *key) {
  enum { SHA1_BYTES = 20 };
  struct slice n = public_key_rsa_n(key);
  if (l->modulus.n == 0 || n.n == 0)
    return false;
  AUTO_BUF text;
  buf_init(&text, 4096);
  buf_put_str(&text, "Modulus=");
  for (size_t i = 0; i < n.n; i++)
    buf_printf(&text, "%02X", n.p[i]);
  buf_put_str(&text, "\n");
  uint8_t sum[SHA1_BYTES];
  sha1(buf_slice(&text), sum);
  return bsearch(sum + SHA1_BYTES - KEY_LIST_MODULUS_BYTES, l->modulus.p, l->modulus.n / KEY_LIST_MODULUS_BYTES,
                 KEY_LIST_MODULUS_BYTES, by_modulus) != NULL;
}

avow_err key_list_check(const struct key_list *l, const struct public_key *key, struct problem *why) {
  if (has_spki(l, key) || has_modulus(l, key))
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "This key is on a list of keys that are known to others");
  return AVOW_OK;
}
