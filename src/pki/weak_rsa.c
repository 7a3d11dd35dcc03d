#include "pki/weak_rsa.h"

#include <openssl/bn.h>

static uint64_t mod_small(struct slice n, uint64_t m) {
  uint64_t rest = 0;
  for (size_t i = 0; i < n.n; i++)
    rest = (rest << 8 | n.p[i]) % m;
  return rest;
}

bool rsa_is_roca(struct slice n) {
  /* The primes below 168 of which 65537 does not generate all residues: the others tell nothing. */
  static const uint8_t primes[] = {11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157};
  for (size_t i = 0; i < sizeof primes; i++) {
    uint64_t p = primes[i], rest = mod_small(n, p), power = 1;
    do
      power = power * (65537 % p) % p;
    while (power != rest && power != 1);
    if (power != rest)
      return false;
  }
  return true;
}

/* ---- Fermat -------------------------------------------------------------------------------------------------------
 */

/* Coprime moduli of at most 64, so that the squares of each are the bits of a word; their product has 46 bits. */
static const uint8_t moduli[] = {64, 63, 61, 59, 55, 53, 47, 43};
enum { MODULI = sizeof moduli };

/* Square residues modulo each: but one of two thousand other numbers is told apart without its root. */
struct sieve {
  uint64_t product, squares[MODULI];
};

static void sieve_init(struct sieve *s) {
  s->product = 1;
  for (size_t i = 0; i < MODULI; i++) {
    s->squares[i] = 0;
    s->product *= moduli[i];
    for (uint64_t x = 0; x < moduli[i]; x++)
      s->squares[i] |= UINT64_C(1) << (x * x % moduli[i]);
  }
}

static bool may_be_square(const struct sieve *s, uint64_t rest) {
  for (size_t i = 0; i < MODULI; i++)
    if (!(s->squares[i] >> (rest % moduli[i]) & 1))
      return false;
  return true;
}

/* `root` becomes the integer square root of `n`, by Newton's method from above. */
static bool square_root(BIGNUM *root, const BIGNUM *n, BN_CTX *ctx) {
  BN_CTX_start(ctx);
  BIGNUM *next = BN_CTX_get(ctx);
  bool ok = next && BN_set_word(root, 0) && BN_set_bit(root, (BN_num_bits(n) + 1) / 2);
  while (ok) {
    ok = BN_div(next, NULL, n, root, ctx) && BN_add(next, next, root) && BN_rshift1(next, next);
    if (!ok || BN_cmp(next, root) >= 0)
      break;
    ok = BN_copy(root, next) != NULL;
  }
  BN_CTX_end(ctx);
  return ok;
}

static bool is_square(const BIGNUM *n, bool *yes, BN_CTX *ctx) {
  *yes = BN_is_zero(n);
  if (*yes)
    return true;
  BN_CTX_start(ctx);
  BIGNUM *root = BN_CTX_get(ctx), *square = BN_CTX_get(ctx);
  bool ok = square && square_root(root, n, ctx) && BN_sqr(square, root, ctx);
  *yes = ok && BN_cmp(square, n) == 0;
  BN_CTX_end(ctx);
  return ok;
}

/* n = a^2 - b^2 = (a - b)(a + b): tries a from the root of n upwards. The next b^2 is the last one and 2a + 1; it is
   followed modulo the sieve's product, and worked out only where it may be a square. */
static bool search(const BIGNUM *n, bool *found, BN_CTX *ctx) {
  BIGNUM *a = BN_CTX_get(ctx), *b2 = BN_CTX_get(ctx);
  if (!b2 || !square_root(a, n, ctx) || !BN_sqr(b2, a, ctx))
    return false;
  if (BN_cmp(b2, n) < 0 && (!BN_add_word(a, 1) || !BN_sqr(b2, a, ctx)))
    return false;
  if (!BN_sub(b2, b2, n))
    return false;
  struct sieve sieve;
  sieve_init(&sieve);
  uint64_t a_rest = BN_mod_word(a, sieve.product), b_rest = BN_mod_word(b2, sieve.product);
  BN_ULONG behind = 0; /* rounds that `a` and `b2` have not yet gone along */
  for (int round = 0; round < FERMAT_ROUNDS && !*found; round++, behind++) {
    if (may_be_square(&sieve, b_rest)) {
      for (; behind > 0; behind--)
        if (!BN_add(b2, b2, a) || !BN_add(b2, b2, a) || !BN_add_word(b2, 1) || !BN_add_word(a, 1))
          return false;
      if (!is_square(b2, found, ctx))
        return false;
    }
    b_rest = (b_rest + 2 * a_rest + 1) % sieve.product;
    a_rest = (a_rest + 1) % sieve.product;
  }
  return true;
}

avow_err rsa_find_close_primes(struct slice n, bool *found) {
  *found = false;
  BN_CTX *ctx = BN_CTX_new();
  if (!ctx)
    return ERR_NO_MEMORY;
  BN_CTX_start(ctx);
  BIGNUM *number = BN_CTX_get(ctx);
  bool ok = number && BN_bin2bn(n.p, (int)n.n, number) && search(number, found, ctx);
  BN_CTX_end(ctx);
  BN_CTX_free(ctx);
  return ok ? AVOW_OK : ERR_NO_MEMORY;
}
