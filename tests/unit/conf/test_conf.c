/* avow.conf: what is read is what was written, and what was left out is what the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "conf/internal.h"

static void clear(struct config *c) {
  config_clear(c);
}
#define AUTO_CONFIG __attribute__((cleanup(clear))) struct config

static void parse(const char *text, const char *const *sets, size_t sets_n, struct config *c) {
  struct problem why = {0};
  avow_err e = config_parse(slice_str(text), "/somewhere/avow.conf", sets, sets_n, c, &why);
  if (e != AVOW_OK)
    print_error("%s\n", why.detail);
  assert_int_equal(e, AVOW_OK);
}

static void least_configuration(void **state) {
  (void)state;
  AUTO_CONFIG c;
  parse("kind = \"private\"\nhost = \"localhost\"\n", NULL, 0, &c);
  assert_int_equal(c.kind, KIND_PRIVATE);
  assert_int_equal(c.hosts_n, 1);
  assert_string_equal(c.hosts[0], "localhost");
  assert_string_equal(c.https_url, "https://localhost:14000");
  assert_string_equal(c.http_url, "http://localhost:14080");
  assert_int_equal(c.https_n, 1);
  assert_string_equal(c.https[0].text, "127.0.0.1:14000");
  assert_int_equal(c.https[0].n, sizeof(struct sockaddr_in));
  assert_int_equal(c.http_port, 80);
  assert_int_equal(c.tls_port, 443);
  assert_int_equal(c.crl_shards, 1);
  assert_int_equal(c.crl_interval_s, 6 * 3600);
  assert_int_equal(c.crl_lifetime_s, 7 * 86400);
  assert_int_equal(c.workers, 8);
  assert_int_equal(c.log_level, LOG_INFO);
  assert_int_equal(c.reuse_authz, 100);
  assert_false(c.memory);
  assert_null(c.terms_url);
  assert_null(c.trust_anchor);
  assert_int_equal(c.caa_identities_n, 1);
  assert_true(slice_eq_str(c.caa_identities[0], "localhost"));
  assert_int_equal(c.profiles_n, 3);
}

static void built_in_profiles(void **state) {
  (void)state;
  AUTO_CONFIG c;
  parse("kind = private host = \"ca.example\"", NULL, 0, &c);
  static const struct {
    const char *name;
    int64_t lifetime, pending, reuse, order;
    bool cn, ip, ocsp;
    int names;
  } rows[] = {
    {"classic", 90 * 86400, 7 * 86400, 30 * 86400, 7 * 86400, true, false, true, 100},
    {"tlsserver", 45 * 86400, 3600, 7 * 3600, 8 * 3600, false, false, true, 25},
    {"shortlived", 160 * 3600, 3600, 7 * 3600, 8 * 3600, false, true, false, 25},
  };
  for (size_t i = 0; i < 3; i++) {
    const struct profile *p = config_profile(&c, slice_str(rows[i].name));
    assert_non_null(p);
    assert_int_equal(p->lifetime_s, rows[i].lifetime);
    assert_int_equal(p->pending_authz_s, rows[i].pending);
    assert_int_equal(p->authz_reuse_s, rows[i].reuse);
    assert_int_equal(p->order_lifetime_s, rows[i].order);
    assert_int_equal(p->backdate_s, 3900);
    assert_int_equal(p->common_name, rows[i].cn);
    assert_int_equal(p->key_encipherment, rows[i].cn);
    assert_int_equal(p->subject_key_id, rows[i].cn);
    assert_int_equal(p->ip_identifiers, rows[i].ip);
    assert_int_equal(p->ocsp, rows[i].ocsp);
    assert_int_equal(p->max_names, rows[i].names);
    assert_true(p->crl);
    assert_false(p->ct);
    assert_int_equal(p->policy_oids_n, 0);
  }
  assert_ptr_equal(config_profile(&c, SLICE_NONE), config_profile(&c, SLICE_LIT("classic")));
  assert_null(config_profile(&c, SLICE_LIT("Classic")));
}

static void every_kind_of_value(void **state) {
  (void)state;
  AUTO_CONFIG c;
  parse("# a comment with ${HOME} and \xc3\xa9\n"
        "kind = \"test\" // another\n"
        "host = \"CA.Example.test, 192.0.2.1 , 2001:DB8:0::1\" /* a\n third */\n"
        "listen.https = \"[::1]:443,127.0.0.1:14001\"\n"
        "listen.http = \"0.0.0.0:80\"\n"
        "terms_url = \"https://ca.example.test/terms?v=1\"\n"
        "website = \"http://ca.example.test\"\n"
        "caa.identities = \"ca.example.test, example.test\"\n"
        "validation.resolvers = \"127.0.0.1:8053, [2001:db8::0:53], 192.0.2.53\"\n"
        "validation.trust_anchor = \". DS 20326 8 2 e06d, example. IN DNSKEY 257 3 13 AAAA\"\n"
        "keys.blocklist = \"keys/blacklist.RSA-2048, lists/a_1/b..c\"\n"
        "validation.http_port = 5002\n"
        "validation.tls_port = \"5001\"\n"
        "log.level = debug\n"
        "test.clock = -1h\n"
        "test.memory = true\n"
        "test.reject_nonces = 20\n"
        "profile.default = \"day-1\"\n"
        "profile \"day-1\" {\n"
        "  description = \"a \\\"quoted\\\" \\\\ text\"\n"
        "  lifetime = 1d1h1m1s policy_oids = \"2.23.140.1.2.1, 1.3.6.1.4.1.99999\"\n"
        "  client_auth = true\n"
        "}\n"
        "profile classic { max_names = 7 }",
        NULL, 0, &c);
  assert_string_equal(c.hosts[0], "ca.example.test");
  assert_string_equal(c.hosts[1], "192.0.2.1");
  assert_string_equal(c.hosts[2], "2001:db8::1");
  assert_string_equal(c.https_url, "https://ca.example.test");
  assert_string_equal(c.http_url, "http://ca.example.test");
  assert_int_equal(c.https[0].address.ss_family, AF_INET6);
  assert_int_equal(conf_endpoint_port(&c.https[1]), 14001);
  assert_string_equal(c.terms_url, "https://ca.example.test/terms?v=1");
  assert_int_equal(c.caa_identities_n, 2);
  assert_int_equal(c.resolvers_n, 3);
  assert_string_equal(c.resolvers[0], "127.0.0.1@8053");
  assert_string_equal(c.resolvers[1], "2001:db8::53@53");
  assert_string_equal(c.resolvers[2], "192.0.2.53@53");
  assert_string_equal(c.trust_anchor, ". DS 20326 8 2 e06d\nexample. IN DNSKEY 257 3 13 AAAA");
  assert_int_equal(c.blocklists_n, 2);
  assert_string_equal(c.blocklists[0], "keys/blacklist.RSA-2048");
  assert_string_equal(c.blocklists[1], "lists/a_1/b..c");
  assert_int_equal(c.http_port, 5002);
  assert_int_equal(c.tls_port, 5001);
  assert_int_equal(c.log_level, LOG_DEBUG);
  assert_int_equal(c.clock_shift_ms, -3600 * 1000);
  assert_true(c.memory);
  assert_int_equal(c.reject_nonces, 20);
  assert_int_equal(c.reuse_authz, 100);
  const struct profile *p = config_profile(&c, SLICE_NONE);
  assert_string_equal(p->name, "day-1");
  assert_string_equal(p->description, "a \"quoted\" \\ text");
  assert_int_equal(p->lifetime_s, 86400 + 3600 + 60 + 1);
  assert_int_equal(p->policy_oids_n, 2);
  assert_string_equal(p->policy_oids[1], "1.3.6.1.4.1.99999");
  assert_true(p->client_auth);
  assert_int_equal(p->order_lifetime_s, 7 * 86400); /* as classic's default */
  assert_int_equal(config_profile(&c, SLICE_LIT("classic"))->max_names, 7);
}

