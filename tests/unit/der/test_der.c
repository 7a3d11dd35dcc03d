/* src/der: right and wrong encodings, table by table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "der/der.h"
#include "der/oid.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Bytes of a hexadecimal text, in a static buffer. */
static struct slice from_hex(const char *hex) {
  static uint8_t bytes[512];
  size_t n = strlen(hex) / 2;
  assert_true(hex_decode(slice_str(hex), bytes, n));
  return slice_of(bytes, n);
}

static void assert_hex(struct buf *b, const char *hex) {
  assert_false(b->failed);
  char text[1024];
  hex_encode(buf_slice(b), text);
  assert_string_equal(text, hex);
}

static void lengths(void **state) {
  (void)state;
  static const struct {
    const char *hex;
    int n; /* -1: refused */
  } table[] = {
    {"0400", 0},
    {"040101", 1},
    {"04", -1},
    {"0401", -1},
    {"04020101", 2},
    {"0480", -1},
    {"04800000", -1},
    {"048101aa", -1},
    {"04817faa", -1},
    {"0482007faa", -1},
    {"04ff", -1},
    {"0481", -1},
    {"0485000000000100", -1},
    {"0484ffffffff00", -1},
    {"", -1},
    {"1f0100", -1},
    {"0500", -1},
    {"2400", -1},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct der d = der_of(from_hex(table[i].hex));
    struct slice s = der_read(&d, DER_OCTET_STRING);
    assert_int_equal(der_at_end(&d), table[i].n >= 0);
    assert_int_equal(s.n, table[i].n < 0 ? 0 : table[i].n);
  }
}

static void long_lengths_round(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 126, 127, 128, 129, 254, 255, 256, 257, 65535, 65536, 70000};
  AUTO_BUF b;
  buf_init(&b, 1 << 18);
  for (size_t i = 0; i < COUNT(sizes); i++) {
    buf_reset(&b);
    size_t outer = der_begin(&b, DER_SEQUENCE), inner = der_begin(&b, DER_OCTET_STRING);
    uint8_t *at = buf_extend(&b, sizes[i]);
    assert_non_null(at);
    memset(at, 0x5a, sizes[i]);
    der_end(&b, inner);
    der_end(&b, outer);
    assert_int_equal(b.n, der_size(der_size(sizes[i])));
    struct der d = der_of(buf_slice(&b)), seq = der_enter(&d, DER_SEQUENCE);
    struct slice content = der_read(&seq, DER_OCTET_STRING);
    der_leave(&d, &seq);
    assert_true(der_at_end(&d));
    assert_int_equal(content.n, sizes[i]);
    for (size_t k = 0; k < content.n; k++)
      assert_int_equal(content.p[k], 0x5a);
  }
}

static void integers(void **state) {
  (void)state;
  static const struct {
    const char *hex;
    bool minimal, natural;
    uint64_t value;
  } table[] = {
    {"020100", true, true, 0},
    {"02017f", true, true, 127},
    {"02020080", true, true, 128},
    {"020180", true, false, 0},
    {"0202ff7f", true, false, 0},
    {"0200", false, false, 0},
    {"02020000", false, false, 0},
    {"0202007f", false, false, 0},
    {"0202ff80", false, false, 0},
    {"02083fffffffffffffff", true, true, UINT64_C(0x3fffffffffffffff)},
    {"020900ffffffffffffffff", true, true, UINT64_MAX},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct slice bytes = from_hex(table[i].hex);
    struct der d = der_of(bytes);
    der_integer(&d);
    assert_int_equal(der_at_end(&d), table[i].minimal);
    d = der_of(bytes);
    struct slice magnitude = der_unsigned(&d);
    assert_int_equal(der_at_end(&d), table[i].natural);
    d = der_of(bytes);
    assert_true(der_uint(&d, UINT64_MAX) == table[i].value);
    assert_int_equal(der_at_end(&d), table[i].natural);
    if (!table[i].natural)
      continue;
    if (table[i].value > 0) {
      d = der_of(bytes);
      der_uint(&d, table[i].value - 1);
      assert_true(d.failed);
    }
    AUTO_BUF b;
    buf_init(&b, 64);
    der_put_uint(&b, table[i].value);
    assert_hex(&b, table[i].hex);
    buf_reset(&b);
    der_put_unsigned(&b, magnitude);
    assert_hex(&b, table[i].hex);
  }
  struct der d = der_of(from_hex("020a00ffffffffffffffffff"));
  der_uint(&d, UINT64_MAX);
  assert_true(d.failed);
  AUTO_BUF b;
  buf_init(&b, 64);
  der_put_integer(&b, SLICE_LIT("\x00\x01"));
  assert_true(b.failed);
}

