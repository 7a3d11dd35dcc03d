/* Lists of refused keys: the samples of tests/vectors/weak-keys, whose digests were made by openssl and coreutils. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/file.h"
#include "pki/key_list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FOLDER "tests/vectors/weak-keys/"
#define TWENTY "00112233445566778899"
#define SIXTY_FOUR "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void read_list(const char *path, struct key_list *l) {
  AUTO_BUF text;
  buf_init(&text, KEY_LIST_TEXT_MAX);
  assert_int_equal(file_read(AT_FDCWD, path, &text, NULL), AVOW_OK);
  assert_int_equal(key_list_add(l, buf_slice(&text), path, NULL), AVOW_OK);
}

static struct public_key *read_key(const char *path) {
  BIO *file = BIO_new_file(path, "r");
  EVP_PKEY *pkey = file ? PEM_read_bio_PUBKEY(file, NULL, NULL, NULL) : NULL;
  assert_non_null(pkey);
  uint8_t *der = NULL;
  int n = i2d_PUBKEY(pkey, &der);
  struct public_key *key = NULL;
  assert_int_equal(public_key_from_spki(slice_of(der, (size_t)n), &key, NULL), AVOW_OK);
  OPENSSL_free(der);
  EVP_PKEY_free(pkey);
  BIO_free(file);
  return key;
}

static void published_formats(void **state) {
  (void)state;
  AUTO_PUBLIC_KEY rsa = read_key(FOLDER "rsa-2048.pem");
  AUTO_PUBLIC_KEY ec = read_key(FOLDER "p256.pem");
  static const struct {
    const char *lists[2];
    size_t count;
    avow_err rsa, ec;
  } table[] = {
    {{NULL}, 0, AVOW_OK, AVOW_OK},
    {{FOLDER "blacklist.RSA-2048"}, 3, ERR_BAD_PUBLIC_KEY, AVOW_OK},
    {{FOLDER "spki.sha256"}, 2, AVOW_OK, ERR_BAD_PUBLIC_KEY},
    {{FOLDER "spki.sha256", FOLDER "blacklist.RSA-2048"}, 5, ERR_BAD_PUBLIC_KEY, ERR_BAD_PUBLIC_KEY},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct key_list l;
    key_list_init(&l);
    for (size_t k = 0; k < 2 && table[i].lists[k]; k++)
      read_list(table[i].lists[k], &l);
    key_list_sort(&l);
    assert_int_equal(key_list_count(&l), table[i].count);
    assert_int_equal(key_list_check(&l, rsa, NULL), table[i].rsa);
    assert_int_equal(key_list_check(&l, ec, NULL), table[i].ec);
    key_list_clear(&l);
  }
}

static void lines(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t count;
    const char *why; /* NULL: a good list */
  } table[] = {
    {"", 0, NULL},
    {"\n\n# " TWENTY "x\n", 0, NULL},
    {TWENTY, 1, NULL},
    {TWENTY "\n" SIXTY_FOUR "\r\n" TWENTY " \n", 3, NULL},
    {"# a\n" TWENTY "0\n", 0, "list:2: "},
    {TWENTY "\n\n0" SIXTY_FOUR, 1, "list:3: "},
    {" " TWENTY, 0, "list:1: "},
    {"0011223344556677889g", 0, "list:1: "},
    {"0011223344556677889", 0, "list:1: "},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct key_list l;
    struct problem why = {0};
    key_list_init(&l);
    avow_err e = key_list_add(&l, slice_str(table[i].text), "list", &why);
    if (e != (table[i].why ? ERR_CONFIG : AVOW_OK) || (table[i].why && !strstr(why.detail, table[i].why)))
      fail_msg("row %zu: %s", i, why.detail);
    assert_int_equal(key_list_count(&l), table[i].count);
    key_list_sort(&l);
    key_list_clear(&l);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(published_formats), cmocka_unit_test(lines)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
