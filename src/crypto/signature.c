/* Signature algorithms: their names in X.509, which key may use which, and the two shapes of an ECDSA value. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/digest_internal.h"
#include "crypto/key_internal.h"

/* TLS BR 7.1.3.2.1 (RSA: NULL parameters), 7.1.3.2.2 (ECDSA: none); RFC 8410, 3 (Ed25519: none). */
#define RSA_IDENTIFIER(last) 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last, 0x05, 0x00
#define ECDSA_IDENTIFIER(last) 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last
static const uint8_t id_rs256[] = {RSA_IDENTIFIER(0x0b)}, id_rs384[] = {RSA_IDENTIFIER(0x0c)},
                     id_rs512[] = {RSA_IDENTIFIER(0x0d)}, id_es256[] = {ECDSA_IDENTIFIER(0x02)},
                     id_es384[] = {ECDSA_IDENTIFIER(0x03)}, id_es512[] = {ECDSA_IDENTIFIER(0x04)},
                     id_eddsa[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};

struct slice signature_alg_identifier(enum signature_alg alg) {
  switch (alg) {
  case SIG_RS256:
    return SLICE_OF(id_rs256);
  case SIG_RS384:
    return SLICE_OF(id_rs384);
  case SIG_RS512:
    return SLICE_OF(id_rs512);
  case SIG_ES256:
    return SLICE_OF(id_es256);
  case SIG_ES384:
    return SLICE_OF(id_es384);
  case SIG_ES512:
    return SLICE_OF(id_es512);
  case SIG_EDDSA:
    return SLICE_OF(id_eddsa);
  case SIG_NONE:
    return SLICE_NONE;
  }
  return SLICE_NONE;
}

enum signature_alg signature_alg_from_identifier(struct slice der) {
  for (enum signature_alg alg = SIG_RS256; alg <= SIG_EDDSA; alg++)
    if (slice_eq(der, signature_alg_identifier(alg)))
      return alg;
  return SIG_NONE;
}

enum signature_alg key_signature_alg(enum key_type type) {
  switch (type) {
  case KEY_RSA:
    return SIG_RS256;
  case KEY_P256:
    return SIG_ES256;
  case KEY_P384:
    return SIG_ES384;
  case KEY_P521:
    return SIG_ES512;
  case KEY_ED25519:
    return SIG_EDDSA;
  case KEY_NONE:
    return SIG_NONE;
  }
  return SIG_NONE;
}

bool key_takes_alg(enum key_type type, enum signature_alg alg, enum signature_form form) {
  switch (alg) {
  case SIG_RS256:
  case SIG_RS384:
  case SIG_RS512:
    return type == KEY_RSA;
  case SIG_ES256:
  case SIG_ES384:
  case SIG_ES512:
    return form == SIGNATURE_RAW ? key_signature_alg(type) == alg : key_field_bytes(type) > 0;
  case SIG_EDDSA:
    return type == KEY_ED25519;
  case SIG_NONE:
    return false;
  }
  return false;
}

EVP_PKEY_CTX *spare_take(struct spare_context *spare, bool own_alg, EVP_PKEY *pkey, enum signature_alg alg,
                         int (*init)(EVP_PKEY_CTX *)) {
  EVP_PKEY_CTX *ctx = own_alg ? atomic_exchange(&spare->idle, NULL) : NULL;
  if (ctx)
    return ctx;
  ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
  bool rsa = alg == SIG_RS256 || alg == SIG_RS384 || alg == SIG_RS512;
  if (ctx && init(ctx) == 1 && (!rsa || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
      EVP_PKEY_CTX_set_signature_md(ctx, signature_digest(alg)) == 1)
    return ctx;
  EVP_PKEY_CTX_free(ctx);
  ERR_clear_error();
  return NULL;
}

void spare_give(struct spare_context *spare, bool own_alg, EVP_PKEY_CTX *ctx) {
  EVP_PKEY_CTX *none = NULL;
  if (!own_alg || !atomic_compare_exchange_strong(&spare->idle, &none, ctx))
    EVP_PKEY_CTX_free(ctx);
}

void spare_clear(struct spare_context *spare) {
  EVP_PKEY_CTX_free(atomic_exchange(&spare->idle, NULL));
}

static size_t integer_size(struct slice v, struct slice *trimmed) {
  while (v.n > 1 && v.p[0] == 0)
    v = slice_skip(v, 1);
  *trimmed = v;
  return v.n + (v.p[0] >> 7);
}

static void put_integer(struct buf *b, struct slice v, size_t n) {
  buf_put_u8(b, 0x02);
  buf_put_u8(b, (uint8_t)n); /* at most 67 bytes for P-521 */
  if (n > v.n)
    buf_put_u8(b, 0);
  buf_put(b, v);
}

bool ecdsa_raw_to_der(struct slice raw, size_t field, struct buf *der) {
  if (raw.n != 2 * field)
    return false;
  struct slice r, s;
  size_t rn = integer_size(slice_of(raw.p, field), &r), sn = integer_size(slice_skip(raw, field), &s);
  size_t n = rn + sn + 4;
  buf_put_u8(der, 0x30);
  if (n >= 0x80)
    buf_put_u8(der, 0x81);
  buf_put_u8(der, (uint8_t)n);
  put_integer(der, r, rn);
  put_integer(der, s, sn);
  return !der->failed;
}

bool ecdsa_der_to_raw(struct slice der, size_t field, struct buf *raw) {
  const unsigned char *p = der.p;
  ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
  uint8_t *out = sig ? buf_extend(raw, 2 * field) : NULL;
  bool ok = out && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)field) == (int)field &&
            BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + field, (int)field) == (int)field;
  ECDSA_SIG_free(sig);
  return ok;
}