static void small_types(void **state) {
  (void)state;
  enum { BOOLEAN, NUL, OID, BITS, NAMED };
  static const struct {
    int type;
    const char *hex;
    bool ok;
  } table[] = {
    {BOOLEAN, "0101ff", true},    {BOOLEAN, "010100", true},      {BOOLEAN, "010101", false},
    {BOOLEAN, "0100", false},     {BOOLEAN, "0102ffff", false},   {NUL, "0500", true},
    {NUL, "050100", false},       {OID, "0603551d0e", true},      {OID, "0600", false},
    {OID, "060355801d", false},   {OID, "06025581", false},       {OID, "0602801d", false},
    {OID, "060488378148", true},  {BITS, "030100", true},         {BITS, "03020001", true},
    {BITS, "0300", false},        {BITS, "03020780", false},      {BITS, "030101", false},
    {NAMED, "03020780", true},    {NAMED, "030205a0", true},      {NAMED, "030205a1", false},
    {NAMED, "03020080", false},   {NAMED, "03020700", false},     {NAMED, "030100", true},
    {NAMED, "030107", false},     {NAMED, "03020880", false},     {NAMED, "0303070080", true},
    {NAMED, "0303078000", false}, {NAMED, "030400000001", false},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct der d = der_of(from_hex(table[i].hex));
    if (table[i].type == BOOLEAN)
      der_boolean(&d);
    else if (table[i].type == NUL)
      der_null(&d);
    else if (table[i].type == OID)
      der_oid(&d);
    else if (table[i].type == BITS)
      der_bit_string(&d);
    else
      der_named_bits(&d);
    if (der_at_end(&d) != table[i].ok)
      fail_msg("%s", table[i].hex);
  }
}

static void named_bits_round(void **state) {
  (void)state;
  AUTO_BUF b;
  buf_init(&b, 64);
  for (uint32_t bits = 0; bits < 0x10000; bits++) {
    buf_reset(&b);
    der_put_named_bits(&b, bits);
    struct der d = der_of(buf_slice(&b));
    assert_int_equal(der_named_bits(&d), bits);
    assert_true(der_at_end(&d));
  }
}

static void times(void **state) {
  (void)state;
  static const struct {
    uint8_t tag;
    const char *text;
    int64_t seconds; /* -1: refused */
  } table[] = {
    {DER_UTC_TIME, "700101000000Z", 0},
    {DER_UTC_TIME, "261122095003Z", 1795341003},
    {DER_UTC_TIME, "491231235959Z", 2524607999},
    {DER_UTC_TIME, "280229000000Z", 1835395200},
    {DER_UTC_TIME, "270229000000Z", -1},
    {DER_UTC_TIME, "261301000000Z", -1},
    {DER_UTC_TIME, "260001000000Z", -1},
    {DER_UTC_TIME, "260100000000Z", -1},
    {DER_UTC_TIME, "260101240000Z", -1},
    {DER_UTC_TIME, "260101006000Z", -1},
    {DER_UTC_TIME, "260101000060Z", -1},
    {DER_UTC_TIME, "2601010000Z", -1},
    {DER_UTC_TIME, "260101000000", -1},
    {DER_UTC_TIME, "260101000000+0000", -1},
    {DER_UTC_TIME, "26010100000aZ", -1},
    {DER_GENERALIZED_TIME, "20500101000000Z", 2524608000},
    {DER_GENERALIZED_TIME, "99991231235959Z", 253402300799},
    {DER_GENERALIZED_TIME, "20491231235959Z", -1},
    {DER_GENERALIZED_TIME, "20500101000000.5Z", -1},
    {DER_GENERALIZED_TIME, "205001010000Z", -1},
    {DER_IA5_STRING, "260101000000Z", -1},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_BUF b;
    buf_init(&b, 64);
    der_put_str(&b, table[i].tag, table[i].text);
    struct der d = der_of(buf_slice(&b));
    int64_t seconds = der_time(&d);
    assert_int_equal(der_at_end(&d), table[i].seconds >= 0);
    if (table[i].seconds < 0)
      continue;
    assert_int_equal(seconds, table[i].seconds);
    AUTO_BUF again;
    buf_init(&again, 64);
    der_put_time(&again, seconds);
    assert_true(slice_eq(buf_slice(&b), buf_slice(&again)));
  }
  AUTO_BUF b;
  buf_init(&b, 64);
  der_put_time(&b, INT64_C(253402300800));
  assert_true(b.failed);
}

