/* JWKs: the RFCs' own examples, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/base64.h"
#include "crypto/digest.h"
#include "jose/json.h"
#include "jose/jws.h"

static json_t *vectors;

static int load(void **state) {
  (void)state;
  vectors = json_load_file("tests/vectors/jose.json", JSON_REJECT_DUPLICATES, NULL);
  return vectors ? 0 : -1;
}

static int unload(void **state) {
  (void)state;
  json_decref(vectors);
  return 0;
}

static void expect_base64url(struct slice bytes, struct slice text) {
  AUTO_BUF b;
  buf_init(&b, 10000);
  base64url_put(&b, bytes);
  assert_true(slice_eq(buf_slice(&b), text));
}

/* Thumbprints and signatures of RFC 7515, 7520, 7638 and 8037, through the keys as they are printed there. */
static void rfc_examples(void **state) {
  (void)state;
  size_t i;
  json_t *v;
  int signatures = 0, thumbprints = 0;
  json_array_foreach(json_object_get(vectors, "signatures"), i, v) {
    AUTO_ARENA a;
    arena_init(&a, 100000);
    char *text = json_dumps(json_object_get(v, "jwk"), 0);
    struct jwk jwk;
    struct problem why = {0};
    assert_int_equal(jwk_parse(slice_str(text), &a, &jwk, &why), AVOW_OK);
    free(text);
    struct slice thumbprint = json_string_member(v, "thumbprint");
    if (thumbprint.p) {
      expect_base64url(SLICE_OF(jwk.thumbprint), thumbprint);
      thumbprints++;
    }
    /* The canonical form is a JWK of the same key. */
    struct jwk again;
    assert_int_equal(jwk_parse(jwk.canonical, &a, &again, &why), AVOW_OK);
    assert_true(slice_eq(again.canonical, jwk.canonical));
    assert_memory_equal(again.thumbprint, jwk.thumbprint, 32);
    jwk_clear(&again);

    if (json_object_get(v, "signature")) {
      AUTO_BUF input;
      buf_init(&input, 10000);
      buf_put(&input, json_string_member(v, "protected"));
      buf_put_u8(&input, '.');
      buf_put(&input, json_string_member(v, "payload"));
      struct slice signature = base64url_get(&a, json_string_member(v, "signature"));
      enum signature_alg alg = jose_alg_from_text(json_string_member(v, "alg"));
      assert_int_equal(public_key_verify(jwk.key, alg, SIGNATURE_RAW, buf_slice(&input), signature), AVOW_OK);
      input.p[input.n - 1] ^= 1;
      assert_int_equal(public_key_verify(jwk.key, alg, SIGNATURE_RAW, buf_slice(&input), signature), ERR_MALFORMED);
      signatures++;
    }
    jwk_clear(&jwk);
  }
  assert_int_equal(signatures, 5);
  assert_int_equal(thumbprints, 2);
}

static void rfc_mac_example(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 10000);
  const json_t *v = json_object_get(vectors, "mac");
  AUTO_BUF input;
  buf_init(&input, 10000);
  buf_put(&input, json_string_member(v, "protected"));
  buf_put_u8(&input, '.');
  buf_put(&input, json_string_member(v, "payload"));
  uint8_t mac[32];
  hmac_sha256(base64url_get(&a, json_string_member(v, "key")), buf_slice(&input), mac);
  expect_base64url(SLICE_OF(mac), json_string_member(v, "signature"));
}

#define X256 "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y256 "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256 "\",\"y\":\"" Y256 "\""
#define ED "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

