/* A hash table of fixed-size entries that begin with their key: the signer's memory of what its journal says. Keyed by
   a random seed, because keys such as thumbprints are chosen outside. */
#ifndef AVOW_SIGN_TABLE_H
#define AVOW_SIGN_TABLE_H

#include "base/bytes.h"

struct table {
  uint8_t *entries;
  bool *used;
  size_t n, room; /* room is 0 or a power of two */
  size_t key_n, entry_n;
  uint64_t seed;
};

void table_init(struct table *t, size_t key_n, size_t entry_n);
void table_clear(struct table *t);
/* NULL when there is none. Valid until the next table_add() or table_prune(). */
void *table_find(const struct table *t, const void *key);
/* The entry of this key, made (zero but for the key) when there is none; NULL when out of memory. */
void *table_add(struct table *t, const void *key) WARN_UNUSED;
/* The first entry at or after *at, which moves behind it; NULL at the end. Start with 0. */
void *table_next(const struct table *t, size_t *at);
/* Drops the entries for which `keep` is false. */
void table_prune(struct table *t, bool (*keep)(const void *entry, void *context), void *context);

#endif
