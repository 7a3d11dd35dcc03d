/* Certificates: what the writer writes, the reader reads, the lint demands and OpenSSL thinks. */
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

static const struct profile *const profiles[] = {&sample_classic, &sample_shortlived, &sample_public};
static const enum key_type types[] = {KEY_P256, KEY_P384, KEY_RSA};
static const char *const name_texts[] = {"*.a.example", "a.example", "10.0.0.1", "2001:db8::1"};

static void build(const struct leaf_request *r, struct buf *tbs) {
  buf_init(tbs, CERT_MAX);
  assert_int_equal(tbs_leaf_put(tbs, r), AVOW_OK);
}

/* Every profile with every kind of key is right by all three judges, and reads back as it was asked for. */
static void all_kinds_of_leaf(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct name *names = sample_names(name_texts, COUNT(name_texts), &a);
  for (size_t i = 0; i < COUNT(profiles) * COUNT(types) * COUNT(name_texts); i++) {
    const struct profile *profile = profiles[i % COUNT(profiles)];
    enum key_type type = types[i / COUNT(profiles) % COUNT(types)];
    size_t names_n = i / COUNT(profiles) / COUNT(types) + 1;
    struct leaf_request r = sample_leaf(&ca, profile, sample_key(type), names, names_n);
    r.common_name = leaf_common_name(profile, SLICE_LIT("a.example"), names, names_n, &a);
    AUTO_BUF tbs, der;
    build(&r, &tbs);
    struct problem why = {0};
    if (tbs_lint(buf_slice(&tbs), &r, &why) != AVOW_OK)
      fail_msg("%s", why.detail);
    buf_init(&der, CERT_MAX);
    sample_sign(ca.key, buf_slice(&tbs), &der);
    struct cert cert;
    assert_int_equal(cert_parse(buf_slice(&der), &a, &cert, &why), AVOW_OK);
    assert_true(slice_eq(cert.tbs, buf_slice(&tbs)));
    assert_true(slice_eq(cert.serial, r.serial));
    assert_true(slice_eq(cert.issuer, r.issuer_name));
    assert_true(slice_eq(cert.spki, r.spki));
    assert_true(slice_eq(cert.common_name, r.common_name));
    assert_true(slice_eq(cert.authority_key_id, r.issuer_key_id));
    assert_int_equal(cert.subject_key_id.n, profile->subject_key_id ? 20 : 0);
    assert_int_equal(cert.not_before_s, r.not_before_s);
    assert_int_equal(cert.not_after_s, r.not_after_s);
    assert_int_equal(cert.names_n, names_n);
    assert_int_equal(cert.alg, r.alg);
    assert_false(cert.is_ca);
    for (size_t k = 0; k < names_n; k++)
      assert_true(name_eq(&cert.names[k], &names[k]));
    if (cert_second_opinion(buf_slice(&der), private_key_public(ca.key), &cert, &why) != AVOW_OK)
      fail_msg("%s", why.detail);
  }
}

static void ca_certificates(void **state) {
  (void)state;
  const struct {
    const struct buf *der;
    const struct private_key *issuer;
    size_t authority_key_id;
  } table[] = {{&ca.root, ca.root_key, 0}, {&ca.cert, ca.root_key, 20}};
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_ARENA a;
    arena_init(&a, 1 << 20);
    struct cert cert;
    struct problem why = {0};
    assert_int_equal(cert_parse(buf_slice(table[i].der), &a, &cert, &why), AVOW_OK);
    assert_true(cert.is_ca);
    assert_int_equal(cert.names_n, 0);
    assert_int_equal(cert.subject_key_id.n, 20);
    assert_int_equal(cert.authority_key_id.n, table[i].authority_key_id);
    if (cert_second_opinion(buf_slice(table[i].der), private_key_public(table[i].issuer), &cert, &why) != AVOW_OK)
      fail_msg("%s", why.detail);
  }
}

