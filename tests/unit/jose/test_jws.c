/* JWS as ACME has it: what verifies, and every way to be refused. */
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

static const enum key_type types[] = {KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519};
enum { TYPES = sizeof types / sizeof *types };
static struct private_key *keys[TYPES];
static char jwks[TYPES][1000];

static int make_keys(void **state) {
  (void)state;
  for (size_t i = 0; i < TYPES; i++) {
    AUTO_BUF text;
    buf_init(&text, sizeof jwks[i] - 1);
    if (private_key_generate(types[i], 2048, &keys[i]) != AVOW_OK ||
        jwk_write(private_key_public(keys[i]), &text) != AVOW_OK)
      return -1;
    memcpy(jwks[i], text.p, text.n);
  }
  return 0;
}

static int free_keys(void **state) {
  (void)state;
  for (size_t i = 0; i < TYPES; i++)
    private_key_free(keys[i]);
  return 0;
}

static void put_quoted(struct buf *b, const char *name, struct slice bytes) {
  buf_printf(b, "\"%s\":\"", name);
  base64url_put(b, bytes);
  buf_put_u8(b, '"');
}

/* Signs with key `k` as `alg` (its own when SIG_NONE). In `header` each '@' and a digit stand for that key's JWK. */
static void make(size_t k, enum signature_alg alg, const char *header, const char *payload, struct buf *out) {
  AUTO_BUF protected_header;
  AUTO_BUF input;
  AUTO_BUF signature;
  buf_init(&protected_header, 100000);
  buf_init(&input, 100000);
  buf_init(&signature, 2000);
  for (const char *c = header; *c; c++)
    if (*c == '@')
      buf_put_str(&protected_header, jwks[*++c - '0']);
    else
      buf_put_u8(&protected_header, (uint8_t)*c);
  base64url_put(&input, buf_slice(&protected_header));
  buf_put_u8(&input, '.');
  base64url_put(&input, slice_str(payload));
  if (alg == SIG_NONE)
    alg = key_signature_alg(types[k]);
  assert_int_equal(private_key_sign(keys[k], alg, SIGNATURE_RAW, buf_slice(&input), &signature), AVOW_OK);
  buf_put_u8(out, '{');
  put_quoted(out, "protected", buf_slice(&protected_header));
  buf_put_u8(out, ',');
  put_quoted(out, "payload", slice_str(payload));
  buf_put_u8(out, ',');
  put_quoted(out, "signature", buf_slice(&signature));
  buf_put_u8(out, '}');
}

static const char *const own_header[TYPES] = {
  "{\"alg\":\"RS256\",\"nonce\":\"abc-_9\",\"url\":\"https://ca/x\",\"jwk\":@0}",
  "{\"alg\":\"ES256\",\"nonce\":\"abc-_9\",\"url\":\"https://ca/x\",\"jwk\":@1}",
  "{\"alg\":\"ES384\",\"nonce\":\"abc-_9\",\"url\":\"https://ca/x\",\"jwk\":@2}",
  "{\"alg\":\"ES512\",\"nonce\":\"abc-_9\",\"url\":\"https://ca/x\",\"jwk\":@3}",
  "{\"alg\":\"EdDSA\",\"nonce\":\"abc-_9\",\"url\":\"https://ca/x\",\"jwk\":@4}",
};

