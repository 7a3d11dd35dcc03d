/* Where a redirect may lead, and which addresses may be contacted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "validate/hop.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BASE "http://www.example.org/.well-known/acme-challenge/token"

static void references(void **state) {
  (void)state;
  static const struct {
    const char *reference, *url; /* NULL: refused */
    const char *host;
    int port;
  } table[] = {
    {"http://other.example/x", "http://other.example/x", "other.example", 80},
    {"https://other.example/x", "https://other.example/x", "other.example", 443},
    {"HTTPS://Other.Example", "https://Other.Example/", "other.example", 443},
    {"http://other.example:80/x", "http://other.example:80/x", "other.example", 80},
    {"http://other.example:443/x", "http://other.example:443/x", "other.example", 443},
    {"http://other.example:5002/x", "http://other.example:5002/x", "other.example", 5002},
    {"http://other.example:5001/x", "http://other.example:5001/x", "other.example", 5001},
    {"http://other.example:8080/x", NULL, NULL, 0},
    {"http://other.example:0/x", NULL, NULL, 0},
    {"http://other.example:65536/x", NULL, NULL, 0},
    {"http://other.example:x/", NULL, NULL, 0},
    {"//other.example/x", "http://other.example/x", "other.example", 80},
    {"/x?y=z#part", "http://www.example.org/x?y=z", "www.example.org", 80},
    {"other", "http://www.example.org/.well-known/acme-challenge/other", "www.example.org", 80},
    {"../../x", "http://www.example.org/x", "www.example.org", 80},
    {"?a", "http://www.example.org/.well-known/acme-challenge/token?a", "www.example.org", 80},
    {"http://192.0.2.1/x", "http://192.0.2.1/x", "192.0.2.1", 80},
    {"http://[2001:DB8::1]/x", "http://[2001:DB8::1]/x", "2001:db8::1", 80},
    {"http://[::ffff:127.0.0.1]/x", "http://[::ffff:127.0.0.1]/x", "::ffff:127.0.0.1", 80},
    {"http://[fe80::1%25eth0]/x", NULL, NULL, 0},
    {"http://[::1/x", NULL, NULL, 0},
    {"http://user@other.example/x", NULL, NULL, 0},
    {"http://user:password@other.example/x", NULL, NULL, 0},
    {"http://:password@other.example/x", NULL, NULL, 0},
    {"ftp://other.example/x", NULL, NULL, 0},
    {"file:///etc/passwd", NULL, NULL, 0},
    {"gopher://other.example/x", NULL, NULL, 0},
    {"javascript:alert(1)", NULL, NULL, 0},
    {"data:text/plain,x", NULL, NULL, 0},
    {"http:///x", NULL, NULL, 0},
    {"http://", NULL, NULL, 0},
    {"http:/x", NULL, NULL, 0},
    {"http:x", NULL, NULL, 0},
    {"HTTPS:x", NULL, NULL, 0},
    {"///other.example/x", NULL, NULL, 0},
    {"/\\other.example/x", NULL, NULL, 0},
    {"/x//y", "http://www.example.org/x//y", "www.example.org", 80},
    {"http://a_b.example/", NULL, NULL, 0},
    {"http://example.org./", NULL, NULL, 0},
    {"http://*.example.org/", NULL, NULL, 0},
    {"http://a b.example/", NULL, NULL, 0},
    {"http://a\tb.example/", NULL, NULL, 0},
    {"http://a.example/\r\nHost: b.example", NULL, NULL, 0},
    {"http://b\xc3\xbc.example/", NULL, NULL, 0},
    {"http://other.example\\@x.example/", NULL, NULL, 0},
    {"", NULL, NULL, 0},
  };
  struct config config = {.kind = KIND_TEST, .http_port = 5002, .tls_port = 5001};
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_ARENA a;
    arena_init(&a, 65536);
    struct hop hop;
    struct problem why = {.err = AVOW_OK};
    avow_err e = hop_parse(BASE, slice_str(table[i].reference), &config, &a, &hop, &why);
    if ((e == AVOW_OK) != (table[i].url != NULL))
      fail_msg("%s: %s %s", table[i].reference, err_name(e), e == AVOW_OK ? hop.url : why.detail);
    if (e != AVOW_OK) {
      assert_int_equal(e, ERR_UNAUTHORIZED);
      continue;
    }
    assert_string_equal(hop.host, table[i].host);
    assert_int_equal(hop.port, table[i].port);
    assert_int_equal(hop.https, table[i].url[4] == 's');
    assert_int_equal(hop.literal, strchr("0123456789:", table[i].host[0]) != NULL);
    assert_string_equal(hop.url, table[i].url);
  }
}

/* Other spellings of an IPv4 address never pass as a name: they are read as the address, or refused. */
static void disguised_addresses(void **state) {
  (void)state;
  static const char *const hosts[] = {"0x7f000001", "2130706433", "0177.0.0.1", "127.1",
                                      "0x7f.1",     "127.0.1",    "00.0.0.0"};
  struct config config = {.kind = KIND_PUBLIC, .http_port = 80, .tls_port = 443};
  for (size_t i = 0; i < COUNT(hosts); i++) {
    AUTO_ARENA a;
    arena_init(&a, 65536);
    struct hop hop;
    char *url = arena_printf(&a, "http://%s/x", hosts[i]);
    if (hop_parse(NULL, slice_str(url), &config, &a, &hop, NULL) != AVOW_OK)
      continue;
    assert_true(hop.literal);
    assert_false(address_allowed(&config, &hop.address));
  }
}

