/* What the second opinions on certificates and CRLs share. */
#ifndef AVOW_PKI_OPINION_H
#define AVOW_PKI_OPINION_H

#include <openssl/x509.h>

#include "crypto/key.h"

/* ERR_LINT with the reason. */
avow_err opinion_refuse(struct problem *why, const char *what, const char *reason);
struct slice opinion_slice(const ASN1_STRING *s);
/* NULL when OpenSSL, from what it understood, encodes the same TBS (`again` against `tbs`), reads the same algorithm,
   and the signature it found over those bytes is the issuer's. */
const char *opinion_check_signed(struct slice again, const X509_ALGOR *alg, const ASN1_BIT_STRING *signature,
                                 const struct public_key *issuer, struct slice tbs, enum signature_alg expect);

void opinion_bytes_cleanup(unsigned char **p);
#define AUTO_BYTES __attribute__((cleanup(opinion_bytes_cleanup))) unsigned char *

#endif
