/* Coverage: every row is one fact changed in evidence that is otherwise enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "evidence/cover.h"
#include "ipc/model.h"

#define NOW ((int64_t)1800000000000)
static const int64_t reuse_ms = (int64_t)30 * DAY_MS;

static struct arena names_arena;

static struct name name_of(const char *text) {
  struct name n;
  struct problem why = {0};
  avow_err e = text[0] >= '0' && text[0] <= '9' ? name_parse_ip(slice_str(text), &names_arena, &n, &why)
                                                : name_parse_dns(slice_str(text), &names_arena, &n, &why);
  if (e != AVOW_OK)
    print_error("%s: %s\n", text, why.detail);
  assert_int_equal(e, AVOW_OK);
  return n;
}

static struct sealed_account account(void) {
  struct sealed_account a = {.id = {{1}}, .epoch = 1, .status = ACCOUNT_VALID, .keys_n = 2};
  memset(a.keys[0], 0x11, 32); /* an older key */
  memset(a.keys[1], 0x22, 32);
  return a;
}

static struct slice internal[1];

struct row {
  const char *what, *name;
  avow_err expect;
  enum ca_kind kind;
  /* control */
  const char *control;
  uint8_t method, scope, key, who;
  int64_t age_ms;
  /* CAA; verdict 0: no statement */
  const char *caa;
  uint8_t caa_method, verdict, caa_who;
  bool caa_wildcard;
  int64_t caa_age_ms, caa_left_ms;
};

#define H METHOD_HTTP_01
#define D METHOD_DNS_01
#define A METHOD_TLS_ALPN_01
#define E SCOPE_EXACT
#define W SCOPE_WILDCARD
#define S SCOPE_SUBTREE
#define P KIND_PRIVATE
#define CAA_OK "www.example.org", H, CAA_PERMITTED, 1, false, 0, HOUR_MS
#define CAA_D "example.org", D, CAA_PERMITTED, 1, true, 0, HOUR_MS
#define NO_CAA NULL, 0, 0, 0, false, 0, 0

