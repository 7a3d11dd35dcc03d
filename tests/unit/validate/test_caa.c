/* CAA sets as RFC 8659 and RFC 8657 read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "validate/caa.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define URI "https://ca.example/acme/acct/1"

static const struct slice identities[] = {{(const uint8_t *)"ca.example", 10}, {(const uint8_t *)"pki.example", 11}};

static struct caa_question question(bool wildcard, const char *method) {
  return (struct caa_question){.wildcard = wildcard,
                               .identities = identities,
                               .identities_n = COUNT(identities),
                               .account_uri = SLICE_LIT(URI),
                               .method = slice_str(method)};
}

static void values(void **state) {
  (void)state;
  static const struct {
    const char *value;
    bool permits; /* http-01 */
  } table[] = {
    {"ca.example", true},
    {"CA.Example", true},
    {"pki.example", true},
    {" \t ca.example \t ", true},
    {"ca.example;", true},
    {"ca.example ; ", true},
    {"", false},
    {";", false},
    {" ; ", false},
    {"other.example", false},
    {"sub.ca.example", false},
    {"ca.example.org", false},
    {"ca.exampl", false},
    {"ca.example.", false},
    {".ca.example", false},
    {"ca..example", false},
    {"-ca.example", false},
    {"ca-.example", false},
    {"ca.example x", false},
    {"ca.example, pki.example", false},
    {"\"ca.example\"", false},
    {"%%%%%", false},
    {"ca.example; policy=ev", true},
    {"ca.example;policy=ev;x=y", true},
    {"ca.example; policy = ev ; x = y ", true},
    {"ca.example; policy=", true},
    {"ca.example; policy=ev;", false}, /* the grammar has no empty last parameter */
    {"ca.example; policy", false},
    {"ca.example; =ev", false},
    {"ca.example; -p=ev", false},
    {"ca.example; p-=ev", false},
    {"ca.example; p--q=ev", true},
    {"ca.example; policy=e v", false},
    {"ca.example; policy=\x01", false},
    {"ca.example;; policy=ev", false},
    {"; policy=ev", false},
    {"ca.example; accounturi=" URI, true},
    {"ca.example; AccountURI=" URI, true},
    {"ca.example; accounturi=" URI "0", false},
    {"ca.example; accounturi=", false},
    {"ca.example; accounturi=HTTPS://ca.example/acme/acct/1", false},
    {"ca.example; accounturi=" URI "; accounturi=" URI, false},
    {"ca.example; accounturi=" URI "; accounturi=https://ca.example/acme/acct/2", false},
    {"other.example; accounturi=" URI, false},
    {"ca.example; validationmethods=http-01", true},
    {"ca.example; validationmethods=dns-01", false},
    {"ca.example; validationmethods=dns-01,http-01", true},
    {"ca.example; validationmethods=http-01,dns-01", true},
    {"ca.example; validationmethods=http-011", false},
    {"ca.example; validationmethods=http", false},
    {"ca.example; validationmethods=HTTP-01", false},
    {"ca.example; validationmethods=", false},
    {"ca.example; validationmethods=,", false},
    {"ca.example; validationmethods=http-01; validationmethods=http-01", false},
    {"ca.example; validationmethods=http-01; accounturi=" URI, true},
    {"ca.example; validationmethods=dns-01; accounturi=" URI, false},
  };
  struct caa_question q = question(false, "http-01");
  for (size_t i = 0; i < COUNT(table); i++)
    if (caa_value_permits(slice_str(table[i].value), &q) != table[i].permits)
      fail_msg("%s", table[i].value);
  assert_false(caa_value_permits(SLICE_OF("ca.example"), &q)); /* with its NUL */
  q.identities_n = 0;
  assert_false(caa_value_permits(SLICE_LIT("ca.example"), &q));
  assert_false(caa_value_permits(SLICE_LIT(""), &q));
}

struct record {
  uint8_t flags;
  const char *tag, *value;
};

enum { RECORDS = 4 };

struct set {
  uint8_t bytes[RECORDS][300];
  struct slice rdata[RECORDS];
  size_t n;
};

static void set_make(struct set *s, const struct record *records) {
  s->n = 0;
  for (; s->n < RECORDS && records[s->n].tag; s->n++) {
    const struct record *r = &records[s->n];
    uint8_t *b = s->bytes[s->n];
    size_t tag = strlen(r->tag), value = strlen(r->value);
    b[0] = r->flags;
    b[1] = (uint8_t)tag;
    memcpy(b + 2, r->tag, tag);
    memcpy(b + 2 + tag, r->value, value);
    s->rdata[s->n] = slice_of(b, 2 + tag + value);
  }
}