static void each_algorithm_verifies(void **state) {
  (void)state;
  for (size_t i = 0; i < TYPES; i++) {
    AUTO_BUF body;
    AUTO_ARENA a;
    buf_init(&body, 100000);
    arena_init(&a, JWS_ARENA);
    make(i, SIG_NONE, own_header[i], "{\"a\":1}", &body);
    struct jws jws;
    struct problem why = {0};
    assert_int_equal(jws_parse(buf_slice(&body), &a, &jws, &why), AVOW_OK);
    assert_int_equal(jws.alg, key_signature_alg(types[i]));
    assert_string_equal(jose_alg_text(jws.alg), jose_algorithms[i]);
    assert_true(slice_eq_str(jws.nonce, "abc-_9"));
    assert_true(slice_eq_str(jws.url, "https://ca/x"));
    assert_null(jws.kid.p);
    assert_true(jws.has_jwk);
    assert_true(slice_eq_str(jws.jwk.canonical, jwks[i]));
    assert_true(slice_eq_str(jws.payload, "{\"a\":1}"));
    assert_false(jws.payload_is_empty_string);
    assert_int_equal(jws_verify(&jws, jws.jwk.key, &why), AVOW_OK);
    for (size_t other = 0; other < TYPES; other++)
      if (other != i) {
        assert_int_equal(jws_verify(&jws, private_key_public(keys[other]), &why), ERR_BAD_ALGORITHM);
        assert_non_null(strstr(why.detail, "does not fit"));
      }
    /* One byte of the signed text, one of the signature, its length. */
    uint8_t *input = (uint8_t *)(uintptr_t)jws.signing_input.p;
    input[5] ^= 1;
    assert_int_equal(jws_verify(&jws, jws.jwk.key, &why), ERR_MALFORMED);
    assert_string_equal(why.detail, "JWS: the signature is not right");
    input[5] ^= 1;
    struct slice whole = jws.signature;
    jws.signature.n--;
    assert_int_equal(jws_verify(&jws, jws.jwk.key, &why), ERR_MALFORMED);
    jws.signature = SLICE_NONE;
    assert_int_equal(jws_verify(&jws, jws.jwk.key, &why), ERR_MALFORMED);
    jws.signature = whole;
    assert_int_equal(jws_verify(&jws, jws.jwk.key, &why), AVOW_OK);
    assert_int_equal(jws_verify_mac(&jws, SLICE_LIT("key"), &why), ERR_BAD_ALGORITHM);
    jws_clear(&jws);
  }
}

static void post_as_get_is_told_apart(void **state) {
  (void)state;
  static const struct {
    const char *payload;
    bool empty;
  } rows[] = {{"", true}, {"{}", false}};
  for (size_t i = 0; i < 2; i++) {
    AUTO_BUF body;
    AUTO_ARENA a;
    buf_init(&body, 100000);
    arena_init(&a, JWS_ARENA);
    make(1, SIG_NONE, "{\"alg\":\"ES256\",\"nonce\":\"AA\",\"url\":\"https://ca/x\",\"kid\":\"https://ca/acct/1\"}",
         rows[i].payload, &body);
    struct jws jws;
    assert_int_equal(jws_parse(buf_slice(&body), &a, &jws, NULL), AVOW_OK);
    assert_int_equal(jws.payload_is_empty_string, rows[i].empty);
    assert_int_equal(jws.payload.n, strlen(rows[i].payload));
    assert_false(jws.has_jwk);
    assert_true(slice_eq_str(jws.kid, "https://ca/acct/1"));
    assert_int_equal(jws_verify(&jws, private_key_public(keys[1]), NULL), AVOW_OK);
    jws_clear(&jws);
  }
}

