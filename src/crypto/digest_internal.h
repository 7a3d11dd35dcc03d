/* What the files of this folder share and nobody else sees: OpenSSL's objects behind digests. */
#ifndef AVOW_CRYPTO_DIGEST_INTERNAL_H
#define AVOW_CRYPTO_DIGEST_INTERNAL_H

#include <openssl/evp.h>

#include "crypto/key.h"

/* The fetched digest of a signature algorithm; NULL for those that hash by themselves. */
const EVP_MD *signature_digest(enum signature_alg alg);

#endif
