/* Writing the extensions of certificates and CRLs, one function each (RFC 5280, 4.2 and 5.2). */
#ifndef AVOW_PKI_EXT_H
#define AVOW_PKI_EXT_H

#include "der/der.h"
#include "pki/name.h"

/* KeyUsage bits (RFC 5280, 4.2.1.3). */
enum {
  KU_DIGITAL_SIGNATURE = 1 << 0,
  KU_KEY_ENCIPHERMENT = 1 << 2,
  KU_KEY_CERT_SIGN = 1 << 5,
  KU_CRL_SIGN = 1 << 6,
};

/* Opens Extension ::= SEQUENCE { oid, critical, OCTET STRING }; the value is appended before ext_end(). */
struct ext_mark {
  size_t extension, value;
};
struct ext_mark ext_begin(struct buf *b, struct slice oid, bool critical);
void ext_end(struct buf *b, struct ext_mark mark);

void ext_put_key_usage(struct buf *b, uint32_t bits);
/* Up to two purposes; an empty slice is left out. */
void ext_put_extended_key_usage(struct buf *b, struct slice first, struct slice second);
/* Subscriber: cA FALSE, encoded as an empty SEQUENCE; CA with `path_length` unless it is -1. Critical. */
void ext_put_basic_constraints(struct buf *b, bool ca, int path_length);
void ext_put_subject_key_id(struct buf *b, struct slice id);
void ext_put_authority_key_id(struct buf *b, struct slice id);
/* Either URL may be NULL. */
void ext_put_authority_info(struct buf *b, const char *ocsp_url, const char *ca_url);
void ext_put_names(struct buf *b, const struct name *names, size_t n, bool critical);
void ext_put_crl_url(struct buf *b, const char *url);
void ext_put_crl_number(struct buf *b, uint64_t number);
/* Critical; onlyContainsUserCerts. */
void ext_put_issuing_point(struct buf *b, const char *url);
/* One policy by its dotted OID, inside what ext_policies_begin() opened. */
struct ext_policies {
  struct ext_mark mark;
  size_t list;
};
struct ext_policies ext_policies_begin(struct buf *b);
void ext_put_policy(struct buf *b, const char *oid);
void ext_policies_end(struct buf *b, struct ext_policies policies);

#endif
