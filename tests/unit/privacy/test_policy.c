/* The shipped policy.conf fits the program; and a policy that does not is refused for the right reason. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "privacy/check.h"
#include "store/migrate.h"

static struct buf shipped;

static int read_shipped(void **state) {
  (void)state;
  struct problem why = {0};
  buf_init(&shipped, 1 << 20);
  if (file_read(AT_FDCWD, "policy/policy.conf", &shipped, &why) == AVOW_OK)
    return 0;
  print_error("%s\n", why.detail);
  return -1;
}

static int drop_shipped(void **state) {
  (void)state;
  buf_clear(&shipped);
  return 0;
}

static void shipped_policy_fits(void **state) {
  (void)state;
  struct policy p;
  struct problem why = {0};
  if (policy_parse(buf_slice(&shipped), "policy.conf", &p, &why) != AVOW_OK || policy_check(&p, &why) != AVOW_OK)
    fail_msg("%s", why.detail);
  const struct policy_category *c = policy_column(&p, "certificate_accounts.account");
  assert_non_null(c);
  assert_string_equal(c->name, "certificate_holder");
  assert_true(c->personal && c->min.years == 7 && c->max.years == 10);
  assert_int_equal(c->purposes_n, 2);
  assert_string_equal(c->purposes[0].basis, "contract");
  assert_null(policy_column(&p, "accounts.contact"));
  policy_clear(&p);
}

/* The shipped text with the first `from` replaced by `to`. */
static struct slice mutant(struct arena *a, const char *from, const char *to) {
  const uint8_t *at = memmem(shipped.p, shipped.n, from, strlen(from));
  assert_non_null(at);
  AUTO_BUF b;
  buf_init(&b, 1 << 20);
  buf_put(&b, slice_of(shipped.p, (size_t)(at - shipped.p)));
  buf_put_str(&b, to);
  buf_put(&b, slice_skip(buf_slice(&shipped), (size_t)(at - shipped.p) + strlen(from)));
  assert_false(b.failed);
  return arena_dup(a, buf_slice(&b));
}

static void mutants_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *from, *to, *says;
  } rows[] = {
    /* against the program */
    {"\"accounts.terms_agreed\",", "", "the column accounts.terms_agreed has no category"},
    {"\"accounts.terms_agreed\"", "\"accounts.terms_agreed\", \"accounts.contact\"",
     "accounts.contact, which does not exist"},
    {"category signed_request {", "category signed_requests {", "account_create.jws has the category signed_request"},
    {"sinks = {\"database\", \"message\"}", "sinks = {\"database\"}", "account_key, which may not travel in messages"},
    {"\"syscall\"", "\"syscalls\"", "the log field syscall has no category"},
    {"\"syscall\"", "\"syscall\", \"email\"", "the log field email, which does not exist"},
    /* in itself */
    {"log_fields = {\"account\"}", "log_fields = {\"account\", \"order\"}",
     "order has the category account_state already"},
    {"columns = {\"jobs.payload\"}", "columns = {\"jobs.payload\"}\n log_fields = {\"x\"}", "sinks do not allow x"},
    {"purposes = {\"issuance:contract\"}", "purposes = {}", "what has no purpose is not kept"},
    {"issuance:contract", "issuance:consent", "may not have the basis consent"},
    {"issuance:contract", "fun:contract", "there is no purpose fun"},
    {"issuance:contract", "issuance", "expected \"PURPOSE:BASIS\""},
    {"min = \"P7Y\"", "min = \"P11Y\"", "expected min not above max"},
    {"min = \"P7Y\"", "min = \"7 years\"", "expected min and max"},
    {"clock = \"account_closed\"", "clock = \"some_day\"", "each a clock section's name"},
    {"roles = {\"subscriber\"}", "roles = {\"customer\"}", "there is no customer"},
    {"recipients = {\"self\", \"auditor\"}", "", "recipients: expected at least one"},
    {"erasure = \"redact\"", "erasure = \"hide\"", "erasure: expected delete"},
    {"erasure_reason = \"an account", "export = \"full\"\n  reason = \"an account", "each key once"},
    {"label_zh = \"账户密钥\"", "", "label_en and label_zh"},
    {"public = true\n  erasure", "public = false\n  erasure", "agree with the sink public"},
    {"personal = true", "personal = yes", "expected true or false"},
    {"reason = \"random keys of the machine, never stored or shown\"", "", "why it is about nobody"},
    {"kind = \"controller\"", "kind = \"friend\"", "kind: expected controller"},
    {"bases = {\"contract\", \"legitimate_interests\"}", "bases = {\"whim\"}", "whim is no legal basis"},
    {"version = \"0.1.0\"", "", "expected id, version and last_modified"},
    /* the pre-pass */
    {"personal = true", "personal = true\n  personal = false", "each key once"},
    {"version = \"0.1.0\"", "version = \"${HOME}\"", "nothing is taken from the environment"},
    {"version = \"0.1.0\"", "version = \"0.1", "end on its line"},
    {"version = \"0.1.0\"", "version += \"0.1\"", "expected"},
    {"version = \"0.1.0\"", "versions = \"0.1\"", "versions"},
    {"role staff {", "role subscriber {", "subscriber"},
    {"role staff {", "role staff {{", "expected a key"},
    {"sinks = {\"message\"}\n}", "sinks = {\"message\"}\n", "expected } at the end"},
    {"languages = {\"en\", \"zh\"}", "languages = {\"en\" \"zh\"}", "expected , or }"},
  };
  AUTO_ARENA a;
  arena_init(&a, 64 << 20);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct policy p;
    struct problem why = {0};
    avow_err e = policy_parse(mutant(&a, rows[i].from, rows[i].to), "policy.conf", &p, &why);
    if (e == AVOW_OK) {
      e = policy_check(&p, &why);
      policy_clear(&p);
    }
    if (e == AVOW_OK || !strstr(why.detail, rows[i].says))
      fail_msg("mutant %zu (%s): %s", i, rows[i].to, e == AVOW_OK ? "accepted" : why.detail);
  }
}

