#include "pki/keycheck.h"

#include "pki/weak_rsa.h"

/* The odd primes up to 751: TLS BR 6.1.6 asks that no factor of the modulus is smaller than 752. */
static const uint16_t primes[] = {
  3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,  73,  79,  83,
  89,  97,  101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197,
  199, 211, 223, 227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283, 293, 307, 311, 313, 317, 331,
  337, 347, 349, 353, 359, 367, 373, 379, 383, 389, 397, 401, 409, 419, 421, 431, 433, 439, 443, 449, 457, 461,
  463, 467, 479, 487, 491, 499, 503, 509, 521, 523, 541, 547, 557, 563, 569, 571, 577, 587, 593, 599, 601, 607,
  613, 617, 619, 631, 641, 643, 647, 653, 659, 661, 673, 677, 683, 691, 701, 709, 719, 727, 733, 739, 743, 751};
enum { PRIMES = sizeof primes / sizeof *primes };

__extension__ typedef unsigned __int128 uint128;

/* `n` mod `m`; the number is a multiple of eight octets long. */
static uint64_t remainder_of(struct slice n, uint64_t m) {
  uint64_t rest = 0;
  for (size_t i = 0; i + 8 <= n.n; i += 8) {
    uint64_t word = 0;
    for (size_t k = 0; k < 8; k++)
      word = word << 8 | n.p[i + k];
    rest = (uint64_t)(((uint128)rest << 64 | word) % m);
  }
  return rest;
}

/* Divides by products of primes that fit 64 bits, then looks into the remainder: a sixth of the long divisions. */
static bool has_small_factor(struct slice n) {
  for (size_t i = 0; i < PRIMES;) {
    size_t first = i;
    uint64_t product = 1, next;
    while (i < PRIMES && !__builtin_mul_overflow(product, (uint64_t)primes[i], &next)) {
      product = next;
      i++;
    }
    uint64_t rest = remainder_of(n, product);
    for (size_t k = first; k < i; k++)
      if (rest % primes[k] == 0)
        return true;
  }
  return false;
}

static bool exponent_ok(struct slice e) {
  static const uint8_t f4[] = {0x01, 0x00, 0x01};
  return e.n >= sizeof f4 && e.n <= 32 && (e.p[e.n - 1] & 1) && (e.n > sizeof f4 || slice_cmp(e, SLICE_OF(f4)) >= 0);
}

/* One check of an RSA key; NULL when it passes. A new check is a new row. */
typedef const char *(*rsa_check)(const struct public_key *key);

static const char *check_size(const struct public_key *key) {
  int bits = public_key_bits(key);
  struct slice n = public_key_rsa_n(key);
  return (bits == 2048 || bits == 3072 || bits == 4096) && n.n == (size_t)bits / 8
           ? NULL
           : "RSA keys must have 2048, 3072 or 4096 bits";
}

static const char *check_exponent(const struct public_key *key) {
  return exponent_ok(public_key_rsa_e(key)) ? NULL : "the RSA exponent must be odd and from 65537 to 2^256 - 1";
}

static const char *check_factors(const struct public_key *key) {
  struct slice n = public_key_rsa_n(key);
  if (!(n.p[n.n - 1] & 1))
    return "the RSA modulus is even";
  return has_small_factor(n) ? "the RSA modulus has a small factor" : NULL;
}

static const char *check_roca(const struct public_key *key) {
  return rsa_is_roca(public_key_rsa_n(key)) ? "the RSA key comes from a faulty generator (ROCA, CVE-2017-15361)" : NULL;
}

static const char no_memory[] = "out of memory";

static const char *check_close_primes(const struct public_key *key) {
  bool found;
  if (rsa_find_close_primes(public_key_rsa_n(key), &found) != AVOW_OK)
    return no_memory;
  return found ? "the RSA modulus is a product of two close primes" : NULL;
}

static const rsa_check rsa_checks[] = {check_size, check_exponent, check_factors, check_roca, check_close_primes};

avow_err keycheck(const struct public_key *key, struct problem *why) {
  switch (public_key_type(key)) {
  case KEY_P256:
  case KEY_P384:
    return AVOW_OK; /* public_key_ec() refused points off the curve */
  case KEY_RSA:
    for (size_t i = 0; i < sizeof rsa_checks / sizeof *rsa_checks; i++) {
      const char *fault = rsa_checks[i](key);
      if (fault)
        return problem_set(why, fault == no_memory ? ERR_NO_MEMORY : ERR_BAD_PUBLIC_KEY, "%s", fault);
    }
    return AVOW_OK;
  case KEY_NONE:
  case KEY_P521:
  case KEY_ED25519:
    break;
  }
  return problem_set(why, ERR_BAD_PUBLIC_KEY, "certificates are issued for RSA, P-256 and P-384 keys only, not for %s",
                     key_type_text(public_key_type(key)));
}
