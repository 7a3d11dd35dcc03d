/* Digests, MACs and AEAD against published values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/base64.h"
#include "crypto/digest.h"

static void expect_hex(const uint8_t *bytes, size_t n, const char *hex) {
  char text[2 * 64 + 1];
  assert_string_equal(hex_encode(slice_of(bytes, n), text), hex);
}

/* FIPS 180-2, appendix B: "abc", the 448-bit message; the empty message. */
static const struct {
  const char *text, *sha256, *sha1;
} digests[] = {
  {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
  {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
   "a9993e364706816aba3e25717850c26c9cd0d89d"},
  {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
   "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
};

static void published_digests(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
    uint8_t out[32];
    sha256(slice_str(digests[i].text), out);
    expect_hex(out, 32, digests[i].sha256);
    sha1(slice_str(digests[i].text), out);
    expect_hex(out, 20, digests[i].sha1);
  }
}

static void parts_are_concatenated(void **state) {
  (void)state;
  uint8_t out[32];
  const struct slice parts[] = {SLICE_LIT("a"), SLICE_NONE, SLICE_LIT("bc")};
  sha256_parts(parts, 3, out);
  expect_hex(out, 32, digests[1].sha256);
  sha256_parts(NULL, 0, out);
  expect_hex(out, 32, digests[0].sha256);
}

/* RFC 4231, cases 1, 2, 6 (a key longer than the block). */
static void published_hmac(void **state) {
  (void)state;
  uint8_t key[131], out[32];
  memset(key, 0x0b, 20);
  hmac_sha256(slice_of(key, 20), SLICE_LIT("Hi There"), out);
  expect_hex(out, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  hmac_sha256(SLICE_LIT("Jefe"), SLICE_LIT("what do ya want for nothing?"), out);
  expect_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  memset(key, 0xaa, sizeof key);
  hmac_sha256(SLICE_OF(key), SLICE_LIT("Test Using Larger Than Block-Size Key - Hash Key First"), out);
  expect_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  /* The empty key is a key of its own, not the key of the call before. */
  hmac_sha256(SLICE_NONE, SLICE_NONE, out);
  expect_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void *hash_much(void *arg) {
  for (int i = 0; i < 2000; i++) {
    uint8_t out[32];
    sha256(SLICE_LIT("abc"), out);
    if (out[0] != 0xba || out[31] != 0xad)
      *(int *)arg = 1;
  }
  return NULL;
}

static void threads_do_not_mix(void **state) {
  (void)state;
  pthread_t threads[4];
  int wrong[4] = {0};
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, hash_much, &wrong[i]), 0);
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(wrong[i], 0);
  }
}

/* The Galois/Counter Mode of Operation (McGrew, Viega), appendix B, test cases 13 and 14. */
static void published_aead(void **state) {
  (void)state;
  uint8_t key[32] = {0}, nonce[12] = {0}, zero[16] = {0}, out[64], back[64];
  assert_int_equal(aead_seal(SLICE_OF(key), nonce, SLICE_NONE, SLICE_NONE, out), AVOW_OK);
  expect_hex(out, 16, "530f8afbc74536b9a963b4f1c4cb738b");
  assert_int_equal(aead_seal(SLICE_OF(key), nonce, SLICE_NONE, SLICE_OF(zero), out), AVOW_OK);
  expect_hex(out, 32, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  assert_int_equal(aead_open(SLICE_OF(key), nonce, SLICE_NONE, slice_of(out, 32), back), AVOW_OK);
  assert_memory_equal(back, zero, 16);
}

static void aead_refuses_changes(void **state) {
  (void)state;
  uint8_t key[32] = {1}, nonce[12] = {2}, sealed[21], back[8];
  struct slice ad = SLICE_LIT("ad");
  assert_int_equal(aead_seal(SLICE_OF(key), nonce, ad, SLICE_LIT("hello"), sealed), AVOW_OK);
  assert_int_equal(aead_open(SLICE_OF(key), nonce, ad, SLICE_OF(sealed), back), AVOW_OK);
  assert_memory_equal(back, "hello", 5);
  for (size_t i = 0; i < sizeof sealed; i++) {
    sealed[i] ^= 1;
    assert_int_equal(aead_open(SLICE_OF(key), nonce, ad, SLICE_OF(sealed), back), ERR_MALFORMED);
    sealed[i] ^= 1;
  }
  assert_int_equal(aead_open(SLICE_OF(key), nonce, SLICE_LIT("da"), SLICE_OF(sealed), back), ERR_MALFORMED);
  assert_int_equal(aead_open(SLICE_OF(key), nonce, ad, slice_of(sealed, 15), back), ERR_MALFORMED);
  assert_int_equal(aead_open(slice_of(key, 16), nonce, ad, SLICE_OF(sealed), back), ERR_CRYPTO);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(published_digests), cmocka_unit_test(parts_are_concatenated),
    cmocka_unit_test(published_hmac),    cmocka_unit_test(threads_do_not_mix),
    cmocka_unit_test(published_aead),    cmocka_unit_test(aead_refuses_changes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
