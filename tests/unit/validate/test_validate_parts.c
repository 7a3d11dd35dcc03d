/* Tokens, TXT records, http-01 bodies, the record of what was met. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/clock.h"
#include "validate/dns01.h"
#include "validate/http01.h"
#include "validate/token.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t key[32] = {1, 2, 3}, other_key[32] = {1, 2, 4};
static const int64_t minted = 1700000000000;

static void token_ages(void **state) {
  (void)state;
  char token[TOKEN_TEXT + 1];
  token_mint(SLICE_OF(key), minted, token);
  assert_int_equal(strlen(token), TOKEN_TEXT);
  static const struct {
    int64_t after_ms;
    avow_err want;
  } table[] = {
    {0, AVOW_OK},
    {(int64_t)30 * DAY_MS, AVOW_OK},
    {(int64_t)30 * DAY_MS + SECOND_MS, ERR_MALFORMED},
    {(int64_t)3000 * DAY_MS, ERR_MALFORMED},
    {-MINUTE_MS, AVOW_OK},
    {-10 * MINUTE_MS, ERR_MALFORMED},
  };
  for (size_t i = 0; i < COUNT(table); i++)
    assert_int_equal(token_check(SLICE_OF(key), slice_str(token), minted + table[i].after_ms, NULL), table[i].want);
  assert_int_equal(token_check(SLICE_OF(other_key), slice_str(token), minted, NULL), ERR_MALFORMED);
}

static void every_bit_of_a_token_counts(void **state) {
  (void)state;
  char token[TOKEN_TEXT + 1];
  token_mint(SLICE_OF(key), minted, token);
  AUTO_ARENA a;
  arena_init(&a, 1024 * 1024);
  struct slice raw = base64url_get(&a, slice_str(token));
  assert_int_equal(raw.n, TOKEN_RAW);
  for (size_t bit = 0; bit < TOKEN_RAW * 8; bit++) {
    uint8_t altered[TOKEN_RAW];
    memcpy(altered, raw.p, sizeof altered);
    altered[bit / 8] ^= (uint8_t)(1u << bit % 8);
    AUTO_BUF text;
    buf_init(&text, 64);
    base64url_put(&text, SLICE_OF(altered));
    assert_int_equal(token_check(SLICE_OF(key), buf_slice(&text), minted, NULL), ERR_MALFORMED);
  }
  static const char *const wrong[] = {"", "x", "0123456789012345678901234567890123456789012345"};
  for (size_t i = 0; i < COUNT(wrong); i++)
    assert_int_equal(token_check(SLICE_OF(key), slice_str(wrong[i]), minted, NULL), ERR_MALFORMED);
}

static void txt_strings(void **state) {
  (void)state;
  static const struct {
    const char *rdata;
    size_t n;
    const char *text; /* NULL: malformed */
  } table[] = {
    {"\3abc", 4, "abc"}, {"\1a\2bc", 5, "abc"}, {"\3abc\0", 5, "abc"}, {"\0", 1, ""},
    {"", 0, NULL},       {"\4abc", 4, NULL},    {"\3abc\1", 5, NULL},  {"\xff", 1, NULL},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    AUTO_ARENA a;
    arena_init(&a, 4096);
    struct slice text = dns01_txt(slice_of(table[i].rdata, table[i].n), &a);
    if ((text.p != NULL) != (table[i].text != NULL) || (text.p && !slice_eq_str(text, table[i].text)))
      fail_msg("row %zu", i);
  }
}

static void http_bodies(void **state) {
  (void)state;
  static const char want[] = "token.thumbprint";
  static const struct {
    const char *body, *detail; /* NULL: right */
  } table[] = {
    {"token.thumbprint", NULL},
    {"token.thumbprint\n", NULL},
    {"token.thumbprint \t\r\n\v\f", NULL},
    {" token.thumbprint", "not the key authorization"},
    {"token.thumbprint x", "not the key authorization"},
    {"token.thumbprin", "not the key authorization"},
    {"token.Thumbprint", "another account's key"},
    {"tOken.thumbprint", "not the key authorization"},
    {"", "0 bytes"},
    {"\n\n", "0 bytes"},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct problem why = {.err = AVOW_OK};
    avow_err e = http01_compare(slice_str(table[i].body), false, want, &why);
    assert_int_equal(e, table[i].detail ? ERR_INCORRECT_RESPONSE : AVOW_OK);
    if (table[i].detail && !strstr(why.detail, table[i].detail))
      fail_msg("%s: %s", table[i].body, why.detail);
  }
  assert_int_equal(http01_compare(slice_str(want), true, want, NULL), ERR_INCORRECT_RESPONSE);
  assert_int_equal(http01_compare(SLICE_OF(want), false, want, NULL), ERR_INCORRECT_RESPONSE); /* with its NUL */
}

static void met_limits(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 1024 * 1024);
  struct met_log log = {.arena = &a};
  char longer[5000];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = 0;
  met_add(&log, 5, "dns", "name\n\x80", "%s", "a\tb\x7f");
  assert_true(slice_eq_str(log.rows[0].subject, "name??"));
  assert_true(slice_eq_str(log.rows[0].answer, "a?b?"));
  assert_int_equal(log.rows[0].at, 5);
  for (int i = 0; i < 2 * MET_ROWS; i++)
    met_add(&log, 5, "http", longer, "%s", longer);
  assert_int_equal(log.n, MET_ROWS);
  assert_int_equal(log.rows[1].subject.n, MET_SUBJECT);
  assert_int_equal(log.rows[1].answer.n, MET_ANSWER);
  struct message m = {.type = MSG_validated, .validated = {.met = log.rows, .met_n = log.n}};
  AUTO_BUF encoded;
  buf_init(&encoded, MESSAGE_MAX);
  assert_int_equal(message_encode(&m, &encoded), AVOW_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(token_ages),  cmocka_unit_test(every_bit_of_a_token_counts),
    cmocka_unit_test(txt_strings), cmocka_unit_test(http_bodies),
    cmocka_unit_test(met_limits),
  };
  return cmocka_run_group_tests_name("validate_parts", tests, NULL, NULL);
}
