/* The lint by the numbers of the rules (TLS BR; RFC 5280): for each a sample that keeps it and one that breaks it.
   Not to be seen in a TBS, and so elsewhere:
     4 (random, unique)   sign/certificate.c draws it         10 to 13 (weak and known keys)  keycheck, key_list,
   sign/issue 6 (outer algorithm)  cert_second_opinion()               14 (no key generation)          there is no such
   function 9 (point on curve)   crypto/key                          18 (special addresses)          validate/address 20
   (.onion v3)       refused in all kinds: name_check()  33 (SCTs)                       no profile has the extension
   Test 2 to 34 below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "samples.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct sample_ca ca;

/* ---- leaves ---- */

/* A run of octets of a right TBS and what it becomes; the same length. */
struct leaf_case {
  int rule;
  const char *name, *from, *to;
  size_t n;
};
#define CASE(rule, name, from, to)                                                                                     \
  { rule, name, from, to, sizeof(from) - 1 + 0 * sizeof(char[sizeof(from) == sizeof(to) ? 1 : -1]) }

static const struct leaf_case cases[] = {
  CASE(1, "validity", "270610095002Z", "270610095003Z"), /* an extra second */
  CASE(3, "version", "\xa0\x03\x02\x01\x02", "\xa0\x03\x02\x01\x01"),
  CASE(4, "serial", "\x01\x9a\xbc\xde", "\x81\x9a\xbc\xde"),
  CASE(5, "issuer", "Test I1", "Test I2"),
  CASE(6, "algorithm", "\x2a\x86\x48\xce\x3d\x04\x03\x02", "\x2a\x86\x48\xce\x3d\x04\x03\x03"),
  CASE(7, "key", "\x2a\x86\x48\xce\x3d\x03\x01\x07", "\x2a\x86\x48\xce\x3d\x03\x01\x01"),
  CASE(9, "key", "\x03\x42\x00\x04", "\x03\x42\x00\x02"), /* a compressed point */
  CASE(15, "names", "\x82\x0fwww.example.com", "\x86\x0fwww.example.com"),
  CASE(16, "names", "\x82\x0fwww.example.com", "\x82\x0fwww_example.com"),
  CASE(16, "names", "\x82\x0fwww.example.com", "\x82\x0fwww.example.co."),
  CASE(19, "names", "\x82\x0fwww.example.com", "\x82\x0fw*w.example.com"),
  CASE(21, "encoding", "\x55\x04\x03\x0c\x0fwww", "\x55\x04\x0b\x0c\x0fwww"), /* an organizational unit */
  CASE(22, "subject", "\x0c\x0fwww.example.com", "\x0c\x0fwww.example.net"),
  CASE(22, "subject", "\x0c\x0fwww.example.com", "\x0c\x0fWww.example.com"),
  CASE(23, "encoding", "\x55\x04\x03\x0c\x0fwww", "\x55\x04\x03\x16\x0fwww"), /* an IA5String */
  CASE(24, "extended key usage", "\x05\x07\x03\x01", "\x05\x07\x03\x03"),
  CASE(25, "key usage", "\x03\x02\x07\x80", "\x03\x02\x03\x88"), /* keyAgreement */
  CASE(26, "basic constraints", "\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00", "\x55\x1d\x13\x01\x01\xff\x04\x02\x05\x00"),
  CASE(27, "policies", "\x67\x81\x0c\x01\x02\x01", "\x67\x81\x0c\x01\x02\x02"),
  CASE(28, "authority information", "http://ca.example/ca", "ldap://ca.example/ca"),
  CASE(29, "authority key", "\x30\x16\x80\x14", "\x30\x16\x81\x14"),
  CASE(30, "CRL point", "http://ca.example/crl", "ldap://ca.example/crl"),
  CASE(31, "subject key", "\x55\x1d\x0e\x04\x16\x04\x14", "\x55\x1d\x0e\x04\x16\x0c\x14"),
  CASE(32, "CRL point", "\x55\x1d\x1f", "\x55\x1d\x1e"), /* name constraints */
  CASE(34, "encoding", "261122095003Z", "261122095003+"),
  CASE(34, "key usage", "\x03\x02\x07\x80", "\x03\x02\x07\x81"),
  CASE(34, "encoding", "\x55\x1d\x1f", "\x55\x1d\x23"), /* an extension twice */
};

static void expect(const char *name, avow_err e, const struct problem *why, int rule) {
  char text[64];
  snprintf(text, sizeof text, "(%s):", name);
  if (e != ERR_LINT || !strstr(why->detail, text))
    fail_msg("rule %d, expected %s: %s", rule, text, why->detail);
}

