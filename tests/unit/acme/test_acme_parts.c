/* The parts of src/acme that need no store: nonces, key cache, JSON, contacts, identifiers, URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include "acme/resources.h"
#include "base/random.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- nonces ---- */

static void test_nonces(void **state) {
  (void)state;
  struct nonce_maker m;
  assert_int_equal(nonce_maker_init(&m), AVOW_OK);
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  char text[NONCE_TEXT], other[NONCE_TEXT];
  assert_int_equal(nonce_make(&m, false, text), ERR_UNAVAILABLE);
  uint8_t key[32];
  random_bytes(key, sizeof key);
  nonce_maker_welcome(&m, 7, SLICE_OF(key), UINT64_C(3) << 32);
  /* A second channel's welcome of the same epoch must not make counters start again. */
  for (uint64_t i = 0; i < 100; i++) {
    uint64_t epoch, counter;
    bool spared;
    assert_int_equal(nonce_make(&m, i % 3 == 0, text), AVOW_OK);
    assert_int_equal(strlen(text), NONCE_TEXT - 1);
    assert_int_equal(nonce_open(&m, slice_str(text), &a, &epoch, &counter, &spared), AVOW_OK);
    assert_int_equal(epoch, 7);
    assert_true(counter == (UINT64_C(3) << 32) + i);
    assert_int_equal(spared, i % 3 == 0);
    nonce_maker_welcome(&m, 7, SLICE_OF(key), UINT64_C(4) << 32);
  }
  /* Every changed character is noticed, whichever it is. */
  for (size_t i = 0; i < NONCE_TEXT - 1; i++) {
    uint64_t epoch, counter;
    bool spared;
    memcpy(other, text, sizeof other);
    other[i] = other[i] == 'A' ? 'Q' : 'A';
    assert_int_equal(nonce_open(&m, slice_str(other), &a, &epoch, &counter, &spared), ERR_BAD_NONCE);
  }
  static const char *const strange[] = {"", "A", "AAAA", "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", NULL};
  for (size_t i = 0; strange[i]; i++) {
    uint64_t epoch, counter;
    bool spared;
    assert_int_equal(nonce_open(&m, slice_str(strange[i]), &a, &epoch, &counter, &spared), ERR_BAD_NONCE);
  }
  /* A store that was started again has another epoch and key: its front's older nonces end. */
  uint64_t epoch, counter;
  bool spared;
  nonce_maker_welcome(&m, 8, SLICE_OF(key), UINT64_C(1) << 32);
  assert_int_equal(nonce_open(&m, slice_str(text), &a, &epoch, &counter, &spared), ERR_BAD_NONCE);
  nonce_maker_clear(&m);
}

/* ---- key cache ---- */

static struct id128 id_of(unsigned n) {
  struct id128 id = {{0}};
  id.b[14] = (uint8_t)(n >> 8);
  id.b[15] = (uint8_t)n;
  return id;
}

static void test_key_cache(void **state) {
  (void)state;
  enum { MOST = 8, KEYS = 40 };
  struct key_cache *c;
  assert_int_equal(key_cache_new(MOST, &c), AVOW_OK);
  AUTO_PRIVATE_KEY private = NULL;
  assert_int_equal(private_key_generate(KEY_P256, 0, &private), AVOW_OK);
  AUTO_PUBLIC_KEY key = NULL;
  struct problem why;
  assert_int_equal(public_key_from_spki(public_key_spki(private_key_public(private)), &key, &why), AVOW_OK);
  uint32_t epoch;
  for (unsigned i = 0; i < KEYS; i++) {
    /* The first is used again and again: it never goes. */
    key_cache_put(c, id_of(i), i, key);
    AUTO_PUBLIC_KEY first = key_cache_get(c, id_of(0), &epoch);
    assert_ptr_equal(first, key);
    assert_int_equal(epoch, 0);
    assert_true(key_cache_count(c) <= MOST);
  }
  assert_int_equal(key_cache_count(c), MOST);
  for (unsigned i = 1; i < KEYS; i++) {
    AUTO_PUBLIC_KEY got = key_cache_get(c, id_of(i), &epoch);
    assert_int_equal(got != NULL, i > KEYS - MOST);
    if (got)
      assert_int_equal(epoch, i);
  }
  key_cache_put(c, id_of(0), 77, key);
  AUTO_PUBLIC_KEY again = key_cache_get(c, id_of(0), &epoch);
  assert_non_null(again);
  assert_int_equal(epoch, 77);
  key_cache_drop(c, id_of(0));
  key_cache_drop(c, id_of(9999));
  assert_null(key_cache_get(c, id_of(0), &epoch));
  assert_int_equal(key_cache_count(c), MOST - 1);
  key_cache_free(c);
  key_cache_free(NULL);
}