static void sets(void **state) {
  (void)state;
  static const struct {
    struct record records[RECORDS];
    bool name, wildcard; /* permitted for each */
  } table[] = {
    {{{0, NULL, NULL}}, true, true},
    {{{0, "issue", "ca.example"}}, true, true},
    {{{0, "IsSuE", "ca.example"}}, true, true},
    {{{128, "issue", "ca.example"}}, true, true},
    {{{0, "issue", "other.example"}}, false, false},
    {{{0, "issue", ";"}}, false, false},
    {{{0, "issue", "other.example"}, {0, "issue", "ca.example"}}, true, true},
    {{{0, "issue", "%%"}, {0, "issue", "ca.example"}}, true, true},
    {{{0, "issue", "%%"}}, false, false},
    {{{0, "issuewild", "ca.example"}}, true, true},
    {{{0, "issuewild", "other.example"}}, true, false},
    {{{0, "issue", "ca.example"}, {0, "issuewild", ";"}}, true, false},
    {{{0, "issue", ";"}, {0, "issuewild", "ca.example"}}, false, true},
    {{{0, "issue", ";"}, {0, "issuewild", ";"}, {0, "issuewild", "ca.example"}}, false, true},
    {{{0, "iodef", "mailto:a@b.example"}}, true, true},
    {{{128, "iodef", "mailto:a@b.example"}}, true, true},
    {{{0, "issuemail", ";"}}, true, true},
    {{{128, "issuemail", ";"}}, true, true},
    {{{0, "contactemail", "a@b.example"}}, true, true},
    {{{0, "tbs", "x"}}, true, true},
    {{{128, "tbs", "x"}}, false, false},
    {{{1, "tbs", "x"}}, false, false}, /* the usual misreading of the critical bit */
    {{{255, "tbs", "x"}}, false, false},
    {{{2, "tbs", "x"}}, true, true},
    {{{64, "tbs", "x"}}, true, true},
    {{{128, "tbs", "x"}, {0, "issue", "ca.example"}}, false, false},
    {{{0, "issue", "ca.example"}, {128, "tbs", "x"}}, false, false},
    {{{0, "tb-s", "x"}, {0, "issue", "ca.example"}}, false, false}, /* malformed tag */
    {{{0, "", "x"}}, false, false},
  };
  for (size_t i = 0; i < COUNT(table); i++)
    for (int wildcard = 0; wildcard < 2; wildcard++) {
      struct set s;
      struct problem why = {.err = AVOW_OK};
      struct caa_question q = question(wildcard, "dns-01");
      set_make(&s, table[i].records);
      avow_err e = caa_evaluate(s.rdata, s.n, "name.example", &q, &why);
      bool want = wildcard ? table[i].wildcard : table[i].name;
      if (e != (want ? AVOW_OK : ERR_CAA))
        fail_msg("row %zu, wildcard %d: %s %s", i, wildcard, err_name(e), why.detail);
      assert_int_equal(why.err, e);
      assert_true(want || strstr(why.detail, "name.example"));
    }
}

static void malformed_rdata(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t n;
    bool good;
  } table[] = {
    {"", 0, false},
    {"\0", 1, false},
    {"\0\0", 2, false},
    {"\0\1", 2, false},
    {"\0\1a", 3, true},
    {"\0\2a", 3, false},
    {"\0\1ab", 4, true},
    {"\0\xff"
     "abc",
     5, false},
    {"\0\1\0x", 4, false},
    {"\0\3a b", 5, false},
    {"\0\5issue", 7, true},
    {"\0\1\xe9", 3, false},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct caa_record r;
    if (caa_parse(slice_of(table[i].bytes, table[i].n), &r) != table[i].good)
      fail_msg("row %zu", i);
  }
}

static void words(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 65536);
  struct set s;
  set_make(&s, (const struct record[]){{0, "issue", "ca.example"}, {128, "tbs", "\x01\xff"}, {0, NULL, NULL}});
  assert_string_equal(caa_text(s.rdata, s.n, &a), "0 issue \"ca.example\"; 128 tbs \"?"
                                                  "?\"");
  assert_string_equal(caa_text(&(struct slice){(const uint8_t *)"x", 1}, 1, &a), "(malformed)");
  assert_string_equal(caa_text(NULL, 0, &a), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(values),
    cmocka_unit_test(sets),
    cmocka_unit_test(malformed_rdata),
    cmocka_unit_test(words),
  };
  return cmocka_run_group_tests_name("caa", tests, NULL, NULL);
}