static void wrong_requests(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct name *names = sample_names(name_texts, 1, &a);
  const struct leaf_request good = sample_leaf(&ca, &sample_classic, sample_key(KEY_P256), names, 1);
  struct leaf_request bad[9];
  for (size_t i = 0; i < COUNT(bad); i++)
    bad[i] = good;
  bad[0].serial = SLICE_NONE;
  bad[1].serial = SLICE_LIT("\x80\x01");
  bad[2].serial = SLICE_LIT("\x00");
  bad[3].serial = SLICE_LIT("123456789012345678901");
  bad[4].names_n = 0;
  bad[5].ca_url = NULL;
  bad[6].not_after_s = bad[6].not_before_s;
  bad[7].spki = SLICE_LIT("\x30\x00");
  bad[8].issuer_key_id = SLICE_LIT("short");
  for (size_t i = 0; i < COUNT(bad); i++) {
    AUTO_BUF b;
    buf_init(&b, CERT_MAX);
    assert_int_equal(tbs_leaf_put(&b, &bad[i]), ERR_LINT);
    assert_int_equal(b.n, 0);
  }
  AUTO_BUF small;
  buf_init(&small, 200);
  assert_int_equal(tbs_leaf_put(&small, &good), ERR_NO_MEMORY);
}

static void common_names(void **state) {
  (void)state;
#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaa.example" /* 73 */
  static const struct {
    const char *names[3];
    const char *wanted, *common_name;
  } table[] = {
    {{"a.example", "b.example"}, "", "a.example"},
    {{"a.example", "b.example"}, "b.example", "b.example"},
    {{"a.example", "b.example"}, "c.example", "a.example"},
    {{"*.a.example"}, "*.a.example", "*.a.example"},
    {{LONG, "b.example"}, LONG, "b.example"},
    {{LONG}, "", ""},
    {{"10.0.0.1"}, "10.0.0.1", ""},
    {{"10.0.0.1", "b.example"}, "", "b.example"},
  };
#undef LONG
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_ARENA a;
    arena_init(&a, 1 << 20);
    size_t n = 0;
    while (n < 3 && table[i].names[n])
      n++;
    struct name *names = sample_names(table[i].names, n, &a);
    struct slice wanted = slice_str(table[i].wanted);
    assert_true(slice_eq_str(leaf_common_name(&sample_classic, wanted, names, n, &a), table[i].common_name));
    assert_int_equal(leaf_common_name(&sample_shortlived, wanted, names, n, &a).n, 0);
  }
}

/* The TBS with its first `from` (a run of octets) replaced by `to` of the same length. */
struct patch {
  const char *rule, *from, *to;
  size_t n;
};
#define PATCH(rule, from, to)                                                                                          \
  { rule, from, to, sizeof(from) - 1 + 0 * sizeof(char[sizeof(from) == sizeof(to) ? 1 : -1]) }

