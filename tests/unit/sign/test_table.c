/* The hash table against a plain array, through adding, finding and pruning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sign/table.h"

enum { KEYS = 20000 };

struct item {
  uint32_t key;
  uint32_t value;
};

static bool keep_some(const void *entry, void *context) {
  const struct item *i = entry;
  return i->key % *(const uint32_t *)context != 0;
}

static void like_an_array(void **state) {
  (void)state;
  static bool there[KEYS];
  struct table t;
  table_init(&t, sizeof(uint32_t), sizeof(struct item));
  uint32_t absent = 7;
  assert_null(table_find(&t, &absent));
  for (uint32_t round = 0; round < 4; round++) {
    for (uint32_t k = round; k < KEYS; k += 1 + round) {
      struct item *i = table_add(&t, &k);
      assert_non_null(i);
      assert_true(there[k] ? i->value == k + 1 : i->value == 0);
      i->value = k + 1;
      there[k] = true;
    }
    uint32_t step = 3 + round;
    table_prune(&t, keep_some, &step);
    size_t n = 0;
    for (uint32_t k = 0; k < KEYS; k++) {
      there[k] = there[k] && k % step != 0;
      n += there[k];
      const struct item *i = table_find(&t, &k);
      assert_true((i != NULL) == there[k]);
      assert_true(!i || i->value == k + 1);
    }
    assert_int_equal(t.n, n);
    size_t seen = 0;
    const struct item *i;
    for (size_t at = 0; (i = table_next(&t, &at));)
      seen += there[i->key];
    assert_int_equal(seen, n);
  }
  table_clear(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(like_an_array)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