static void sets_override_and_the_last_wins(void **state) {
  (void)state;
  static const char *const sets[] = {"crl.shards=5",
                                     "crl.shards=6",
                                     "profile.classic.lifetime=10d",
                                     "kind=private",
                                     "profile.mine.max_names=3",
                                     "host=other.example",
                                     "terms_url=https://x/?a=b"};
  AUTO_CONFIG c;
  parse("kind=private host=\"localhost\" crl.shards = 2 profile classic { lifetime = 20d max_names = 9 }", sets, 7, &c);
  assert_int_equal(c.crl_shards, 6);
  assert_string_equal(c.https_url, "https://other.example:14000");
  assert_string_equal(c.terms_url, "https://x/?a=b");
  assert_int_equal(config_profile(&c, SLICE_LIT("classic"))->lifetime_s, 10 * 86400);
  assert_int_equal(config_profile(&c, SLICE_LIT("classic"))->max_names, 9);
  assert_int_equal(config_profile(&c, SLICE_LIT("mine"))->max_names, 3);
}

static void urls_of_hosts(void **state) {
  (void)state;
  static const struct {
    const char *sets[3];
    size_t n;
    const char *https, *http;
  } rows[] = {
    {{"host=2001:db8::1"}, 1, "https://[2001:db8::1]:14000", "http://[2001:db8::1]:14080"},
    {{"host=192.0.2.1", "listen.https=0.0.0.0:443"}, 2, "https://192.0.2.1", "http://192.0.2.1:14080"},
    {{"https_url=https://acme.example", "http_url=http://pki.example:8080"},
     2,
     "https://acme.example",
     "http://pki.example:8080"},
    {{"http_url=http://[2001:db8::2]:80"}, 1, "https://localhost:14000", "http://[2001:db8::2]:80"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    AUTO_CONFIG c;
    parse("kind=test host=localhost", rows[i].sets, rows[i].n, &c);
    assert_string_equal(c.https_url, rows[i].https);
    assert_string_equal(c.http_url, rows[i].http);
  }
}

static void public_defaults(void **state) {
  (void)state;
  AUTO_CONFIG c;
  parse("kind=public host=ca.example", NULL, 0, &c);
  assert_int_equal(c.resolvers_n, 0);
  for (size_t i = 0; i < c.profiles_n; i++) {
    assert_true(c.profiles[i].ct);
    assert_int_equal(c.profiles[i].policy_oids_n, 1);
    assert_string_equal(c.profiles[i].policy_oids[0], "2.23.140.1.2.1");
  }
}

static void resolv_conf(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 10000);
  char **list = NULL;
  size_t n = 0;
  assert_true(conf_resolv_conf(SLICE_LIT("# nameserver 1.1.1.1\nsearch example\nnameserver 192.0.2.1\n"
                                         "nameserver\t2001:db8::1 \nnameserver fe80::1%eth0\nnameserver x\n"
                                         "nameserver 192.0.2.2\nnameserver 192.0.2.3\n"),
                               &a, &list, &n));
  assert_int_equal(n, 3);
  assert_string_equal(list[0], "192.0.2.1@53");
  assert_string_equal(list[1], "2001:db8::1@53");
  assert_string_equal(list[2], "192.0.2.2@53");
  assert_true(conf_resolv_conf(SLICE_NONE, &a, &list, &n));
  assert_int_equal(n, 0);
}