static void lint_reads_bytes(void **state) {
  (void)state;
  static const struct patch table[] = {
    PATCH("validity", "261122095003Z", "261122095004Z"),
    PATCH("encoding", "261122095003Z", "261322095003Z"),
    PATCH("encoding", "261122095003Z", "261122095003+"),
    PATCH("encoding", "\xa0\x03\x02\x01\x02", "\xa0\x03\x02\x01\x00"),
    PATCH("version", "\xa0\x03\x02\x01\x02", "\xa0\x03\x02\x01\x01"),
    PATCH("serial", "\x01\x9a\xbc\xde", "\x01\x9a\xbc\xdf"),
    PATCH("serial", "\x01\x9a\xbc\xde", "\x81\x9a\xbc\xde"),
    PATCH("encoding", "\x01\x9a\xbc\xde", "\x00\x1a\xbc\xde"),
    PATCH("algorithm", "\x2a\x86\x48\xce\x3d\x04\x03\x02", "\x2a\x86\x48\xce\x3d\x04\x03\x03"),
    PATCH("issuer", "Test I1", "Test I2"),
    PATCH("key", "\x2a\x86\x48\xce\x3d\x03\x01\x07", "\x2a\x86\x48\xce\x3d\x03\x01\x06"),
    PATCH("subject", "\x55\x04\x03\x0c\x0b*.a", "\x55\x04\x03\x0c\x0b*.b"),
    PATCH("encoding", "\x55\x04\x03\x0c\x0b*.a", "\x55\x04\x03\x16\x0b*.a"),
    PATCH("encoding", "\x55\x04\x03\x0c\x0b*.a", "\x55\x04\x0a\x0c\x0b*.a"),
    PATCH("names", "\x82\x0b*.a.example", "\x82\x0b*.b.example"),
    PATCH("names", "\x82\x0b*.a.example", "\x82\x0b*.a.Example"),
    PATCH("names", "\x82\x0b*.a.example", "\x82\x0b*.a_example"),
    PATCH("names", "\x82\x0b*.a.example", "\x81\x0b*.a.example"),
    PATCH("names", "\x82\x0b*.a.example", "\x86\x0b*.a.example"),
    PATCH("names", "\x87\x04\x0a\x00\x00\x01", "\x87\x04\x0a\x00\x00\x02"),
    PATCH("extended key usage", "\x05\x07\x03\x01", "\x05\x07\x03\x02"),
    PATCH("extended key usage", "\x05\x07\x03\x01", "\x05\x07\x03\x09"),
    PATCH("key usage", "\x03\x02\x07\x80", "\x03\x02\x05\xa0"),
    PATCH("key usage", "\x03\x02\x07\x80", "\x03\x02\x02\x84"),
    PATCH("key usage", "\x03\x02\x07\x80", "\x03\x02\x00\x80"),
    PATCH("encoding", "\x55\x1d\x0f\x01\x01\xff", "\x55\x1d\x0f\x01\x01\x00"),
    PATCH("basic constraints", "\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00", "\x55\x1d\x13\x01\x01\xff\x04\x02\x31\x00"),
    PATCH("basic constraints", "\x55\x1d\x13", "\x55\x1d\x1e"),
    PATCH("encoding", "\x55\x1d\x0e", "\x55\x1d\x23"),
    PATCH("authority information", "http://ca.example/ocsp", "https:/ca.example/ocsp"),
    PATCH("authority information", "http://ca.example/ca/I1", "http://ca.example/ca/I2"),
    PATCH("authority information", "\x05\x07\x30\x01", "\x05\x07\x30\x03"),
    PATCH("CRL point", "/crl/I1/3.crl", "/crl/I1/4.crl"),
    PATCH("subject key", "\x55\x1d\x0e", "\x55\x1d\x0d"),
    PATCH("authority key", "\x55\x1d\x23", "\x55\x1d\x22"),
    PATCH("policies", "\x55\x1d\x1f", "\x55\x1d\x20"),
    PATCH("CRL point", "\x55\x1d\x1f", "\x55\x1d\x2e"),
  };
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct name *names = sample_names(name_texts, COUNT(name_texts), &a);
  struct leaf_request r = sample_leaf(&ca, &sample_classic, sample_key(KEY_P256), names, COUNT(name_texts));
  r.common_name = SLICE_LIT("*.a.example");
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_BUF tbs;
    build(&r, &tbs);
    uint8_t *at = memmem(tbs.p, tbs.n, table[i].from, table[i].n);
    assert_non_null(at);
    memcpy(at, table[i].to, table[i].n);
    struct problem why = {0};
    char expect[64];
    snprintf(expect, sizeof expect, "(%s):", table[i].rule);
    if (tbs_lint(buf_slice(&tbs), &r, &why) != ERR_LINT || !strstr(why.detail, expect))
      fail_msg("row %zu, expected %s: %s", i, expect, why.detail);
  }
}

