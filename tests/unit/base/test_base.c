/* src/base: every helper against a table of right and wrong inputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/random.h"
#include "base/secret.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_base64url(void **state) {
  (void)state;
  static const struct {
    const char *text, *bytes; /* bytes NULL: refused */
  } table[] = {
    {"", ""},       {"Zg", "f"},    {"Zm8", "fo"},  {"Zm9v", "foo"}, {"Zm9vYg", "foob"}, {"Zh", NULL},  {"Zm9", NULL},
    {"Zg==", NULL}, {"Z", NULL},    {"Zm9vY", NULL}, {"Zm 9v", NULL}, {"Zm+v", NULL},     {"Zm/v", NULL}, {"_-8", "\xff\xef"},
  };
  AUTO_ARENA a;
  arena_init(&a, 65536);
  for (size_t i = 0; i < COUNT(table); i++) {
    struct slice out = base64url_get(&a, slice_str(table[i].text));
    if (!table[i].bytes) {
      assert_null(out.p);
      continue;
    }
    assert_non_null(out.p);
    assert_true(slice_eq(out, slice_str(table[i].bytes)));
    AUTO_BUF b;
    buf_init(&b, 100);
    base64url_put(&b, out);
    assert_true(slice_eq(buf_slice(&b), slice_str(table[i].text)));
  }
}

static void test_pem(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 65536);
  for (size_t n = 0; n < 150; n++) {
    uint8_t bytes[150];
    random_bytes(bytes, n);
    AUTO_BUF b;
    buf_init(&b, 4096);
    pem_put(&b, "CERTIFICATE", slice_of(bytes, n));
    struct slice back = pem_get(&a, "CERTIFICATE", buf_slice(&b));
    assert_non_null(back.p);
    assert_true(slice_eq(back, slice_of(bytes, n)));
    assert_null(pem_get(&a, "X509 CRL", buf_slice(&b)).p);
  }
  assert_null(pem_get(&a, "X", slice_str("-----BEGIN X-----\n####\n-----END X-----")).p);
  assert_null(pem_get(&a, "X", slice_str("-----BEGIN X-----\nAAAA\n")).p);
}

static void test_ids(void **state) {
  (void)state;
  struct id128 a = id_make(1795341003123, 7), b = id_make(1795341003123, 7), back;
  char text[ID_TEXT];
  assert_false(id_eq(a, b));
  assert_int_equal(id_time_ms(a), 1795341003123);
  assert_int_equal(id_origin(a), 7);
  assert_true(id_parse(slice_str(id_text(a, text)), &back));
  assert_true(id_eq(a, back));
  text[0] = 'A';
  assert_false(id_parse(slice_str(text), &back));
  assert_false(id_parse(slice_str("00"), &back));
  assert_false(id_parse(slice_str("000000000000000000000000000000000"), &back));
}

static void test_time(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t ms; /* -1: refused */
  } table[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2026-11-22T09:50:03Z", 1795341003000},
    {"2026-11-22T09:50:03.5Z", 1795341003500},
    {"2026-11-22T10:50:03+01:00", 1795341003000},
    {"2028-02-29T00:00:00Z", 1835395200000},
    {"2026-02-29T00:00:00Z", -1},
    {"2026-13-01T00:00:00Z", -1},
    {"2026-11-22 09:50:03Z", -1},
    {"2026-11-22T09:50:03", -1},
    {"2026-11-22T09:50:03ZZ", -1},
    {"2026-11-22T24:00:00Z", -1},
    {"2026-11-22T09:50:03.Z", -1},
    {"", -1},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    int64_t ms = -1;
    bool ok = time_rfc3339_parse(slice_str(table[i].text), &ms);
    assert_int_equal(ok, table[i].ms >= 0);
    if (ok)
      assert_int_equal(ms, table[i].ms);
  }
  char text[TIME_TEXT];
  assert_string_equal(time_rfc3339(1795341003999, text), "2026-11-22T09:50:03Z");
}

static void test_cursor(void **state) {
  (void)state;
  static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 2, 8, 9};
  struct cursor c = cursor_of(SLICE_OF(bytes));
  assert_int_equal(cursor_u8(&c), 1);
  assert_int_equal(cursor_u16(&c), 0x0203);
  assert_int_equal(cursor_u32(&c), 0x04050607);
  assert_false(cursor_at_end(&c));
  struct slice s = cursor_take_u32(&c, 2);
  assert_int_equal(s.n, 2);
  assert_true(cursor_at_end(&c));
  assert_int_equal(cursor_u8(&c), 0);
  assert_false(cursor_at_end(&c));
  c = cursor_of(slice_of(bytes + 7, 6));
  assert_null(cursor_take_u32(&c, 1).p);
  assert_true(c.failed);
}

