/* Names: syntax, canonical forms and what a CA may certify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/name.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LABEL63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"
#define TEXT256 LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 /* 255 */

static void dns_syntax(void **state) {
  (void)state;
  static const struct {
    const char *text, *canonical; /* NULL: refused */
  } table[] = {
    {"example.org", "example.org"},
    {"EXAMPLE.Org", "example.org"},
    {"*.example.org", "*.example.org"},
    {"localhost", "localhost"},
    {"a-b.example", "a-b.example"},
    {"1.example", "1.example"},
    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
    {"XN--Bcher-KVA.example", "xn--bcher-kva.example"},
    {LABEL63 ".example", LABEL63 ".example"},
    {"", NULL},
    {".", NULL},
    {"example.org.", NULL},
    {".example.org", NULL},
    {"a..example", NULL},
    {LABEL63 "a.example", NULL},
    {TEXT256, NULL},
    {"-a.example", NULL},
    {"a-.example", NULL},
    {"a_b.example", NULL},
    {"ab--c.example", NULL},
    {"xn--.example", NULL},
    {"xn--a.example", NULL},    /* no Punycode */
    {"xn--example-.org", NULL}, /* decodes to ASCII */
    {"xn--99999999999.example", NULL},
    {"xn--bcher-kva-.example", NULL},
    {"xn--ls8h.example", NULL}, /* a symbol that IDNA2008 disallows */
    {"b\xc3\xbc"
     "cher.example",
     NULL},
    {"a b.example", NULL},
    {"*", NULL},
    {"*.", NULL},
    {"*a.example", NULL},
    {"a.*.example", NULL},
    {"*.*.example", NULL},
    {"192.0.2.1", NULL},
    {"example.123", NULL},
    {"[::1]", NULL},
    {"http://example.org", NULL},
  };
  AUTO_ARENA a;
  arena_init(&a, 65536);
  for (size_t i = 0; i < COUNT(table); i++) {
    struct name name;
    struct problem why = {0};
    avow_err err = name_parse_dns(slice_str(table[i].text), &a, &name, &why);
    if ((err == AVOW_OK) != (table[i].canonical != NULL))
      fail_msg("%s: %s", table[i].text, why.detail);
    if (!table[i].canonical) {
      assert_int_equal(err, ERR_MALFORMED);
      assert_int_equal(why.err, ERR_MALFORMED);
      continue;
    }
    assert_string_equal(name_display(&name, &a), table[i].canonical);
    assert_int_equal(name.wildcard, table[i].canonical[0] == '*');
  }
  struct name name;
  assert_int_equal(name_parse_dns(SLICE_LIT("a\0b.example"), &a, &name, NULL), ERR_MALFORMED);
}

