/* What may lie below published/, and how it gets there. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "status/publish.h"

static void paths(void **state) {
  (void)state;
  static const struct {
    const char *path;
    bool ok;
  } rows[] = {
    {"ca/I1.cer", true},
    {"ca/root.cer", true},
    {"crl/I1/0.crl", true},
    {"crl/I-2_b/1023.crl", true},
    {"", false},
    {"ca/.cer", false},
    {"ca/I1.crl", false},
    {"ca/I1.cer.cer", false},
    {"ca/../I1.cer", false},
    {"ca/a/b.cer", false},
    {"/ca/I1.cer", false},
    {"crl/I1/x.crl", false},
    {"crl/../0.crl", false},
    {"crl//0.crl", false},
    {"crl/I1/0.crl/", false},
    {"crl/I1/.crl", false},
    {"keys/root.key", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_int_equal(publish_path_ok(slice_str(rows[i].path)), rows[i].ok);
  assert_false(publish_path_ok(SLICE_LIT("ca/a\0b.cer")));
}

static void files(void **state) {
  (void)state;
  char folder[] = "/tmp/avow-publish-XXXXXX";
  assert_non_null(mkdtemp(folder));
  AUTO_FD dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct problem why = {0};
  mode_t before = umask(077); /* as in a role: readers have other users all the same */
  assert_int_equal(publish_file(dir, SLICE_LIT("crl/I1/0.crl"), SLICE_LIT("one"), &why), AVOW_OK);
  assert_int_equal(publish_file(dir, SLICE_LIT("crl/I1/0.crl"), SLICE_LIT("second"), &why), AVOW_OK);
  assert_int_equal(publish_file(dir, SLICE_LIT("../x"), SLICE_LIT("x"), &why), ERR_MALFORMED);
  umask(before);
  AUTO_BUF content;
  buf_init(&content, 100);
  assert_int_equal(file_read(dir, "crl/I1/0.crl", &content, &why), AVOW_OK);
  assert_true(slice_eq_str(buf_slice(&content), "second"));
  struct stat st;
  assert_int_equal(fstatat(dir, "crl/I1/0.crl", &st, 0), 0);
  assert_int_equal(st.st_mode & 0777, 0644);
  assert_int_equal(fstatat(dir, "crl/I1", &st, 0), 0);
  assert_int_equal(st.st_mode & 0777, 0755);
  /* A name that leads elsewhere is not followed. */
  assert_int_equal(symlinkat("/tmp", dir, "ca"), 0);
  assert_int_not_equal(publish_file(dir, SLICE_LIT("ca/avow-publish-test.cer"), SLICE_LIT("x"), &why), AVOW_OK);
  assert_int_equal(unlinkat(dir, "ca", 0), 0);
  assert_int_equal(unlinkat(dir, "crl/I1/0.crl", 0), 0);
  assert_int_equal(unlinkat(dir, "crl/I1", AT_REMOVEDIR), 0);
  assert_int_equal(unlinkat(dir, "crl", AT_REMOVEDIR), 0);
  assert_int_equal(rmdir(folder), 0); /* and no half-written file is left */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(paths), cmocka_unit_test(files)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