/* Headers over a right signature of key 1 (P-256). */
static const struct {
  const char *header;
  avow_err want;
  const char *message;
} headers[] = {
  {"{\"alg\":\"ES256\",\"kid\":\"k\"}", AVOW_OK, ""},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"x\",\"other\":{\"a\":[]}}", AVOW_OK, ""},
  {"{\"alg\":\"none\",\"kid\":\"k\"}", ERR_BAD_ALGORITHM, "RS256, ES256"},
  {"{\"alg\":\"HS256\",\"kid\":\"k\"}", ERR_BAD_ALGORITHM, "RS256, ES256"},
  {"{\"alg\":\"HS256\",\"jwk\":@1}", ERR_BAD_ALGORITHM, ""},
  {"{\"alg\":\"RS384\",\"kid\":\"k\"}", ERR_BAD_ALGORITHM, ""},
  {"{\"alg\":\"PS256\",\"kid\":\"k\"}", ERR_BAD_ALGORITHM, ""},
  {"{\"alg\":\"ES256K\",\"kid\":\"k\"}", ERR_BAD_ALGORITHM, ""},
  {"{\"alg\":\"es256\",\"kid\":\"k\"}", ERR_BAD_ALGORITHM, ""},
  {"{\"alg\":\"\",\"kid\":\"k\"}", ERR_BAD_ALGORITHM, ""},
  {"{\"alg\":[\"ES256\"],\"kid\":\"k\"}", ERR_MALFORMED, "\"alg\" is missing"},
  {"{\"kid\":\"k\"}", ERR_MALFORMED, "\"alg\" is missing"},
  {"{\"alg\":\"ES384\",\"jwk\":@1}", ERR_BAD_ALGORITHM, "the key is of type P-256"},
  {"{\"alg\":\"RS256\",\"jwk\":@1}", ERR_BAD_ALGORITHM, "the key is of type P-256"},
  {"{\"alg\":\"EdDSA\",\"jwk\":@1}", ERR_BAD_ALGORITHM, ""},
  {"{\"alg\":\"ES256\",\"jwk\":@0}", ERR_BAD_ALGORITHM, "the key is of type RSA"},
  {"{\"alg\":\"ES256\",\"jwk\":@1,\"kid\":\"k\"}", ERR_MALFORMED, "both"},
  {"{\"alg\":\"ES256\"}", ERR_MALFORMED, "neither"},
  {"{\"alg\":\"ES256\",\"jwk\":null}", ERR_MALFORMED, "not an object"},
  {"{\"alg\":\"ES256\",\"jwk\":\"x\"}", ERR_MALFORMED, "not an object"},
  {"{\"alg\":\"ES256\",\"kid\":\"\"}", ERR_MALFORMED, "\"kid\""},
  {"{\"alg\":\"ES256\",\"kid\":7}", ERR_MALFORMED, "\"kid\""},
  {"{\"alg\":\"ES256\",\"kid\":null,\"jwk\":@1}", ERR_MALFORMED, "\"kid\""},
  {"{\"alg\":\"ES256\",\"kid\":\"a b\"}", ERR_MALFORMED, "\"kid\""},
  {"{\"alg\":\"ES256\",\"kid\":\"\\u00e9\"}", ERR_MALFORMED, "\"kid\""},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"url\":5}", ERR_MALFORMED, "\"url\""},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"url\":\"a\\nb\"}", ERR_MALFORMED, "\"url\""},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"a+b\"}", ERR_MALFORMED, "nonce is not base64url"},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"AAA=\"}", ERR_MALFORMED, "nonce is not base64url"},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"A\"}", AVOW_OK, ""},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"\"}", ERR_MALFORMED, "\"nonce\""},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":3}", ERR_MALFORMED, "\"nonce\""},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"crit\":[\"b64\"],\"b64\":false}", ERR_MALFORMED, "critical"},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"crit\":[]}", ERR_MALFORMED, "critical"},
  {"{\"alg\":\"ES256\",\"alg\":\"none\",\"kid\":\"k\"}", ERR_MALFORMED, "protected header"},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"kid\":\"l\"}", ERR_MALFORMED, "protected header"},
  {"{\"alg\":\"ES256\",\"kid\":\"k\"}{}", ERR_MALFORMED, "protected header"},
  {"{\"alg\":\"ES256\",\"kid\":\"k\",\"a\":[[[[]]]]}", ERR_MALFORMED, "protected header"},
  {"[]", ERR_MALFORMED, "protected header"},
  {"", ERR_MALFORMED, "protected header"},
  {"{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}}", ERR_BAD_PUBLIC_KEY, "2048"},
};