static const struct {
  const char *json;
  avow_err want;
} rows[] = {
  {"{" EC "}", AVOW_OK},
  {"{" EC ",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"x\",\"unknown\":[1,{}]}", AVOW_OK},
  {" { " EC " } ", AVOW_OK},
  {"", ERR_MALFORMED},
  {"null", ERR_MALFORMED},
  {"[]", ERR_MALFORMED},
  {"\"x\"", ERR_MALFORMED},
  {"{}", ERR_MALFORMED},
  {"{" EC "} x", ERR_MALFORMED},
  {"{" EC ",}", ERR_MALFORMED},
  {"{" EC ",\"kty\":\"EC\"}", ERR_MALFORMED},
  {"{" EC ",\"x\":\"" X256 "\"}", ERR_MALFORMED},
  {"{" EC ",\"a\":[[[1]]]}", ERR_MALFORMED}, /* deeper than a key can be */
  {"{" EC ",\"a\":\"\xff\"}", ERR_MALFORMED},
  {"{" EC ",\"a\":\"\\u0000\"}", ERR_MALFORMED},
  {"{" EC ",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}", ERR_MALFORMED},
  {"{" EC ",\"d\":null}", ERR_MALFORMED},
  {"{" EC ",\"k\":\"AA\"}", ERR_MALFORMED},
  {"{" EC ",\"use\":\"enc\"}", ERR_MALFORMED},
  {"{" EC ",\"use\":1}", ERR_MALFORMED},
  {"{" EC ",\"alg\":\"ECDH-ES\"}", ERR_MALFORMED},
  {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256 "\"}", ERR_MALFORMED},
  {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256 "=\",\"y\":\"" Y256 "\"}", ERR_MALFORMED},
  {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256 "\",\"y\":7}", ERR_MALFORMED},
  {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256 "\",\"y\":\"" X256 "\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256 "\",\"y\":\"\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA" X256 "\",\"y\":\"" Y256 "\"}",
   ERR_MALFORMED}, /* not a length of base64 */
  {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA" X256 "\",\"y\":\"" Y256 "\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X256 "\",\"y\":\"" Y256 "\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" X256 "\",\"y\":\"" Y256 "\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":\"EC\",\"x\":\"" X256 "\",\"y\":\"" Y256 "\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED "\"}", AVOW_OK},
  {"{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" ED "\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED "\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", ERR_MALFORMED},
  {"{\"kty\":\"oct\",\"x\":\"AAAA\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":\"oct\",\"k\":\"AAAA\"}", ERR_MALFORMED},
  {"{\"kty\":\"ec\",\"crv\":\"P-256\",\"x\":\"" X256 "\",\"y\":\"" Y256 "\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":5}", ERR_MALFORMED},
  {"{\"kty\":\"RSA\",\"n\":\"AQAB\"}", ERR_MALFORMED},
  {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", ERR_BAD_PUBLIC_KEY},
  {"{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}", ERR_BAD_PUBLIC_KEY},
};

static void refused_keys(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    AUTO_ARENA a;
    arena_init(&a, 20000);
    struct jwk jwk;
    struct problem why = {0};
    avow_err e = jwk_parse(slice_str(rows[i].json), &a, &jwk, &why);
    if (e != rows[i].want)
      print_error("row %zu: %s: %s %s\n", i, rows[i].json, err_name(e), why.detail);
    assert_int_equal(e, rows[i].want);
    assert_true(e == AVOW_OK || why.detail[0]);
    assert_true((jwk.key != NULL) == (e == AVOW_OK));
    jwk_clear(&jwk);
  }
}

/* An RSA modulus of `n` bytes 0xff, or with a leading zero. */
static avow_err rsa_of(size_t n, bool zero, const char *e) {
  AUTO_ARENA a;
  arena_init(&a, 20000);
  uint8_t bytes[1100];
  memset(bytes, 0xff, sizeof bytes);
  if (zero)
    bytes[0] = 0;
  AUTO_BUF json;
  buf_init(&json, 10000);
  buf_put_str(&json, "{\"kty\":\"RSA\",\"n\":\"");
  base64url_put(&json, slice_of(bytes, n));
  buf_printf(&json, "\",\"e\":\"%s\"}", e);
  struct jwk jwk;
  avow_err result = jwk_parse(buf_slice(&json), &a, &jwk, NULL);
  jwk_clear(&jwk);
  return result;
}

static void rsa_sizes(void **state) {
  (void)state;
  assert_int_equal(rsa_of(256, false, "AQAB"), AVOW_OK);
  assert_int_equal(rsa_of(1024, false, "AQAB"), AVOW_OK);
  assert_int_equal(rsa_of(255, false, "AQAB"), ERR_BAD_PUBLIC_KEY);
  assert_int_equal(rsa_of(128, false, "AQAB"), ERR_BAD_PUBLIC_KEY);
  assert_int_equal(rsa_of(1025, false, "AQAB"), ERR_BAD_PUBLIC_KEY);
  assert_int_equal(rsa_of(257, true, "AQAB"), ERR_BAD_PUBLIC_KEY); /* RFC 7518, 6.3.1.1: no leading zero */
  assert_int_equal(rsa_of(256, false, "AAEAAQ"), ERR_BAD_PUBLIC_KEY);
  assert_int_equal(rsa_of(256, false, "AQ"), ERR_BAD_PUBLIC_KEY);
  assert_int_equal(rsa_of(256, false, "AQA"), ERR_BAD_PUBLIC_KEY); /* 256: even */
}

static void oversized_is_refused(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 100000);
  AUTO_BUF json;
  buf_init(&json, 20000);
  buf_put_str(&json, "{" EC ",\"kid\":\"");
  while (json.n < 8300)
    buf_put_u8(&json, 'x');
  buf_put_str(&json, "\"}");
  struct jwk jwk;
  assert_int_equal(jwk_parse(buf_slice(&json), &a, &jwk, NULL), ERR_MALFORMED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(rfc_examples), cmocka_unit_test(rfc_mac_example),      cmocka_unit_test(refused_keys),
    cmocka_unit_test(rsa_sizes),    cmocka_unit_test(oversized_is_refused),
  };
  return cmocka_run_group_tests(tests, load, unload);
}
