/* The pure parts of the store: rules, nonces, tokens, the queue, packed lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store/jobs.h"
#include "store/model.h"
#include "store/nonces.h"
#include "store/pack.h"
#include "store/tokens.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void methods_of_identifiers(void **state) {
  (void)state;
  static const struct {
    int type;
    bool wildcard;
    const char *methods; /* '1' http-01, '2' dns-01, '3' tls-alpn-01 */
  } rows[] = {{IDENTIFIER_DNS, false, "123"},
              {IDENTIFIER_DNS, true, "2"},
              {IDENTIFIER_IP, false, "13"},
              {IDENTIFIER_IP, true, ""},
              {3, false, ""}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    unsigned want = 0;
    for (const char *c = rows[i].methods; *c; c++)
      want |= 1u << (*c - '0');
    assert_int_equal(authz_methods(rows[i].type, rows[i].wildcard), want);
  }
}

static void status_of_orders(void **state) {
  (void)state;
  enum { P = AUTHZ_PENDING, V = AUTHZ_VALID, I = AUTHZ_INVALID, D = AUTHZ_DEACTIVATED, E = AUTHZ_EXPIRED };
  static const struct {
    int status;
    int64_t expires;
    int authzs[2];
    size_t n;
    int want;
  } rows[] = {
    {ORDER_PENDING, 10, {P, P}, 2, ORDER_PENDING}, {ORDER_PENDING, 10, {V, P}, 2, ORDER_PENDING},
    {ORDER_PENDING, 10, {V, V}, 2, ORDER_READY},   {ORDER_PENDING, 10, {V, I}, 2, ORDER_INVALID},
    {ORDER_PENDING, 10, {V, D}, 2, ORDER_INVALID}, {ORDER_PENDING, 10, {E, P}, 2, ORDER_INVALID},
    {ORDER_PENDING, 5, {V, V}, 2, ORDER_INVALID},  {ORDER_PROCESSING, 5, {I, E}, 2, ORDER_PROCESSING},
    {ORDER_VALID, 5, {E, E}, 2, ORDER_VALID},      {ORDER_INVALID, 10, {V, V}, 2, ORDER_INVALID},
    {ORDER_PENDING, 10, {0, 0}, 0, ORDER_INVALID},
  };
  for (size_t i = 0; i < COUNT(rows); i++)
    assert_int_equal(order_status_at(rows[i].status, rows[i].expires, rows[i].authzs, rows[i].n, 5), rows[i].want);
  assert_int_equal(authz_status_at(AUTHZ_PENDING, 5, 5), AUTHZ_EXPIRED);
  assert_int_equal(authz_status_at(AUTHZ_VALID, 6, 5), AUTHZ_VALID);
  assert_int_equal(authz_status_at(AUTHZ_INVALID, 5, 9), AUTHZ_INVALID);
}

static void challenge_ids(void **state) {
  (void)state;
  struct id128 authz = id_make(1800000000000, STORE_ORIGIN);
  int method;
  for (int m = METHOD_HTTP_01; m <= METHOD_TLS_ALPN_01; m++) {
    struct id128 id = challenge_id(authz, m);
    assert_false(id_eq(id, authz));
    assert_true(id_eq(challenge_authz(id, &method), authz));
    assert_int_equal(method, m);
  }
  (void)challenge_authz(authz, &method);
  assert_int_equal(method, 0);
  (void)challenge_authz(challenge_id(authz, 4), &method);
  assert_int_equal(method, 0);
}