static void headers_are_judged(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    AUTO_BUF body;
    AUTO_ARENA a;
    buf_init(&body, 100000);
    arena_init(&a, JWS_ARENA);
    make(1, SIG_NONE, headers[i].header, "{}", &body);
    struct jws jws;
    struct problem why = {0};
    avow_err e = jws_parse(buf_slice(&body), &a, &jws, &why);
    if (e != headers[i].want || !strstr(why.detail, headers[i].message))
      print_error("row %zu: %s: %s %s\n", i, headers[i].header, err_name(e), why.detail);
    assert_int_equal(e, headers[i].want);
    assert_non_null(strstr(why.detail, headers[i].message));
    jws_clear(&jws);
  }
}

/* A JWK that claims another algorithm than the header. */
static void jwk_alg_must_agree(void **state) {
  (void)state;
  char header[5000];
  static const struct {
    const char *alg;
    avow_err want;
  } rows[] = {{"ES256", AVOW_OK}, {"ES384", ERR_BAD_ALGORITHM}, {"none", ERR_MALFORMED}};
  for (size_t i = 0; i < 3; i++) {
    snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"jwk\":{\"alg\":\"%s\",%s}", rows[i].alg, jwks[1] + 1);
    AUTO_BUF body;
    AUTO_ARENA a;
    buf_init(&body, 100000);
    arena_init(&a, JWS_ARENA);
    make(1, SIG_NONE, header, "{}", &body);
    struct jws jws;
    assert_int_equal(jws_parse(buf_slice(&body), &a, &jws, NULL), rows[i].want);
    jws_clear(&jws);
  }
}

/* "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ" is {"alg":"ES256","kid":"k"}. */
#define P "\"protected\":\"eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ\""
static const struct {
  const char *body;
  avow_err want;
} outers[] = {
  {"{" P ",\"payload\":\"\",\"signature\":\"AA\"}", AVOW_OK},
  {"{" P ",\"payload\":\"\",\"signature\":\"AA\",\"header\":{}}", ERR_MALFORMED},
  {"{" P ",\"payload\":\"\",\"signature\":\"AA\",\"header\":null}", ERR_MALFORMED},
  {"{" P ",\"payload\":\"\",\"signature\":\"AA\",\"signatures\":[]}", ERR_MALFORMED},
  {"{\"payload\":\"\",\"signatures\":[{" P ",\"signature\":\"AA\"}]}", ERR_MALFORMED},
  {"{" P ",\"payload\":\"\",\"signature\":\"AA\",\"other\":1}", ERR_MALFORMED},
  {"{" P ",\"payload\":\"\",\"payload\":\"\",\"signature\":\"AA\"}", ERR_MALFORMED},
  {"{" P "," P ",\"payload\":\"\",\"signature\":\"AA\"}", ERR_MALFORMED},
  {"{" P ",\"payload\":\"\"}", ERR_MALFORMED},
  {"{" P ",\"signature\":\"AA\"}", ERR_MALFORMED},
  {"{\"payload\":\"\",\"signature\":\"AA\"}", ERR_MALFORMED},
  {"{" P ",\"payload\":null,\"signature\":\"AA\"}", ERR_MALFORMED},
  {"{" P ",\"payload\":{},\"signature\":\"AA\"}", ERR_MALFORMED},
  {"{" P ",\"payload\":\"e30=\",\"signature\":\"AA\"}", ERR_MALFORMED},
  {"{" P ",\"payload\":\"e3+\",\"signature\":\"AA\"}", ERR_MALFORMED},
  {"{" P ",\"payload\":\"e31\",\"signature\":\"AA\"}", ERR_MALFORMED}, /* spare bits */
  {"{" P ",\"payload\":\"e\\n30\",\"signature\":\"AA\"}", ERR_MALFORMED},
  {"{" P ",\"payload\":\"\",\"signature\":\"AA==\"}", ERR_MALFORMED},
  {"{" P ",\"payload\":\"\",\"signature\":\"A\"}", ERR_MALFORMED},
  {"{\"protected\":\"\",\"payload\":\"\",\"signature\":\"AA\"}", ERR_MALFORMED},
  {"{\"protected\":\"e30=\",\"payload\":\"\",\"signature\":\"AA\"}", ERR_MALFORMED},
  {"[{" P ",\"payload\":\"\",\"signature\":\"AA\"}]", ERR_MALFORMED},
  {"{" P ",\"payload\":\"\",\"signature\":\"AA\"}x", ERR_MALFORMED},
  {"eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ..AA", ERR_MALFORMED},
  {"{}", ERR_MALFORMED},
  {"", ERR_MALFORMED},
};