static void special_addresses(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool special;
  } table[] = {
    {"8.8.8.8", false},
    {"1.1.1.1", false},
    {"9.255.255.255", false},
    {"11.0.0.0", false},
    {"100.63.255.255", false},
    {"100.128.0.0", false},
    {"126.255.255.255", false},
    {"128.0.0.0", false},
    {"172.15.255.255", false},
    {"172.32.0.0", false},
    {"192.0.1.0", false},
    {"192.167.255.255", false},
    {"198.17.255.255", false},
    {"198.20.0.0", false},
    {"223.255.255.255", false},
    {"2606:4700::1111", false},
    {"2001:200::1", false},
    {"2001:4860:4860::8888", false},
    {"2a00::1", false},
    {"3ffe::1", false},
    {"0.0.0.0", true},
    {"0.1.2.3", true},
    {"10.0.0.0", true},
    {"10.255.255.255", true},
    {"100.64.0.1", true},
    {"100.127.255.255", true},
    {"127.0.0.1", true},
    {"127.255.255.255", true},
    {"169.254.169.254", true},
    {"172.16.0.1", true},
    {"172.31.255.255", true},
    {"192.0.0.1", true},
    {"192.0.0.9", true},
    {"192.0.0.170", true},
    {"192.0.2.1", true},
    {"192.31.196.1", true},
    {"192.52.193.1", true},
    {"192.88.99.1", true},
    {"192.168.1.1", true},
    {"192.175.48.1", true},
    {"198.18.0.1", true},
    {"198.19.255.255", true},
    {"198.51.100.1", true},
    {"203.0.113.1", true},
    {"224.0.0.1", true},
    {"239.255.255.255", true},
    {"240.0.0.1", true},
    {"255.255.255.255", true},
    {"::", true},
    {"::1", true},
    {"::127.0.0.1", true},
    {"::ffff:8.8.8.8", true},
    {"64:ff9b::808:808", true},
    {"64:ff9b:1::1", true},
    {"100::1", true},
    {"2001::1", true},
    {"2001:1::1", true},
    {"2001:2::1", true},
    {"2001:db8::1", true},
    {"2001:20::1", true},
    {"2002:7f00:1::", true},
    {"2620:4f:8000::1", true},
    {"3fff::1", true},
    {"5f00::1", true},
    {"4000::1", true},
    {"fc00::1", true},
    {"fdff::1", true},
    {"fe80::1", true},
    {"fec0::1", true},
    {"ff02::1", true},
  };
  struct config public = {.kind = KIND_PUBLIC}, private = {.kind = KIND_PRIVATE}, test = {.kind = KIND_TEST};
  for (size_t i = 0; i < COUNT(table); i++) {
    struct address a;
    assert_true(address_parse(slice_str(table[i].text), &a));
    if ((address_special(&a) != NULL) != table[i].special)
      fail_msg("%s", table[i].text);
    assert_int_equal(address_allowed(&public, &a), !table[i].special);
    assert_int_equal(address_allowed(&private, &a), !table[i].special);
    assert_true(address_allowed(&test, &a));
  }
}

static void listed_networks(void **state) {
  (void)state;
  struct network networks[] = {{4, 24, {10, 1, 2}}, {16, 8, {0xfd}}};
  struct config c = {.kind = KIND_PRIVATE, .networks = networks, .networks_n = COUNT(networks)};
  static const struct {
    const char *text;
    bool allowed;
  } table[] = {{"10.1.2.3", true},         {"10.1.3.3", false},  {"fd12::1", true}, {"fc12::1", false},
               {"::ffff:10.1.2.3", false}, {"127.0.0.1", false}, {"8.8.8.8", true}};
  for (size_t i = 0; i < COUNT(table); i++) {
    struct address a;
    assert_true(address_parse(slice_str(table[i].text), &a));
    if (address_allowed(&c, &a) != table[i].allowed)
      fail_msg("%s", table[i].text);
    /* A list that slipped into a public configuration opens nothing. */
    struct config public = c;
    public.kind = KIND_PUBLIC;
    assert_int_equal(address_allowed(&public, &a), !address_special(&a));
  }
}

static void address_texts(void **state) {
  (void)state;
  static const struct {
    const char *text, *reverse; /* RFC 8738, 6 */
  } table[] = {
    {"192.0.2.1", "1.2.0.192.in-addr.arpa"},
    {"2001:db8::567:89ab", "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
  };
  char text[ADDRESS_TEXT], reverse[ADDRESS_REVERSE];
  struct address a;
  for (size_t i = 0; i < COUNT(table); i++) {
    assert_true(address_parse(slice_str(table[i].text), &a));
    assert_string_equal(address_text(&a, text), table[i].text);
    assert_string_equal(address_reverse(&a, reverse), table[i].reverse);
  }
  static const char *const wrong[] = {"",      "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", " 1.2.3.4",
                                      "[::1]", "::g",   "fe80::1%1", "1.2.3.4/8", ":::",      "localhost"};
  for (size_t i = 0; i < COUNT(wrong); i++)
    if (address_parse(slice_str(wrong[i]), &a))
      fail_msg("%s", wrong[i]);
  assert_false(address_parse(SLICE_OF("1.2.3.4"), &a)); /* with its NUL */
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(references),      cmocka_unit_test(disguised_addresses), cmocka_unit_test(special_addresses),
    cmocka_unit_test(listed_networks), cmocka_unit_test(address_texts),
  };
  return cmocka_run_group_tests_name("hop", tests, NULL, NULL);
}
