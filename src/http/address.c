#include "http/address.h"

#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/random.h"

enum { BUCKETS = 1024 };

struct entry {
  struct entry *next;
  uint64_t key;
  bool v6;
  size_t n;
};

struct address_counts {
  pthread_mutex_t lock;
  size_t most;
  uint64_t seed; /* who connects must not choose the bucket */
  struct entry *buckets[BUCKETS];
};

avow_err address_counts_new(struct address_counts **out, size_t most) {
  struct address_counts *counts = calloc(1, sizeof *counts);
  if (!counts)
    return ERR_NO_MEMORY;
  pthread_mutex_init(&counts->lock, NULL);
  counts->most = most;
  counts->seed = random_u64();
  *out = counts;
  return AVOW_OK;
}

void address_counts_free(struct address_counts *counts) {
  if (!counts)
    return;
  for (size_t i = 0; i < BUCKETS; i++)
    while (counts->buckets[i]) {
      struct entry *entry = counts->buckets[i];
      counts->buckets[i] = entry->next;
      free(entry);
    }
  pthread_mutex_destroy(&counts->lock);
  free(counts);
}

/* The entry's place in its bucket, or the end of the bucket. */
static struct entry **find(struct address_counts *counts, const struct personal_ip *ip, struct entry *wanted) {
  *wanted = (struct entry){.v6 = ip->n == 16, .n = 1};
  memcpy(&wanted->key, ip->b, ip->n == 16 ? 8 : ip->n);
  uint64_t h = (wanted->key ^ counts->seed) * 0x9e3779b97f4a7c15u;
  h = (h ^ h >> 29 ^ counts->seed) * 0xbf58476d1ce4e5b9u;
  struct entry **at = &counts->buckets[h >> 54];
  while (*at && ((*at)->key != wanted->key || (*at)->v6 != wanted->v6))
    at = &(*at)->next;
  return at;
}

bool address_enter(struct address_counts *counts, const struct personal_ip *ip) {
  struct entry wanted;
  pthread_mutex_lock(&counts->lock);
  struct entry **at = find(counts, ip, &wanted);
  bool room = true;
  if (*at) {
    room = (*at)->n < counts->most;
    (*at)->n += room;
  } else if ((*at = malloc(sizeof **at))) {
    **at = wanted;
  } else {
    room = false;
  }
  pthread_mutex_unlock(&counts->lock);
  return room;
}

void address_leave(struct address_counts *counts, const struct personal_ip *ip) {
  struct entry wanted;
  pthread_mutex_lock(&counts->lock);
  struct entry **at = find(counts, ip, &wanted), *entry = *at;
  assert(entry);
  if (--entry->n == 0) {
    *at = entry->next;
    free(entry);
  }
  pthread_mutex_unlock(&counts->lock);
}

struct personal_ip address_of(const struct sockaddr_storage *peer) {
  struct personal_ip ip = {0};
  if (peer->ss_family == AF_INET) {
    struct sockaddr_in v4;
    memcpy(&v4, peer, sizeof v4);
    ip.n = 4;
    memcpy(ip.b, &v4.sin_addr, 4);
  } else if (peer->ss_family == AF_INET6) {
    struct sockaddr_in6 v6;
    memcpy(&v6, peer, sizeof v6);
    bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
    ip.n = mapped ? 4 : 16;
    memcpy(ip.b, v6.sin6_addr.s6_addr + (mapped ? 12 : 0), ip.n);
  }
  return ip;
}
