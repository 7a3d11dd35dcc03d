/* Keys: what is accepted, what is refused, and that OpenSSL's own encodings are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/base64.h"
#include "crypto/key.h"

static const struct {
  enum key_type type;
  int rsa_bits, bits;
  size_t raw; /* bytes of a JOSE signature */
} kinds[] = {
  {KEY_RSA, 2048, 2048, 256}, {KEY_RSA, 3072, 3072, 384}, {KEY_P256, 0, 256, 64},
  {KEY_P384, 0, 384, 96},     {KEY_P521, 0, 521, 132},    {KEY_ED25519, 0, 256, 64},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static struct private_key *made[KINDS];

static int make_keys(void **state) {
  (void)state;
  for (size_t i = 0; i < KINDS; i++)
    if (private_key_generate(kinds[i].type, kinds[i].rsa_bits, &made[i]) != AVOW_OK)
      return -1;
  return 0;
}

static int free_keys(void **state) {
  (void)state;
  for (size_t i = 0; i < KINDS; i++)
    private_key_free(made[i]);
  return 0;
}

static void generated_keys_have_their_shape(void **state) {
  (void)state;
  for (size_t i = 0; i < KINDS; i++) {
    const struct public_key *key = private_key_public(made[i]);
    assert_int_equal(public_key_type(key), kinds[i].type);
    assert_int_equal(public_key_bits(key), kinds[i].bits);
    assert_int_equal(public_key_rsa_n(key).n, kinds[i].type == KEY_RSA ? (size_t)kinds[i].bits / 8 : 0);
    assert_int_equal(public_key_rsa_e(key).n, kinds[i].type == KEY_RSA ? 3 : 0);
  }
}

/* OpenSSL, a second opinion, writes and reads the same SubjectPublicKeyInfo. */
static void openssl_agrees_on_spki(void **state) {
  (void)state;
  for (size_t i = 0; i < KINDS; i++) {
    struct slice spki = public_key_spki(private_key_public(made[i]));
    const unsigned char *p = spki.p;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)spki.n);
    assert_non_null(pkey);
    assert_ptr_equal(p, spki.p + spki.n);
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(pkey, &der);
    assert_int_equal(n, spki.n);
    assert_memory_equal(der, spki.p, spki.n);
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
    X509_PUBKEY *x = NULL;
    p = spki.p;
    assert_non_null(d2i_X509_PUBKEY(&x, &p, (long)spki.n));
    const unsigned char *content = NULL;
    int content_n = 0;
    assert_int_equal(X509_PUBKEY_get0_param(NULL, &content, &content_n, NULL, x), 1);
    struct slice ours = public_key_bits_content(private_key_public(made[i]));
    assert_true(slice_eq(ours, slice_of(content, (size_t)content_n)));
    X509_PUBKEY_free(x);
  }
}

static void spki_reads_back(void **state) {
  (void)state;
  for (size_t i = 0; i < KINDS; i++) {
    const struct public_key *key = private_key_public(made[i]);
    struct problem why = {0};
    AUTO_PUBLIC_KEY again = NULL;
    assert_int_equal(public_key_from_spki(public_key_spki(key), &again, &why), AVOW_OK);
    assert_int_equal(public_key_type(again), kinds[i].type);
    assert_int_equal(public_key_bits(again), kinds[i].bits);
    assert_true(slice_eq(public_key_spki(again), public_key_spki(key)));
    struct public_key *other_owner = public_key_ref(again);
    public_key_free(again);
    assert_true(slice_eq(public_key_spki(other_owner), public_key_spki(key)));
    again = other_owner;
  }
}

/* Every truncation, every extension and almost every flipped bit of an SPKI is refused; what is not refused is another
   valid key of the same form. */
static void damaged_spki_is_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < KINDS; i++) {
    struct slice spki = public_key_spki(private_key_public(made[i]));
    uint8_t bytes[600];
    assert_true(spki.n < sizeof bytes);
    memcpy(bytes, spki.p, spki.n);
    bytes[spki.n] = 0;
    struct public_key *key = NULL;
    for (size_t n = 0; n < spki.n + 2; n++) {
      if (n == spki.n)
        continue;
      assert_int_equal(public_key_from_spki(slice_of(bytes, n), &key, NULL), ERR_BAD_PUBLIC_KEY);
      assert_null(key);
    }
    /* Everything before the key's own numbers. */
    size_t head = spki.n - (kinds[i].type == KEY_RSA ? (size_t)kinds[i].bits / 8 + 6 : kinds[i].raw);
    if (kinds[i].type == KEY_ED25519)
      head = spki.n - 32;
    for (size_t at = 0; at < head; at++)
      for (int bit = 0; bit < 8; bit++) {
        bytes[at] ^= (uint8_t)(1 << bit);
        assert_int_equal(public_key_from_spki(slice_of(bytes, spki.n), &key, NULL), ERR_BAD_PUBLIC_KEY);
        bytes[at] ^= (uint8_t)(1 << bit);
      }
  }
}

