/* Keys that no certificate may carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/bn.h>

#include "pki/keycheck.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The verdict on an RSA key of these numbers: from the key's own constructor or from keycheck(). */
static avow_err verdict(const BIGNUM *n, struct slice e, struct problem *why) {
  uint8_t bytes[1024];
  AUTO_PUBLIC_KEY key = NULL;
  int length = BN_bn2bin(n, bytes);
  avow_err err = public_key_rsa(slice_of(bytes, (size_t)length), e, &key, why);
  return err ? err : keycheck(key, why);
}

#define F4 SLICE_LIT("\x01\x00\x01")

/* A prime of `bits` bits with its two upper bits set. */
static BIGNUM *prime(int bits) {
  BIGNUM *p = BN_new();
  assert_true(p && BN_generate_prime_ex(p, bits, 0, NULL, NULL, NULL) == 1);
  return p;
}

static void sizes(void **state) {
  (void)state;
  static const struct {
    int bits;
    avow_err err;
  } table[] = {
    {1024, ERR_BAD_PUBLIC_KEY},
    {2040, ERR_BAD_PUBLIC_KEY},
    {2047, ERR_BAD_PUBLIC_KEY},
    {2048, AVOW_OK},
    {2050, ERR_BAD_PUBLIC_KEY},
    {2056, ERR_BAD_PUBLIC_KEY},
    {3072, AVOW_OK},
    {4096, AVOW_OK},
    {4104, ERR_BAD_PUBLIC_KEY},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    /* A number of this size without small factors: odd ones are tried upwards. */
    BIGNUM *n = BN_new();
    BN_zero(n);
    BN_set_bit(n, table[i].bits - 1);
    BN_set_bit(n, table[i].bits - 2);
    BN_add_word(n, 1);
    struct problem why = {0};
    for (BN_ULONG q = 3; q < 752; q += 2)
      if (BN_mod_word(n, q) == 0) {
        BN_add_word(n, 2);
        q = 1; /* from the start */
      }
    if (verdict(n, F4, &why) != table[i].err)
      fail_msg("%d bits: %s", table[i].bits, why.detail);
    BN_free(n);
  }
}

static void exponents(void **state) {
  (void)state;
  /* OpenSSL verifies with exponents of at most 64 bits for large keys; the key layer stops there. */
  static const uint8_t big[8] = {[0] = 0xff, [7] = 0xff}, too_big[33] = {[0] = 0x01, [32] = 0x01};
  const struct {
    struct slice e;
    avow_err err;
  } table[] = {
    {F4, AVOW_OK},
    {SLICE_LIT("\x01\x00\x03"), AVOW_OK},
    {SLICE_OF(big), AVOW_OK},
    {SLICE_LIT("\x01"), ERR_BAD_PUBLIC_KEY},
    {SLICE_LIT("\x02"), ERR_BAD_PUBLIC_KEY},
    {SLICE_LIT("\x03"), ERR_BAD_PUBLIC_KEY},
    {SLICE_LIT("\xff\xff"), ERR_BAD_PUBLIC_KEY},
    {SLICE_LIT("\x01\x00\x00"), ERR_BAD_PUBLIC_KEY},
    {SLICE_LIT("\x01\x00\x02"), ERR_BAD_PUBLIC_KEY},
    {SLICE_OF(too_big), ERR_BAD_PUBLIC_KEY},
  };
  BIGNUM *p = prime(1024), *q = prime(1024), *n = BN_new();
  BN_CTX *ctx = BN_CTX_new();
  BN_mul(n, p, q, ctx);
  for (size_t i = 0; i < COUNT(table); i++)
    if (verdict(n, table[i].e, NULL) != table[i].err)
      fail_msg("exponent %zu", i);
  BN_CTX_free(ctx);
  BN_free(n);
  BN_free(q);
  BN_free(p);
}

/* A modulus with one factor of each prime up to 751 is refused; 757 and above may pass. */
static void factors(void **state) {
  (void)state;
  BIGNUM *n = BN_new();
  for (BN_ULONG q = 2; q <= 797; q++) {
    bool is_prime = true;
    for (BN_ULONG k = 2; k * k <= q; k++)
      is_prime = is_prime && q % k != 0;
    if (!is_prime)
      continue;
    /* The next multiple of q above 3 * 2^2046 that no smaller prime divides. */
    BN_zero(n);
    BN_set_bit(n, 2047);
    BN_set_bit(n, 2046);
    BN_add_word(n, q - BN_mod_word(n, q));
    for (bool found = false; !found;) {
      found = true;
      for (BN_ULONG k = 2; found && k < (q < 752 ? q : 752); k++)
        found = BN_mod_word(n, k) != 0;
      if (!found)
        BN_add_word(n, q);
    }
    struct problem why = {0};
    if (verdict(n, F4, &why) != (q < 752 ? ERR_BAD_PUBLIC_KEY : AVOW_OK))
      fail_msg("factor %lu: %s", (unsigned long)q, why.detail);
  }
  BN_free(n);
}

static void kinds(void **state) {
  (void)state;
  static const struct {
    enum key_type type;
    avow_err err;
  } table[] = {
    {KEY_P256, AVOW_OK},
    {KEY_P384, AVOW_OK},
    {KEY_RSA, AVOW_OK},
    {KEY_P521, ERR_BAD_PUBLIC_KEY},
    {KEY_ED25519, ERR_BAD_PUBLIC_KEY},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_PRIVATE_KEY key = NULL;
    assert_int_equal(private_key_generate(table[i].type, 2048, &key), AVOW_OK);
    assert_int_equal(keycheck(private_key_public(key), NULL), table[i].err);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(sizes),
    cmocka_unit_test(exponents),
    cmocka_unit_test(factors),
    cmocka_unit_test(kinds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
