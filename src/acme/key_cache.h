/* The public keys of accounts seen lately, so that a request costs no key parsing: least recently used goes first. Safe
   from any thread. */
#ifndef AVOW_ACME_KEY_CACHE_H
#define AVOW_ACME_KEY_CACHE_H

#include "base/id.h"
#include "crypto/key.h"

struct key_cache;

/* Holds at most `most` keys. */
avow_err key_cache_new(size_t most, struct key_cache **out) WARN_UNUSED;
void key_cache_free(struct key_cache *c);
/* One more reference to the account's key, and the epoch of its account record; NULL when it is not here. */
struct public_key *key_cache_get(struct key_cache *c, struct id128 account, uint32_t *epoch);
/* Remembers (its own reference to) the key; replaces what was there. */
void key_cache_put(struct key_cache *c, struct id128 account, uint32_t epoch, struct public_key *key);
void key_cache_drop(struct key_cache *c, struct id128 account);
size_t key_cache_count(struct key_cache *c);

#endif