static struct leaf_request public_leaf(const char *name, enum key_type type, struct arena *a) {
  struct leaf_request r = sample_leaf(&ca, &sample_public, sample_key(type), sample_names(&name, 1, a), 1);
  r.is_public = true;
  return r;
}

static void leaf_bytes(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    const struct leaf_case *c = &cases[i];
    AUTO_ARENA a;
    arena_init(&a, 1 << 20);
    struct leaf_request r = public_leaf("www.example.com", KEY_P256, &a);
    r.common_name = SLICE_LIT("www.example.com");
    AUTO_BUF tbs;
    buf_init(&tbs, CERT_MAX);
    assert_int_equal(tbs_leaf_put(&tbs, &r), AVOW_OK);
    struct problem why = {0};
    if (tbs_lint(buf_slice(&tbs), &r, &why) != AVOW_OK)
      fail_msg("the good sample: %s", why.detail);
    uint8_t *at = memmem(tbs.p, tbs.n, c->from, c->n);
    if (!at)
      fail_msg("rule %d: nothing to change", c->rule);
    memcpy(at, c->to, c->n);
    expect(c->name, tbs_lint(buf_slice(&tbs), &r, &why), &why, c->rule);
  }
}

/* What the writer would write as asked: the request itself breaks the rule. */
static void leaf_requests(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct profile long_lived = sample_public, no_policy = sample_public, no_status = sample_public, week = sample_public;
  long_lived.lifetime_s++;
  no_policy.policy_oids_n = 0;
  no_status.crl = false;
  week.crl = false;
  week.lifetime_s = 604800;
  static const struct {
    int rule;
    const char *name, *dns;
    int change;
  } table[] = {
    {1, "validity", "www.example.com", 1},
    {2, "validity", "www.example.com", 2},
    {2, "validity", "www.example.com", 3},
    {17, "names", "www.local", 0},
    {17, "names", "localhost", 0},
    {17, "names", "2.0.192.in-addr.arpa", 0},
    {17, "names", "b.ip6.arpa", 0},
    {19, "names", "*.com", 0},
    {19, "names", "*.co.uk", 0},
    {20, "names", "expyuzz4wqqyqhjn.onion", 0},
    {27, "policies", "www.example.com", 4},
    {30, "CRL point", "www.example.com", 5},
    {7, "key", "www.example.com", 6},
    {9, "key", "www.example.com", 7},
    {0, NULL, "www.example.com", 0},
    {0, NULL, "*.example.com", 0},
    {0, NULL, "www.example.com", 8},
    {0, NULL, "www.example.com", 9},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct leaf_request r = public_leaf(table[i].dns, table[i].change == 7 ? KEY_P521 : KEY_P256, &a);
    if (table[i].change == 1)
      r.profile = &long_lived, r.not_after_s++;
    if (table[i].change == 2)
      r.signing_s = r.not_before_s + 48 * 3600 + 1;
    if (table[i].change == 3)
      r.signing_s = r.not_before_s - 48 * 3600 - 1;
    if (table[i].change == 4)
      r.profile = &no_policy;
    if (table[i].change == 5)
      r.profile = &no_status;
    if (table[i].change == 6)
      r.key_type = KEY_RSA;
    if (table[i].change == 8)
      r.signing_s = r.not_before_s + 48 * 3600;
    if (table[i].change == 9)
      r.profile = &week, r.not_after_s = r.not_before_s + 604799;
    AUTO_BUF tbs;
    buf_init(&tbs, CERT_MAX);
    assert_int_equal(tbs_leaf_put(&tbs, &r), AVOW_OK);
    struct problem why = {0};
    avow_err e = tbs_lint(buf_slice(&tbs), &r, &why);
    if (table[i].name)
      expect(table[i].name, e, &why, table[i].rule);
    else if (e != AVOW_OK)
      fail_msg("row %zu: %s", i, why.detail);
  }
}

/* ---- CA certificates ---- */

static struct ca_request ca_request(bool root) {
  struct ca_request r = {.serial = SLICE_LIT("\x11\x12\x13\x14\x15\x16\x17\x18\x19"),
                         .alg = SIG_ES384,
                         .issuer_name = buf_slice(&ca.root_name),
                         .subject_name = buf_slice(root ? &ca.root_name : &ca.name),
                         .issuer_key_id = root ? SLICE_NONE : SLICE_OF(ca.root_key_id),
                         .not_before_s = NOT_BEFORE - DAY_S,
                         .not_after_s = NOT_BEFORE + (root ? 3650 : 1095) * (int64_t)DAY_S,
                         .key = private_key_public(root ? ca.root_key : ca.key),
                         .path_length = root ? -1 : 0,
                         .root = root,
                         .server_auth = !root,
                         .signing_s = NOT_BEFORE,
                         .is_public = true};
  if (!root) {
    r.policy_oid = "2.5.29.32.0";
    r.ca_url = "http://ca.example/ca/root.cer";
    r.crl_url = "http://ca.example/crl/root/0.crl";
  }
  return r;
}

