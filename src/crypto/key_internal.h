/* The inside of keys, shared by the files of this folder only. */
#ifndef AVOW_CRYPTO_KEY_INTERNAL_H
#define AVOW_CRYPTO_KEY_INTERNAL_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "crypto/key.h"

/* One idle EVP_PKEY_CTX, prepared for the key's own algorithm. Contexts are not safe to share, so a user takes it out
   and puts it back; who finds none makes a new one. A reused context saves 20 us of a P-256 verification. */
struct spare_context {
  _Atomic(EVP_PKEY_CTX *) idle;
};

struct public_key {
  atomic_uint owners;
  enum key_type type;
  int bits;
  EVP_PKEY *pkey;
  struct spare_context spare;
  struct slice spki, content, rsa_n, rsa_e; /* in `bytes` */
  uint8_t bytes[];
};

/* Bytes of a coordinate, 0 for other types than EC. */
size_t key_field_bytes(enum key_type type);
/* The group's name in OpenSSL. */
const char *key_group_name(enum key_type type);

/* Makes the SubjectPublicKeyInfo of these numbers in a new key without EVP_PKEY; NULL when out of memory. */
struct public_key *spki_build_rsa(struct slice n, struct slice e);
struct public_key *spki_build_fixed(enum key_type type, struct slice x, struct slice y);
/* Reads an SPKI; the slices borrow from it. KEY_NONE when it is none of the exact forms. For RSA, x is n and y is e. */
enum key_type spki_read(struct slice spki, struct slice *x, struct slice *y);

/* Takes the spare context or makes one with `init` and the digest of `alg`; NULL on failure. */
EVP_PKEY_CTX *spare_take(struct spare_context *spare, bool own_alg, EVP_PKEY *pkey, enum signature_alg alg,
                         int (*init)(EVP_PKEY_CTX *));
void spare_give(struct spare_context *spare, bool own_alg, EVP_PKEY_CTX *ctx);
void spare_clear(struct spare_context *spare);

/* True if `type` can sign with `alg`. As JOSE binds each curve to one hash (RFC 7518, 3.4), RAW allows only that one;
   X.509's ecdsa-with-SHA… names no curve, and widely used clients sign CSRs of P-384 keys with SHA-256. */
bool key_takes_alg(enum key_type type, enum signature_alg alg, enum signature_form form);

/* r || s of fixed size to a DER SEQUENCE, and back; false when it is not that. */
bool ecdsa_raw_to_der(struct slice raw, size_t field, struct buf *der);
bool ecdsa_der_to_raw(struct slice der, size_t field, struct buf *raw);

#endif