static void bodies_are_judged(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof outers / sizeof *outers; i++) {
    AUTO_ARENA a;
    arena_init(&a, JWS_ARENA);
    struct jws jws;
    struct problem why = {0};
    avow_err e = jws_parse(slice_str(outers[i].body), &a, &jws, &why);
    if (e != outers[i].want)
      print_error("row %zu: %s: %s %s\n", i, outers[i].body, err_name(e), why.detail);
    assert_int_equal(e, outers[i].want);
    jws_clear(&jws);
  }
}

static void size_limit(void **state) {
  (void)state;
  for (size_t over = 0; over < 2; over++) {
    AUTO_BUF body;
    AUTO_ARENA a;
    buf_init(&body, 100000);
    arena_init(&a, JWS_ARENA);
    buf_put_str(&body, "{" P ",\"signature\":\"AA\",\"payload\":\"");
    while (body.n < JWS_MAX - 2 - (JWS_MAX - 2 - body.n) % 4)
      buf_put_str(&body, "AAAA");
    buf_put_str(&body, "\"}");
    while (body.n < JWS_MAX + over)
      buf_put_u8(&body, ' ');
    struct jws jws;
    assert_int_equal(jws_parse(buf_slice(&body), &a, &jws, NULL), over ? ERR_TOO_LARGE : AVOW_OK);
    jws_clear(&jws);
  }
}

/* A MAC over `header`, as an account with an external binding sends it. */
static void make_mac(const char *header, struct slice key, struct buf *out) {
  AUTO_BUF input;
  buf_init(&input, 10000);
  base64url_put(&input, slice_str(header));
  buf_put_u8(&input, '.');
  base64url_put(&input, SLICE_LIT("{}"));
  uint8_t mac[SHA256_BYTES];
  hmac_sha256(key, buf_slice(&input), mac);
  buf_put_u8(out, '{');
  put_quoted(out, "protected", slice_str(header));
  buf_put_str(out, ",\"payload\":\"e30\",");
  put_quoted(out, "signature", SLICE_OF(mac));
  buf_put_u8(out, '}');
}

static void external_account_binding(void **state) {
  (void)state;
  static const struct {
    const char *header;
    avow_err want;
  } rows[] = {
    {"{\"alg\":\"HS256\",\"kid\":\"k\",\"url\":\"https://ca/new\"}", AVOW_OK},
    {"{\"alg\":\"HS512\",\"kid\":\"k\",\"url\":\"https://ca/new\"}", ERR_BAD_ALGORITHM},
    {"{\"alg\":\"ES256\",\"kid\":\"k\",\"url\":\"https://ca/new\"}", ERR_BAD_ALGORITHM},
    {"{\"alg\":\"none\",\"kid\":\"k\",\"url\":\"https://ca/new\"}", ERR_BAD_ALGORITHM},
    {"{\"kid\":\"k\",\"url\":\"https://ca/new\"}", ERR_MALFORMED},
    {"{\"alg\":\"HS256\",\"kid\":\"k\"}", ERR_MALFORMED},
    {"{\"alg\":\"HS256\",\"url\":\"https://ca/new\"}", ERR_MALFORMED},
    {"{\"alg\":\"HS256\",\"kid\":\"k\",\"url\":\"https://ca/new\",\"nonce\":\"AA\"}", ERR_MALFORMED},
    {"{\"alg\":\"HS256\",\"kid\":\"k\",\"url\":\"https://ca/new\",\"jwk\":{}}", ERR_MALFORMED},
    {"{\"alg\":\"HS256\",\"kid\":\"k\",\"url\":\"https://ca/new\",\"crit\":[\"x\"]}", ERR_MALFORMED},
  };
  struct slice key = SLICE_LIT("0123456789abcdef0123456789abcdef");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    AUTO_BUF body;
    AUTO_ARENA a;
    buf_init(&body, 10000);
    arena_init(&a, JWS_ARENA);
    make_mac(rows[i].header, key, &body);
    struct jws jws;
    assert_int_equal(jws_parse_mac(buf_slice(&body), &a, &jws, NULL), rows[i].want);
    if (rows[i].want == AVOW_OK) {
      assert_true(jws.is_mac);
      assert_int_equal(jws.alg, SIG_NONE);
      assert_int_equal(jws_verify_mac(&jws, key, NULL), AVOW_OK);
      assert_int_equal(jws_verify_mac(&jws, slice_of(key.p, key.n - 1), NULL), ERR_MALFORMED);
      assert_int_equal(jws_verify(&jws, private_key_public(keys[1]), NULL), ERR_BAD_ALGORITHM);
      jws.signature.n--;
      assert_int_equal(jws_verify_mac(&jws, key, NULL), ERR_MALFORMED);
      /* An ordinary request may not be a MAC. */
      struct jws ordinary;
      assert_int_equal(jws_parse(buf_slice(&body), &a, &ordinary, NULL), ERR_BAD_ALGORITHM);
      jws_clear(&ordinary);
    }
    jws_clear(&jws);
  }
}

