/* Object identifiers, as the content octets of their DER form. */
#ifndef AVOW_DER_OID_H
#define AVOW_DER_OID_H

#include "base/bytes.h"

/* Keys and signatures: RFC 3279, RFC 4055, RFC 5480, RFC 5758, RFC 8410. */
#define OID_RSA_ENCRYPTION SLICE_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")
#define OID_RSA_SHA256 SLICE_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b")
#define OID_RSA_SHA384 SLICE_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c")
#define OID_RSA_SHA512 SLICE_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d")
#define OID_EC_PUBLIC_KEY SLICE_LIT("\x2a\x86\x48\xce\x3d\x02\x01")
#define OID_P256 SLICE_LIT("\x2a\x86\x48\xce\x3d\x03\x01\x07")
#define OID_P384 SLICE_LIT("\x2b\x81\x04\x00\x22")
#define OID_P521 SLICE_LIT("\x2b\x81\x04\x00\x23")
#define OID_ECDSA_SHA256 SLICE_LIT("\x2a\x86\x48\xce\x3d\x04\x03\x02")
#define OID_ECDSA_SHA384 SLICE_LIT("\x2a\x86\x48\xce\x3d\x04\x03\x03")
#define OID_ECDSA_SHA512 SLICE_LIT("\x2a\x86\x48\xce\x3d\x04\x03\x04")
#define OID_ED25519 SLICE_LIT("\x2b\x65\x70")
/* Digests, for OCSP: RFC 6960, RFC 4055. */
#define OID_SHA1 SLICE_LIT("\x2b\x0e\x03\x02\x1a")
#define OID_SHA256 SLICE_LIT("\x60\x86\x48\x01\x65\x03\x04\x02\x01")

/* Attributes of names: RFC 5280, appendix A.1. */
#define OID_COMMON_NAME SLICE_LIT("\x55\x04\x03")
#define OID_COUNTRY SLICE_LIT("\x55\x04\x06")
#define OID_LOCALITY SLICE_LIT("\x55\x04\x07")
#define OID_STATE SLICE_LIT("\x55\x04\x08")
#define OID_ORGANIZATION SLICE_LIT("\x55\x04\x0a")
#define OID_ORGANIZATIONAL_UNIT SLICE_LIT("\x55\x04\x0b")
#define OID_EMAIL_ADDRESS SLICE_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01")

/* Extensions of certificates and CRLs: RFC 5280, 4.2 and 5.2. */
#define OID_SUBJECT_KEY_ID SLICE_LIT("\x55\x1d\x0e")
#define OID_KEY_USAGE SLICE_LIT("\x55\x1d\x0f")
#define OID_SUBJECT_ALT_NAME SLICE_LIT("\x55\x1d\x11")
#define OID_BASIC_CONSTRAINTS SLICE_LIT("\x55\x1d\x13")
#define OID_CRL_NUMBER SLICE_LIT("\x55\x1d\x14")
#define OID_CRL_REASON SLICE_LIT("\x55\x1d\x15")
#define OID_ISSUING_DISTRIBUTION_POINT SLICE_LIT("\x55\x1d\x1c")
#define OID_NAME_CONSTRAINTS SLICE_LIT("\x55\x1d\x1e")
#define OID_CRL_DISTRIBUTION_POINTS SLICE_LIT("\x55\x1d\x1f")
#define OID_CERTIFICATE_POLICIES SLICE_LIT("\x55\x1d\x20")
#define OID_AUTHORITY_KEY_ID SLICE_LIT("\x55\x1d\x23")
#define OID_EXTENDED_KEY_USAGE SLICE_LIT("\x55\x1d\x25")
#define OID_AUTHORITY_INFO_ACCESS SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x01\x01")
#define OID_TLS_FEATURE SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x01\x18")     /* RFC 7633: "must staple" */
#define OID_ACME_IDENTIFIER SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x01\x1f") /* RFC 8737, 3 */
#define OID_ACCESS_OCSP SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01")
#define OID_ACCESS_CA_ISSUERS SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x30\x02")
#define OID_OCSP_BASIC SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01\x01")
#define OID_OCSP_NONCE SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01\x02")
#define OID_OCSP_NO_CHECK SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01\x05")

/* Purposes: RFC 5280, 4.2.1.12. */
#define OID_SERVER_AUTH SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x03\x01")
#define OID_CLIENT_AUTH SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x03\x02")
#define OID_OCSP_SIGNING SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x03\x09")

/* PKCS#10: RFC 2985, 5.4.1 and 5.4.2. */
#define OID_CHALLENGE_PASSWORD SLICE_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07")
#define OID_EXTENSION_REQUEST SLICE_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e")

/* Policies: RFC 5280, 4.2.1.4. */
#define OID_ANY_POLICY SLICE_LIT("\x55\x1d\x20\x00")

#endif
