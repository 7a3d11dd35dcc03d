/* Building to-be-signed certificates with our own DER writer, and reading certificates back. */
#ifndef AVOW_PKI_CERT_H
#define AVOW_PKI_CERT_H

#include "base/buf.h"
#include "crypto/key.h"
#include "pki/name.h"
#include "pki/profile.h"

enum { SERIAL_MAX = 20, CERT_MAX = 65536 };

/* A subject or issuer of a CA: C, O, CN (TLS BR 7.1.2.10.2). Empty fields are left out. */
struct ca_name {
  char country[3], organization[65], common_name[65];
};
void ca_name_put(struct buf *b, const struct ca_name *name); /* DER Name */

struct leaf_request {
  struct slice serial; /* content octets of a positive INTEGER, <= 20 */
  enum signature_alg alg;
  struct slice issuer_name;          /* DER Name, the issuer's subject byte for byte */
  struct slice issuer_key_id;        /* 20 bytes: the issuer's SKI */
  int64_t not_before_s, not_after_s; /* seconds since 1970, both inclusive */
  struct slice spki;
  enum key_type key_type;
  const struct name *names;
  size_t names_n;
  struct slice common_name; /* empty: none; the subject is then empty and the SAN critical */
  const struct profile *profile;
  int64_t signing_s; /* now */
  bool is_public;    /* of a CA of kind public */
  const char *ocsp_url, *ca_url, *crl_url; /* NULL: left out; ca_url is required */
};

/* Appends the DER TBSCertificate of a server certificate (ca-rules 1 to 34, B14). */
avow_err tbs_leaf_put(struct buf *b, const struct leaf_request *r) WARN_UNUSED;

struct ca_request {
  struct slice serial;
  enum signature_alg alg;                 /* of the signer of this certificate */
  struct slice issuer_name, subject_name; /* DER Names */
  struct slice issuer_key_id;             /* empty for a root */
  int64_t not_before_s, not_after_s;
  const struct public_key *key;
  int path_length;              /* -1: absent */
  bool root;                    /* ca-rules 44: no EKU, policies, CRLDP, AKI */
  bool server_auth;             /* ca-rules 45: EKU serverAuth (sub-CA) */
  const char *policy_oid;       /* sub-CA; NULL: none (private CA: anyPolicy when wanted is given as its OID) */
  const char *ca_url, *crl_url; /* sub-CA */
  int64_t signing_s;            /* now */
  bool is_public;               /* a CA of kind public */
};
avow_err tbs_ca_put(struct buf *b, const struct ca_request *r) WARN_UNUSED;
/* Own lint of such a TBS before it is signed (ca-rules 44 to 47). ERR_LINT with `why`. */
avow_err tbs_ca_lint(struct slice tbs, const struct ca_request *r, struct problem *why) WARN_UNUSED;

/* Certificate ::= SEQUENCE { tbs, alg, BIT STRING signature }. */
void signed_put(struct buf *b, struct slice tbs, enum signature_alg alg, struct slice signature);

/* The common name of a subscriber certificate: none unless the profile has one; else `wanted` (the CSR's, which may be
   empty) when it is one of `names`, else the first DNS name of at most 64 characters. The result is in `a`. */
struct slice leaf_common_name(const struct profile *profile, struct slice wanted, const struct name *names, size_t n,
                              struct arena *a);

/* Key identifier: the first 20 bytes of SHA-256 over the key bits (RFC 7093, 2, method 1). */
void key_id(const struct public_key *key, uint8_t out[20]);
/* The same from a DER SubjectPublicKeyInfo; false when it is none. */
bool key_id_of_spki(struct slice spki, uint8_t out[20]);

/* What is read back from a DER certificate; all slices borrow from `der` or `a`. */
struct cert {
  struct slice der, tbs, signature, serial, issuer, subject, spki;
  enum signature_alg alg;
  int64_t not_before_s, not_after_s;
  struct name *names; /* dNSName and iPAddress of the SAN, in order */
  size_t names_n;
  struct slice common_name;
  bool is_ca;
  struct slice subject_key_id, authority_key_id;
};
/* ERR_MALFORMED with `why`; for certificates of our own and for revokeCert's payload. */
avow_err cert_parse(struct slice der, struct arena *a, struct cert *out, struct problem *why) WARN_UNUSED;

/* OpenSSL's second opinion: parses and re-encodes to the same bytes, verifies under the issuer's key, and agrees on
   serial, times, names and CA bit. ERR_LINT with `why`. */
avow_err cert_second_opinion(struct slice der, const struct public_key *issuer, const struct cert *expect,
                             struct problem *why) WARN_UNUSED;

/* Own lint of a TBS before it is signed (ca-rules 1 to 34 that apply to the profile and CA). ERR_LINT with `why`. */
avow_err tbs_lint(struct slice tbs, const struct leaf_request *r, struct problem *why) WARN_UNUSED;

#endif