/* ---- JSON ---- */

static void test_payload(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool good;
  } table[] = {
    {"{}", true},
    {" {\"a\":1} ", true},
    {"{\"a\":[[[[[[{}]]]]]]}", true},
    {"{\"a\":[[[[[[[{}]]]]]]]}", false},
    {"{\"a\":\"[[[[[[[[[[[[[[[\"}", true},
    {"{\"a\":\"\\\"[[[[[[[[[[[[[[[\"}", true},
    {"", false},
    {"[]", false},
    {"1", false},
    {"\"\"", false},
    {"null", false},
    {"{", false},
    {"{}{}", false},
    {"{\"a\":1,\"a\":2}", false},
    {"{\"a\":\"\\u0000\"}", false},
    {"{\"a\":\"\xff\"}", false},
    {"{'a':1}", false},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_JSON o = NULL;
    struct problem why = {0};
    avow_err e = payload_parse(slice_str(table[i].text), &o, &why);
    if ((e == AVOW_OK) != table[i].good)
      fail_msg("payload %s: %s", table[i].text, err_name(e));
    assert_int_equal(e == AVOW_OK, o != NULL);
  }
}

static void test_json_writer(void **state) {
  (void)state;
  AUTO_BUF b;
  buf_init(&b, 4096);
  json_open(&b, NULL, '{');
  json_put_str(&b, "a", "x\"\\\n\xc3");
  json_open(&b, "list", '[');
  json_put_number(&b, NULL, -5);
  json_put_flag(&b, NULL, true);
  json_open(&b, NULL, '{');
  json_close(&b, '}');
  json_open(&b, NULL, '[');
  json_close(&b, ']');
  json_close(&b, ']');
  json_put_time(&b, "at", 1000);
  json_close(&b, '}');
  static const char want[] = "{\"a\":\"x\\\"\\\\??\",\"list\":[-5,true,{},[]],\"at\":\"1970-01-01T00:00:01Z\"}";
  if (!slice_eq_str(buf_slice(&b), want))
    fail_msg("%.*s", (int)b.n, (const char *)b.p);
}

/* ---- contacts ---- */

static void test_contacts(void **state) {
  (void)state;
  static const struct {
    const char *payload;
    avow_err e;
  } table[] = {
    {"{}", AVOW_OK},
    {"{\"contact\":[]}", AVOW_OK},
    {"{\"contact\":[\"mailto:a@example.org\"]}", AVOW_OK},
    {"{\"contact\":[\"MAILTO:a.b+c@mail.example.org\",\"mailto:x@example.com\"]}", AVOW_OK},
    {"{\"contact\":\"mailto:a@example.org\"}", ERR_MALFORMED},
    {"{\"contact\":[7]}", ERR_MALFORMED},
    {"{\"contact\":null}", ERR_MALFORMED},
    {"{\"contact\":[\"tel:+12025551212\"]}", ERR_UNSUPPORTED_CONTACT},
    {"{\"contact\":[\"https://example.org/\"]}", ERR_UNSUPPORTED_CONTACT},
    {"{\"contact\":[\"a@example.org\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:a\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:@example.org\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:a@\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:a@b@example.org\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:a@localhost\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:a@*.example.org\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:.a@example.org\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:a..b@example.org\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:a b@example.org\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:a@example.org?subject=x\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:a@example.org,b@example.org\"]}", ERR_INVALID_CONTACT},
    {"{\"contact\":[\"mailto:a%40example.org\"]}", ERR_INVALID_CONTACT},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_JSON o = NULL;
    struct problem why = {0};
    assert_int_equal(payload_parse(slice_str(table[i].payload), &o, &why), AVOW_OK);
    avow_err e = contact_check(o, &why);
    if (e != table[i].e)
      fail_msg("%s: %s", table[i].payload, err_name(e));
    /* What an applicant wrote about itself is in no text that is logged or stored. */
    assert_null(strstr(why.detail, "example"));
  }
}

/* ---- identifiers ---- */

#define ITEM(type, value) "{\"type\":\"" type "\",\"value\":\"" value "\"}"
#define LIST_OF(items) "{\"identifiers\":[" items "]}"

