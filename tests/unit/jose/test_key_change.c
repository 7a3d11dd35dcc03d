/* The inner JWS of a key change: one right one, and what each check refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/base64.h"
#include "jose/key_change.h"

enum { ROOM = 65536, KEYS = 3 };
static const char url[] = "https://ca/acme/key-change", kid[] = "https://ca/acme/acct/1";
static struct private_key *keys[KEYS];
static char jwks[KEYS][1000];

static int make_keys(void **state) {
  (void)state;
  static const enum key_type types[KEYS] = {KEY_P256, KEY_P384, KEY_ED25519};
  for (size_t i = 0; i < KEYS; i++) {
    AUTO_BUF text;
    buf_init(&text, sizeof jwks[i] - 1);
    if (private_key_generate(types[i], 0, &keys[i]) != AVOW_OK ||
        jwk_write(private_key_public(keys[i]), &text) != AVOW_OK)
      return -1;
    memcpy(jwks[i], text.p, text.n);
  }
  return 0;
}

static int free_keys(void **state) {
  (void)state;
  for (size_t i = 0; i < KEYS; i++)
    private_key_free(keys[i]);
  return 0;
}

static void put_quoted(struct buf *b, const char *name, struct slice bytes) {
  buf_printf(b, "\"%s\":\"", name);
  base64url_put(b, bytes);
  buf_put_u8(b, '"');
}

static void make(const struct private_key *key, const char *header, const char *payload, struct buf *out) {
  AUTO_BUF input, signature;
  buf_init(&input, ROOM);
  buf_init(&signature, ROOM);
  base64url_put(&input, slice_str(header));
  buf_put_u8(&input, '.');
  base64url_put(&input, slice_str(payload));
  enum signature_alg alg = key_signature_alg(public_key_type(private_key_public(key)));
  assert_int_equal(private_key_sign(key, alg, SIGNATURE_RAW, buf_slice(&input), &signature), AVOW_OK);
  buf_put_u8(out, '{');
  put_quoted(out, "protected", slice_str(header));
  buf_put_u8(out, ',');
  put_quoted(out, "payload", slice_str(payload));
  buf_put_u8(out, ',');
  put_quoted(out, "signature", buf_slice(&signature));
  buf_put_u8(out, '}');
}

/* In header and payload '@' and a digit stand for that key's JWK. */
static const char *fill(const char *text, char *out) {
  size_t n = 0;
  for (const char *c = text; *c; c++)
    if (*c == '@')
      n += (size_t)snprintf(out + n, ROOM - n, "%s", jwks[*++c - '0']);
    else
      out[n++] = *c;
  out[n] = 0;
  return out;
}

#define HEADER "{\"alg\":\"ES384\",\"url\":\"https://ca/acme/key-change\",\"jwk\":@1}"
#define PAYLOAD "{\"account\":\"https://ca/acme/acct/1\",\"oldKey\":@0}"

