/* What the lints of leaf certificates, CA certificates and CRLs look at in the same way. */
#ifndef AVOW_PKI_LINT_H
#define AVOW_PKI_LINT_H

#include "crypto/key.h"
#include "pki/tbs.h"

/* A listed AlgorithmIdentifier, byte for byte (TLS BR 7.1.3.2; ca-rules 6, 92). */
bool lint_algorithm_is(struct slice identifier, enum signature_alg alg);
/* A SubjectPublicKeyInfo of this type: RSA, P-256 or P-384, by exactly the AlgorithmIdentifiers of TLS BR 7.1.3.1; RSA
   of the sizes that keycheck() lets through. */
bool lint_key_ok(struct slice spki, enum key_type type);
/* A URI that a relying party can fetch without needing TLS first (RFC 5280, 8), and this one. */
bool lint_url_is(struct slice uri, const char *expect);
/* One distribution point with nothing but this URL as its fullName, not critical (TLS BR 7.1.2.11.2). */
bool lint_crl_point_is(const struct extension *x, const char *url);

#endif