static void oid_texts(void **state) {
  (void)state;
  static const struct {
    const char *text, *hex;
  } table[] = {
    {"2.5.29.14", "0603551d0e"},
    {"2.23.140.1.2.1", "060667810c010201"},
    {"1.2.840.113549.1.1.11", "06092a864886f70d01010b"},
    {"2.999.3", "0603883703"},
    {"0.0", "060100"},
    {"2.5.29.32.0", "0604551d2000"},
    {"1", NULL},
    {"3.1", NULL},
    {"1.40", NULL},
    {"1.2.", NULL},
    {"1..2", NULL},
    {"1.2.03", NULL},
    {"1.2.4294967296", NULL},
    {"", NULL},
    {"1.2x", NULL},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_BUF b;
    buf_init(&b, 256);
    der_put_oid_text(&b, table[i].text);
    if (!table[i].hex) {
      assert_true(b.failed);
      continue;
    }
    assert_hex(&b, table[i].hex);
  }
}

static void constants_are_what_they_say(void **state) {
  (void)state;
  const struct {
    struct slice oid;
    const char *text;
  } table[] = {
    {OID_RSA_ENCRYPTION, "1.2.840.113549.1.1.1"},
    {OID_RSA_SHA256, "1.2.840.113549.1.1.11"},
    {OID_RSA_SHA384, "1.2.840.113549.1.1.12"},
    {OID_RSA_SHA512, "1.2.840.113549.1.1.13"},
    {OID_EC_PUBLIC_KEY, "1.2.840.10045.2.1"},
    {OID_P256, "1.2.840.10045.3.1.7"},
    {OID_P384, "1.3.132.0.34"},
    {OID_P521, "1.3.132.0.35"},
    {OID_ECDSA_SHA256, "1.2.840.10045.4.3.2"},
    {OID_ECDSA_SHA384, "1.2.840.10045.4.3.3"},
    {OID_ECDSA_SHA512, "1.2.840.10045.4.3.4"},
    {OID_ED25519, "1.3.101.112"},
    {OID_SHA1, "1.3.14.3.2.26"},
    {OID_SHA256, "2.16.840.1.101.3.4.2.1"},
    {OID_COMMON_NAME, "2.5.4.3"},
    {OID_COUNTRY, "2.5.4.6"},
    {OID_LOCALITY, "2.5.4.7"},
    {OID_STATE, "2.5.4.8"},
    {OID_ORGANIZATION, "2.5.4.10"},
    {OID_ORGANIZATIONAL_UNIT, "2.5.4.11"},
    {OID_EMAIL_ADDRESS, "1.2.840.113549.1.9.1"},
    {OID_SUBJECT_KEY_ID, "2.5.29.14"},
    {OID_KEY_USAGE, "2.5.29.15"},
    {OID_SUBJECT_ALT_NAME, "2.5.29.17"},
    {OID_BASIC_CONSTRAINTS, "2.5.29.19"},
    {OID_CRL_NUMBER, "2.5.29.20"},
    {OID_CRL_REASON, "2.5.29.21"},
    {OID_ISSUING_DISTRIBUTION_POINT, "2.5.29.28"},
    {OID_NAME_CONSTRAINTS, "2.5.29.30"},
    {OID_CRL_DISTRIBUTION_POINTS, "2.5.29.31"},
    {OID_CERTIFICATE_POLICIES, "2.5.29.32"},
    {OID_AUTHORITY_KEY_ID, "2.5.29.35"},
    {OID_EXTENDED_KEY_USAGE, "2.5.29.37"},
    {OID_AUTHORITY_INFO_ACCESS, "1.3.6.1.5.5.7.1.1"},
    {OID_TLS_FEATURE, "1.3.6.1.5.5.7.1.24"},
    {OID_ACME_IDENTIFIER, "1.3.6.1.5.5.7.1.31"},
    {OID_ACCESS_OCSP, "1.3.6.1.5.5.7.48.1"},
    {OID_ACCESS_CA_ISSUERS, "1.3.6.1.5.5.7.48.2"},
    {OID_OCSP_BASIC, "1.3.6.1.5.5.7.48.1.1"},
    {OID_OCSP_NONCE, "1.3.6.1.5.5.7.48.1.2"},
    {OID_OCSP_NO_CHECK, "1.3.6.1.5.5.7.48.1.5"},
    {OID_SERVER_AUTH, "1.3.6.1.5.5.7.3.1"},
    {OID_CLIENT_AUTH, "1.3.6.1.5.5.7.3.2"},
    {OID_OCSP_SIGNING, "1.3.6.1.5.5.7.3.9"},
    {OID_CHALLENGE_PASSWORD, "1.2.840.113549.1.9.7"},
    {OID_EXTENSION_REQUEST, "1.2.840.113549.1.9.14"},
    {OID_ANY_POLICY, "2.5.29.32.0"},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_BUF b, text;
    buf_init(&b, 256);
    buf_init(&text, 256);
    der_put_oid(&b, table[i].oid);
    der_put_oid_text(&text, table[i].text);
    assert_false(text.failed);
    assert_true(slice_eq(buf_slice(&b), buf_slice(&text)));
  }
}

