/* Keys that no certificate may carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* A prime, and what is to be added to it for the second one that Fermat's method finds in this round (worked out from
   rounds = (p + q) / 2 - root of pq, rounded up, + 1). The 100th round is the last that is made. */
static const char fermat_prime[] =
  "f8b7d0ac84773ce0ce4cda11b43c589bb120a366f0bbe9cf42f2dc05873f9bd066080f174c96d8e25cbd0b"
  "a3a1a6bcde3a124c647e02ff05b7c1dce27f7695f56fced11d2bd8a1e6047a8387cdde8d516301bbfca0c5"
  "154e0ff9bb510944fe0c9dfb369bab13dfae627655daa05f11193ceaaf308142c8ea91d93080f9b43c0d";

static void close_primes(void **state) {
  (void)state;
  static const struct {
    int round;
    const char *distance;
  } table[] = {
    {0, "0"}, /* the same prime twice: a prime power */
    {1, "6a"},
    {2, "36a1b34e5eebdd804194a937c696e37e0dc158b12b2493ee2cfd6458a5384250717b85b1b1c677ada149dedf3983b4409210f8758050ed"
        "53b2981b690a6d1b51e"},
    {50, "139d5bb70a1396c958c9d1557651a2fa5fab82d2613cab5887299ca36e46345d4031f948fc8268db3ad6b677c0888976e8ea635a72317"
         "e71e4229b350f094762ee"},
    {100, "1bcf2ed111cd40dcbf300dd9d9c566d285edc855a295b7970e29be2da7c0a79039ffff642a12fe992adba97b2501f23c4253635fe222"
          "00160b22e338406ef22cea"},
    {101, "1bf2de443835dea584ab3ce33552e7fe640cfa2f139c8f3e3dbba779c6a506f2c6633232e0e041fb240989841eb669db4608f1c99ac2"
          "c95504426023535957dea6"},
    {150, "22167b6edfa840c6258a41da9b0afbb639fc81a2b09a684dd1cd7eccdf01d6e98c428cd73aca282fb5819621db289ed40faabb45d91e"
          "e37024ec216f5860aaec6c"},
  };
  BIGNUM *p = NULL, *q = NULL, *n = BN_new();
  BN_CTX *ctx = BN_CTX_new();
  for (size_t i = 0; i < COUNT(table); i++) {
    BN_hex2bn(&p, fermat_prime);
    BN_hex2bn(&q, table[i].distance);
    BN_add(q, q, p);
    BN_mul(n, p, q, ctx);
    struct problem why = {0};
    avow_err e = verdict(n, F4, &why);
    if (e != (table[i].round <= 100 ? ERR_BAD_PUBLIC_KEY : AVOW_OK) || (e && !strstr(why.detail, "close primes")))
      fail_msg("round %d: %s", table[i].round, why.detail);
  }
  BN_CTX_free(ctx);
  BN_free(n);
  BN_free(q);
  BN_free(p);
}

/* p = k * M + 65537^a mod M with M the product of the first `primes` primes: how the faulty library made primes. */
static BIGNUM *roca_prime(int primes, BN_ULONG a, int bits, BN_CTX *ctx) {
  BIGNUM *m = BN_new(), *p = BN_new(), *base = BN_new(), *k = BN_new(), *exponent = BN_new();
  BN_one(m);
  for (BN_ULONG q = 2; primes > 0; q++) {
    bool is_prime = true;
    for (BN_ULONG d = 2; d * d <= q; d++)
      is_prime = is_prime && q % d != 0;
    if (is_prime && primes-- > 0)
      BN_mul_word(m, q);
  }
  BN_set_word(base, 65537);
  BN_set_word(exponent, a);
  BN_mod_exp(p, base, exponent, m, ctx);
  BN_zero(k);
  BN_set_bit(k, bits);
  BN_div(k, NULL, k, m, ctx);
  BN_sub_word(k, 2 * a);
  BN_mul(k, k, m, ctx);
  BN_add(p, p, k);
  for (; BN_check_prime(p, ctx, NULL) != 1;)
    BN_sub(p, p, m);
  BN_free(exponent);
  BN_free(k);
  BN_free(base);
  BN_free(m);
  return p;
}

/* TLS BR 6.1.1.3 (5): the sizes of modulus and of M are those of the paper (table 1). */
static void roca(void **state) {
  (void)state;
  static const struct { int bits, primes; } table[] = {{2048, 126}, {3072, 126}, {4096, 225}};
  BN_CTX *ctx = BN_CTX_new();
  for (size_t i = 0; i < COUNT(table); i++) {
    BIGNUM *p = roca_prime(table[i].primes, 1234577, table[i].bits / 2, ctx), *n = BN_new();
    BIGNUM *q = roca_prime(table[i].primes, 7654321, table[i].bits / 2, ctx);
    struct problem why = {0};
    BN_mul(n, p, q, ctx);
    if (verdict(n, F4, &why) != ERR_BAD_PUBLIC_KEY || !strstr(why.detail, "ROCA"))
      fail_msg("%d bits (%d): %s", table[i].bits, BN_num_bits(n), why.detail);
    /* One such prime alone does not show. */
    BIGNUM *other = prime(table[i].bits / 2);
    BN_mul(n, p, other, ctx);
    assert_int_equal(verdict(n, F4, NULL), AVOW_OK);
    BN_free(other);
    BN_free(n);
    BN_free(q);
    BN_free(p);
  }
  BN_CTX_free(ctx);
}

/* Refused where keys are read, before any check of numbers: points that are none, other curves' points, explicit
   parameters, id-RSASSA-PSS (ca-rules 7 and 9). */
static void spki(void **state) {
  (void)state;
  AUTO_PRIVATE_KEY key = NULL;
  AUTO_PRIVATE_KEY second = NULL;
  AUTO_BUF bad;
  assert_int_equal(private_key_generate(KEY_P256, 0, &key), AVOW_OK);
  assert_int_equal(private_key_generate(KEY_RSA, 2048, &second), AVOW_OK);
  struct slice ec = public_key_spki(private_key_public(key)), rsa = public_key_spki(private_key_public(second));
  static const struct {
    bool is_rsa;
    size_t at; /* from the end when `from_end` */
    bool from_end;
    uint8_t flip;
  } table[] = {
    {false, 1, true, 0x01},   /* y is another: the point is off the curve */
    {false, 26, false, 0x06}, /* the point's form: compressed */
    {false, 26, false, 0x04}, /* the point at infinity and trailing octets */
    {false, 22, false, 0x01}, /* the curve's identifier: another curve */
    {false, 13, false, 0x36}, /* SEQUENCE in place of an OID: explicit parameters */
    {true, 16, false, 0x0b},  /* rsaEncryption becomes id-RSASSA-PSS */
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    buf_init(&bad, 4096);
    buf_put(&bad, table[i].is_rsa ? rsa : ec);
    bad.p[table[i].from_end ? bad.n - table[i].at : table[i].at] ^= table[i].flip;
    struct public_key *out = NULL;
    if (public_key_from_spki(buf_slice(&bad), &out, NULL) == AVOW_OK)
      fail_msg("row %zu", i);
    assert_null(out);
    buf_clear(&bad);
  }
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
    cmocka_unit_test(sizes), cmocka_unit_test(exponents), cmocka_unit_test(factors), cmocka_unit_test(close_primes),
    cmocka_unit_test(roca),  cmocka_unit_test(spki),      cmocka_unit_test(kinds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
