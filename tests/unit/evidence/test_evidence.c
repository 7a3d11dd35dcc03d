/* Seals and canonical records: what was sealed opens, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "evidence/evidence.h"
#include "ipc/model.h"

enum { NOW = 1000000 };

static struct seal_ring make_ring(uint8_t kind) {
  struct seal_ring ring;
  AUTO_BUF text;
  buf_init(&text, 4096);
  assert_int_equal(seal_ring_generate(&text), AVOW_OK);
  assert_int_equal(seal_ring_parse(buf_slice(&text), kind, &ring, NULL), AVOW_OK);
  return ring;
}

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void ring_files(void **state) {
  (void)state;
  static const struct {
    const char *text;
    avow_err expect;
  } rows[] = {
    {"1 0 " KEY_A "\n", AVOW_OK},
    {"7 99 " KEY_A "\n8 0 " KEY_B "\n", AVOW_OK},
    {"4294967295 0 " KEY_A "\n", AVOW_OK},
    {"", ERR_MALFORMED},
    {"\n", ERR_MALFORMED},
    {"1 0 " KEY_A, ERR_MALFORMED},                     /* no end of line */
    {"1 0 " KEY_A "\n\n", ERR_MALFORMED},              /* an empty line */
    {"4294967296 0 " KEY_A "\n", ERR_MALFORMED},       /* id too large */
    {"01 0 " KEY_A "\n", ERR_MALFORMED},               /* leading zero */
    {"-1 0 " KEY_A "\n", ERR_MALFORMED},               /* sign */
    {"1  0 " KEY_A "\n", ERR_MALFORMED},               /* two spaces */
    {"1 0 " KEY_A "00\n", ERR_MALFORMED},              /* key too long */
    {"1 0 " KEY_A " \n", ERR_MALFORMED},               /* trailing space */
    {"1 0 0011\n", ERR_MALFORMED},                     /* key too short */
    {"1 5 " KEY_A "\n", ERR_MALFORMED},                /* nothing seals */
    {"1 0 " KEY_A "\n1 0 " KEY_B "\n", ERR_MALFORMED}, /* one id twice */
    {"1 0 " KEY_A "\n2 0 " KEY_A "\n3 0 " KEY_A "\n4 0 " KEY_A "\n5 0 " KEY_A "\n6 0 " KEY_A "\n7 0 " KEY_A
     "\n8 0 " KEY_A "\n9 0 " KEY_A "\n",
     ERR_MALFORMED}, /* too many */
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct seal_ring ring;
    struct problem why;
    assert_int_equal(seal_ring_parse(slice_str(rows[i].text), KIND_PRIVATE, &ring, &why), rows[i].expect);
    seal_ring_clear(&ring);
  }
}