static void nonces(void **state) {
  (void)state;
  struct nonces *n = calloc(1, sizeof *n);
  uint64_t first, second;
  nonces_init(n);
  assert_int_equal(nonces_base(n, &first), AVOW_OK);
  assert_int_equal(nonces_base(n, &second), AVOW_OK);
  assert_true(second == first + (UINT64_C(1) << 32));
  static const struct {
    int64_t number;
    avow_err want;
  } rows[] = {
    {0, AVOW_OK},
    {0, ERR_BAD_NONCE},
    {5, AVOW_OK},
    {4, AVOW_OK},
    {5, ERR_BAD_NONCE},
    {NONCE_WINDOW - 1, AVOW_OK},
    {1, AVOW_OK},
    {NONCE_WINDOW + 2, AVOW_OK}, /* moves the window up to 3 */
    {2, ERR_BAD_NONCE},          /* forgotten, so refused */
    {3, AVOW_OK},
    {4, ERR_BAD_NONCE},
    {NONCE_WINDOW + 2, ERR_BAD_NONCE},
    {NONCE_WINDOW + 1, AVOW_OK},
    {10 * (int64_t)NONCE_WINDOW, AVOW_OK},
    {9 * (int64_t)NONCE_WINDOW, ERR_BAD_NONCE},
    {9 * (int64_t)NONCE_WINDOW + 1, AVOW_OK},
  };
  for (size_t i = 0; i < COUNT(rows); i++)
    assert_int_equal(nonce_spend(n, n->epoch, first + (uint64_t)rows[i].number), rows[i].want);
  assert_int_equal(nonce_spend(n, n->epoch, second), AVOW_OK);
  assert_int_equal(nonce_spend(n, n->epoch + 1, second + 1), ERR_BAD_NONCE);
  assert_int_equal(nonce_spend(n, n->epoch, second + (UINT64_C(1) << 32)), ERR_BAD_NONCE);
  assert_int_equal(nonce_spend(n, n->epoch, 7), ERR_BAD_NONCE);
  /* The oldest base gives way; its window starts empty for the next. */
  uint64_t base = 0;
  for (int i = 0; i < NONCE_BASES; i++)
    assert_int_equal(nonces_base(n, &base), AVOW_OK);
  assert_int_equal(nonce_spend(n, n->epoch, second + 9), ERR_BAD_NONCE);
  assert_int_equal(nonce_spend(n, n->epoch, base), AVOW_OK);
  nonces_clear(n);
  free(n);
}

static void tokens(void **state) {
  (void)state;
  struct tokens *t = calloc(1, sizeof *t);
  char text[TOKEN_MAX];
  size_t n;
  assert_int_equal(tokens_wanted(t, 0), TOKENS_ASK);
  assert_int_equal(tokens_take(t, 0, text, &n), ERR_UNAVAILABLE);
  tokens_add(t, SLICE_NONE, 0);
  tokens_add(t, SLICE_LIT("one"), 0);
  tokens_add(t, SLICE_LIT("two"), DAY_MS);
  assert_int_equal(tokens_take(t, DAY_MS + 1, text, &n), AVOW_OK);
  assert_true(slice_eq_str(slice_of(text, n), "two")); /* the first was too old */
  for (int i = 0; i < TOKENS_MAX + 5; i++)
    tokens_add(t, SLICE_LIT("x"), DAY_MS);
  assert_int_equal(t->n, TOKENS_MAX);
  assert_int_equal(tokens_wanted(t, DAY_MS), 0);
  free(t);
}

static void queue(void **state) {
  (void)state;
  struct job_queue q = {0};
  assert_true(job_queue_due(&q) == INT64_MAX);
  for (int64_t key = 1; key <= 300; key++)
    assert_int_equal(job_queue_add(&q, 10 * key, id_make(key, 1), 0, key == 2 ? 50 : 0), AVOW_OK);
  assert_int_equal(job_queue_take(&q, 1)->key, 10);
  assert_int_equal(job_queue_take(&q, 1)->key, 30); /* the second is not due */
  assert_int_equal(q.offered, 2);
  assert_null(job_queue_find(&q, 15));
  job_queue_signed(&q, 30, 7);
  assert_int_equal(q.offered, 1);
  job_queue_release(&q);
  assert_int_equal(q.offered, 0);
  assert_int_equal(job_queue_take(&q, 60)->key, 10);
  assert_int_equal(job_queue_take(&q, 60)->key, 20);
  assert_int_equal(job_queue_take(&q, 60)->key, 40); /* the third waits for its record */
  /* A lease that runs out is due again. */
  assert_int_equal(job_queue_take(&q, 2 + JOB_LEASE_MS)->key, 30);
  assert_int_equal(q.offered, 4);
  job_queue_free(&q, 30, INT64_MAX - 1);
  assert_int_equal(q.offered, 3);
  for (int64_t key = 1; key <= 300; key++)
    if (key != 3)
      job_queue_end(&q, 10 * key);
  assert_int_equal(q.offered, 0);
  assert_true(q.n < 150);
  assert_true(job_queue_due(&q) == INT64_MAX - 1);
  assert_null(job_queue_take(&q, 5));
  job_queue_clear(&q);
}