static void assert_refused(const char *rule, const struct leaf_request *built, const struct leaf_request *judged) {
  AUTO_BUF tbs;
  build(built, &tbs);
  struct problem why = {0};
  char expect[64];
  snprintf(expect, sizeof expect, "(%s):", rule);
  if (tbs_lint(buf_slice(&tbs), judged, &why) != ERR_LINT || !strstr(why.detail, expect))
    fail_msg("expected %s: %s", expect, why.detail);
}

/* What was asked for is judged too, so that a request that should not have been made stops here. */
static void lint_judges_requests(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct name *names = sample_names((const char *const[]){"a.example", "a.example"}, 2, &a);
  struct name *wide = sample_names((const char *const[]){"*.co.uk"}, 1, &a);
  const struct leaf_request good = sample_leaf(&ca, &sample_classic, sample_key(KEY_P256), names, 1);
  struct leaf_request r = good;
  r.names_n = 2;
  assert_refused("names", &r, &r);
  r = good;
  r.names = wide;
  assert_refused("names", &r, &r);
  r = good;
  r.not_after_s++;
  assert_refused("validity", &r, &r);
  r = good;
  r.serial = SLICE_LIT("\x01\x02\x03\x04\x05\x06\x07");
  assert_refused("serial", &r, &r);
  r = good;
  r.key_type = KEY_P384;
  assert_refused("key", &r, &r);
  r = sample_leaf(&ca, &sample_classic, sample_key(KEY_P521), names, 1);
  assert_refused("key", &r, &r);
  r = good;
  r.alg = SIG_EDDSA;
  assert_refused("algorithm", &r, &r);
  r = good;
  r.common_name = SLICE_LIT("b.example");
  assert_refused("subject", &r, &r);
  struct profile profile = sample_public;
  profile.lifetime_s = 201 * DAY_S;
  r = sample_leaf(&ca, &profile, sample_key(KEY_P256), names, 1);
  assert_refused("validity", &r, &r);
  profile = sample_classic;
  profile.crl = profile.ocsp = false;
  r = sample_leaf(&ca, &profile, sample_key(KEY_P256), names, 1);
  assert_refused("CRL point", &r, &r);
}

/* A certificate of one profile is not one of another, though both may be right. */
static void lint_knows_the_profile(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct name *names = sample_names((const char *const[]){"a.example"}, 1, &a);
  struct profile other;
  struct leaf_request built = sample_leaf(&ca, &sample_public, sample_key(KEY_RSA), names, 1), judged;
  static const struct {
    const char *rule;
    size_t policies;
    const char *policy;
    bool subject_key_id, client_auth, key_encipherment, ocsp, crl;
  } table[] = {
    {"policies", 0, "2.23.140.1.2.1", true, true, false, false, true},
    {"policies", 1, "2.23.140.1.2.2", true, true, false, false, true},
    {"policies", 2, "2.23.140.1.2.1", true, true, false, false, true},
    {"subject key", 1, "2.23.140.1.2.1", false, true, false, false, true},
    {"extended key usage", 1, "2.23.140.1.2.1", true, false, false, false, true},
    {"key usage", 1, "2.23.140.1.2.1", true, true, true, false, true},
    {"authority information", 1, "2.23.140.1.2.1", true, true, false, true, true},
    {"CRL point", 1, "2.23.140.1.2.1", true, true, false, false, false},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    other = sample_public;
    other.policy_oids_n = table[i].policies;
    snprintf(other.policy_oids[0], sizeof other.policy_oids[0], "%s", table[i].policy);
    snprintf(other.policy_oids[1], sizeof other.policy_oids[1], "1.2.3");
    other.subject_key_id = table[i].subject_key_id;
    other.client_auth = table[i].client_auth;
    other.key_encipherment = table[i].key_encipherment;
    other.ocsp = table[i].ocsp;
    other.crl = table[i].crl;
    judged = built;
    judged.profile = &other;
    assert_refused(table[i].rule, &built, &judged);
  }
  other = sample_public;
  judged = built;
  judged.profile = &other;
  AUTO_BUF tbs;
  build(&built, &tbs);
  assert_int_equal(tbs_lint(buf_slice(&tbs), &judged, NULL), AVOW_OK);
  /* An extension that no rule knows. */
  other.policy_oids_n = 0;
  uint8_t *oid = memmem(tbs.p, tbs.n, "\x55\x1d\x20", 3);
  assert_non_null(oid);
  oid[2] = 0x36;
  struct problem why = {0};
  assert_int_equal(tbs_lint(buf_slice(&tbs), &judged, &why), ERR_LINT);
  assert_non_null(strstr(why.detail, "(extensions):"));
}

