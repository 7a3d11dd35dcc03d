/* What is counted of requests: by resource and class of status, and how long they took. No name, address or account. */
#ifndef AVOW_ACME_METRICS_H
#define AVOW_ACME_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"

enum { METRICS_ROUTES_MAX = 32, METRICS_CLASSES = 6, METRICS_BUCKETS = 12 };

struct metrics {
  _Atomic(const char *) routes[METRICS_ROUTES_MAX]; /* names of resources, as they are first met */
  atomic_uint_fast64_t answers[METRICS_ROUTES_MAX][METRICS_CLASSES];
  atomic_uint_fast64_t buckets[METRICS_BUCKETS + 1], total_ms, limited;
};

/* Counts one answer of `route` (a string that stays) that took `ms`. Safe from any thread. */
void metrics_count(struct metrics *m, const char *route, int status, int64_t ms);
/* Appends the Prometheus text form (version 0.0.4). */
void metrics_put(const struct metrics *m, struct buf *out);

#endif
