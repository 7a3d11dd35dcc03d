/* Budgets: what may be spent at once, what comes back with time, what waiting is told, and that memory does not grow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acme/budget.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct budget *make(size_t most, int rate, int64_t burst_s) {
  struct budget *b = NULL;
  assert_int_equal(budget_new(most, rate, burst_s, &b), AVOW_OK);
  return b;
}

/* Ten a second, twenty at once. */
static void spent_and_refilled(void **state) {
  (void)state;
  static const struct {
    int64_t at_ms;
    int cost;
    int64_t wait_ms;
  } rows[] = {
    {1000, 10, 0},  {1000, 10, 0},   {1000, 1, 100},    {1000, 5, 500},  {1050, 1, 50},    {1100, 1, 0},
    {1100, 1, 100}, {1600, 5, 0},    {1600, 1, 100},    {9000, 20, 0},   {9000, 1, 100},   {99000, 1, 0},
    {99000, 19, 0}, {99000, 1, 100}, {99000, 99, 2000}, {101000, 99, 0}, {101000, 1, 100},
  };
  struct budget *b = make(100, 10, 2);
  uint64_t key = budget_key(b, SLICE_LIT("someone"));
  for (size_t i = 0; i < COUNT(rows); i++) {
    assert_int_equal(budget_ask(b, key, rows[i].cost, rows[i].at_ms), rows[i].wait_ms);
    assert_int_equal(budget_ask(b, key, rows[i].cost, rows[i].at_ms), rows[i].wait_ms);
    assert_int_equal(budget_spend(b, key, rows[i].cost, rows[i].at_ms), rows[i].wait_ms);
  }
  /* Somebody else has all of his own. */
  assert_int_equal(budget_spend(b, budget_key(b, SLICE_LIT("someone else")), 20, 101000), 0);
  budget_free(b);
}

static void the_wait_is_true(void **state) {
  (void)state;
  for (int rate = 1; rate < 2000; rate = rate * 3 + 1) {
    struct budget *b = make(100, rate, 3);
    uint64_t key = budget_key(b, SLICE_LIT("x"));
    int64_t now = 5000, wait = 0;
    for (int n = 0; n < 20000 && wait == 0; n++)
      wait = budget_spend(b, key, 1, now);
    assert_true(wait > 0);
    assert_true(budget_spend(b, key, 1, now + wait - 1) > 0);
    assert_int_equal(budget_spend(b, key, 1, now + wait), 0);
    budget_free(b);
  }
}

static void no_limit(void **state) {
  (void)state;
  struct budget *b = make(100, 0, 1);
  uint64_t key = budget_key(b, SLICE_LIT("x"));
  for (int i = 0; i < 10000; i++)
    assert_int_equal(budget_spend(b, key, 10, 1000), 0);
  budget_free(b);
}

/* One who spent all stays refused while a million others pass through a table of a thousand places. */
static void flood_of_others(void **state) {
  (void)state;
  struct budget *b = make(1000, 10, 2);
  uint64_t key = budget_key(b, SLICE_LIT("greedy"));
  assert_int_equal(budget_spend(b, key, 20, 1000), 0);
  for (uint32_t i = 0; i < 1000000; i++)
    assert_int_equal(budget_spend(b, budget_key(b, SLICE_OF((const uint32_t[]){i})), 1, 1000), 0);
  assert_int_equal(budget_ask(b, key, 1, 1000), 100);
  budget_free(b);
}

static void addresses(void **state) {
  (void)state;
  struct budget *b = make(100, 1, 1);
  struct personal_ip v4 = {4, {192, 0, 2, 1}}, other = {4, {192, 0, 2, 2}};
  struct personal_ip v6 = {16, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 1}}, same = {16, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 2}};
  struct personal_ip next = {16, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 1}};
  assert_true(budget_key_of_address(b, &v4) != budget_key_of_address(b, &other));
  assert_true(budget_key_of_address(b, &v6) == budget_key_of_address(b, &same));
  assert_true(budget_key_of_address(b, &v6) != budget_key_of_address(b, &next));
  budget_free(b);
}

static void costs(void **state) {
  (void)state;
  static const struct {
    enum signature_alg alg;
    size_t n;
    int cost;
  } rows[] = {{SIG_ES256, 64, 1},  {SIG_EDDSA, 64, 2},   {SIG_RS256, 256, 2}, {SIG_RS384, 384, 4},
              {SIG_RS256, 512, 4}, {SIG_RS512, 1024, 8}, {SIG_ES384, 96, 10}, {SIG_ES512, 132, 10}};
  for (size_t i = 0; i < COUNT(rows); i++)
    assert_int_equal(budget_cost(rows[i].alg, rows[i].n), rows[i].cost);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(spent_and_refilled), cmocka_unit_test(the_wait_is_true),
                                     cmocka_unit_test(no_limit),           cmocka_unit_test(flood_of_others),
                                     cmocka_unit_test(addresses),          cmocka_unit_test(costs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
