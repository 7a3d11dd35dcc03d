#include "crypto/key.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#include "crypto/digest_internal.h"
#include "crypto/key_internal.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, RSA_E_BYTES_MAX = 8, ECDSA_DER_MAX = 160 };

const char *key_type_text(enum key_type type) {
  switch (type) {
  case KEY_RSA:
    return "RSA";
  case KEY_P256:
    return "P-256";
  case KEY_P384:
    return "P-384";
  case KEY_P521:
    return "P-521";
  case KEY_ED25519:
    return "Ed25519";
  case KEY_NONE:
    return "none";
  }
  return "none";
}

size_t key_field_bytes(enum key_type type) {
  return type == KEY_P256 ? 32 : type == KEY_P384 ? 48 : type == KEY_P521 ? 66 : 0;
}

const char *key_group_name(enum key_type type) {
  return type == KEY_P256 ? "prime256v1" : type == KEY_P384 ? "secp384r1" : type == KEY_P521 ? "secp521r1" : NULL;
}

/* Lets OpenSSL make its key object, which checks that a point is on its curve. */
static EVP_PKEY *pkey_from(const char *type, OSSL_PARAM *params) {
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
  EVP_PKEY *pkey = NULL;
  if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    pkey = NULL;
  EVP_PKEY_CTX_free(ctx);
  if (!pkey)
    ERR_clear_error();
  return pkey;
}

static int bit_length(struct slice v) {
  int top = 0;
  for (uint8_t b = v.p[0]; b; b >>= 1)
    top++;
  return (int)(v.n - 1) * 8 + top;
}

avow_err public_key_rsa(struct slice n, struct slice e, struct public_key **out, struct problem *why) {
  *out = NULL;
  if (n.n == 0 || e.n == 0 || n.p[0] == 0 || e.p[0] == 0)
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "an RSA number is empty, zero or has leading zero bytes");
  if (n.n > RSA_BITS_MAX / 8 || bit_length(n) < RSA_BITS_MIN)
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "the RSA modulus must have %d to %d bits, not %lld", RSA_BITS_MIN,
                       RSA_BITS_MAX, (long long)(n.n - 1) * 8 + bit_length(slice_of(n.p, 1)));
  if (!(n.p[n.n - 1] & 1))
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "the RSA modulus is even");
  if (e.n > RSA_E_BYTES_MAX || !(e.p[e.n - 1] & 1) || (e.n == 1 && e.p[0] < 3))
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "the RSA exponent must be odd, at least 3 and at most 64 bits");

  AUTO_PUBLIC_KEY key = spki_build_rsa(n, e);
  BIGNUM *bn = BN_bin2bn(n.p, (int)n.n, NULL), *be = BN_bin2bn(e.p, (int)e.n, NULL);
  OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
  OSSL_PARAM *params = NULL;
  if (key && bn && be && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
      OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, be) == 1)
    params = OSSL_PARAM_BLD_to_param(build);
  if (params)
    key->pkey = pkey_from("RSA", params);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(build);
  BN_free(bn);
  BN_free(be);
  if (!key || !params)
    return ERR_NO_MEMORY;
  if (!key->pkey)
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "the RSA key is not usable");
  key->bits = bit_length(n);
  *out = key;
  key = NULL;
  return AVOW_OK;
}

avow_err public_key_ec(enum key_type curve, struct slice x, struct slice y, struct public_key **out,
                       struct problem *why) {
  *out = NULL;
  size_t field = key_field_bytes(curve);
  if (field == 0)
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "the elliptic curve is not supported");
  if (x.n != field || y.n != field)
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "a coordinate on %s has %zu bytes", key_type_text(curve), field);
  AUTO_PUBLIC_KEY key = spki_build_fixed(curve, x, y);
  if (!key)
    return ERR_NO_MEMORY;
  OSSL_PARAM params[] = {
    OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)key_group_name(curve), 0),
    OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)key->content.p, key->content.n),
    OSSL_PARAM_construct_end(),
  };
  key->pkey = pkey_from("EC", params);
  if (!key->pkey)
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "the point is not on the curve %s", key_type_text(curve));
  key->bits = curve == KEY_P521 ? 521 : (int)field * 8;
  *out = key;
  key = NULL;
  return AVOW_OK;
}

avow_err public_key_ed25519(struct slice x, struct public_key **out, struct problem *why) {
  *out = NULL;
  if (x.n != 32)
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "an Ed25519 key has 32 bytes");
  AUTO_PUBLIC_KEY key = spki_build_fixed(KEY_ED25519, x, SLICE_NONE);
  if (!key)
    return ERR_NO_MEMORY;
  key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, x.p, x.n);
  if (!key->pkey) {
    ERR_clear_error();
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "the Ed25519 key is not usable");
  }
  key->bits = 256;
  *out = key;
  key = NULL;
  return AVOW_OK;
}

