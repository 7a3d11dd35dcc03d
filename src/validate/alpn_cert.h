/* The certificate a server shows for tls-alpn-01 (RFC 8737, 3; RFC 8738, 6). */
#ifndef AVOW_VALIDATE_ALPN_CERT_H
#define AVOW_VALIDATE_ALPN_CERT_H

#include <openssl/x509.h>

#include "pki/name.h"

/* Exactly one subjectAltName, and in it exactly one entry: the name; exactly one acmeIdentifier, critical, whose value
   is the DER OCTET STRING of `digest`; self-signed. ERR_UNAUTHORIZED for a certificate that is not one of this
   challenge, ERR_INCORRECT_RESPONSE for one with another digest. */
avow_err alpn_cert_check(X509 *cert, const struct name *name, const uint8_t digest[32],
                         struct problem *why) WARN_UNUSED;

#endif
