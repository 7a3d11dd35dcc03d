/* Private keys in memory. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "crypto/digest_internal.h"
#include "crypto/key_internal.h"

enum { PEM_MAX = 32768, NUMBER_MAX = 1024, SIGNATURE_MAX = 1024 };

struct private_key {
  EVP_PKEY *pkey;
  struct public_key *public_key;
  struct spare_context spare;
};

static avow_err public_rsa(EVP_PKEY *pkey, struct public_key **out, struct problem *why) {
  BIGNUM *n = NULL, *e = NULL;
  uint8_t n_bytes[NUMBER_MAX], e_bytes[NUMBER_MAX];
  avow_err result = ERR_BAD_PUBLIC_KEY;
  if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
      EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_num_bytes(n) <= NUMBER_MAX &&
      BN_num_bytes(e) <= NUMBER_MAX)
    result = public_key_rsa(slice_of(n_bytes, (size_t)BN_bn2bin(n, n_bytes)),
                            slice_of(e_bytes, (size_t)BN_bn2bin(e, e_bytes)), out, why);
  else
    problem_set(why, ERR_BAD_PUBLIC_KEY, "the RSA key is not readable or too large");
  BN_free(n);
  BN_free(e);
  return result;
}

static avow_err public_ec(EVP_PKEY *pkey, struct public_key **out, struct problem *why) {
  char group[32];
  BIGNUM *x = NULL, *y = NULL;
  enum key_type type = KEY_NONE;
  if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL) == 1)
    for (enum key_type t = KEY_P256; t <= KEY_P521; t++)
      if (strcmp(group, key_group_name(t)) == 0)
        type = t;
  if (type == KEY_NONE)
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "the elliptic curve of the private key is not supported");
  uint8_t bytes[2 * 66];
  int field = (int)key_field_bytes(type);
  avow_err result = ERR_BAD_PUBLIC_KEY;
  if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
      EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 && BN_bn2binpad(x, bytes, field) == field &&
      BN_bn2binpad(y, bytes + field, field) == field)
    result = public_key_ec(type, slice_of(bytes, (size_t)field), slice_of(bytes + field, (size_t)field), out, why);
  else
    problem_set(why, ERR_BAD_PUBLIC_KEY, "the public point of the private key is not readable");
  BN_free(x);
  BN_free(y);
  return result;
}

static avow_err public_of(EVP_PKEY *pkey, struct public_key **out, struct problem *why) {
  if (EVP_PKEY_is_a(pkey, "RSA"))
    return public_rsa(pkey, out, why);
  if (EVP_PKEY_is_a(pkey, "EC"))
    return public_ec(pkey, out, why);
  uint8_t raw[32];
  size_t n = sizeof raw;
  if (EVP_PKEY_is_a(pkey, "ED25519") && EVP_PKEY_get_raw_public_key(pkey, raw, &n) == 1)
    return public_key_ed25519(slice_of(raw, n), out, why);
  return problem_set(why, ERR_BAD_PUBLIC_KEY, "the private key is of an unsupported type");
}

/* Takes `pkey` over, also on failure. */
static avow_err wrap(EVP_PKEY *pkey, struct private_key **out, struct problem *why) {
  struct private_key *key = calloc(1, sizeof *key);
  if (!key) {
    EVP_PKEY_free(pkey);
    return ERR_NO_MEMORY;
  }
  key->pkey = pkey;
  avow_err e = public_of(pkey, &key->public_key, why);
  if (e != AVOW_OK) {
    ERR_clear_error();
    private_key_free(key);
    return e;
  }
  *out = key;
  return AVOW_OK;
}

avow_err private_key_generate(enum key_type type, int rsa_bits, struct private_key **out) {
  *out = NULL;
  EVP_PKEY *pkey = NULL;
  switch (type) {
  case KEY_RSA:
    pkey = rsa_bits >= 2048 && rsa_bits <= 8192 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rsa_bits) : NULL;
    break;
  case KEY_P256:
  case KEY_P384:
  case KEY_P521:
    pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", key_group_name(type));
    break;
  case KEY_ED25519:
    pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    break;
  case KEY_NONE:
    break;
  }
  if (!pkey) {
    ERR_clear_error();
    return ERR_CRYPTO;
  }
  return wrap(pkey, out, NULL);
}

/* No prompt on the terminal for an encrypted key: it is refused. */
static int no_password(char *buf, int size, int writing, void *arg) {
  (void)buf, (void)size, (void)writing, (void)arg;
  return -1;
}

