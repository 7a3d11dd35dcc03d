/* Options of the commands, and the JSON they print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"

static const struct command command = {"cert", "show", "SERIAL", "Shows.", "", NULL};

struct options_row {
  const char *argv[8];
  bool goes_on;
  int status;
  const char *dir;
  bool json;
  size_t sets_n, words_n;
};

static const struct options_row rows[] = {
  {{"show"}, true, 0, NULL, false, 0, 0},
  {{"show", "--dir", "d"}, true, 0, "d", false, 0, 0},
  {{"show", "--dir=d", "--json"}, true, 0, "d", true, 0, 0},
  {{"show", "--dir", "a", "--dir", "b"}, true, 0, "b", false, 0, 0},
  {{"show", "--dir="}, true, 0, "", false, 0, 0},
  {{"show", "--set", "a=b", "--set=c=d=e", "word"}, true, 0, NULL, false, 2, 1},
  {{"show", "--", "--dir"}, true, 0, NULL, false, 0, 1},
  {{"show", "-x"}, true, 0, NULL, false, 0, 1},
  {{"show", "--dir", "--json"}, true, 0, "--json", false, 0, 0},
  {{"show", "--help"}, false, EXIT_DONE, NULL, false, 0, 0},
  {{"show", "word", "-h"}, false, EXIT_DONE, NULL, false, 0, 0},
  {{"show", "--dir"}, false, EXIT_USAGE, NULL, false, 0, 0},
  {{"show", "--di", "x"}, false, EXIT_USAGE, NULL, false, 0, 0},
  {{"show", "--dirs", "x"}, false, EXIT_USAGE, NULL, false, 0, 0},
  {{"show", "--json=yes"}, false, EXIT_USAGE, NULL, false, 0, 0},
  {{"show", "one", "two"}, false, EXIT_USAGE, NULL, false, 0, 0},
  {{"show", "--set", "1", "--set", "2", "--set", "3"}, false, EXIT_USAGE, NULL, false, 0, 0},
};

static void test_options(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct options_row *row = &rows[i];
    const char *dir = NULL, *sets[2], *word = NULL;
    bool json = false;
    size_t sets_n = 0, words_n = 0;
    int status = -1, argc = 0;
    while (argc < 8 && row->argv[argc])
      argc++;
    const struct cli_option options[] = {{.name = "dir", .value = &dir},
                                         {.name = "json", .flag = &json},
                                         {.name = "set", .list = sets, .list_n = &sets_n, .list_max = 2},
                                         {0}};
    bool goes_on = cli_options(&command, argc, (char **)(uintptr_t)row->argv, options, &word, 1, &words_n, &status);
    assert_int_equal(goes_on, row->goes_on);
    if (!goes_on) {
      assert_int_equal(status, row->status);
      continue;
    }
    if (row->dir)
      assert_string_equal(dir, row->dir);
    else
      assert_null(dir);
    assert_int_equal(json, row->json);
    assert_int_equal(sets_n, row->sets_n);
    assert_int_equal(words_n, row->words_n);
  }
}

static void test_json(void **state) {
  (void)state;
  const struct {
    struct slice text;
    const char *json;
  } strings[] = {
    {SLICE_LIT(""), "\"\""},
    {SLICE_LIT("plain"), "\"plain\""},
    {SLICE_LIT("a\"b\\c"), "\"a\\\"b\\\\c\""},
    {SLICE_LIT("line\nline"), "\"line\\nline\""},
    {SLICE_LIT("\x1f\t\x01"), "\"\\u001f\\u0009\\u0001\""},
    {SLICE_LIT("caf\xc3\xa9"), "\"caf\xc3\xa9\""},
  };
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
    AUTO_BUF b;
    buf_init(&b, 1000);
    json_put_string(&b, strings[i].text);
    assert_true(slice_eq_str(buf_slice(&b), strings[i].json));
  }
}

static void test_exit_status(void **state) {
  (void)state;
  static const struct {
    avow_err e;
    int status;
  } ends[] = {{ERR_NOT_RUNNING, 3}, {ERR_USAGE, 2}, {ERR_IO, 1}, {ERR_NOT_FOUND, 1}};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    struct problem why;
    problem_set(&why, ends[i].e, "why");
    assert_int_equal(cli_failed(&command, ends[i].e, &why), ends[i].status);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_options),
    cmocka_unit_test(test_json),
    cmocka_unit_test(test_exit_status),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