/* OpenSSL is asked, and may say no. */
static void second_opinions_differ(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct name *names = sample_names(name_texts, COUNT(name_texts), &a);
  struct leaf_request r = sample_leaf(&ca, &sample_classic, sample_key(KEY_P256), names, COUNT(name_texts));
  AUTO_BUF tbs, der;
  build(&r, &tbs);
  buf_init(&der, CERT_MAX);
  sample_sign(ca.key, buf_slice(&tbs), &der);
  struct cert good;
  assert_int_equal(cert_parse(buf_slice(&der), &a, &good, NULL), AVOW_OK);
  const struct public_key *issuer = private_key_public(ca.key);
  assert_int_equal(cert_second_opinion(buf_slice(&der), issuer, &good, NULL), AVOW_OK);
  assert_int_equal(cert_second_opinion(buf_slice(&der), private_key_public(ca.root_key), &good, NULL), ERR_LINT);
  struct cert bad[6] = {good, good, good, good, good, good};
  bad[0].serial = SLICE_LIT("\x01\x02");
  bad[1].not_before_s++;
  bad[2].not_after_s--;
  bad[3].names_n--;
  bad[4].is_ca = true;
  bad[5].tbs.n--;
  for (size_t i = 0; i < COUNT(bad); i++)
    assert_int_equal(cert_second_opinion(buf_slice(&der), issuer, &bad[i], NULL), ERR_LINT);
  struct name other = names[0];
  other.wildcard = false;
  bad[0] = good;
  bad[0].names = arena_array(&a, good.names_n, sizeof *good.names);
  memcpy(bad[0].names, good.names, good.names_n * sizeof *good.names);
  bad[0].names[0] = other;
  assert_int_equal(cert_second_opinion(buf_slice(&der), issuer, &bad[0], NULL), ERR_LINT);
  buf_put_u8(&der, 0);
  assert_int_equal(cert_second_opinion(buf_slice(&der), issuer, &good, NULL), ERR_LINT);
}

/* Each octet changed, each prefix: refused, or read without a fault. */
static void damaged_certificates(void **state) {
  (void)state;
  AUTO_BUF der;
  buf_init(&der, CERT_MAX);
  buf_put(&der, buf_slice(&ca.cert));
  struct cert cert;
  for (size_t n = 0; n < der.n; n++) {
    AUTO_ARENA a;
    arena_init(&a, 1 << 20);
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, der.p, n);
    assert_int_equal(cert_parse(slice_of(copy, n), &a, &cert, NULL), ERR_MALFORMED);
    free(copy);
  }
  for (size_t i = 0; i < der.n; i++) {
    AUTO_ARENA a;
    arena_init(&a, 1 << 20);
    der.p[i] ^= 0x21;
    avow_err err = cert_parse(buf_slice(&der), &a, &cert, NULL);
    assert_true(err == AVOW_OK || err == ERR_MALFORMED);
    assert_int_not_equal(cert_second_opinion(buf_slice(&der), private_key_public(ca.root_key), &cert, NULL), AVOW_OK);
    der.p[i] ^= 0x21;
  }
}