/* A migration that adds a column without a word in the policy. */
static void new_column_is_noticed(void **state) {
  (void)state;
  struct policy p;
  struct problem why = {0};
  struct db *db;
  assert_int_equal(policy_parse(buf_slice(&shipped), "policy.conf", &p, &why), AVOW_OK);
  assert_int_equal(db_open(":memory:", &db, &why), AVOW_OK);
  assert_int_equal(store_migrate(db, 0, &why), AVOW_OK);
  assert_int_equal(policy_check_columns(&p, db, &why), AVOW_OK);
  assert_int_equal(db_exec(db, "ALTER TABLE accounts ADD COLUMN contact TEXT"), AVOW_OK);
  assert_int_equal(policy_check_columns(&p, db, &why), ERR_CONFIG);
  assert_non_null(strstr(why.detail, "accounts.contact"));
  db_close(db);
  policy_clear(&p);
}

static void nul_ends_nothing(void **state) {
  (void)state;
  struct policy p;
  struct problem why = {0};
  assert_int_equal(policy_parse(SLICE_LIT("policy {\0}"), "policy.conf", &p, &why), ERR_CONFIG);
  assert_non_null(strstr(why.detail, "NUL"));
}

static void durations(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool ok;
    unsigned years, months, days;
  } rows[] = {
    {"P7Y", true, 7, 0, 0},   {"P30D", true, 0, 0, 30},  {"P1Y2M3D", true, 1, 2, 3}, {"P0D", true, 0, 0, 0},
    {"P", false, 0, 0, 0},    {"", false, 0, 0, 0},      {"7Y", false, 0, 0, 0},     {"P7", false, 0, 0, 0},
    {"PY", false, 0, 0, 0},   {"P1D1Y", false, 0, 0, 0}, {"P1D1D", false, 0, 0, 0},  {"P123456D", false, 0, 0, 0},
    {"P-1D", false, 0, 0, 0},
  };
  struct policy_duration d;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    assert_int_equal(policy_duration_parse(rows[i].text, &d), rows[i].ok);
    if (rows[i].ok)
      assert_true(d.years == rows[i].years && d.months == rows[i].months && d.days == rows[i].days);
  }
  assert_true(policy_duration_parse("indefinite", &d) && d.indefinite);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(shipped_policy_fits),
    cmocka_unit_test(mutants_are_refused),
    cmocka_unit_test(new_column_is_noticed),
    cmocka_unit_test(nul_ends_nothing),
    cmocka_unit_test(durations),
  };
  return cmocka_run_group_tests(tests, read_shipped, drop_shipped);
}