static void ca_certificates(void **state) {
  (void)state;
  static const struct leaf_case table[] = {
    CASE(3, "head", "\xa0\x03\x02\x01\x02", "\xa0\x03\x02\x01\x01"),
    CASE(4, "head", "\x11\x12\x13", "\x91\x12\x13"),
    CASE(45, "basic constraints", "\x30\x06\x01\x01\xff\x02\x01\x00", "\x30\x06\x01\x01\xff\x02\x01\x01"),
    CASE(45, "key usage", "\x03\x02\x01\x06", "\x03\x02\x02\x04"),
    CASE(45, "key identifiers", "\x30\x16\x80\x14", "\x30\x16\x81\x14"),
    CASE(45, "extended key usage", "\x05\x07\x03\x01", "\x05\x07\x03\x02"),
    CASE(45, "URLs", "/crl/root/0.crl", "/crl/root/1.crl"),
    CASE(45, "URLs", "http://ca.example/ca", "ldap://ca.example/ca"),
    CASE(46, "subject", "\x55\x04\x0a\x0c\x04Test1\x10", "\x55\x04\x0b\x0c\x04Test1\x10"),
    CASE(47, "policies", "\x06\x04\x55\x1d\x20\x00", "\x06\x04\x55\x1d\x20\x01"),
    CASE(92, "head", "\x2a\x86\x48\xce\x3d\x04\x03\x03", "\x2a\x86\x48\xce\x3d\x04\x03\x02"),
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct ca_request r = ca_request(false);
    AUTO_BUF tbs;
    buf_init(&tbs, CERT_MAX);
    assert_int_equal(tbs_ca_put(&tbs, &r), AVOW_OK);
    struct problem why = {0};
    if (tbs_ca_lint(buf_slice(&tbs), &r, &why) != AVOW_OK)
      fail_msg("the good sample: %s", why.detail);
    const char *from = table[i].from;
    size_t n = table[i].n;
    if (table[i].rule == 46) /* the subject's, not the issuer's: the last one */
      n = 3;
    uint8_t *at = memmem(tbs.p, tbs.n, from, n), *next;
    while (at && table[i].rule == 46 && (next = memmem(at + 1, tbs.n - (size_t)(at + 1 - tbs.p), from, n)))
      at = next;
    if (!at)
      fail_msg("rule %d: nothing to change", table[i].rule);
    memcpy(at, table[i].to, n);
    expect(table[i].name, tbs_ca_lint(buf_slice(&tbs), &r, &why), &why, table[i].rule);
  }
}

/* ca-rules 44; and what a request may ask for. */
static void ca_requests(void **state) {
  (void)state;
  static const struct {
    const char *name;
    bool root;
    int change;
  } table[] = {{NULL, true, 0},
               {"validity", true, 1},
               {"validity", true, 2},
               {"validity", false, 3},
               {"basic constraints", true, 4},
               {"policies", false, 5},
               {"extended key usage", false, 6},
               {"URLs", false, 7}};
  for (size_t i = 0; i < COUNT(table); i++) {
    struct ca_request r = ca_request(table[i].root);
    if (table[i].change == 1)
      r.not_after_s = r.not_before_s + 2922 * (int64_t)DAY_S - 2;
    if (table[i].change == 2)
      r.not_after_s = r.not_before_s + 9132 * (int64_t)DAY_S;
    if (table[i].change == 3)
      r.signing_s++;
    if (table[i].change == 4)
      r.path_length = 0;
    if (table[i].change == 5)
      r.policy_oid = NULL;
    if (table[i].change == 6)
      r.server_auth = false;
    if (table[i].change == 7)
      r.crl_url = NULL;
    AUTO_BUF tbs;
    buf_init(&tbs, CERT_MAX);
    assert_int_equal(tbs_ca_put(&tbs, &r), AVOW_OK);
    struct problem why = {0};
    avow_err e = tbs_ca_lint(buf_slice(&tbs), &r, &why);
    if (table[i].name)
      expect(table[i].name, e, &why, 44);
    else if (e != AVOW_OK)
      fail_msg("row %zu: %s", i, why.detail);
  }
}

/* ---- CRLs ---- */