static void point_off_the_curve_is_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < KINDS; i++) {
    if (kinds[i].type < KEY_P256 || kinds[i].type > KEY_P521)
      continue;
    struct slice spki = public_key_spki(private_key_public(made[i]));
    uint8_t bytes[200];
    memcpy(bytes, spki.p, spki.n);
    bytes[spki.n - 1] ^= 1;
    struct public_key *key = NULL;
    struct problem why = {0};
    assert_int_equal(public_key_from_spki(slice_of(bytes, spki.n), &key, &why), ERR_BAD_PUBLIC_KEY);
    assert_non_null(strstr(why.detail, "not on the curve"));
    uint8_t zero[66] = {0};
    struct slice z = slice_of(zero, kinds[i].raw / 2);
    assert_int_equal(public_key_ec(kinds[i].type, z, z, &key, &why), ERR_BAD_PUBLIC_KEY);
    assert_int_equal(public_key_ec(kinds[i].type, slice_skip(z, 1), z, &key, &why), ERR_BAD_PUBLIC_KEY);
    assert_int_equal(public_key_ec(KEY_ED25519, z, z, &key, &why), ERR_BAD_PUBLIC_KEY);
  }
}

static void weak_rsa_is_refused(void **state) {
  (void)state;
  uint8_t n[1025];
  memset(n, 0xff, sizeof n);
  static const uint8_t f4[] = {1, 0, 1}, one[] = {1}, even[] = {1, 0, 0}, padded[] = {0, 1, 0, 1}, three[] = {3};
  static const uint8_t nine_bytes[] = {1, 0, 0, 0, 0, 0, 0, 0, 1};
  struct public_key *key = NULL;
  struct slice e = SLICE_OF(f4);
  const struct {
    struct slice n, e;
    avow_err want;
  } rows[] = {
    {slice_of(n, 256), e, AVOW_OK},
    {slice_of(n, 256), SLICE_OF(three), AVOW_OK},
    {slice_of(n, 1024), e, AVOW_OK},
    {slice_of(n, 1025), e, ERR_BAD_PUBLIC_KEY},
    {slice_of(n, 255), e, ERR_BAD_PUBLIC_KEY},
    {slice_of(n, 128), e, ERR_BAD_PUBLIC_KEY},
    {slice_of(n, 256), SLICE_OF(one), ERR_BAD_PUBLIC_KEY},
    {slice_of(n, 256), SLICE_OF(even), ERR_BAD_PUBLIC_KEY},
    {slice_of(n, 256), SLICE_OF(padded), ERR_BAD_PUBLIC_KEY},
    {slice_of(n, 256), SLICE_OF(nine_bytes), ERR_BAD_PUBLIC_KEY},
    {slice_of(n, 256), SLICE_NONE, ERR_BAD_PUBLIC_KEY},
    {SLICE_NONE, e, ERR_BAD_PUBLIC_KEY},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_int_equal(public_key_rsa(rows[i].n, rows[i].e, &key, NULL), rows[i].want);
    public_key_free(key);
  }
  n[0] = 0x7f; /* 2047 bits */
  assert_int_equal(public_key_rsa(slice_of(n, 256), e, &key, NULL), ERR_BAD_PUBLIC_KEY);
  n[0] = 0xff;
  n[255] = 0xfe; /* even */
  assert_int_equal(public_key_rsa(slice_of(n, 256), e, &key, NULL), ERR_BAD_PUBLIC_KEY);
  n[0] = 0;
  assert_int_equal(public_key_rsa(slice_of(n, 257), e, &key, NULL), ERR_BAD_PUBLIC_KEY);
}

/* A compressed point, an unnamed curve, RSA-PSS and P-224: DER that OpenSSL reads and we do not. */
static void other_forms_are_refused(void **state) {
  (void)state;
  struct slice spki = public_key_spki(private_key_public(made[2]));
  uint8_t compressed[59];
  memcpy(compressed, spki.p, 26);
  compressed[1] = 0x39;
  compressed[24] = 0x22;
  compressed[26] = (uint8_t)(2 + (spki.p[spki.n - 1] & 1));
  memcpy(compressed + 27, spki.p + 27, 32);
  const unsigned char *p = compressed;
  EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, sizeof compressed);
  assert_non_null(pkey);
  EVP_PKEY_free(pkey);
  struct public_key *key = NULL;
  assert_int_equal(public_key_from_spki(SLICE_OF(compressed), &key, NULL), ERR_BAD_PUBLIC_KEY);

  static const char *const names[] = {"RSA-PSS", "P-224", "secp256k1", "X25519", "ED448"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (i == 0) {
      EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, names[i], NULL);
      pkey = NULL;
      assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
      assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);
      EVP_PKEY_CTX_free(ctx);
    } else {
      pkey = i < 3 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", names[i]) : EVP_PKEY_Q_keygen(NULL, NULL, names[i]);
    }
    assert_non_null(pkey);
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(pkey, &der);
    assert_int_equal(public_key_from_spki(slice_of(der, (size_t)n), &key, NULL), ERR_BAD_PUBLIC_KEY);
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
  }
}