/* The published attack: a MAC under the bytes of the public key, sent where a signature is expected. */
static void public_key_is_no_mac_key(void **state) {
  (void)state;
  AUTO_BUF body;
  AUTO_ARENA a;
  buf_init(&body, 10000);
  arena_init(&a, JWS_ARENA);
  make_mac("{\"alg\":\"HS256\",\"kid\":\"k\",\"url\":\"https://ca/new\"}", public_key_spki(private_key_public(keys[0])),
           &body);
  struct jws jws;
  assert_int_equal(jws_parse(buf_slice(&body), &a, &jws, NULL), ERR_BAD_ALGORITHM);
  jws_clear(&jws);
}

static void small_arena_is_an_error_only(void **state) {
  (void)state;
  AUTO_BUF body;
  buf_init(&body, 100000);
  make(1, SIG_NONE, own_header[1], "{\"a\":1}", &body);
  bool done = false;
  for (size_t cap = 0; !done; cap += 64) {
    AUTO_ARENA a;
    arena_init(&a, cap);
    struct jws jws;
    done = jws_parse(buf_slice(&body), &a, &jws, NULL) == AVOW_OK;
    if (done)
      assert_int_equal(jws_verify(&jws, jws.jwk.key, NULL), AVOW_OK);
    jws_clear(&jws);
    assert_true(cap < JWS_ARENA);
  }
}

static void json_depth(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int depth;
    bool ok;
  } rows[] = {
    {"{}", 1, true},
    {"{\"a\":{}}", 1, false},
    {"{\"a\":{}}", 2, true},
    {"{\"a\":[[]]}", 2, false},
    {"{\"a\":\"[[[[{{\"}", 1, true},
    {"{\"a\":\"\\\"[[\"}", 1, true},
    {"[]", 1, false},
    {"{", 1, false},
    {"", 1, false},
    {"{\"a\":1,\"a\":1}", 1, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    AUTO_JSON value = json_parse_strict(slice_str(rows[i].text), rows[i].depth);
    assert_int_equal(value != NULL, rows[i].ok);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_algorithm_verifies),
    cmocka_unit_test(post_as_get_is_told_apart),
    cmocka_unit_test(headers_are_judged),
    cmocka_unit_test(jwk_alg_must_agree),
    cmocka_unit_test(bodies_are_judged),
    cmocka_unit_test(size_limit),
    cmocka_unit_test(external_account_binding),
    cmocka_unit_test(public_key_is_no_mac_key),
    cmocka_unit_test(small_arena_is_an_error_only),
    cmocka_unit_test(json_depth),
  };
  return cmocka_run_group_tests(tests, make_keys, free_keys);
}