static void test_identifiers(void **state) {
  (void)state;
  static const struct {
    const char *payload;
    avow_err e;
    const char *want; /* canonical, joined by a space; or the errors of the subproblems */
  } table[] = {
    {LIST_OF(ITEM("dns", "b.example.org")), AVOW_OK, "b.example.org"},
    {LIST_OF(ITEM("dns", "B.Example.org") "," ITEM("dns", "a.example.org") "," ITEM("dns", "b.example.ORG")), AVOW_OK,
     "a.example.org b.example.org"},
    {LIST_OF(ITEM("dns", "*.example.org") "," ITEM("dns", "example.org")), AVOW_OK, "example.org *.example.org"},
    {LIST_OF(ITEM("ip", "192.0.2.1") "," ITEM("ip", "2001:DB8:0::1")), AVOW_OK, "2001:db8::1 192.0.2.1"},
    {"{}", ERR_MALFORMED, ""},
    {"{\"identifiers\":{}}", ERR_MALFORMED, ""},
    {LIST_OF(""), ERR_MALFORMED, ""},
    {LIST_OF("7"), ERR_MALFORMED, ""},
    {LIST_OF("{\"type\":\"dns\"}"), ERR_MALFORMED, ""},
    {LIST_OF("{\"type\":\"dns\",\"value\":7}"), ERR_MALFORMED, ""},
    {LIST_OF(ITEM("dns", "a.example.org") "," ITEM("dns", "b.example.org") "," ITEM("dns", "c.example.org") "," ITEM(
       "dns", "d.example.org") "," ITEM("dns", "e.example.org")),
     ERR_MALFORMED, ""},
    {LIST_OF(ITEM("email", "a@example.org")), ERR_UNSUPPORTED_IDENTIFIER, ""},
    {LIST_OF(ITEM("dns", "a_b.example.org")), ERR_REJECTED_IDENTIFIER, ""},
    {LIST_OF(ITEM("dns", "example.org.")), ERR_REJECTED_IDENTIFIER, ""},
    {LIST_OF(ITEM("dns", "192.0.2.1")), ERR_REJECTED_IDENTIFIER, ""},
    {LIST_OF(ITEM("ip", "*.example.org")), ERR_REJECTED_IDENTIFIER, ""},
    {LIST_OF(ITEM("ip", "192.0.2.256")), ERR_REJECTED_IDENTIFIER, ""},
    {LIST_OF(ITEM("dns", "*.com")), ERR_REJECTED_IDENTIFIER, ""},
    {LIST_OF(ITEM("dns", "a.*.example.org")), ERR_REJECTED_IDENTIFIER, ""},
    {LIST_OF(ITEM("dns", "a.example.org") "," ITEM("dns", "b_.example.org") "," ITEM("dns", "c_.example.org")),
     ERR_REJECTED_IDENTIFIER, "b_.example.org c_.example.org"},
    {LIST_OF(ITEM("dns", "b_.example.org") "," ITEM("email", "a@example.org")), ERR_COMPOUND,
     "b_.example.org a@example.org"},
  };
  struct profile profile = {.name = "p", .max_names = 4, .ip_identifiers = true};
  struct name_policy policy = {0};
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_JSON o = NULL;
    AUTO_ARENA a;
    arena_init(&a, 1 << 20);
    struct problem why = {0};
    assert_int_equal(payload_parse(slice_str(table[i].payload), &o, &why), AVOW_OK);
    struct identifier_list list;
    avow_err e = identifiers_parse(o, &policy, &profile, &a, &list, &why);
    AUTO_BUF got;
    buf_init(&got, 4096);
    for (size_t k = 0; e == AVOW_OK && k < list.n; k++)
      buf_printf(&got, "%s%s%.*s", k ? " " : "", list.items[k].wildcard ? "*." : "", (int)list.items[k].value.n,
                 (const char *)list.items[k].value.p);
    for (size_t k = 0; e != AVOW_OK && k < list.bad_n; k++)
      buf_printf(&got, "%s%.*s", k ? " " : "", (int)list.bad[k].identifier.value.n,
                 (const char *)list.bad[k].identifier.value.p);
    if (e != table[i].e || !slice_eq_str(buf_slice(&got), table[i].want))
      fail_msg("%s: %s, \"%.*s\"", table[i].payload, err_name(e), (int)got.n, got.n ? (const char *)got.p : "");
    /* Whoever is refused is told why. */
    assert_true(e == AVOW_OK || (why.err == e && why.detail[0] && strcmp(why.detail, err_text(e)) != 0));
    for (size_t k = 0; e != AVOW_OK && k < list.bad_n; k++)
      assert_false(slice_eq_str(list.bad[k].problem.detail, err_text((avow_err)list.bad[k].problem.err)));
  }
  profile.ip_identifiers = false;
  AUTO_JSON o = NULL;
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct problem why;
  struct identifier_list list;
  assert_int_equal(payload_parse(SLICE_LIT(LIST_OF(ITEM("ip", "192.0.2.1"))), &o, &why), AVOW_OK);
  assert_int_equal(identifiers_parse(o, &policy, &profile, &a, &list, &why), ERR_REJECTED_IDENTIFIER);
}

/* ---- URLs and issuers ---- */

static struct endpoint endpoint_of(int port) {
  struct endpoint e = {.n = sizeof(struct sockaddr_in)};
  struct sockaddr_in *in = (struct sockaddr_in *)&e.address;
  in->sin_family = AF_INET;
  in->sin_port = htons((uint16_t)port);
  return e;
}

