/* Counters of requests and their text form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "acme/metrics.h"

static struct metrics metrics;

static bool has(const struct buf *b, const char *line) {
  return memmem(b->p, b->n, line, strlen(line)) != NULL;
}

static void counted(void **state) {
  (void)state;
  metrics_count(&metrics, "order", 200, 0);
  metrics_count(&metrics, "order", 201, 1);
  metrics_count(&metrics, "order", 429, 3);
  metrics_count(&metrics, "authz", 503, 20000);
  metrics_count(&metrics, "authz", 0, -5);
  AUTO_BUF b;
  buf_init(&b, 65536);
  metrics_put(&metrics, &b);
  assert_false(b.failed);
  static const char *const lines[] = {
    "\navow_acme_requests_total{route=\"order\",status=\"2xx\"} 2\n",
    "\navow_acme_requests_total{route=\"order\",status=\"4xx\"} 1\n",
    "\navow_acme_requests_total{route=\"authz\",status=\"5xx\"} 1\n",
    "\navow_acme_request_seconds_bucket{le=\"0.001\"} 3\n",
    "\navow_acme_request_seconds_bucket{le=\"0.005\"} 4\n",
    "\navow_acme_request_seconds_bucket{le=\"10\"} 4\n",
    "\navow_acme_request_seconds_bucket{le=\"+Inf\"} 5\n",
    "\navow_acme_request_seconds_sum 20.004\n",
    "\navow_acme_request_seconds_count 5\n",
    "\navow_acme_limited_total 1\n",
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    if (!has(&b, lines[i]))
      fail_msg("%s is missing in\n%.*s", lines[i], (int)b.n, (const char *)b.p);
}

/* More routes than places: the last place takes what is left, nothing is written beyond. */
static void too_many_routes(void **state) {
  (void)state;
  static struct metrics many;
  static char names[METRICS_ROUTES_MAX + 5][8];
  for (size_t i = 0; i < METRICS_ROUTES_MAX + 5; i++) {
    snprintf(names[i], sizeof names[i], "r%zu", i);
    metrics_count(&many, names[i], 200, 1);
  }
  assert_int_equal(many.answers[METRICS_ROUTES_MAX - 1][2], 6);
  assert_int_equal(many.buckets[0], METRICS_ROUTES_MAX + 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(counted), cmocka_unit_test(too_many_routes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