static void signatures_verify(void **state) {
  (void)state;
  struct slice data = SLICE_LIT("some data"), other = SLICE_LIT("some dat4");
  for (size_t i = 0; i < KINDS; i++)
    for (enum signature_alg alg = SIG_NONE; alg <= SIG_EDDSA; alg++)
      for (enum signature_form form = SIGNATURE_RAW; form <= SIGNATURE_DER; form++) {
        enum key_type type = kinds[i].type;
        const struct public_key *key = private_key_public(made[i]);
        bool rsa = alg >= SIG_RS256 && alg <= SIG_RS512, ec = alg >= SIG_ES256 && alg <= SIG_ES512;
        bool fits = type == KEY_RSA       ? rsa
                    : type == KEY_ED25519 ? alg == SIG_EDDSA
                                          : ec && (form == SIGNATURE_DER || alg == key_signature_alg(type));
        AUTO_BUF sig;
        buf_init(&sig, 2000);
        assert_int_equal(private_key_sign(made[i], alg, form, data, &sig), fits ? AVOW_OK : ERR_BAD_ALGORITHM);
        assert_int_equal(public_key_verify(key, alg, form, data, buf_slice(&sig)), fits ? AVOW_OK : ERR_BAD_ALGORITHM);
        if (!fits)
          continue;
        if (form == SIGNATURE_RAW)
          assert_int_equal(sig.n, kinds[i].raw);
        assert_int_equal(public_key_verify(key, alg, form, other, buf_slice(&sig)), ERR_MALFORMED);
        assert_int_equal(public_key_verify(key, alg, form, data, slice_of(sig.p, sig.n - 1)), ERR_MALFORMED);
        assert_int_equal(public_key_verify(key, alg, form, data, SLICE_NONE), ERR_MALFORMED);
        if (ec)
          assert_int_equal(public_key_verify(key, alg, !form, data, buf_slice(&sig)),
                           alg == key_signature_alg(type) || form == SIGNATURE_RAW ? ERR_MALFORMED : ERR_BAD_ALGORITHM);
        for (size_t at = 0; at < sig.n; at += 7) {
          sig.p[at] ^= 0x10;
          assert_int_equal(public_key_verify(key, alg, form, data, buf_slice(&sig)), ERR_MALFORMED);
          sig.p[at] ^= 0x10;
        }
        buf_put_u8(&sig, 0);
        assert_int_equal(public_key_verify(key, alg, form, data, buf_slice(&sig)), ERR_MALFORMED);
        /* After all these refusals the key still works. */
        assert_int_equal(public_key_verify(key, alg, form, data, slice_of(sig.p, sig.n - 1)), AVOW_OK);
      }
}

static void zero_ecdsa_values_are_refused(void **state) {
  (void)state;
  uint8_t zero[132] = {0};
  for (size_t i = 0; i < KINDS; i++) {
    if (kinds[i].type < KEY_P256 || kinds[i].type > KEY_P521)
      continue;
    assert_int_equal(public_key_verify(private_key_public(made[i]), key_signature_alg(kinds[i].type), SIGNATURE_RAW,
                                       SLICE_LIT("x"), slice_of(zero, kinds[i].raw)),
                     ERR_MALFORMED);
  }
}