/* A fault inside reaches the outer reader, and a reader that failed once gives nothing more. */
static void faults_stick(void **state) {
  (void)state;
  struct der d = der_of(from_hex("3006020101020102")), seq = der_enter(&d, DER_SEQUENCE);
  assert_int_equal(der_uint(&seq, 10), 1);
  der_leave(&d, &seq); /* one element is left */
  assert_true(d.failed);
  d = der_of(from_hex("3006020101020102"));
  seq = der_enter(&d, DER_SEQUENCE);
  der_read(&seq, DER_OID);
  assert_int_equal(der_uint(&seq, 10), 0);
  assert_int_equal(der_peek(&seq), -1);
  assert_false(der_more(&seq));
  der_leave(&d, &seq);
  assert_false(der_at_end(&d));
  struct slice content;
  d = der_of(from_hex("800161020105"));
  assert_false(der_optional(&d, DER_CONTEXT(1), &content));
  assert_true(der_optional(&d, DER_CONTEXT(0), &content));
  assert_true(slice_eq_str(content, "a"));
  assert_int_equal(der_uint(&d, 5), 5);
  assert_true(der_at_end(&d));
  d = der_of(from_hex("3003020105"));
  assert_int_equal(der_element(&d, DER_SEQUENCE).n, 5);
}

static void strings(void **state) {
  (void)state;
  assert_true(der_is_printable(SLICE_LIT("Avow CA (1), a=b? +-./:'")));
  assert_false(der_is_printable(SLICE_LIT("a*b")));
  assert_false(der_is_printable(SLICE_LIT("a\0b")));
  assert_false(der_is_printable(SLICE_LIT("a@b")));
  static const struct {
    const char *text;
    bool ok;
  } table[] = {
    {"plain", true},     {"\xc3\xa4", true},      {"\xe4\xb8\xad", true},      {"\xf0\x9f\x98\x80", true},
    {"\xc0\xaf", false}, {"\xe0\x80\xaf", false}, {"\xed\xa0\x80", false},     {"\xf4\x90\x80\x80", false},
    {"\xc3", false},     {"\x80", false},         {"\xf8\x88\x80\x80", false},
  };
  for (size_t i = 0; i < COUNT(table); i++)
    assert_int_equal(der_is_utf8(slice_str(table[i].text)), table[i].ok);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(lengths),          cmocka_unit_test(long_lengths_round),
    cmocka_unit_test(integers),         cmocka_unit_test(small_types),
    cmocka_unit_test(named_bits_round), cmocka_unit_test(times),
    cmocka_unit_test(oid_texts),        cmocka_unit_test(constants_are_what_they_say),
    cmocka_unit_test(faults_stick),     cmocka_unit_test(strings),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
