#include "acme/metrics.h"

#include <inttypes.h>

static const int bounds_ms[METRICS_BUCKETS] = {1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10000};

/* The names are literals of the route table: the same pointer is the same route. */
static size_t slot(struct metrics *m, const char *route) {
  for (size_t i = 0; i < METRICS_ROUTES_MAX; i++) {
    const char *there = m->routes[i];
    if (!there && atomic_compare_exchange_strong(&m->routes[i], &there, route))
      return i;
    if (there == route)
      return i;
  }
  return METRICS_ROUTES_MAX - 1;
}

void metrics_count(struct metrics *m, const char *route, int status, int64_t ms) {
  size_t class = status >= 100 && status < 600 ? (size_t)status / 100 : 0, bucket = 0;
  while (bucket < METRICS_BUCKETS && ms > bounds_ms[bucket])
    bucket++;
  atomic_fetch_add_explicit(&m->answers[slot(m, route)][class], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&m->buckets[bucket], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&m->total_ms, ms > 0 ? (uint_fast64_t)ms : 0, memory_order_relaxed);
  if (status == 429)
    atomic_fetch_add_explicit(&m->limited, 1, memory_order_relaxed);
}

void metrics_put(const struct metrics *m, struct buf *out) {
  buf_put_str(out,
              "# HELP avow_acme_requests_total Answered ACME requests.\n# TYPE avow_acme_requests_total counter\n");
  for (size_t i = 0; i < METRICS_ROUTES_MAX && m->routes[i]; i++)
    for (size_t class = 1; class < METRICS_CLASSES; class ++)
      if (m->answers[i][class] > 0)
        buf_printf(out, "avow_acme_requests_total{route=\"%s\",status=\"%zuxx\"} %" PRIuFAST64 "\n",
                   (const char *)m->routes[i], class, m->answers[i][class]);
  buf_put_str(out, "# HELP avow_acme_request_seconds From a complete request to its answer.\n"
                   "# TYPE avow_acme_request_seconds histogram\n");
  uint_fast64_t sum = 0;
  for (size_t i = 0; i < METRICS_BUCKETS; i++) {
    sum += m->buckets[i];
    buf_printf(out, "avow_acme_request_seconds_bucket{le=\"%g\"} %" PRIuFAST64 "\n", bounds_ms[i] / 1000.0, sum);
  }
  sum += m->buckets[METRICS_BUCKETS];
  buf_printf(out, "avow_acme_request_seconds_bucket{le=\"+Inf\"} %" PRIuFAST64 "\n", sum);
  buf_printf(out, "avow_acme_request_seconds_sum %.3f\n", (double)m->total_ms / 1000.0);
  buf_printf(out, "avow_acme_request_seconds_count %" PRIuFAST64 "\n", sum);
  buf_put_str(out, "# HELP avow_acme_limited_total Requests answered 429.\n# TYPE avow_acme_limited_total counter\n");
  buf_printf(out, "avow_acme_limited_total %" PRIuFAST64 "\n", m->limited);
}