/* RFC 8032, 7.1, test 3. */
static void published_ed25519(void **state) {
  (void)state;
  uint8_t x[32], data[2], sig[64];
  assert_true(hex_decode(SLICE_LIT("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"), x, 32));
  assert_true(hex_decode(SLICE_LIT("af82"), data, 2));
  assert_true(hex_decode(SLICE_LIT("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                                   "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
                         sig, 64));
  AUTO_PUBLIC_KEY key = NULL;
  assert_int_equal(public_key_ed25519(SLICE_OF(x), &key, NULL), AVOW_OK);
  assert_int_equal(public_key_verify(key, SIG_EDDSA, SIGNATURE_RAW, SLICE_OF(data), SLICE_OF(sig)), AVOW_OK);
  struct public_key *none = NULL;
  assert_int_equal(public_key_ed25519(slice_of(x, 31), &none, NULL), ERR_BAD_PUBLIC_KEY);
}

static void pem_comes_back(void **state) {
  (void)state;
  for (size_t i = 0; i < KINDS; i++) {
    AUTO_SECRET pem = {0};
    assert_int_equal(private_key_to_pem(made[i], &pem), AVOW_OK);
    assert_true(slice_starts(secret_slice(&pem), SLICE_LIT("-----BEGIN PRIVATE KEY-----\n")));
    AUTO_PRIVATE_KEY again = NULL;
    struct problem why = {0};
    assert_int_equal(private_key_from_pem(secret_slice(&pem), &again, &why), AVOW_OK);
    assert_true(slice_eq(public_key_spki(private_key_public(again)), public_key_spki(private_key_public(made[i]))));
    struct private_key *none = NULL;
    assert_int_equal(private_key_from_pem(slice_of(pem.p, pem.n / 2), &none, &why), ERR_CRYPTO);
  }
  static const char *const bad[] = {"", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                                    "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct private_key *none = NULL;
    assert_int_equal(private_key_from_pem(slice_str(bad[i]), &none, NULL), ERR_CRYPTO);
  }
}

/* A PKCS#8 file whose public half was exchanged. */
static void mismatched_halves_are_refused(void **state) {
  (void)state;
  AUTO_SECRET pem = {0};
  assert_int_equal(private_key_to_pem(made[2], &pem), AVOW_OK);
  AUTO_ARENA a;
  arena_init(&a, 10000);
  struct slice der = pem_get(&a, "PRIVATE KEY", secret_slice(&pem));
  assert_non_null(der.p);
  struct slice point = public_key_bits_content(private_key_public(made[2]));
  uint8_t *at = memmem(der.p, der.n, point.p, point.n);
  assert_non_null(at);
  AUTO_PRIVATE_KEY other = NULL;
  struct private_key *none = NULL;
  assert_int_equal(private_key_generate(KEY_P256, 0, &other), AVOW_OK);
  memcpy(at, public_key_bits_content(private_key_public(other)).p, point.n);
  AUTO_BUF out;
  buf_init(&out, 10000);
  pem_put(&out, "PRIVATE KEY", der);
  assert_int_equal(private_key_from_pem(buf_slice(&out), &none, NULL), ERR_CRYPTO);
}

static void identifiers_go_both_ways(void **state) {
  (void)state;
  for (enum signature_alg alg = SIG_RS256; alg <= SIG_EDDSA; alg++) {
    struct slice der = signature_alg_identifier(alg);
    assert_int_equal(signature_alg_from_identifier(der), alg);
    assert_int_equal(signature_alg_from_identifier(slice_of(der.p, der.n - 1)), SIG_NONE);
    assert_int_equal(der.p[1] + 2, der.n);
  }
  /* RSA without its NULL, and sha1WithRSAEncryption. */
  static const uint8_t no_null[] = {0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b};
  static const uint8_t sha1_rsa[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                     0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00};
  assert_int_equal(signature_alg_from_identifier(SLICE_OF(no_null)), SIG_NONE);
  assert_int_equal(signature_alg_from_identifier(SLICE_OF(sha1_rsa)), SIG_NONE);
  assert_int_equal(signature_alg_from_identifier(SLICE_NONE), SIG_NONE);
}

static uint8_t shared_signature[128];
static size_t shared_n;

static void *verify_much(void *arg) {
  for (int i = 0; i < 200; i++)
    if (public_key_verify(private_key_public(made[2]), SIG_ES256, SIGNATURE_RAW, SLICE_LIT("shared"),
                          slice_of(shared_signature, shared_n)) != AVOW_OK)
      *(int *)arg = 1;
  return NULL;
}

static void one_key_serves_many_threads(void **state) {
  (void)state;
  AUTO_BUF sig;
  buf_init(&sig, 128);
  assert_int_equal(private_key_sign(made[2], SIG_ES256, SIGNATURE_RAW, SLICE_LIT("shared"), &sig), AVOW_OK);
  memcpy(shared_signature, sig.p, sig.n);
  shared_n = sig.n;
  pthread_t threads[4];
  int wrong[4] = {0};
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, verify_much, &wrong[i]), 0);
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(wrong[i], 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(generated_keys_have_their_shape),
    cmocka_unit_test(openssl_agrees_on_spki),
    cmocka_unit_test(spki_reads_back),
    cmocka_unit_test(damaged_spki_is_refused),
    cmocka_unit_test(point_off_the_curve_is_refused),
    cmocka_unit_test(weak_rsa_is_refused),
    cmocka_unit_test(other_forms_are_refused),
    cmocka_unit_test(signatures_verify),
    cmocka_unit_test(zero_ecdsa_values_are_refused),
    cmocka_unit_test(published_ed25519),
    cmocka_unit_test(pem_comes_back),
    cmocka_unit_test(mismatched_halves_are_refused),
    cmocka_unit_test(identifiers_go_both_ways),
    cmocka_unit_test(one_key_serves_many_threads),
  };
  return cmocka_run_group_tests(tests, make_keys, free_keys);
}