static const struct row {
  const char *what;
  size_t key;
  const char *header, *payload;
  avow_err expect;
  const char *detail; /* part of it */
} rows[] = {
  {"right", 1, HEADER, PAYLOAD, AVOW_OK, ""},
  {"members that we do not know", 1, HEADER, "{\"x\":[1],\"account\":\"https://ca/acme/acct/1\",\"oldKey\":@0}",
   AVOW_OK, ""},
  {"another key's signature", 0, HEADER, PAYLOAD, ERR_MALFORMED, "signature"},
  {"kid", 1, "{\"alg\":\"ES384\",\"url\":\"https://ca/acme/key-change\",\"kid\":\"https://ca/acme/acct/1\"}", PAYLOAD,
   ERR_MALFORMED, "its \"jwk\""},
  {"a nonce", 1, "{\"alg\":\"ES384\",\"nonce\":\"AAAA\",\"url\":\"https://ca/acme/key-change\",\"jwk\":@1}", PAYLOAD,
   ERR_MALFORMED, "no nonce"},
  {"no url", 1, "{\"alg\":\"ES384\",\"jwk\":@1}", PAYLOAD, ERR_MALFORMED, "\"url\""},
  {"another url", 1, "{\"alg\":\"ES384\",\"url\":\"https://ca/acme/key-changes\",\"jwk\":@1}", PAYLOAD, ERR_MALFORMED,
   "\"url\""},
  {"another algorithm", 1, "{\"alg\":\"ES256\",\"url\":\"https://ca/acme/key-change\",\"jwk\":@1}", PAYLOAD,
   ERR_BAD_ALGORITHM, ""},
  {"no account", 1, HEADER, "{\"oldKey\":@0}", ERR_MALFORMED, "\"account\""},
  {"another account", 1, HEADER, "{\"account\":\"https://ca/acme/acct/2\",\"oldKey\":@0}", ERR_MALFORMED,
   "\"account\""},
  {"an account that is no text", 1, HEADER, "{\"account\":1,\"oldKey\":@0}", ERR_MALFORMED, "\"account\""},
  {"no old key", 1, HEADER, "{\"account\":\"https://ca/acme/acct/1\"}", ERR_MALFORMED, "\"oldKey\""},
  {"another old key", 1, HEADER, "{\"account\":\"https://ca/acme/acct/1\",\"oldKey\":@2}", ERR_MALFORMED, "\"oldKey\""},
  {"the new key as old key", 1, HEADER, "{\"account\":\"https://ca/acme/acct/1\",\"oldKey\":@1}", ERR_MALFORMED,
   "\"oldKey\""},
  {"an old key that is text", 1, HEADER, "{\"account\":\"https://ca/acme/acct/1\",\"oldKey\":\"x\"}", ERR_MALFORMED,
   "\"oldKey\""},
  {"the key that it has", 0, "{\"alg\":\"ES256\",\"url\":\"https://ca/acme/key-change\",\"jwk\":@0}", PAYLOAD,
   ERR_MALFORMED, "present key"},
  {"no payload", 1, HEADER, "", ERR_MALFORMED, "payload"},
  {"a list", 1, HEADER, "[]", ERR_MALFORMED, "payload"},
  {"a member twice", 1, HEADER, "{\"account\":\"https://ca/acme/acct/1\",\"oldKey\":@0,\"oldKey\":@0}", ERR_MALFORMED,
   "payload"},
};

static void each_check(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    static char header[ROOM], payload[ROOM];
    AUTO_BUF body;
    AUTO_ARENA a;
    buf_init(&body, ROOM);
    arena_init(&a, JWS_ARENA);
    make(keys[rows[i].key], fill(rows[i].header, header), fill(rows[i].payload, payload), &body);
    struct jws outer = {.payload = buf_slice(&body), .url = slice_str(url), .kid = slice_str(kid)}, inner;
    struct problem why = {0};
    avow_err e = key_change_open(&outer, slice_str(jwks[0]), &a, &inner, &why);
    if (e != rows[i].expect || (e != AVOW_OK && !strstr(why.detail, rows[i].detail)))
      fail_msg("%s: %s (%s)", rows[i].what, err_name(e), why.detail);
    if (e == AVOW_OK)
      assert_true(slice_eq_str(inner.jwk.canonical, jwks[1]));
    jws_clear(&inner);
  }
}

static void no_jws_inside(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, JWS_ARENA);
  static const char *const texts[] = {"", "{}", "null", "{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"\"}"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct jws outer = {.payload = slice_str(texts[i]), .url = slice_str(url), .kid = slice_str(kid)}, inner;
    assert_int_equal(key_change_open(&outer, slice_str(jwks[0]), &a, &inner, NULL), ERR_MALFORMED);
    jws_clear(&inner);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_check), cmocka_unit_test(no_jws_inside)};
  return cmocka_run_group_tests(tests, make_keys, free_keys);
}
