/* The fields of a TBSCertificate as they stand, for those who read one: cert_parse() and the lint. */
#ifndef AVOW_PKI_TBS_H
#define AVOW_PKI_TBS_H

#include "der/der.h"

enum { TBS_EXTENSIONS_MAX = 32 };

struct extension {
  struct slice oid, value; /* content octets of the OID; content of the OCTET STRING */
  bool critical;
};

struct tbs {
  uint64_t version;             /* 2 is v3 */
  struct slice serial;          /* INTEGER content octets */
  struct slice alg;             /* element */
  struct slice issuer, subject; /* elements */
  int64_t not_before_s, not_after_s;
  struct slice spki; /* element */
  bool unique_ids;   /* issuerUniqueID or subjectUniqueID is there */
  struct extension extensions[TBS_EXTENSIONS_MAX];
  size_t extensions_n;
};

/* Reads `der`, a whole TBSCertificate element; NULL, or what is wrong. An extension that is there twice is a fault
   (RFC 5280, 4.2). */
const char *tbs_read(struct slice der, struct tbs *out);
/* NULL when there is none. */
const struct extension *tbs_extension(const struct tbs *tbs, struct slice oid);
/* The one common name of a Name element: true with its content, or with an empty slice when there is none; false when
   the name is malformed or has several. `others` becomes true when it holds anything else. */
bool dn_common_name(struct slice name, struct slice *common_name, bool *others);
/* Content of a SubjectKeyIdentifier, and the keyIdentifier of an AuthorityKeyIdentifier that has nothing else; empty
   when it is none. */
struct slice ski_read(struct slice value);
struct slice aki_read(struct slice value);

#endif