avow_err public_key_from_spki(struct slice spki, struct public_key **out, struct problem *why) {
  *out = NULL;
  struct slice x = SLICE_NONE, y = SLICE_NONE;
  AUTO_PUBLIC_KEY key = NULL;
  avow_err e = AVOW_OK;
  enum key_type type = spki_read(spki, &x, &y);
  switch (type) {
  case KEY_NONE:
    return problem_set(why, ERR_BAD_PUBLIC_KEY,
                       "the SubjectPublicKeyInfo is not one of RSA, P-256, P-384, P-521 (named curve, uncompressed "
                       "point) and Ed25519 in their exact encoding (TLS BR 7.1.3.1)");
  case KEY_RSA:
    e = public_key_rsa(x, y, &key, why);
    break;
  case KEY_P256:
  case KEY_P384:
  case KEY_P521:
    e = public_key_ec(type, x, y, &key, why);
    break;
  case KEY_ED25519:
    e = public_key_ed25519(x, &key, why);
    break;
  }
  if (e != AVOW_OK)
    return e;
  /* Canonical or refused: whatever else the reader let through differs from what we would write. */
  if (!slice_eq(key->spki, spki))
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "the SubjectPublicKeyInfo is not DER");
  *out = key;
  key = NULL;
  return AVOW_OK;
}

struct public_key *public_key_ref(struct public_key *key) {
  atomic_fetch_add(&key->owners, 1);
  return key;
}

void public_key_free(struct public_key *key) {
  if (!key || atomic_fetch_sub(&key->owners, 1) != 1)
    return;
  spare_clear(&key->spare);
  EVP_PKEY_free(key->pkey);
  free(key);
}

void public_key_cleanup(struct public_key **key) {
  public_key_free(*key);
  *key = NULL;
}

enum key_type public_key_type(const struct public_key *key) {
  return key->type;
}

int public_key_bits(const struct public_key *key) {
  return key->bits;
}

struct slice public_key_rsa_n(const struct public_key *key) {
  return key->rsa_n;
}

struct slice public_key_rsa_e(const struct public_key *key) {
  return key->rsa_e;
}

struct slice public_key_spki(const struct public_key *key) {
  return key->spki;
}

struct slice public_key_bits_content(const struct public_key *key) {
  return key->content;
}

static avow_err verify_ed25519(const struct public_key *key, struct slice data, struct slice signature) {
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  if (!ctx || EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) != 1) {
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ERR_CRYPTO;
  }
  int right = EVP_DigestVerify(ctx, signature.p, signature.n, data.p, data.n);
  EVP_MD_CTX_free(ctx);
  ERR_clear_error();
  return right == 1 ? AVOW_OK : ERR_MALFORMED;
}

avow_err public_key_verify(const struct public_key *key, enum signature_alg alg, enum signature_form form,
                           struct slice data, struct slice signature) {
  if (!key_takes_alg(key->type, alg, form))
    return ERR_BAD_ALGORITHM;
  if (alg == SIG_EDDSA)
    return verify_ed25519(key, data, signature);

  AUTO_BUF der;
  buf_init(&der, ECDSA_DER_MAX);
  size_t field = key_field_bytes(key->type);
  if (field && form == SIGNATURE_RAW) {
    if (!ecdsa_raw_to_der(signature, field, &der))
      return der.failed ? ERR_NO_MEMORY : ERR_MALFORMED;
    signature = buf_slice(&der);
  }
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  if (EVP_Digest(data.p, data.n, digest, &n, signature_digest(alg), NULL) != 1)
    return ERR_CRYPTO;
  /* The key is immutable for its users; only the idle context changes hands, atomically. */
  struct spare_context *spare = &((struct public_key *)(uintptr_t)key)->spare;
  bool own_alg = alg == key_signature_alg(key->type);
  EVP_PKEY_CTX *ctx = spare_take(spare, own_alg, key->pkey, alg, EVP_PKEY_verify_init);
  if (!ctx)
    return ERR_CRYPTO;
  int right = EVP_PKEY_verify(ctx, signature.p, signature.n, digest, n);
  spare_give(spare, own_alg, ctx);
  if (right == 1)
    return AVOW_OK;
  /* A stale error would confuse the TLS code of the same thread. */
  ERR_clear_error();
  return ERR_MALFORMED;
}
