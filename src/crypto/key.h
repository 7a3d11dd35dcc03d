/* Public and private keys. Public keys are made by EVP_PKEY_fromdata from parsed numbers (never by d2i of a whole SPKI:
   OpenSSL's X509 objects cost 520 us a key) and are immutable and safe from any thread. */
#ifndef AVOW_CRYPTO_KEY_H
#define AVOW_CRYPTO_KEY_H

#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

enum key_type { KEY_NONE, KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519 };
const char *key_type_text(enum key_type type);

/* Signature algorithms; the JOSE name (RFC 7518, RFC 8037) and the X.509 AlgorithmIdentifier belong together. */
enum signature_alg { SIG_NONE, SIG_RS256, SIG_RS384, SIG_RS512, SIG_ES256, SIG_ES384, SIG_ES512, SIG_EDDSA };
/* ECDSA values as two fixed-size integers (JOSE, RFC 7518 3.4) or as a DER SEQUENCE (X.509). RAW also binds the curve to
   its hash (ES256 is P-256 only); X.509's ecdsa-with-SHA256 names no curve, and common clients sign the CSR of a P-384
   key with it, so DER allows any pair. No difference for RSA and Ed25519. */
enum signature_form { SIGNATURE_RAW, SIGNATURE_DER };
/* What `type` signs certificates with: RS256, ES256, ES384, ES512, EdDSA. */
enum signature_alg key_signature_alg(enum key_type type);
/* The exact DER AlgorithmIdentifier, including parameters (TLS BR 7.1.3.2; RFC 8410). */
struct slice signature_alg_identifier(enum signature_alg alg);
/* SIG_NONE for any other bytes. */
enum signature_alg signature_alg_from_identifier(struct slice der);

struct public_key;

/* Big-endian numbers without leading zeros. RSA: 2048 to 8192 bits here; finer rules are pki/keycheck's. EC: affine
   coordinates of exactly the field's size; a point off the curve is refused. ERR_BAD_PUBLIC_KEY with `why`. */
avow_err public_key_rsa(struct slice n, struct slice e, struct public_key **out, struct problem *why) WARN_UNUSED;
avow_err public_key_ec(enum key_type curve, struct slice x, struct slice y, struct public_key **out,
                       struct problem *why) WARN_UNUSED;
avow_err public_key_ed25519(struct slice x, struct public_key **out, struct problem *why) WARN_UNUSED;
/* From a DER SubjectPublicKeyInfo with exactly the AlgorithmIdentifiers of TLS BR 7.1.3.1 (or RFC 8410's Ed25519):
   explicit parameters, PSS keys, compressed points and trailing bytes are refused. */
avow_err public_key_from_spki(struct slice spki, struct public_key **out, struct problem *why) WARN_UNUSED;
void public_key_free(struct public_key *key);
/* One more owner of the same key. */
struct public_key *public_key_ref(struct public_key *key);
enum key_type public_key_type(const struct public_key *key);
/* Modulus or curve size in bits. */
int public_key_bits(const struct public_key *key);
/* RSA modulus and exponent, big-endian; empty for other types. Borrowed. */
struct slice public_key_rsa_n(const struct public_key *key);
struct slice public_key_rsa_e(const struct public_key *key);
/* The canonical DER SubjectPublicKeyInfo; borrowed. */
struct slice public_key_spki(const struct public_key *key);
/* Content of its BIT STRING (for key identifiers); borrowed. */
struct slice public_key_bits_content(const struct public_key *key);
/* AVOW_OK when the signature is right; ERR_MALFORMED when not; ERR_BAD_ALGORITHM when the key is not of that kind. */
avow_err public_key_verify(const struct public_key *key, enum signature_alg alg, enum signature_form form,
                           struct slice data, struct slice signature) WARN_UNUSED;

#define AUTO_PUBLIC_KEY __attribute__((cleanup(public_key_cleanup))) struct public_key *
void public_key_cleanup(struct public_key **key);

/* A private key in memory. (PKCS#11 keys come behind the same functions.) */
struct private_key;

avow_err private_key_generate(enum key_type type, int rsa_bits, struct private_key **out) WARN_UNUSED;
/* From / to unencrypted PKCS#8 PEM. */
avow_err private_key_from_pem(struct slice pem, struct private_key **out, struct problem *why) WARN_UNUSED;
avow_err private_key_to_pem(const struct private_key *key, struct secret *out) WARN_UNUSED;
void private_key_free(struct private_key *key);
/* Borrowed. */
const struct public_key *private_key_public(const struct private_key *key);
/* Signs `data` (hashing as `alg` says) and appends the signature. */
avow_err private_key_sign(const struct private_key *key, enum signature_alg alg, enum signature_form form,
                          struct slice data, struct buf *out) WARN_UNUSED;

#define AUTO_PRIVATE_KEY __attribute__((cleanup(private_key_cleanup))) struct private_key *
void private_key_cleanup(struct private_key **key);

#endif
