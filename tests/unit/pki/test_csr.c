/* PKCS#10 requests: what is read from good ones, and each way of being refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "der/der.h"
#include "samples.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NAMES(...)                                                                                                     \
  .names = (const char *const[]){__VA_ARGS__}, .names_n = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)

/* Extension elements. */
#define BC_CA "\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff"
#define BC_LEAF "\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00"
#define MUST_STAPLE "\x30\x11\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x18\x04\x05\x30\x03\x02\x01\x05"
#define CRITICAL_FALSE "\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\x00\x04\x04\x03\x02\x07\x80"
#define SHA1_RSA "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00"

static void good_requests(void **state) {
  (void)state;
  const struct {
    struct sample_csr csr;
    const char *names, *common_name;
  } table[] = {
    {{NAMES("b.example", "a.example", "B.Example")}, "a.example b.example", ""},
    {{.common_name = "A.example", NAMES("b.example", "a.example")}, "a.example b.example", "a.example"},
    {{.common_name = "c.example", NAMES("b.example")}, "b.example c.example", "c.example"},
    {{.common_name = "*.a.example", NAMES("a.example")}, "a.example *.a.example", "*.a.example"},
    {{.common_name = "a.example", .common_name_tag = DER_PRINTABLE_STRING}, "a.example", "a.example"},
    {{.common_name = "10.0.0.1", .san = SLICE_LIT("\x87\x04\x0a\x00\x00\x01")}, "10.0.0.1", ""},
    {{.san = SLICE_LIT("\x87\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), NAMES("a.example")},
     "a.example 2001:db8::1",
     ""},
    {{NAMES("a.example"), .password = true}, "a.example", ""},
    {{NAMES("a.example"), .extension = SLICE_LIT(BC_LEAF)}, "a.example", ""},
    {{NAMES("a.example"), .extension = SLICE_LIT(CRITICAL_FALSE)}, "a.example", ""},
    {{NAMES("a.example"), .extension = SLICE_LIT(MUST_STAPLE)}, "a.example", ""},
    {{0}, "", ""},
  };
  static const enum key_type types[] = {KEY_P256, KEY_P384, KEY_RSA};
  for (size_t i = 0; i < COUNT(table) * COUNT(types); i++) {
    AUTO_ARENA a;
    arena_init(&a, 1 << 20);
    AUTO_BUF der, names;
    buf_init(&der, CERT_MAX);
    buf_init(&names, 4096);
    struct sample_csr sample = table[i / COUNT(types)].csr;
    sample.key = sample_key(types[i % COUNT(types)]);
    sample_csr_put(&der, &sample);
    struct csr csr;
    struct problem why = {0};
    if (csr_parse(buf_slice(&der), &a, &csr, &why) != AVOW_OK)
      fail_msg("%zu: %s", i, why.detail);
    for (size_t k = 0; k < csr.names_n; k++)
      buf_printf(&names, "%s%s", k ? " " : "", name_display(&csr.names[k], &a));
    assert_true(slice_eq_str(buf_slice(&names), table[i / COUNT(types)].names));
    assert_true(slice_eq_str(csr.common_name, table[i / COUNT(types)].common_name));
    assert_int_equal(csr.wants_must_staple, slice_eq(sample.extension, SLICE_LIT(MUST_STAPLE)));
    assert_true(slice_eq(csr.spki, public_key_spki(private_key_public(sample.key))));
    assert_int_equal(public_key_type(csr.key), types[i % COUNT(types)]);
    csr_clear(&csr);
    assert_null(csr.key);
  }
}

static void refused_requests(void **state) {
  (void)state;
  const struct {
    const char *what;
    struct sample_csr csr;
    avow_err err;
  } table[] = {
    {"wrong signature", {NAMES("a.example"), .spoil = true}, ERR_BAD_CSR},
    {"signature of another key",
     {NAMES("a.example"), .spki = public_key_spki(private_key_public(sample_key(KEY_P384)))},
     ERR_BAD_CSR},
    {"SHA-1", {NAMES("a.example"), .key = sample_key(KEY_RSA), .alg = SLICE_LIT(SHA1_RSA)}, ERR_BAD_CSR},
    {"algorithm of another key", {NAMES("a.example"), .alg = signature_alg_identifier(SIG_RS256)}, ERR_BAD_CSR},
    {"Ed25519", {NAMES("a.example"), .key = sample_key(KEY_ED25519)}, ERR_BAD_PUBLIC_KEY},
    {"P-521", {NAMES("a.example"), .key = sample_key(KEY_P521)}, ERR_BAD_PUBLIC_KEY},
    {"no key", {NAMES("a.example"), .spki = SLICE_LIT("\x30\x00")}, ERR_BAD_PUBLIC_KEY},
    {"version 1", {NAMES("a.example"), .version = 1}, ERR_BAD_CSR},
    {"two SAN extensions", {NAMES("a.example"), .sans = 2}, ERR_BAD_CSR},
    {"two extension requests", {NAMES("a.example"), .requests = 2}, ERR_BAD_CSR},
    {"mail address",
     {.san = SLICE_LIT("\x81\x03"
                       "a@b")},
     ERR_BAD_CSR},
    {"URI",
     {.san = SLICE_LIT("\x86\x03"
                       "a:b")},
     ERR_BAD_CSR},
    {"directory name", {.san = SLICE_LIT("\xa4\x02\x30\x00")}, ERR_BAD_CSR},
    {"other name", {.san = SLICE_LIT("\xa0\x02\x06\x00")}, ERR_BAD_CSR},
    {"address of 5 octets",
     {.san = SLICE_LIT("\x87\x05"
                       "abcde")},
     ERR_BAD_CSR},
    {"empty DNS name", {.san = SLICE_LIT("\x82\x00")}, ERR_BAD_CSR},
    {"underscore", {NAMES("a_b.example")}, ERR_BAD_CSR},
    {"final dot", {NAMES("a.example.")}, ERR_BAD_CSR},
    {"NUL in a name",
     {.san = SLICE_LIT("\x82\x0b"
                       "a\0b.example")},
     ERR_BAD_CSR},
    {"common name is no name", {.common_name = "My Server", NAMES("a.example")}, ERR_BAD_CSR},
    {"empty common name", {.common_name = "", NAMES("a.example")}, ERR_BAD_CSR},
    {"two common names", {.common_name = "a.example", .common_names = 2}, ERR_BAD_CSR},
    {"BMPString", {.common_name = "a.example", .common_name_tag = DER_BMP_STRING}, ERR_BAD_CSR},
    {"CA:TRUE", {NAMES("a.example"), .extension = SLICE_LIT(BC_CA)}, ERR_BAD_CSR},
    {"an extension twice", {NAMES("a.example"), .extension = SLICE_LIT(BC_LEAF BC_LEAF)}, ERR_BAD_CSR},
    {"broken extension", {NAMES("a.example"), .extension = SLICE_LIT("\x30\x01\x06")}, ERR_BAD_CSR},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_ARENA a;
    arena_init(&a, 1 << 20);
    AUTO_BUF der;
    buf_init(&der, CERT_MAX);
    sample_csr_put(&der, &table[i].csr);
    struct csr csr;
    struct problem why = {0};
    avow_err err = csr_parse(buf_slice(&der), &a, &csr, &why);
    if (err != table[i].err || why.err != err || csr.key)
      fail_msg("%s: %s, %s", table[i].what, err_name(err), why.detail);
  }
}

/* No prefix, no longer form and no changed octet passes; nothing reads beyond the end (the sanitizer's part). */
static void damaged_requests(void **state) {
  (void)state;
  AUTO_BUF der;
  buf_init(&der, CERT_MAX);
  sample_csr_put(&der, &(struct sample_csr){.common_name = "a.example", NAMES("a.example", "b.example")});
  struct csr csr;
  for (size_t n = 0; n < der.n; n++) {
    AUTO_ARENA a;
    arena_init(&a, 1 << 20);
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, der.p, n);
    assert_int_equal(csr_parse(slice_of(copy, n), &a, &csr, NULL), ERR_BAD_CSR);
    free(copy);
  }
  for (size_t i = 0; i < der.n; i++) {
    AUTO_ARENA a;
    arena_init(&a, 1 << 20);
    der.p[i] ^= 0x21;
    assert_int_not_equal(csr_parse(buf_slice(&der), &a, &csr, NULL), AVOW_OK);
    der.p[i] ^= 0x21;
  }
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  buf_put_u8(&der, 0);
  assert_int_equal(csr_parse(buf_slice(&der), &a, &csr, NULL), ERR_BAD_CSR);
}

/* OpenSSL's own requests, with SHA-384 on a P-256 key, are read. */
static void openssl_requests(void **state) {
  (void)state;
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509_REQ *req = X509_REQ_new();
  X509V3_CTX ctx;
  assert_true(key && req);
  X509_REQ_set_pubkey(req, key);
  X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "O", MBSTRING_ASC, (const uint8_t *)"Somebody", -1, -1, 0);
  X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", MBSTRING_ASC, (const uint8_t *)"a.example", -1, -1,
                             0);
  X509V3_set_ctx_nodb(&ctx);
  X509V3_set_ctx(&ctx, NULL, NULL, req, NULL, 0);
  STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
  sk_X509_EXTENSION_push(
    extensions, X509V3_EXT_nconf_nid(NULL, &ctx, NID_subject_alt_name, "DNS:a.example,DNS:*.b.example,IP:10.0.0.1"));
  X509_REQ_add_extensions(req, extensions);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  assert_true(X509_REQ_sign(req, key, EVP_sha384()) > 0);
  unsigned char *der = NULL;
  int n = i2d_X509_REQ(req, &der);
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct csr csr;
  struct problem why = {0};
  if (csr_parse(slice_of(der, (size_t)n), &a, &csr, &why) != AVOW_OK)
    fail_msg("%s", why.detail);
  assert_int_equal(csr.names_n, 3);
  assert_true(slice_eq_str(csr.common_name, "a.example"));
  csr_clear(&csr);
  OPENSSL_free(der);
  X509_REQ_free(req);
  EVP_PKEY_free(key);
}

static void memory_runs_out(void **state) {
  (void)state;
  AUTO_BUF der;
  buf_init(&der, CERT_MAX);
  sample_csr_put(&der, &(struct sample_csr){.common_name = "a.example", NAMES("a.example")});
  bool done = false;
  for (size_t cap = 0; !done; cap++) {
    AUTO_ARENA a;
    arena_init(&a, cap);
    struct csr csr;
    avow_err err = csr_parse(buf_slice(&der), &a, &csr, NULL);
    done = err == AVOW_OK;
    assert_true(done || err == ERR_NO_MEMORY);
    csr_clear(&csr);
  }
}

static int free_keys(void **state) {
  (void)state;
  sample_keys_free();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(good_requests),    cmocka_unit_test(refused_requests), cmocka_unit_test(damaged_requests),
    cmocka_unit_test(openssl_requests), cmocka_unit_test(memory_runs_out),
  };
  return cmocka_run_group_tests(tests, NULL, free_keys);
}
