#include "acme/key_cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/random.h"

enum { NIL = -1 };

struct entry {
  struct id128 account;
  uint32_t epoch;
  struct public_key *key; /* NULL: free */
  int chain;              /* next of the same bucket, or next free one */
  int newer, older;
};

struct key_cache {
  pthread_mutex_t lock;
  struct entry *entries;
  int *buckets;
  size_t most, buckets_n, count;
  int newest, oldest, spare;
  uint64_t salt; /* account ids are chosen by the CA, but their buckets need not be foreseeable */
};

avow_err key_cache_new(size_t most, struct key_cache **out) {
  assert(most > 0 && most < 1u << 24);
  struct key_cache *c = calloc(1, sizeof *c);
  if (!c)
    return ERR_NO_MEMORY;
  c->buckets_n = 1;
  while (c->buckets_n < most)
    c->buckets_n *= 2;
  c->entries = calloc(most, sizeof *c->entries);
  c->buckets = calloc(c->buckets_n, sizeof *c->buckets);
  if (!c->entries || !c->buckets) {
    free(c->entries);
    free(c->buckets);
    free(c);
    return ERR_NO_MEMORY;
  }
  pthread_mutex_init(&c->lock, NULL);
  c->most = most;
  c->newest = c->oldest = NIL;
  c->salt = random_u64();
  for (size_t i = 0; i < c->buckets_n; i++)
    c->buckets[i] = NIL;
  for (size_t i = 0; i < most; i++)
    c->entries[i].chain = i + 1 < most ? (int)(i + 1) : NIL;
  *out = c;
  return AVOW_OK;
}

void key_cache_free(struct key_cache *c) {
  if (!c)
    return;
  for (size_t i = 0; i < c->most; i++)
    public_key_free(c->entries[i].key);
  pthread_mutex_destroy(&c->lock);
  free(c->entries);
  free(c->buckets);
  free(c);
}

static int *bucket_of(struct key_cache *c, struct id128 account) {
  uint64_t low;
  memcpy(&low, account.b + 8, sizeof low); /* the random part of an id */
  uint64_t h = (low ^ c->salt) * 0x9e3779b97f4a7c15u;
  return &c->buckets[(h >> 32) & (c->buckets_n - 1)];
}

static int find(struct key_cache *c, struct id128 account) {
  int i = *bucket_of(c, account);
  while (i != NIL && !id_eq(c->entries[i].account, account))
    i = c->entries[i].chain;
  return i;
}

static void unlink_order(struct key_cache *c, int i) {
  struct entry *e = &c->entries[i];
  *(e->newer == NIL ? &c->newest : &c->entries[e->newer].older) = e->older;
  *(e->older == NIL ? &c->oldest : &c->entries[e->older].newer) = e->newer;
}

static void link_newest(struct key_cache *c, int i) {
  struct entry *e = &c->entries[i];
  e->newer = NIL;
  e->older = c->newest;
  *(c->newest == NIL ? &c->oldest : &c->entries[c->newest].newer) = i;
  c->newest = i;
}

static void drop(struct key_cache *c, int i) {
  struct entry *e = &c->entries[i];
  int *at = bucket_of(c, e->account);
  while (*at != i)
    at = &c->entries[*at].chain;
  *at = e->chain;
  unlink_order(c, i);
  public_key_free(e->key);
  *e = (struct entry){.chain = c->spare};
  c->spare = i;
  c->count--;
}

struct public_key *key_cache_get(struct key_cache *c, struct id128 account, uint32_t *epoch) {
  struct public_key *key = NULL;
  pthread_mutex_lock(&c->lock);
  int i = find(c, account);
  if (i != NIL) {
    unlink_order(c, i);
    link_newest(c, i);
    key = public_key_ref(c->entries[i].key);
    *epoch = c->entries[i].epoch;
  }
  pthread_mutex_unlock(&c->lock);
  return key;
}

void key_cache_put(struct key_cache *c, struct id128 account, uint32_t epoch, struct public_key *key) {
  pthread_mutex_lock(&c->lock);
  int i = find(c, account);
  if (i != NIL)
    drop(c, i);
  if (c->count == c->most)
    drop(c, c->oldest);
  i = c->spare;
  assert(i != NIL);
  struct entry *e = &c->entries[i];
  c->spare = e->chain;
  int *bucket = bucket_of(c, account);
  *e = (struct entry){.account = account, .epoch = epoch, .key = public_key_ref(key), .chain = *bucket};
  *bucket = i;
  link_newest(c, i);
  c->count++;
  pthread_mutex_unlock(&c->lock);
}

void key_cache_drop(struct key_cache *c, struct id128 account) {
  pthread_mutex_lock(&c->lock);
  int i = find(c, account);
  if (i != NIL)
    drop(c, i);
  pthread_mutex_unlock(&c->lock);
}

size_t key_cache_count(struct key_cache *c) {
  pthread_mutex_lock(&c->lock);
  size_t n = c->count;
  pthread_mutex_unlock(&c->lock);
  return n;
}