/* The key of the first PKCS#8 block; NULL when there is none or bytes follow it. */
static EVP_PKEY *read_pkcs8(struct slice pem) {
  unsigned char *der = NULL;
  long n = 0;
  EVP_PKEY *pkey = NULL;
  BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
  if (in && PEM_bytes_read_bio(&der, &n, NULL, PEM_STRING_PKCS8INF, in, no_password, NULL) == 1) {
    const unsigned char *p = der;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, n);
    if (info && p == der + n)
      pkey = EVP_PKCS82PKEY(info);
    PKCS8_PRIV_KEY_INFO_free(info);
  }
  OPENSSL_clear_free(der, (size_t)n);
  BIO_free(in);
  return pkey;
}

avow_err private_key_from_pem(struct slice pem, struct private_key **out, struct problem *why) {
  *out = NULL;
  EVP_PKEY *pkey = pem.n > 0 && pem.n <= PEM_MAX ? read_pkcs8(pem) : NULL;
  ERR_clear_error();
  if (!pkey)
    return problem_set(why, ERR_CRYPTO, "this is not an unencrypted PKCS#8 private key in PEM");
  AUTO_PRIVATE_KEY key = NULL;
  avow_err e = wrap(pkey, &key, why);
  if (e != AVOW_OK)
    return e;
  /* A file whose two halves do not belong together must not get as far as the first certificate. */
  static const struct slice probe = {(const uint8_t *)"avow key probe", 14};
  enum signature_alg alg = key_signature_alg(key->public_key->type);
  AUTO_BUF signature;
  buf_init(&signature, SIGNATURE_MAX);
  if (private_key_sign(key, alg, SIGNATURE_DER, probe, &signature) != AVOW_OK ||
      public_key_verify(key->public_key, alg, SIGNATURE_DER, probe, buf_slice(&signature)) != AVOW_OK)
    return problem_set(why, ERR_CRYPTO, "the private key does not fit its public key");
  *out = key;
  key = NULL;
  return AVOW_OK;
}

avow_err private_key_to_pem(const struct private_key *key, struct secret *out) {
  *out = (struct secret){0};
  avow_err e = ERR_CRYPTO;
  char *text = NULL;
  BIO *bio = BIO_new(BIO_s_mem());
  PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
  if (bio && info && PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) == 1) {
    long n = BIO_get_mem_data(bio, &text);
    if (n > 0) {
      e = secret_copy(out, slice_of(text, (size_t)n));
      secret_wipe(text, (size_t)n);
    }
  }
  PKCS8_PRIV_KEY_INFO_free(info);
  BIO_free(bio);
  ERR_clear_error();
  return e;
}

void private_key_free(struct private_key *key) {
  if (!key)
    return;
  spare_clear(&key->spare);
  EVP_PKEY_free(key->pkey);
  public_key_free(key->public_key);
  free(key);
}

void private_key_cleanup(struct private_key **key) {
  private_key_free(*key);
  *key = NULL;
}

const struct public_key *private_key_public(const struct private_key *key) {
  return key->public_key;
}

static avow_err sign_ed25519(const struct private_key *key, struct slice data, struct buf *out) {
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  uint8_t signature[64];
  size_t n = sizeof signature;
  bool ok = ctx && EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
            EVP_DigestSign(ctx, signature, &n, data.p, data.n) == 1;
  EVP_MD_CTX_free(ctx);
  ERR_clear_error();
  if (!ok)
    return ERR_CRYPTO;
  buf_put(out, slice_of(signature, n));
  return out->failed ? ERR_NO_MEMORY : AVOW_OK;
}

avow_err private_key_sign(const struct private_key *key, enum signature_alg alg, enum signature_form form,
                          struct slice data, struct buf *out) {
  enum key_type type = key->public_key->type;
  if (!key_takes_alg(type, alg, form))
    return ERR_BAD_ALGORITHM;
  if (alg == SIG_EDDSA)
    return sign_ed25519(key, data, out);

  uint8_t digest[EVP_MAX_MD_SIZE], signature[SIGNATURE_MAX];
  unsigned digest_n = 0;
  size_t n = sizeof signature;
  if (EVP_Digest(data.p, data.n, digest, &digest_n, signature_digest(alg), NULL) != 1)
    return ERR_CRYPTO;
  struct spare_context *spare = &((struct private_key *)(uintptr_t)key)->spare;
  bool own_alg = alg == key_signature_alg(type);
  EVP_PKEY_CTX *ctx = spare_take(spare, own_alg, key->pkey, alg, EVP_PKEY_sign_init);
  if (!ctx)
    return ERR_CRYPTO;
  int done = EVP_PKEY_sign(ctx, signature, &n, digest, digest_n);
  spare_give(spare, own_alg, ctx);
  if (done != 1) {
    ERR_clear_error();
    return ERR_CRYPTO;
  }
  size_t field = key_field_bytes(type);
  if (field && form == SIGNATURE_RAW)
    return ecdsa_der_to_raw(slice_of(signature, n), field, out) ? AVOW_OK : ERR_CRYPTO;
  buf_put(out, slice_of(signature, n));
  return out->failed ? ERR_NO_MEMORY : AVOW_OK;
}