static void crls(void **state) {
  (void)state;
  const struct crl_entry entries[] = {{SLICE_LIT("\x01\x02"), NOT_BEFORE - 100, 0},
                                      {SLICE_LIT("\x01\x03"), NOT_BEFORE, 5}};
  const struct crl_entry hold = {SLICE_LIT("\x01\x02"), NOT_BEFORE, 6};
  const struct crl_request good = {.alg = SIG_ES256,
                                   .issuer_name = buf_slice(&ca.name),
                                   .issuer_key_id = SLICE_OF(ca.key_id),
                                   .this_update_s = NOT_BEFORE,
                                   .next_update_s = NOT_BEFORE + 10 * DAY_S,
                                   .number = 7,
                                   .idp_url = "http://ca.example/crl/I1/3.crl",
                                   .entries = entries,
                                   .entries_n = COUNT(entries),
                                   .lifetime_most_s = 10 * DAY_S,
                                   .is_public = true};
  static const struct leaf_case table[] = {
    CASE(85, NULL, "261122095003Z", "261122095004Z"),
    CASE(86, NULL, "\x02\x01\x01\x30", "\x02\x01\x00\x30"), /* v1 */
    CASE(86, NULL, "\x55\x1d\x14\x04\x03\x02\x01\x07", "\x55\x1d\x14\x04\x03\x02\x01\x08"),
    CASE(86, NULL, "\x30\x16\x80\x14", "\x30\x16\x81\x14"),
    CASE(87, NULL, "\x55\x1d\x1c\x01\x01\xff", "\x55\x1d\x1c\x01\x01\x00"),
    CASE(87, NULL, "/crl/I1/3.crl", "/crl/I1/4.crl"),
    CASE(87, NULL, "\x81\x01\xff", "\x82\x01\xff"), /* onlyContainsCACerts */
    CASE(88, NULL, "\x0a\x01\x05", "\x0a\x01\x00"),
    CASE(88, NULL, "\x02\x02\x01\x03", "\x02\x02\x01\x04"),
    CASE(92, NULL, "\x2a\x86\x48\xce\x3d\x04\x03\x02", "\x2a\x86\x48\xce\x3d\x04\x03\x01"),
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_BUF tbs;
    buf_init(&tbs, CERT_MAX);
    assert_int_equal(tbs_crl_put(&tbs, &good), AVOW_OK);
    struct problem why = {0};
    if (tbs_crl_lint(buf_slice(&tbs), &good, &why) != AVOW_OK)
      fail_msg("the good sample: %s", why.detail);
    uint8_t *at = memmem(tbs.p, tbs.n, table[i].from, table[i].n);
    if (!at)
      fail_msg("rule %d: nothing to change", table[i].rule);
    memcpy(at, table[i].to, table[i].n);
    if (tbs_crl_lint(buf_slice(&tbs), &good, &why) != ERR_LINT)
      fail_msg("rule %d", table[i].rule);
  }
  struct crl_request bad[] = {good, good};
  bad[0].next_update_s++; /* rule 85 */
  bad[1].entries = &hold; /* rule 88 */
  bad[1].entries_n = 1;
  for (size_t i = 0; i < COUNT(bad); i++) {
    AUTO_BUF tbs;
    buf_init(&tbs, CERT_MAX);
    assert_int_equal(tbs_crl_put(&tbs, &bad[i]), AVOW_OK);
    assert_int_equal(tbs_crl_lint(buf_slice(&tbs), &bad[i], NULL), ERR_LINT);
    bad[i].is_public = false;
    bad[i].lifetime_most_s = 0;
    assert_int_equal(tbs_crl_lint(buf_slice(&tbs), &bad[i], NULL), AVOW_OK);
  }
  /* Rule 89: an empty list. */
  struct crl_request none = good;
  none.entries_n = 0;
  none.idp_url = NULL;
  AUTO_BUF tbs;
  buf_init(&tbs, CERT_MAX);
  assert_int_equal(tbs_crl_put(&tbs, &none), AVOW_OK);
  assert_int_equal(tbs_crl_lint(buf_slice(&tbs), &none, NULL), AVOW_OK);
  assert_int_equal(tbs_crl_lint(buf_slice(&tbs), &good, NULL), ERR_LINT);
}

static int make_ca(void **state) {
  (void)state;
  ca = sample_ca_make(KEY_P384, KEY_P256);
  return 0;
}

static int free_ca(void **state) {
  (void)state;
  sample_ca_clear(&ca);
  sample_keys_free();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(leaf_bytes), cmocka_unit_test(leaf_requests),
                                     cmocka_unit_test(ca_certificates), cmocka_unit_test(ca_requests),
                                     cmocka_unit_test(crls)};
  return cmocka_run_group_tests(tests, make_ca, free_ca);
}