static void networks(void **state) {
  (void)state;
  static const char *const sets[] = {
    "private.networks=127.0.0.0/8, ::1/128, 10.1.0.0/17, fd00::/8, 0.0.0.0/0, 192.0.2.128/25",
    "private.suffixes=localhost, Internal.Example"};
  AUTO_CONFIG c;
  parse("kind=private host=localhost", sets, 2, &c);
  assert_int_equal(c.networks_n, 6);
  assert_int_equal(c.suffixes_n, 2);
  assert_true(slice_eq_str(c.suffixes[1], "internal.example"));
  static const struct {
    size_t net;
    uint8_t ip[16];
    size_t n;
    bool in;
  } rows[] = {
    {0, {127, 0, 0, 1}, 4, true}, {0, {128, 0, 0, 1}, 4, false},   {1, {[15] = 1}, 16, true},
    {1, {[15] = 2}, 16, false},   {2, {10, 1, 127, 255}, 4, true}, {2, {10, 1, 128, 0}, 4, false},
    {3, {0xfd, 1}, 16, true},     {3, {0xfe, 1}, 16, false},       {4, {1, 2, 3, 4}, 4, true},
    {4, {[15] = 1}, 16, false},   {5, {192, 0, 2, 128}, 4, true},  {5, {192, 0, 2, 127}, 4, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_int_equal(network_contains(&c.networks[rows[i].net], rows[i].ip, rows[i].n), rows[i].in);
}

static void durations(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t seconds; /* -1: refused */
    const char *back;
  } rows[] = {
    {"90d", 90 * 86400, "90d"},
    {"160h", 160 * 3600, "6d16h"},
    {"1h5m", 3900, "1h5m"},
    {"0s", 0, "0s"},
    {"2w", 14 * 86400, "14d"},
    {"1w1d1h1m1s", 694861, "8d1h1m1s"},
    {"", -1, ""},
    {"5", -1, ""},
    {"d", -1, ""},
    {"1m1h", -1, ""},
    {"1h1h", -1, ""},
    {"-1h", -1, ""},
    {"1 h", -1, ""},
    {"01h", -1, ""},
    {"1y", -1, ""},
    {"999999999w", -1, ""},
    {"1h ", -1, ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t seconds = 0;
    assert_int_equal(conf_duration(slice_str(rows[i].text), &seconds), rows[i].seconds >= 0);
    if (rows[i].seconds < 0)
      continue;
    assert_int_equal(seconds, rows[i].seconds);
    AUTO_BUF back;
    buf_init(&back, 100);
    conf_duration_put(&back, seconds);
    assert_true(slice_eq_str(buf_slice(&back), rows[i].back));
  }
}

/* The table itself: every default of every kind and profile is accepted, every row has a help line and an expectation.
 */
static void the_table_is_complete(void **state) {
  (void)state;
  for (size_t i = 0; i < conf_rows_n; i++) {
    const struct conf_row *row = &conf_rows[i];
    assert_true(strlen(row->help) > 10);
    assert_ptr_equal(conf_row_find(conf_rows, conf_rows_n, slice_str(row->key)), row);
    AUTO_BUF expected;
    buf_init(&expected, 199);
    conf_row_expected(row, &expected);
    assert_true(expected.n > 5 && !expected.failed);
    for (enum ca_kind kind = KIND_PRIVATE; kind <= KIND_TEST; kind++) {
      if (!(row->kinds & 1u << conf_kind_column(kind)) || !row->def[conf_kind_column(kind)])
        continue;
      char text[100], set[200];
      snprintf(text, sizeof text, "kind=%s host=localhost", ca_kind_text(kind));
      snprintf(set, sizeof set, "%s=%s", row->key, row->def[conf_kind_column(kind)]);
      const char *sets[] = {set};
      AUTO_CONFIG c;
      parse(text, sets, 1, &c);
    }
  }
  for (size_t i = 0; i < conf_profile_rows_n; i++)
    for (size_t k = 0; k < DEF_COLUMNS; k++) {
      char set[200];
      snprintf(set, sizeof set, "profile.%s.%s=%s", conf_profile_names[k], conf_profile_rows[i].key,
               conf_profile_rows[i].def[k]);
      const char *sets[] = {set};
      AUTO_CONFIG c;
      parse("kind=test host=localhost", sets, 1, &c);
    }
}

/* Takes the comment sign off every default. */
static void uncomment(struct buf *text) {
  size_t to = 0;
  bool line_start = true;
  for (size_t i = 0; i < text->n; i++) {
    if (line_start && text->p[i] == '#' && i + 1 < text->n && text->p[i + 1] != ' ') {
      line_start = false;
      continue;
    }
    line_start = text->p[i] == '\n' || (line_start && text->p[i] == ' ');
    text->p[to++] = text->p[i];
  }
  text->n = to;
}

/* The template is read back as what it was made of, also with its defaults written out. */
static void template_reads_back(void **state) {
  (void)state;
  static const char *const sets[] = {"listen.https=127.0.0.1:15000", "terms_url=https://x/?a=b",
                                     "profile.classic.description=a \"quoted\" \\ text", "profile.extra.max_names=3"};
  for (enum ca_kind kind = KIND_PRIVATE; kind <= KIND_TEST; kind++)
    for (int written_out = 0; written_out < 2; written_out++) {
      AUTO_BUF text;
      buf_init(&text, 65536);
      config_template_put(&text, kind, "ca.example, 192.0.2.7", sets, 4);
      assert_false(text.failed);
      if (written_out)
        uncomment(&text);
      struct problem why = {0};
      AUTO_CONFIG c;
      avow_err e = config_parse(buf_slice(&text), "avow.conf", NULL, 0, &c, &why);
      if (written_out && kind == KIND_PUBLIC) {
        /* A profile's ct and policies have another default there. */
        assert_int_equal(e, ERR_CONFIG);
        continue;
      }
      if (e != AVOW_OK)
        print_error("%s\n", why.detail);
      assert_int_equal(e, AVOW_OK);
      assert_int_equal(c.kind, kind);
      assert_int_equal(c.hosts_n, 2);
      assert_string_equal(c.https_url, "https://ca.example:15000");
      assert_string_equal(c.terms_url, "https://x/?a=b");
      assert_int_equal(c.profiles_n, 4);
      assert_string_equal(config_profile(&c, SLICE_NONE)->description, "a \"quoted\" \\ text");
      assert_int_equal(config_profile(&c, SLICE_LIT("extra"))->max_names, 3);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(least_configuration), cmocka_unit_test(built_in_profiles),
    cmocka_unit_test(every_kind_of_value), cmocka_unit_test(sets_override_and_the_last_wins),
    cmocka_unit_test(urls_of_hosts),       cmocka_unit_test(public_defaults),
    cmocka_unit_test(resolv_conf),         cmocka_unit_test(networks),
    cmocka_unit_test(durations),           cmocka_unit_test(the_table_is_complete),
    cmocka_unit_test(template_reads_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
