/* Digests and MACs (FIPS 180-4, RFC 2104). Algorithms are fetched once per process; safe from any thread. */
#ifndef AVOW_CRYPTO_DIGEST_H
#define AVOW_CRYPTO_DIGEST_H

#include "base/error.h"

enum { SHA256_BYTES = 32 };

void sha256(struct slice data, uint8_t out[SHA256_BYTES]);
/* Digest of the concatenation of `n` parts. */
void sha256_parts(const struct slice *parts, size_t n, uint8_t out[SHA256_BYTES]);
/* SHA-1, only for identifiers (OCSP CertID, key ids), never for signatures. */
void sha1(struct slice data, uint8_t out[20]);
void hmac_sha256(struct slice key, struct slice data, uint8_t out[SHA256_BYTES]);

/* AES-256-GCM under a 32-byte key with a 12-byte nonce: `out` gets in.n + 16 bytes / in.n - 16 bytes. */
avow_err aead_seal(struct slice key, const uint8_t nonce[12], struct slice ad, struct slice in,
                   uint8_t *out) WARN_UNUSED;
/* ERR_MALFORMED when the tag does not match. */
avow_err aead_open(struct slice key, const uint8_t nonce[12], struct slice ad, struct slice in,
                   uint8_t *out) WARN_UNUSED;

#endif