static void test_site(void **state) {
  (void)state;
  char *hosts[] = {(char[]){"ca.example.org"}, (char[]){"::1"}};
  struct endpoint https[] = {endpoint_of(443), endpoint_of(14000)};
  char url[] = "https://ca.example.org";
  struct config config = {
    .hosts = hosts, .hosts_n = 2, .https = https, .https_n = 2, .https_url = url, .kind = KIND_PRIVATE};
  char folder[] = "/tmp/avow-test-XXXXXX";
  assert_non_null(mkdtemp(folder));
  int dir = open(folder, O_RDONLY | O_DIRECTORY);
  assert_true(dir >= 0);
  assert_int_equal(mkdirat(dir, "ca", 0700), 0);
  struct acme_site s;
  assert_int_equal(site_init(&s, &config, dir), AVOW_OK);

  static const struct {
    const char *url, *path; /* NULL: not ours */
  } paths[] = {
    {"https://ca.example.org/acme/x", "/acme/x"},
    {"https://ca.example.org:14000/acme/x?cursor=1", "/acme/x?cursor=1"},
    {"https://[::1]:14000/", "/"},
    {"https://[::1]/a", "/a"},
    {"https://ca.example.org", NULL},
    {"https://ca.example.org.evil.test/acme/x", NULL},
    {"https://ca.example.org:14001/acme/x", NULL},
    {"http://ca.example.org/acme/x", NULL},
    {"/acme/x", NULL},
    {"", NULL},
  };
  for (size_t i = 0; i < COUNT(paths); i++) {
    struct slice path = site_path(&s, slice_str(paths[i].url));
    if (paths[i].path ? !slice_eq_str(path, paths[i].path) : path.p != NULL)
      fail_msg("%s: %.*s", paths[i].url, (int)path.n, (const char *)path.p);
  }
  struct id128 id;
  assert_true(site_account_of(&s, SLICE_LIT("https://ca.example.org/acme/acct/00112233445566778899aabbccddeeff"), &id));
  assert_int_equal(id.b[15], 0xff);
  static const char *const no_accounts[] = {
    "https://ca.example.org/acme/acct/",
    "https://ca.example.org/acme/acct/00112233445566778899aabbccddeefg",
    "https://ca.example.org/acme/acct/00112233445566778899AABBCCDDEEFF",
    "https://ca.example.org/acme/acct/00112233445566778899aabbccddeeff/",
    "https://ca.example.org/acme/order/00112233445566778899aabbccddeeff",
    "https://other.example.org/acme/acct/00112233445566778899aabbccddeeff",
    "00112233445566778899aabbccddeeff",
  };
  for (size_t i = 0; i < COUNT(no_accounts); i++)
    assert_false(site_account_of(&s, slice_str(no_accounts[i]), &id));

  struct problem why;
  AUTO_BUF pem;
  buf_init(&pem, 4096);
  assert_int_equal(site_issuer_pem(&s, SLICE_LIT("I1"), &pem, &why), ERR_UNAVAILABLE);
  int file = openat(dir, "ca/I1.cer", O_WRONLY | O_CREAT, 0600);
  assert_int_equal(write(file, "abc", 3), 3);
  close(file);
  for (int i = 0; i < 2; i++) {
    buf_reset(&pem);
    assert_int_equal(site_issuer_pem(&s, SLICE_LIT("I1"), &pem, &why), AVOW_OK);
    assert_true(slice_eq_str(buf_slice(&pem), "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"));
    unlinkat(dir, "ca/I1.cer", 0); /* the second time it comes from memory */
  }
  static const char *const no_issuers[] = {"", ".", "..", "../I1", "a/b", "I1\n", ".hidden"};
  for (size_t i = 0; i < COUNT(no_issuers); i++)
    assert_int_equal(site_issuer_pem(&s, slice_str(no_issuers[i]), &pem, &why), ERR_INTERNAL);

  AUTO_BUF page;
  buf_init(&page, 65536);
  site_directory_put(&s, &page);
  AUTO_JSON directory = json_loadb((const char *)page.p, page.n, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(directory);
  assert_string_equal(json_string_value(json_object_get(directory, "newOrder")),
                      "https://ca.example.org/acme/new-order");
  assert_null(json_object_get(json_object_get(directory, "meta"), "termsOfService"));
  site_clear(&s);
  unlinkat(dir, "ca", AT_REMOVEDIR);
  close(dir);
  rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_nonces),      cmocka_unit_test(test_key_cache), cmocka_unit_test(test_payload),
    cmocka_unit_test(test_json_writer), cmocka_unit_test(test_contacts),  cmocka_unit_test(test_identifiers),
    cmocka_unit_test(test_site),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