static void every_bit_counts(void **state) {
  (void)state;
  struct seal_ring ring = make_ring(KIND_PRIVATE);
  AUTO_BUF sealed;
  buf_init(&sealed, 4096);
  assert_int_equal(seal_put(&ring, SEAL_CAA, SLICE_LIT("a body of some length"), &sealed), AVOW_OK);
  struct slice body;
  assert_int_equal(seal_open(&ring, SEAL_CAA, buf_slice(&sealed), NOW, &body, NULL), AVOW_OK);
  assert_true(slice_eq_str(body, "a body of some length"));
  for (size_t bit = 0; bit < 8 * sealed.n; bit++) {
    sealed.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    assert_int_equal(seal_open(&ring, SEAL_CAA, buf_slice(&sealed), NOW, &body, NULL), ERR_EVIDENCE);
    sealed.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  for (size_t n = 0; n < sealed.n; n++)
    assert_int_equal(seal_open(&ring, SEAL_CAA, slice_of(sealed.p, n), NOW, &body, NULL), ERR_EVIDENCE);
  for (int type = SEAL_ACCOUNT; type <= SEAL_REVOCATION; type++)
    assert_int_equal(seal_open(&ring, (enum seal_type)type, buf_slice(&sealed), NOW, &body, NULL),
                     type == SEAL_CAA ? AVOW_OK : ERR_EVIDENCE);
  ring.kind = KIND_TEST; /* the same key in another kind of CA */
  assert_int_equal(seal_open(&ring, SEAL_CAA, buf_slice(&sealed), NOW, &body, NULL), ERR_EVIDENCE);
  ring.kind = KIND_PRIVATE;
  struct seal_ring other = make_ring(KIND_PRIVATE); /* the same id, another key */
  assert_int_equal(seal_open(&other, SEAL_CAA, buf_slice(&sealed), NOW, &body, NULL), ERR_EVIDENCE);
  seal_ring_clear(&other);
  seal_ring_clear(&ring);
}

static void keys_overlap_and_end(void **state) {
  (void)state;
  struct seal_ring old, both;
  assert_int_equal(seal_ring_parse(SLICE_LIT("1 0 " KEY_A "\n"), KIND_PRIVATE, &old, NULL), AVOW_OK);
  assert_int_equal(seal_ring_parse(SLICE_LIT("1 1000 " KEY_A "\n2 0 " KEY_B "\n"), KIND_PRIVATE, &both, NULL), AVOW_OK);
  AUTO_BUF a, b;
  buf_init(&a, 4096);
  buf_init(&b, 4096);
  assert_int_equal(seal_put(&old, SEAL_CAA, SLICE_LIT("x"), &a), AVOW_OK);
  assert_int_equal(seal_put(&both, SEAL_CAA, SLICE_LIT("x"), &b), AVOW_OK);
  struct slice body;
  assert_int_equal(seal_open(&both, SEAL_CAA, buf_slice(&a), 1000, &body, NULL), AVOW_OK);
  assert_int_equal(seal_open(&both, SEAL_CAA, buf_slice(&a), 1001, &body, NULL), ERR_EVIDENCE);
  assert_int_equal(seal_open(&both, SEAL_CAA, buf_slice(&b), 1001, &body, NULL), AVOW_OK);
  assert_int_equal(seal_open(&old, SEAL_CAA, buf_slice(&b), 0, &body, NULL), ERR_EVIDENCE);
  seal_ring_clear(&old);
  seal_ring_clear(&both);
}

static struct id128 id_of(uint8_t x) {
  struct id128 id;
  memset(id.b, x, sizeof id.b);
  return id;
}

static void records_round(void **state) {
  (void)state;
  struct seal_ring ring = make_ring(KIND_PRIVATE);
  AUTO_BUF b;
  buf_init(&b, 65536);

  struct sealed_account a = {.id = id_of(1),
                             .epoch = 3,
                             .status = ACCOUNT_DEACTIVATED,
                             .created_ms = 77,
                             .jwk = SLICE_LIT("{}"),
                             .keys_n = 2,
                             .binding = SLICE_LIT("kid-1")};
  a.keys[1][31] = 9;
  struct sealed_account a2;
  assert_int_equal(account_seal(&ring, &a, &b), AVOW_OK);
  assert_int_equal(account_open(&ring, buf_slice(&b), NOW, &a2, NULL), AVOW_OK);
  assert_true(id_eq(a.id, a2.id) && a2.epoch == 3 && a2.status == ACCOUNT_DEACTIVATED && a2.created_ms == 77);
  assert_true(slice_eq(a.jwk, a2.jwk) && a2.keys_n == 2 && memcmp(a.keys, a2.keys, 64) == 0);
  assert_true(slice_eq(a.binding, a2.binding));

  struct control_statement s = {.identifier_type = IDENTIFIER_DNS,
                                .name = SLICE_LIT("a.example"),
                                .method = METHOD_DNS_01,
                                .scope = SCOPE_WILDCARD,
                                .account = id_of(2),
                                .thumbprint = {5},
                                .at_ms = 88,
                                .perspective = SLICE_LIT("")};
  struct control_statement s2;
  buf_reset(&b);
  assert_int_equal(control_seal(&ring, &s, &b), AVOW_OK);
  assert_int_equal(control_open(&ring, buf_slice(&b), NOW, &s2, NULL), AVOW_OK);
  assert_true(slice_eq(s.name, s2.name) && s2.method == s.method && s2.scope == s.scope && s2.at_ms == 88);
  assert_true(id_eq(s.account, s2.account) && s2.thumbprint[0] == 5 && s2.identifier_type == IDENTIFIER_DNS);

  struct caa_statement c = {.name = SLICE_LIT("a.example"),
                            .wildcard = true,
                            .account = id_of(3),
                            .method = METHOD_HTTP_01,
                            .verdict = CAA_PERMITTED,
                            .at_ms = 5,
                            .expires_ms = 6,
                            .perspective = SLICE_LIT("eu-1")};
  struct caa_statement c2;
  buf_reset(&b);
  assert_int_equal(caa_seal(&ring, &c, &b), AVOW_OK);
  assert_int_equal(caa_open(&ring, buf_slice(&b), NOW, &c2, NULL), AVOW_OK);
  assert_true(slice_eq(c.name, c2.name) && c2.wildcard && id_eq(c.account, c2.account) && c2.method == c.method);
  assert_true(c2.verdict == CAA_PERMITTED && c2.at_ms == 5 && c2.expires_ms == 6 &&
              slice_eq(c.perspective, c2.perspective));

  struct issuance_record i = {.number = 12,
                              .certificate = id_of(4),
                              .order = id_of(5),
                              .account = id_of(6),
                              .serial = SLICE_LIT("\x01serial"),
                              .issuer = SLICE_LIT("I1"),
                              .shard = 513,
                              .issued_ms = 1,
                              .not_after_ms = 2,
                              .der_sha256 = {7},
                              .spki_sha256 = {8},
                              .names_sha256 = {9}};
  struct issuance_record i2;
  buf_reset(&b);
  assert_int_equal(issuance_seal(&ring, &i, &b), AVOW_OK);
  assert_int_equal(issuance_open(&ring, buf_slice(&b), NOW, &i2, NULL), AVOW_OK);
  assert_true(i2.number == 12 && id_eq(i.order, i2.order) && slice_eq(i.serial, i2.serial) && i2.shard == 513);
  assert_true(i2.der_sha256[0] == 7 && i2.spki_sha256[0] == 8 && i2.names_sha256[0] == 9);

  struct revocation_record r = {.number = 13,
                                .certificate = id_of(4),
                                .serial = SLICE_LIT("\x01serial"),
                                .issuer = SLICE_LIT("I1"),
                                .reason = 4,
                                .by = REVOKED_BY_KEY,
                                .revoked_ms = 3,
                                .blocked_key = {1}};
  struct revocation_record r2;
  buf_reset(&b);
  assert_int_equal(revocation_seal(&ring, &r, &b), AVOW_OK);
  assert_int_equal(revocation_open(&ring, buf_slice(&b), NOW, &r2, NULL), AVOW_OK);
  assert_true(r2.number == 13 && r2.reason == 4 && r2.by == REVOKED_BY_KEY && r2.blocked_key[0] == 1);
  /* One record is not another, whatever its seal's key. */
  assert_int_equal(issuance_open(&ring, buf_slice(&b), NOW, &i2, NULL), ERR_EVIDENCE);
  seal_ring_clear(&ring);
}

/* Bodies with a right seal that our own writer does not make. */
static void bodies_out_of_range(void **state) {
  (void)state;
  struct seal_ring ring = make_ring(KIND_PRIVATE);
  struct control_statement good = {.identifier_type = IDENTIFIER_DNS,
                                   .name = SLICE_LIT("a.example"),
                                   .method = METHOD_DNS_01,
                                   .scope = SCOPE_EXACT,
                                   .at_ms = 1};
  for (int wrong = 0; wrong <= 8; wrong++) {
    struct control_statement s = good;
    AUTO_BUF b;
    buf_init(&b, 65536);
    if (wrong == 1)
      s.identifier_type = 3;
    if (wrong == 2)
      s.method = 0;
    if (wrong == 3)
      s.scope = 4;
    if (wrong == 4)
      s.at_ms = -1;
    if (wrong == 5)
      s.name = SLICE_LIT("A.example");
    if (wrong == 6)
      s.name = SLICE_LIT("");
    if (wrong == 7)
      s.name = SLICE_LIT("*.example");
    if (wrong == 8)
      s.perspective = SLICE_LIT("a perspective with a name of more than 32 bytes");
    assert_int_equal(control_seal(&ring, &s, &b), AVOW_OK);
    assert_int_equal(control_open(&ring, buf_slice(&b), NOW, &s, NULL), wrong ? ERR_EVIDENCE : AVOW_OK);
  }
  /* Trailing bytes under a right seal. */
  AUTO_BUF b, longer;
  buf_init(&b, 4096);
  buf_init(&longer, 4096);
  struct slice body;
  assert_int_equal(control_seal(&ring, &good, &b), AVOW_OK);
  assert_int_equal(seal_open(&ring, SEAL_CONTROL, buf_slice(&b), NOW, &body, NULL), AVOW_OK);
  AUTO_BUF copy;
  buf_init(&copy, 4096);
  buf_put(&copy, body);
  buf_put_u8(&copy, 0);
  assert_int_equal(seal_put(&ring, SEAL_CONTROL, buf_slice(&copy), &longer), AVOW_OK);
  assert_int_equal(control_open(&ring, buf_slice(&longer), NOW, &good, NULL), ERR_EVIDENCE);
  seal_ring_clear(&ring);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ring_files), cmocka_unit_test(every_bit_counts),
                                     cmocka_unit_test(keys_overlap_and_end), cmocka_unit_test(records_round),
                                     cmocka_unit_test(bodies_out_of_range)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