static const struct row rows[] = {
  {"exact by http", "www.example.org", AVOW_OK, P, "www.example.org", H, E, 0x22, 1, 0, CAA_OK},
  {"under an older key", "www.example.org", AVOW_OK, P, "www.example.org", H, E, 0x11, 1, 0, CAA_OK},
  {"as old as may be", "www.example.org", AVOW_OK, P, "www.example.org", H, E, 0x22, 1, (int64_t)30 * DAY_MS, CAA_OK},
  {"too old", "www.example.org", ERR_EVIDENCE, P, "www.example.org", H, E, 0x22, 1, (int64_t)30 * DAY_MS + 1, CAA_OK},
  {"a little ahead", "www.example.org", AVOW_OK, P, "www.example.org", H, E, 0x22, 1, -CLOCK_TOLERANCE_MS, CAA_OK},
  {"from the future", "www.example.org", ERR_CLOCK, P, "www.example.org", H, E, 0x22, 1, -CLOCK_TOLERANCE_MS - 1,
   CAA_OK},
  {"a foreign key", "www.example.org", ERR_EVIDENCE, P, "www.example.org", H, E, 0x33, 1, 0, CAA_OK},
  {"another account", "www.example.org", ERR_EVIDENCE, P, "www.example.org", H, E, 0x22, 2, 0, CAA_OK},
  {"another name", "www.example.org", ERR_EVIDENCE, P, "ftp.example.org", H, E, 0x22, 1, 0, CAA_OK},
  {"the parent, exactly", "www.example.org", ERR_EVIDENCE, P, "example.org", H, E, 0x22, 1, 0, CAA_OK},
  {"the parent's tree by http", "www.example.org", ERR_EVIDENCE, P, "example.org", H, S, 0x22, 1, 0, CAA_OK},
  {"the parent's wildcard", "www.example.org", ERR_EVIDENCE, P, "example.org", D, W, 0x22, 1, 0, CAA_OK},
  {"no CAA", "www.example.org", ERR_EVIDENCE, P, "www.example.org", H, E, 0x22, 1, 0, NO_CAA},
  {"CAA for another name", "www.example.org", ERR_EVIDENCE, P, "www.example.org", H, E, 0x22, 1, 0, "example.org", H,
   CAA_PERMITTED, 1, false, 0, HOUR_MS},
  {"CAA for another method", "www.example.org", ERR_EVIDENCE, P, "www.example.org", H, E, 0x22, 1, 0, "www.example.org",
   A, CAA_PERMITTED, 1, false, 0, HOUR_MS},
  {"CAA for another account", "www.example.org", ERR_EVIDENCE, P, "www.example.org", H, E, 0x22, 1, 0,
   "www.example.org", H, CAA_PERMITTED, 2, false, 0, HOUR_MS},
  {"CAA for the wildcard", "www.example.org", ERR_EVIDENCE, P, "www.example.org", H, E, 0x22, 1, 0, "www.example.org",
   H, CAA_PERMITTED, 1, true, 0, HOUR_MS},
  {"CAA forbids", "www.example.org", ERR_CAA, P, "www.example.org", H, E, 0x22, 1, 0, "www.example.org", H,
   CAA_FORBIDDEN, 1, false, 0, HOUR_MS},
  {"CAA expired", "www.example.org", ERR_EVIDENCE, P, "www.example.org", H, E, 0x22, 1, 0, "www.example.org", H,
   CAA_PERMITTED, 1, false, HOUR_MS, -1},
  {"CAA older than 8 hours, whatever it says", "www.example.org", ERR_EVIDENCE, P, "www.example.org", H, E, 0x22, 1, 0,
   "www.example.org", H, CAA_PERMITTED, 1, false, 8 * HOUR_MS + 1, DAY_MS},
  {"CAA of 8 hours", "www.example.org", AVOW_OK, P, "www.example.org", H, E, 0x22, 1, 0, "www.example.org", H,
   CAA_PERMITTED, 1, false, 8 * HOUR_MS, DAY_MS},
  {"CAA from the future", "www.example.org", ERR_CLOCK, P, "www.example.org", H, E, 0x22, 1, 0, "www.example.org", H,
   CAA_PERMITTED, 1, false, -CLOCK_TOLERANCE_MS - 1, DAY_MS},
  {"called internal, but is not", "www.example.org", ERR_EVIDENCE, P, "www.example.org", H, E, 0x22, 1, 0,
   "www.example.org", H, CAA_INTERNAL, 1, false, 0, HOUR_MS},
  {"called internal in a test CA, but is not", "www.example.org", ERR_EVIDENCE, KIND_TEST, "www.example.org", H, E,
   0x22, 1, 0, "www.example.org", H, CAA_INTERNAL, 1, false, 0, HOUR_MS},
  {"reserved in a test CA", "a.test", AVOW_OK, KIND_TEST, "a.test", H, E, 0x22, 1, 0, "a.test", H, CAA_INTERNAL, 1,
   false, 0, HOUR_MS},
  {"a reserved wildcard in a test CA", "*.a.test", AVOW_OK, KIND_TEST, "a.test", D, W, 0x22, 1, 0, "a.test", D,
   CAA_INTERNAL, 1, true, 0, HOUR_MS},
  {"reserved in a private CA", "a.test", ERR_EVIDENCE, P, "a.test", H, E, 0x22, 1, 0, "a.test", H, CAA_INTERNAL, 1,
   false, 0, HOUR_MS},
  {"internal needs no CAA", "db.corp.internal", AVOW_OK, P, "db.corp.internal", H, E, 0x22, 1, 0, NO_CAA},
  {"internal in a public CA needs it", "db.corp.internal", ERR_EVIDENCE, KIND_PUBLIC, "db.corp.internal", H, E, 0x22, 1,
   0, NO_CAA},
  {"internal needs control", "db.corp.internal", ERR_EVIDENCE, P, "dc.corp.internal", H, E, 0x22, 1, 0, NO_CAA},
  {"wildcard by dns", "*.example.org", AVOW_OK, P, "example.org", D, W, 0x22, 1, 0, CAA_D},
  {"wildcard by http", "*.example.org", ERR_EVIDENCE, P, "example.org", H, W, 0x22, 1, 0, CAA_D},
  {"wildcard by an exact statement", "*.example.org", ERR_EVIDENCE, P, "example.org", D, E, 0x22, 1, 0, CAA_D},
  {"wildcard, CAA of the name itself", "*.example.org", ERR_EVIDENCE, P, "example.org", D, W, 0x22, 1, 0, "example.org",
   D, CAA_PERMITTED, 1, false, 0, HOUR_MS},
  {"wildcard by a tree above", "*.a.example.org", AVOW_OK, P, "example.org", D, S, 0x22, 1, 0, "a.example.org", D,
   CAA_PERMITTED, 1, true, 0, HOUR_MS},
  {"the name by its tree", "example.org", AVOW_OK, P, "example.org", D, S, 0x22, 1, 0, "example.org", D, CAA_PERMITTED,
   1, false, 0, HOUR_MS},
  {"a longer name that ends alike", "notexample.org", ERR_EVIDENCE, P, "example.org", D, S, 0x22, 1, 0,
   "notexample.org", D, CAA_PERMITTED, 1, false, 0, HOUR_MS},
  {"an address by http", "10.1.2.3", AVOW_OK, P, "10.1.2.3", H, E, 0x22, 1, 0, NO_CAA},
  {"an address by dns", "10.1.2.3", ERR_EVIDENCE, P, "10.1.2.3", D, E, 0x22, 1, 0, NO_CAA},
  {"another address", "10.1.2.3", ERR_EVIDENCE, P, "10.1.2.4", H, E, 0x22, 1, 0, NO_CAA},
};

