/* Which nonces of this store's epoch were used (RFC 8555, 6.5). Nothing that matters relies on nonces: they live in
   memory and end with the process. Each front channel numbers its nonces from a base of its own. */
#ifndef AVOW_STORE_NONCES_H
#define AVOW_STORE_NONCES_H

#include "base/error.h"

/* Per base, the newest NONCE_WINDOW numbers can be spent; NONCE_BASES bases, the oldest gives way. */
enum { NONCE_WINDOW = 1 << 20, NONCE_BASES = 128 };

struct nonces {
  uint64_t epoch;
  uint8_t key[32]; /* under which the fronts seal their nonces */
  uint32_t bases;  /* given so far; base n is n << 32, n from 1 */
  struct nonce_window {
    uint32_t base;
    uint32_t low;   /* numbers below are spent or forgotten */
    uint64_t *bits; /* one for each spent number, at its value modulo the window */
  } windows[NONCE_BASES];
};

/* A new epoch with a new key. */
void nonces_init(struct nonces *n);
void nonces_clear(struct nonces *n);
/* A base that was never given before in this epoch. */
avow_err nonces_base(struct nonces *n, uint64_t *base) WARN_UNUSED;
/* ERR_BAD_NONCE unless it is of this epoch, of a base that was given, and not spent yet. */
avow_err nonce_spend(struct nonces *n, uint64_t epoch, uint64_t counter) WARN_UNUSED;

#endif