static void addresses(void **state) {
  (void)state;
  static const struct {
    const char *text, *canonical;
    size_t n;
  } table[] = {
    {"192.0.2.1", "192.0.2.1", 4},
    {"2001:DB8::1", "2001:db8::1", 16},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", 16},
    {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1", 16},
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", 16},
    {"::", "::", 16},
    {"::ffff:192.0.2.1", "::ffff:192.0.2.1", 16},
    {"192.0.2.01", NULL, 0},
    {"192.0.2", NULL, 0},
    {"192.0.2.256", NULL, 0},
    {"0xc0.0.2.1", NULL, 0},
    {"fe80::1%eth0", NULL, 0},
    {"[::1]", NULL, 0},
    {":::", NULL, 0},
    {"192.0.2.1 ", NULL, 0},
    {"", NULL, 0},
    {"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000", NULL, 0},
  };
  AUTO_ARENA a;
  arena_init(&a, 65536);
  for (size_t i = 0; i < COUNT(table); i++) {
    struct name name, again;
    avow_err err = name_parse_ip(slice_str(table[i].text), &a, &name, NULL);
    assert_int_equal(err, table[i].canonical ? AVOW_OK : ERR_MALFORMED);
    if (err)
      continue;
    assert_true(slice_eq_str(name.text, table[i].canonical));
    assert_int_equal(name.ip_n, table[i].n);
    assert_int_equal(name_from_ip(name.ip, name.ip_n, &a, &again), AVOW_OK);
    assert_true(name_eq(&name, &again));
  }
  struct name name;
  assert_int_equal(name_parse_ip(SLICE_LIT("::1\0"), &a, &name, NULL), ERR_MALFORMED);
  assert_int_equal(name_from_ip((const uint8_t *)"abcde", 5, &a, &name), ERR_MALFORMED);
}

static struct name parsed(const char *text, struct arena *a) {
  struct name name;
  avow_err err = name_parse_dns(slice_str(text), a, &name, NULL);
  if (err)
    err = name_parse_ip(slice_str(text), a, &name, NULL);
  assert_int_equal(err, AVOW_OK);
  return name;
}

static void order_and_suffixes(void **state) {
  (void)state;
  static const char *const sorted[] = {"a.example", "*.a.example", "a.example.org", "b.example",
                                       "10.0.0.1",  "10.0.0.2",    "2001:db8::1"};
  AUTO_ARENA a;
  arena_init(&a, 65536);
  for (size_t i = 0; i < COUNT(sorted); i++)
    for (size_t k = 0; k < COUNT(sorted); k++) {
      struct name left = parsed(sorted[i], &a), right = parsed(sorted[k], &a);
      int order = name_cmp(&left, &right);
      assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
      assert_int_equal(name_eq(&left, &right), i == k);
    }
  struct name name = parsed("www.corp.example", &a), ip = parsed("10.0.0.1", &a);
  assert_true(name_below(&name, SLICE_LIT("corp.example")));
  assert_true(name_below(&name, SLICE_LIT("www.corp.example")));
  assert_false(name_below(&name, SLICE_LIT("orp.example")));
  assert_false(name_below(&name, SLICE_LIT("a.www.corp.example")));
  assert_false(name_below(&name, SLICE_NONE));
  assert_false(name_below(&ip, SLICE_LIT("1")));
}

static void what_may_be_certified(void **state) {
  (void)state;
  enum { NO = 0, REAL = 1, TEST = 2, LISTED = 4, ALL = 7 };
  static const struct {
    const char *text;
    int allowed; /* by a plain policy, one of kind test, one that lists "localhost", "corp.internal" and "lan" */
  } table[] = {
    {"example.com", ALL},
    {"www.example.co.uk", ALL},
    {"*.example.com", ALL},
    {"*.github.io", ALL}, /* private section of the list */
    {"example.ck", NO},   /* below a wildcard rule: itself a suffix */
    {"www.ck", ALL},      /* and its exception */
    {"a.example.ck", ALL},
    {"*.com", NO},
    {"*.co.uk", NO},
    {"com", NO},
    {"co.uk", NO},
    {"*.example.co.uk", ALL},
    {"10.in-addr.arpa", NO},
    {"1.ip6.arpa", NO},
    {"localhost", TEST | LISTED},
    {"*.localhost", TEST | LISTED},
    {"www.localhost", TEST | LISTED},
    {"db.corp.internal", LISTED | TEST},
    {"corp.internal", LISTED | TEST},
    {"other.internal", TEST},
    {"printer.lan", LISTED | TEST},
    {"server", TEST},
    {"a.test", TEST},
    {"a.example", TEST},
    {"a.invalid", TEST},
    {"a.local", TEST},
    {"a.home.arpa", TEST},
    {"a.onion", TEST},
    {"a.nosuchtld", TEST},
    {"xn--p1ai", NO},
    {"test.xn--p1ai", ALL},
    {"192.0.2.1", ALL},
  };
  const struct slice suffixes[] = {SLICE_LIT("localhost"), SLICE_LIT("corp.internal"), SLICE_LIT("lan")};
  const struct {
    int bit;
    struct name_policy policy;
  } policies[] = {{REAL, {0}}, {TEST, {.allow_reserved = true}}, {LISTED, {.suffixes = suffixes, .suffixes_n = 3}}};
  AUTO_ARENA a;
  arena_init(&a, 65536);
  for (size_t i = 0; i < COUNT(table); i++)
    for (size_t k = 0; k < COUNT(policies); k++) {
      struct name name = parsed(table[i].text, &a);
      struct problem why = {0};
      avow_err err = name_check(&name, &policies[k].policy, &why);
      avow_err expect = table[i].allowed & policies[k].bit ? AVOW_OK : ERR_REJECTED_IDENTIFIER;
      if (err != expect)
        fail_msg("%s under policy %zu: %s", table[i].text, k, why.detail);
      assert_int_equal(err == AVOW_OK, why.detail[0] == 0);
    }
}

static void memory_runs_out(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 4);
  struct name name;
  assert_int_equal(name_parse_dns(SLICE_LIT("example.org"), &a, &name, NULL), ERR_NO_MEMORY);
  assert_int_equal(name_parse_ip(SLICE_LIT("192.0.2.1"), &a, &name, NULL), ERR_NO_MEMORY);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(dns_syntax),         cmocka_unit_test(addresses),
    cmocka_unit_test(order_and_suffixes), cmocka_unit_test(what_may_be_certified),
    cmocka_unit_test(memory_runs_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