static void fill(const struct row *r, struct name_evidence *ev) {
  memset(ev, 0, sizeof *ev);
  struct name n = name_of(r->control);
  ev->control_n = 1;
  ev->control[0] = (struct control_statement){.identifier_type = (uint8_t)n.type,
                                              .name = n.text,
                                              .method = r->method,
                                              .scope = r->scope,
                                              .account = {{r->who}},
                                              .at_ms = NOW - r->age_ms};
  memset(ev->control[0].thumbprint, r->key, 32);
  if (!r->caa)
    return;
  ev->caa_n = 1;
  ev->caa[0] = (struct caa_statement){.name = slice_str(r->caa),
                                      .wildcard = r->caa_wildcard,
                                      .account = {{r->caa_who}},
                                      .method = r->caa_method,
                                      .verdict = r->verdict,
                                      .at_ms = NOW - r->caa_age_ms,
                                      .expires_ms = NOW + r->caa_left_ms};
}

static void one_statement(void **state) {
  (void)state;
  struct sealed_account a = account();
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct row *r = &rows[i];
    struct name_policy policy = {.allow_reserved = r->kind == KIND_TEST, .suffixes = internal, .suffixes_n = 1};
    struct cover_rules rules = {.kind = r->kind, .names = &policy, .control_reuse_ms = reuse_ms, .perspectives = 1};
    struct name n = name_of(r->name);
    struct name_evidence ev;
    fill(r, &ev);
    struct problem why = {0};
    avow_err e = name_covered(&ev, &n, &a, &rules, NOW, &why);
    if (e != r->expect)
      fail_msg("%s: %s (%s), expected %s", r->what, err_name(e), why.detail, err_name(r->expect));
  }
}

/* Perspectives are counted once each, for control and for CAA, and by one method. */
static void quorum(void **state) {
  (void)state;
  struct sealed_account a = account();
  struct name_policy policy = {.allow_reserved = false};
  struct cover_rules rules = {.kind = KIND_PRIVATE, .names = &policy, .control_reuse_ms = reuse_ms, .perspectives = 2};
  struct name n = name_of("www.example.org");
  struct name_evidence ev;
  fill(&rows[0], &ev);
  assert_int_equal(name_covered(&ev, &n, &a, &rules, NOW, NULL), ERR_EVIDENCE);
  ev.control[1] = ev.control[0];
  ev.caa[1] = ev.caa[0];
  ev.control_n = ev.caa_n = 2;
  assert_int_equal(name_covered(&ev, &n, &a, &rules, NOW, NULL), ERR_EVIDENCE); /* the same one twice */
  ev.control[1].perspective = SLICE_LIT("eu-1");
  assert_int_equal(name_covered(&ev, &n, &a, &rules, NOW, NULL), ERR_EVIDENCE); /* CAA from one only */
  ev.caa[1].perspective = SLICE_LIT("eu-1");
  assert_int_equal(name_covered(&ev, &n, &a, &rules, NOW, NULL), AVOW_OK);
  ev.control[1].method = METHOD_TLS_ALPN_01;
  assert_int_equal(name_covered(&ev, &n, &a, &rules, NOW, NULL), ERR_EVIDENCE); /* two methods are not one */
}

static void no_statement(void **state) {
  (void)state;
  struct sealed_account a = account();
  struct name_policy policy = {.suffixes = internal, .suffixes_n = 1};
  struct cover_rules rules = {.kind = KIND_PRIVATE, .names = &policy, .control_reuse_ms = reuse_ms, .perspectives = 1};
  static const struct name_evidence none;
  struct name n = name_of("db.corp.internal");
  assert_int_equal(name_covered(&none, &n, &a, &rules, NOW, NULL), ERR_EVIDENCE);
}

static int set_up(void **state) {
  (void)state;
  arena_init(&names_arena, 1024 * 1024);
  internal[0] = slice_str("corp.internal");
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  arena_clear(&names_arena);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(one_statement), cmocka_unit_test(quorum),
                                     cmocka_unit_test(no_statement)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
