#include "store/nonces.h"

#include <stdlib.h>

#include "base/random.h"
#include "base/secret.h"

enum { WORDS = NONCE_WINDOW / 64 };

void nonces_init(struct nonces *n) {
  *n = (struct nonces){.epoch = random_u64()};
  random_bytes(n->key, sizeof n->key);
}

void nonces_clear(struct nonces *n) {
  for (size_t i = 0; i < NONCE_BASES; i++)
    free(n->windows[i].bits);
  secret_wipe(n, sizeof *n);
}

avow_err nonces_base(struct nonces *n, uint64_t *base) {
  struct nonce_window *w = &n->windows[(n->bases + 1) % NONCE_BASES];
  /* Untouched pages of a fresh window cost no memory; a window that gives way is used again. */
  uint64_t *bits = w->bits;
  if (bits)
    memset(bits, 0, WORDS * sizeof *bits);
  else
    bits = calloc(WORDS, sizeof *bits);
  if (!bits || n->bases == UINT32_MAX) {
    free(bits);
    w->bits = NULL;
    return ERR_NO_MEMORY;
  }
  n->bases++;
  *w = (struct nonce_window){.base = n->bases, .bits = bits};
  *base = (uint64_t)n->bases << 32;
  return AVOW_OK;
}

/* Moves the window up so that it ends at `number`; what leaves it unspent can no longer be spent. */
static void slide(struct nonce_window *w, uint32_t number) {
  uint32_t low = number - NONCE_WINDOW + 1;
  if (low - w->low >= NONCE_WINDOW)
    memset(w->bits, 0, WORDS * sizeof *w->bits);
  else
    for (uint32_t at = w->low; at != low; at++)
      w->bits[at % NONCE_WINDOW / 64] &= ~(UINT64_C(1) << at % 64);
  w->low = low;
}

avow_err nonce_spend(struct nonces *n, uint64_t epoch, uint64_t counter) {
  uint32_t base = (uint32_t)(counter >> 32), number = (uint32_t)counter;
  struct nonce_window *w = &n->windows[base % NONCE_BASES];
  if (epoch != n->epoch || base == 0 || w->base != base || number < w->low)
    return ERR_BAD_NONCE;
  if (number - w->low >= NONCE_WINDOW)
    slide(w, number);
  uint64_t *word = &w->bits[number % NONCE_WINDOW / 64], bit = UINT64_C(1) << number % 64;
  if (*word & bit)
    return ERR_BAD_NONCE;
  *word |= bit;
  return AVOW_OK;
}