static void test_buf_caps(void **state) {
  (void)state;
  AUTO_BUF b;
  buf_init(&b, 10);
  buf_put_str(&b, "0123456789");
  assert_false(b.failed);
  buf_put_u8(&b, 'x');
  assert_true(b.failed);
  assert_int_equal(b.n, 10);
  buf_reset(&b);
  buf_printf(&b, "%d", 42);
  assert_true(slice_eq_str(buf_slice(&b), "42"));
  buf_consume(&b, 1);
  assert_true(slice_eq_str(buf_slice(&b), "2"));
}

static void test_arena_caps(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 10000);
  assert_non_null(arena_alloc(&a, 9000));
  assert_null(arena_alloc(&a, 1001));
  assert_null(arena_array(&a, SIZE_MAX / 2, 4));
  arena_reset(&a);
  assert_non_null(arena_alloc(&a, 10000));
  arena_reset(&a);
  assert_null(arena_str(&a, slice_of("a\0b", 3)));
  assert_string_equal(arena_str(&a, slice_str("ab")), "ab");
}

static void test_problem_is_printable(void **state) {
  (void)state;
  struct problem p = {0};
  assert_int_equal(problem_set(&p, ERR_MALFORMED, "a\nb\x1b[0m %d", 7), ERR_MALFORMED);
  assert_string_equal(p.detail, "a?b?[0m 7");
  p.detail[0] = 0;
  assert_string_equal(problem_text(&p), err_text(ERR_MALFORMED));
  for (int e = 0; e < AVOW_ERR_COUNT; e++) {
    assert_non_null(err_text((avow_err)e));
    assert_true(err_http((avow_err)e) == 200 || err_acme((avow_err)e) != NULL);
  }
}

static void test_secret(void **state) {
  (void)state;
  struct secret s;
  assert_int_equal(secret_copy(&s, slice_str("key")), AVOW_OK);
  assert_true(secret_equal(secret_slice(&s), slice_str("key")));
  assert_false(secret_equal(secret_slice(&s), slice_str("kez")));
  assert_false(secret_equal(secret_slice(&s), slice_str("ke")));
  secret_clear(&s);
  assert_null(s.p);
}

static void test_files(void **state) {
  (void)state;
  char dir[] = "/tmp/avow-test-XXXXXX";
  assert_non_null(mkdtemp(dir));
  int fd = openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
  struct problem why = {0};
  assert_int_equal(file_create(fd, "a", slice_str("one"), 0600, &why), AVOW_OK);
  assert_int_equal(file_create(fd, "a", slice_str("two"), 0600, &why), ERR_EXISTS);
  assert_int_equal(file_replace(fd, "a", slice_str("three"), 0644, &why), AVOW_OK);
  AUTO_BUF b;
  buf_init(&b, 100);
  assert_int_equal(file_read(fd, "a", &b, &why), AVOW_OK);
  assert_true(slice_eq_str(buf_slice(&b), "three"));
  assert_int_equal(file_read(fd, "none", &b, &why), ERR_NOT_FOUND);
  AUTO_BUF small;
  buf_init(&small, 3);
  assert_int_equal(file_read(fd, "a", &small, &why), ERR_TOO_LARGE);
  assert_int_equal(file_replace(fd, "none/a", slice_str("x"), 0644, &why), ERR_IO);
  unlinkat(fd, "a", 0);
  close(fd);
  assert_int_equal(rmdir(dir), 0); /* nothing else was left behind */
}

static void test_log_line_cannot_be_forged(void **state) {
  (void)state;
  int fds[2];
  assert_int_equal(pipe(fds), 0);
  log_to(fds[1]);
  log_event(LOG_ERROR, "test.event", L_TEXT(detail, "a\nlevel=error \"q\""), L_NUM(count, -3));
  log_event(LOG_DEBUG, "test.silent");
  char line[1024];
  ssize_t n = read(fds[0], line, sizeof line - 1);
  assert_true(n > 0);
  line[n] = 0;
  log_to(STDERR_FILENO);
  assert_non_null(strstr(line, "event=test.event detail=\"a\\x0alevel=error \\\"q\\\"\" count=-3\n"));
  assert_null(strstr(line, "silent"));
  assert_ptr_equal(strchr(line, '\n'), line + n - 1);
  close(fds[0]);
  close(fds[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_base64url),    cmocka_unit_test(test_pem),
    cmocka_unit_test(test_ids),          cmocka_unit_test(test_time),
    cmocka_unit_test(test_cursor),       cmocka_unit_test(test_buf_caps),
    cmocka_unit_test(test_arena_caps),   cmocka_unit_test(test_problem_is_printable),
    cmocka_unit_test(test_secret),       cmocka_unit_test(test_files),
    cmocka_unit_test(test_log_line_cannot_be_forged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
