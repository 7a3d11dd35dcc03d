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
struct nonces {
  pthread_mutex_t lock;
  bool known;
  uint64_t epoch, next; /* `next` is the counter of the next one made */
  struct secret key;
};

avow_err nonces_init(struct nonces *n) WARN_UNUSED;
void nonces_clear(struct nonces *n);
/* A store's welcome: from now on nonces of `epoch` are made from `base` upwards. A repeated welcome of the same epoch
   changes nothing, so that several channels may hand in theirs. */
void nonces_welcome(struct nonces *n, uint64_t epoch, struct slice key, uint64_t base);

/* Makes a nonce; `spared` marks one that came with a badNonce and is never refused on purpose (test.reject_nonces).
   ERR_UNAVAILABLE before the first welcome. */
avow_err nonce_make(struct nonces *n, bool spared, char out[NONCE_TEXT]) WARN_UNUSED;
/* What a nonce says. ERR_BAD_NONCE when it is none of the current epoch. */
avow_err nonce_open(struct nonces *n, struct slice text, struct arena *a, uint64_t *epoch, uint64_t *counter,
                    bool *spared) WARN_UNUSED;

#endif
