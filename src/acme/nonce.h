/* Anti-replay nonces (RFC 8555, 6.5). A nonce is {counter, mark} sealed under a key that the store gives each front for
   its epoch: it cannot be forged, says nothing to its holder, and costs the front no memory. That each is used once is
   the store's matter (request_begin); after its restart the epoch is another and the older nonces open no more. */
#ifndef AVOW_ACME_NONCE_H
#define AVOW_ACME_NONCE_H

#include <pthread.h>

#include "base/arena.h"
#include "base/secret.h"

enum { NONCE_TEXT = 51 }; /* 50 characters and a NUL */

/* Shared by all workers. */
struct nonce_maker {
  pthread_mutex_t lock;
  bool known;
  /* `next` is the counter of the next one made. The store gives each channel a base 2^32 above the one before, of which
     the first is used: a front that makes more than 2^32 in one epoch runs on into the bases of its own other channels.
   */
  uint64_t epoch, next;
  struct secret key;
};

avow_err nonce_maker_init(struct nonce_maker *n) WARN_UNUSED;
void nonce_maker_clear(struct nonce_maker *n);
/* A store's welcome: from now on nonces of `epoch` are made from `base` upwards. A repeated welcome of the same epoch
   changes nothing, so that several channels may hand in theirs. */
void nonce_maker_welcome(struct nonce_maker *n, uint64_t epoch, struct slice key, uint64_t base);

/* Makes a nonce; `spared` marks one that came with a badNonce and is never refused on purpose (test.reject_nonces).
   ERR_UNAVAILABLE before the first welcome. */
avow_err nonce_make(struct nonce_maker *n, bool spared, char out[NONCE_TEXT]) WARN_UNUSED;
/* What a nonce says. ERR_BAD_NONCE when it is none of the current epoch. */
avow_err nonce_open(struct nonce_maker *n, struct slice text, struct arena *a, uint64_t *epoch, uint64_t *counter,
                    bool *spared) WARN_UNUSED;

#endif