/* Applicants with slow servers: nobody else waits for them. */
static void slow_validations(void **state) {
  (void)state;
  enum { EACH = 300, GREEDY = 40 };
  struct job_queue q = {0};
  int64_t key = 1, taken[GREEDY + 2] = {0};
  for (int64_t account = 1; account <= GREEDY; account++)
    for (int i = 0; i < EACH; i++, key++)
      assert_int_equal(job_queue_add(&q, key, id_make(key, 1), account, 0), AVOW_OK);
  /* One alone gets a third, and the next half of what is left by him. */
  struct job_entry *e;
  for (int i = 0; i < 65; i++)
    assert_int_equal(job_queue_take(&q, 1)->account, 1);
  assert_int_equal(job_queue_take(&q, 1)->account, 2);
  taken[1] = 65;
  taken[2] = 1;
  while ((e = job_queue_take(&q, 1)))
    taken[e->account]++;
  assert_in_range(taken[2], 40, 65);
  for (int64_t account = 1; account <= GREEDY; account++)
    assert_true(taken[account] >= 1 || q.validations == JOB_VALIDATIONS_MOST);
  assert_true(q.validations <= JOB_VALIDATIONS_MOST && q.offered == q.validations);
  assert_int_equal(job_queue_due(&q), 1 + JOB_LEASE_MS); /* what waits for room is not due */
  /* Another kind always goes, and whoever has none as soon as one ends. */
  int64_t other = key, mine = key + 1;
  assert_int_equal(job_queue_add(&q, other, id_make(other, 1), 0, 0), AVOW_OK);
  assert_int_equal(job_queue_add(&q, mine, id_make(mine, 1), GREEDY + 1, 0), AVOW_OK);
  assert_int_equal(job_queue_due(&q), 0);
  assert_int_equal(job_queue_take(&q, 1)->key, other);
  job_queue_end(&q, 1);
  while ((e = job_queue_take(&q, 1)) && e->key != mine)
    job_queue_end(&q, e->key);
  assert_non_null(e);
  /* All leases end, and nothing of them is left. */
  job_queue_release(&q);
  assert_int_equal(q.offered, 0);
  assert_int_equal(q.validations, 0);
  assert_int_equal(q.accounts_n, 0);
  assert_int_equal(job_queue_due(&q), 0);
  job_queue_clear(&q);
}

static void packed(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 1024 * 1024);
  AUTO_BUF b;
  buf_init(&b, 4096);
  struct rec_subproblem list[] = {
    {{IDENTIFIER_DNS, true, SLICE_LIT("example.org")}, {ERR_CAA, SLICE_LIT("no")}},
    {{IDENTIFIER_IP, false, SLICE_LIT("192.0.2.1")}, {ERR_DNS, SLICE_NONE}},
  };
  pack_subproblems(&b, list, 2);
  struct rec_subproblem *got;
  size_t n;
  assert_int_equal(unpack_subproblems(buf_slice(&b), &a, &got, &n), AVOW_OK);
  assert_int_equal(n, 2);
  assert_true(got[0].identifier.wildcard && slice_eq_str(got[0].identifier.value, "example.org"));
  assert_int_equal(got[0].problem.err, ERR_CAA);
  assert_true(slice_eq_str(got[0].problem.detail, "no"));
  /* No shorter or longer bytes are a list. */
  for (size_t cut = 0; cut < b.n; cut++)
    assert_int_equal(unpack_subproblems(slice_of(b.p, cut), &a, &got, &n), ERR_DATABASE);
  buf_put_u8(&b, 0);
  assert_int_equal(unpack_subproblems(buf_slice(&b), &a, &got, &n), ERR_DATABASE);

  buf_reset(&b);
  struct rec_met met[] = {{7, SLICE_LIT("http"), SLICE_LIT("GET"), SLICE_LIT("200")}}, *back;
  pack_met(&b, met, 1);
  assert_int_equal(unpack_met(buf_slice(&b), &a, &back, &n), AVOW_OK);
  assert_int_equal(back[0].at, 7);
  assert_true(n == 1 && slice_eq_str(back[0].answer, "200"));
  for (size_t cut = 0; cut < b.n; cut++)
    assert_int_equal(unpack_met(slice_of(b.p, cut), &a, &back, &n), ERR_DATABASE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(methods_of_identifiers),
    cmocka_unit_test(status_of_orders),
    cmocka_unit_test(challenge_ids),
    cmocka_unit_test(nonces),
    cmocka_unit_test(tokens),
    cmocka_unit_test(queue),
    cmocka_unit_test(slow_validations),
    cmocka_unit_test(packed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
