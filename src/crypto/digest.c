#include "crypto/digest.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/digest_internal.h"

/* OpenSSL 3 looks an algorithm up by name at every implicit fetch, which costs more than hashing a short message:
   everything is fetched once, and each thread keeps one SHA-256 context. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key;
static EVP_MD *md_sha1, *md_sha256, *md_sha384, *md_sha512;
static EVP_MAC_CTX *hmac_template;
static EVP_CIPHER *aes_256_gcm;

/* A digest that fails means that the library is not usable: no caller can do anything sensible then. */
static void demand(bool ok, const char *what) {
  if (ok)
    return;
  fprintf(stderr, "avow: OpenSSL cannot do %s\n", what);
  abort();
}

static void context_free(void *context) {
  EVP_MD_CTX_free(context);
}

static void fetch_all(void) {
  md_sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
  md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
  md_sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
  md_sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
  aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
  demand(md_sha1 && md_sha256 && md_sha384 && md_sha512 && aes_256_gcm, "SHA-1, SHA-2 and AES-256-GCM");

  EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  hmac_template = mac ? EVP_MAC_CTX_new(mac) : NULL;
  char name[] = "SHA256";
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_construct_end()};
  demand(hmac_template && EVP_MAC_CTX_set_params(hmac_template, params) == 1, "HMAC-SHA-256");
  EVP_MAC_free(mac);

  demand(pthread_key_create(&context_key, context_free) == 0, "thread contexts");
}

static void prepare(void) {
  demand(pthread_once(&once, fetch_all) == 0, "initialisation");
}

static EVP_MD_CTX *sha256_start(void) {
  prepare();
  EVP_MD_CTX *ctx = pthread_getspecific(context_key);
  if (!ctx) {
    ctx = EVP_MD_CTX_new();
    demand(ctx && pthread_setspecific(context_key, ctx) == 0, "SHA-256");
  }
  demand(EVP_DigestInit_ex2(ctx, md_sha256, NULL) == 1, "SHA-256");
  return ctx;
}

void sha256_parts(const struct slice *parts, size_t n, uint8_t out[SHA256_BYTES]) {
  EVP_MD_CTX *ctx = sha256_start();
  for (size_t i = 0; i < n; i++)
    demand(EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1, "SHA-256");
  demand(EVP_DigestFinal_ex(ctx, out, NULL) == 1, "SHA-256");
}

void sha256(struct slice data, uint8_t out[SHA256_BYTES]) {
  sha256_parts(&data, 1, out);
}

void sha1(struct slice data, uint8_t out[20]) {
  prepare();
  demand(EVP_Digest(data.p, data.n, out, NULL, md_sha1, NULL) == 1, "SHA-1");
}

void hmac_sha256(struct slice key, struct slice data, uint8_t out[SHA256_BYTES]) {
  prepare();
  /* A NULL key would mean "the key of before"; an empty one is a key. */
  static const uint8_t empty[1];
  size_t n = 0;
  EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(hmac_template);
  demand(ctx && EVP_MAC_init(ctx, key.n ? key.p : empty, key.n, NULL) == 1 &&
           EVP_MAC_update(ctx, data.p, data.n) == 1 && EVP_MAC_final(ctx, out, &n, SHA256_BYTES) == 1 &&
           n == SHA256_BYTES,
         "HMAC-SHA-256");
  EVP_MAC_CTX_free(ctx);
}

const EVP_MD *signature_digest(enum signature_alg alg) {
  prepare();
  switch (alg) {
  case SIG_RS256:
  case SIG_ES256:
    return md_sha256;
  case SIG_RS384:
  case SIG_ES384:
    return md_sha384;
  case SIG_RS512:
  case SIG_ES512:
    return md_sha512;
  case SIG_NONE:
  case SIG_EDDSA:
    return NULL;
  }
  return NULL;
}

enum { AEAD_KEY = 32, AEAD_NONCE = 12, AEAD_TAG = 16 };

static void cipher_free(EVP_CIPHER_CTX **ctx) {
  EVP_CIPHER_CTX_free(*ctx);
}

/* EVP counts in int. */
static bool fits_int(struct slice s) {
  return s.n <= (1u << 30);
}

avow_err aead_seal(struct slice key, const uint8_t nonce[12], struct slice ad, struct slice in, uint8_t *out) {
  if (key.n != AEAD_KEY || !fits_int(ad) || !fits_int(in))
    return ERR_CRYPTO;
  prepare();
  __attribute__((cleanup(cipher_free))) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
  int n = 0;
  if (!ctx)
    return ERR_NO_MEMORY;
  if (EVP_EncryptInit_ex2(ctx, aes_256_gcm, key.p, nonce, NULL) != 1)
    return ERR_CRYPTO;
  if (ad.n && EVP_EncryptUpdate(ctx, NULL, &n, ad.p, (int)ad.n) != 1)
    return ERR_CRYPTO;
  if (in.n && EVP_EncryptUpdate(ctx, out, &n, in.p, (int)in.n) != 1)
    return ERR_CRYPTO;
  if (EVP_EncryptFinal_ex(ctx, out + in.n, &n) != 1 ||
      EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG, out + in.n) != 1)
    return ERR_CRYPTO;
  return AVOW_OK;
}

avow_err aead_open(struct slice key, const uint8_t nonce[12], struct slice ad, struct slice in, uint8_t *out) {
  if (key.n != AEAD_KEY || !fits_int(ad) || !fits_int(in))
    return ERR_CRYPTO;
  if (in.n < AEAD_TAG)
    return ERR_MALFORMED;
  prepare();
  __attribute__((cleanup(cipher_free))) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
  size_t text_n = in.n - AEAD_TAG;
  uint8_t tag[AEAD_TAG];
  memcpy(tag, in.p + text_n, AEAD_TAG);
  int n = 0;
  if (!ctx)
    return ERR_NO_MEMORY;
  if (EVP_DecryptInit_ex2(ctx, aes_256_gcm, key.p, nonce, NULL) != 1 ||
      EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG, tag) != 1)
    return ERR_CRYPTO;
  if (ad.n && EVP_DecryptUpdate(ctx, NULL, &n, ad.p, (int)ad.n) != 1)
    return ERR_CRYPTO;
  if (text_n && EVP_DecryptUpdate(ctx, out, &n, in.p, (int)text_n) != 1)
    return ERR_CRYPTO;
  uint8_t rest[AEAD_TAG];
  if (EVP_DecryptFinal_ex(ctx, rest, &n) != 1) {
    /* What was not authentic must not be used by accident. */
    secret_wipe(out, text_n);
    ERR_clear_error();
    return ERR_MALFORMED;
  }
  return AVOW_OK;
}
