#include "acme/budget.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/random.h"

/* A bucket is one number (the generic cell rate algorithm): the time at which it is full again. It lies ahead of now by
   what is spent, and by no more than the burst. */
enum { WAYS = 8, LEAST_SETS = 16, MAX_RATE = 1000000 };
static const int64_t second_us = 1000000;

struct place {
  uint64_t key; /* 0: free */
  int64_t full_us;
};

struct budget {
  pthread_mutex_t lock;
  int64_t burst_us;
  int rate;
  uint64_t seed[2];
  size_t sets_n; /* a power of two */
  struct place places[];
};

avow_err budget_new(size_t most, int rate, int64_t burst_s, struct budget **out) {
  assert(rate >= 0 && rate <= MAX_RATE && burst_s >= 0 && burst_s <= 86400 && most < 1u << 24);
  size_t sets_n = LEAST_SETS;
  while (rate > 0 && sets_n * WAYS < most)
    sets_n *= 2;
  struct budget *b = calloc(1, sizeof *b + sets_n * WAYS * sizeof *b->places);
  if (!b)
    return ERR_NO_MEMORY;
  pthread_mutex_init(&b->lock, NULL);
  b->rate = rate;
  b->burst_us = burst_s * second_us;
  b->sets_n = sets_n;
  b->seed[0] = random_u64();
  b->seed[1] = random_u64();
  *out = b;
  return AVOW_OK;
}

void budget_free(struct budget *b) {
  if (!b)
    return;
  pthread_mutex_destroy(&b->lock);
  free(b);
}

static uint64_t mix(uint64_t h, uint64_t v) {
  h = (h ^ v) * 0x9e3779b97f4a7c15u;
  h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
  return h ^ h >> 32;
}

uint64_t budget_key(const struct budget *b, struct slice spender) {
  uint64_t h = mix(b->seed[0], spender.n);
  for (size_t at = 0; at < spender.n; at += 8) {
    uint64_t word = 0;
    memcpy(&word, spender.p + at, spender.n - at < 8 ? spender.n - at : 8);
    h = mix(h, word ^ b->seed[1]);
  }
  return h ? h : 1;
}

uint64_t budget_key_of_address(const struct budget *b, const struct personal_ip *ip) {
  return budget_key(b, slice_of(ip->b, ip->n == 16 ? 8 : ip->n));
}

/* The place of `key`: its own, or the one in its set that is worth least. */
static struct place *find(struct budget *b, uint64_t key) {
  struct place *set = &b->places[(key & (b->sets_n - 1)) * WAYS], *least = set;
  for (size_t i = 0; i < WAYS; i++) {
    if (set[i].key == key)
      return &set[i];
    if (set[i].full_us < least->full_us)
      least = &set[i];
  }
  return least;
}

static int64_t run(struct budget *b, uint64_t key, int cost, int64_t now_ms, bool spend) {
  if (b->rate == 0)
    return 0;
  int64_t now = now_ms * 1000, need = cost * second_us / b->rate;
  if (need > b->burst_us)
    need = b->burst_us;
  pthread_mutex_lock(&b->lock);
  struct place *p = find(b, key);
  int64_t full = p->key == key && p->full_us > now ? p->full_us : now;
  int64_t late = full + need - now - b->burst_us;
  if (late <= 0 && spend)
    *p = (struct place){.key = key, .full_us = full + need};
  pthread_mutex_unlock(&b->lock);
  return late <= 0 ? 0 : (late + 999) / 1000;
}

int64_t budget_spend(struct budget *b, uint64_t key, int cost, int64_t now_ms) {
  return run(b, key, cost, now_ms, true);
}

int64_t budget_ask(struct budget *b, uint64_t key, int cost, int64_t now_ms) {
  return run(b, key, cost, now_ms, false);
}

int budget_cost(enum signature_alg alg, size_t signature_n) {
  switch (alg) {
  case SIG_EDDSA:
    return 2;
  case SIG_ES384:
  case SIG_ES512:
    return 10;
  case SIG_RS256:
  case SIG_RS384:
  case SIG_RS512:
    return signature_n <= 256 ? 2 : signature_n <= 512 ? 4 : 8;
  case SIG_NONE:
  case SIG_ES256:
    break;
  }
  return 1;
}