static void crls(void **state) {
  (void)state;
  const struct crl_entry entries[] = {
    {SLICE_LIT("\x01\x02"), NOT_BEFORE - 100, 0},
    {SLICE_LIT("\x01\x02\x03"), NOT_BEFORE - DAY_S, 1},
    {SLICE_LIT("\x01\x03"), NOT_BEFORE, 5},
    {SLICE_LIT("\x02"), NOT_BEFORE - 5, 9},
  };
  const struct crl_request good = {.alg = SIG_ES256,
                                   .issuer_name = buf_slice(&ca.name),
                                   .issuer_key_id = SLICE_OF(ca.key_id),
                                   .this_update_s = NOT_BEFORE,
                                   .next_update_s = NOT_BEFORE + 7 * DAY_S,
                                   .number = UINT64_MAX,
                                   .idp_url = "http://ca.example/crl/I1/3.crl",
                                   .entries = entries,
                                   .entries_n = COUNT(entries)};
  for (size_t n = 0; n <= COUNT(entries); n++)
    for (int idp = 0; idp < 2; idp++) {
      struct crl_request r = good;
      r.entries_n = n;
      r.idp_url = idp ? good.idp_url : NULL;
      AUTO_BUF tbs, der;
      buf_init(&tbs, CERT_MAX);
      buf_init(&der, CERT_MAX);
      assert_int_equal(tbs_crl_put(&tbs, &r), AVOW_OK);
      sample_sign(ca.key, buf_slice(&tbs), &der);
      struct problem why = {0};
      if (crl_second_opinion(buf_slice(&der), private_key_public(ca.key), &why) != AVOW_OK)
        fail_msg("%s", why.detail);
      struct crl_head head;
      assert_int_equal(crl_read_head(buf_slice(&der), &head, &why), AVOW_OK);
      assert_true(head.number == UINT64_MAX && head.this_update_s == r.this_update_s &&
                  head.next_update_s == r.next_update_s);
      for (size_t cut = 0; cut < der.n; cut++)
        assert_int_equal(crl_read_head(slice_of(der.p, cut), &head, NULL), ERR_MALFORMED);
      assert_int_equal(crl_second_opinion(buf_slice(&der), private_key_public(ca.root_key), NULL), ERR_LINT);
      der.p[der.n / 3] ^= 1;
      assert_int_equal(crl_second_opinion(buf_slice(&der), private_key_public(ca.key), NULL), ERR_LINT);
    }
  struct crl_entry swapped[] = {entries[1], entries[0]}, twice[] = {entries[0], entries[0]};
  struct crl_entry late = entries[0], unused = entries[0], delta = entries[0], nothing = entries[0];
  late.revoked_s = NOT_BEFORE + 1;
  unused.reason = 7;
  delta.reason = 8;
  nothing.serial = SLICE_NONE;
  const struct {
    const struct crl_entry *entries;
    size_t n;
  } bad[] = {{swapped, 2}, {twice, 2}, {&late, 1}, {&unused, 1}, {&delta, 1}, {&nothing, 1}};
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct crl_request r = good;
    r.entries = bad[i].entries;
    r.entries_n = bad[i].n;
    AUTO_BUF tbs;
    buf_init(&tbs, CERT_MAX);
    assert_int_equal(tbs_crl_put(&tbs, &r), ERR_LINT);
    assert_int_equal(tbs.n, 0);
  }
  struct crl_request backwards = good;
  backwards.next_update_s = backwards.this_update_s;
  AUTO_BUF tbs;
  buf_init(&tbs, CERT_MAX);
  assert_int_equal(tbs_crl_put(&tbs, &backwards), ERR_LINT);
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
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(all_kinds_of_leaf),      cmocka_unit_test(ca_certificates),
    cmocka_unit_test(wrong_requests),         cmocka_unit_test(common_names),
    cmocka_unit_test(lint_reads_bytes),       cmocka_unit_test(lint_judges_requests),
    cmocka_unit_test(lint_knows_the_profile), cmocka_unit_test(second_opinions_differ),
    cmocka_unit_test(damaged_certificates),   cmocka_unit_test(crls),
  };
  return cmocka_run_group_tests(tests, make_ca, free_ca);
}
