#include "pki/ext.h"

#include "der/oid.h"

enum { GENERAL_NAME_DNS = 2, GENERAL_NAME_URI = 6, GENERAL_NAME_IP = 7 };

struct ext_mark ext_begin(struct buf *b, struct slice oid, bool critical) {
  struct ext_mark mark;
  mark.extension = der_begin(b, DER_SEQUENCE);
  der_put_oid(b, oid);
  if (critical)
    der_put_boolean(b, true);
  mark.value = der_begin(b, DER_OCTET_STRING);
  return mark;
}

void ext_end(struct buf *b, struct ext_mark mark) {
  der_end(b, mark.value);
  der_end(b, mark.extension);
}

void ext_put_key_usage(struct buf *b, uint32_t bits) {
  struct ext_mark mark = ext_begin(b, OID_KEY_USAGE, true);
  der_put_named_bits(b, bits);
  ext_end(b, mark);
}

void ext_put_extended_key_usage(struct buf *b, struct slice first, struct slice second) {
  struct ext_mark mark = ext_begin(b, OID_EXTENDED_KEY_USAGE, false);
  size_t list = der_begin(b, DER_SEQUENCE);
  der_put_oid(b, first);
  if (second.n)
    der_put_oid(b, second);
  der_end(b, list);
  ext_end(b, mark);
}

void ext_put_basic_constraints(struct buf *b, bool ca, int path_length) {
  struct ext_mark mark = ext_begin(b, OID_BASIC_CONSTRAINTS, true);
  size_t list = der_begin(b, DER_SEQUENCE);
  if (ca)
    der_put_boolean(b, true);
  if (ca && path_length >= 0)
    der_put_uint(b, (uint64_t)path_length);
  der_end(b, list);
  ext_end(b, mark);
}

void ext_put_subject_key_id(struct buf *b, struct slice id) {
  struct ext_mark mark = ext_begin(b, OID_SUBJECT_KEY_ID, false);
  der_put(b, DER_OCTET_STRING, id);
  ext_end(b, mark);
}

/* Only the key identifier (TLS BR 7.1.2.11.1). */
void ext_put_authority_key_id(struct buf *b, struct slice id) {
  struct ext_mark mark = ext_begin(b, OID_AUTHORITY_KEY_ID, false);
  size_t list = der_begin(b, DER_SEQUENCE);
  der_put(b, DER_CONTEXT(0), id);
  der_end(b, list);
  ext_end(b, mark);
}

static void put_access(struct buf *b, struct slice method, const char *url) {
  if (!url)
    return;
  size_t access = der_begin(b, DER_SEQUENCE);
  der_put_oid(b, method);
  der_put_str(b, DER_CONTEXT(GENERAL_NAME_URI), url);
  der_end(b, access);
}

void ext_put_authority_info(struct buf *b, const char *ocsp_url, const char *ca_url) {
  struct ext_mark mark = ext_begin(b, OID_AUTHORITY_INFO_ACCESS, false);
  size_t list = der_begin(b, DER_SEQUENCE);
  put_access(b, OID_ACCESS_OCSP, ocsp_url);
  put_access(b, OID_ACCESS_CA_ISSUERS, ca_url);
  der_end(b, list);
  ext_end(b, mark);
}

static void put_name(struct buf *b, const struct name *name) {
  if (name->type == NAME_IP) {
    der_put(b, DER_CONTEXT(GENERAL_NAME_IP), slice_of(name->ip, name->ip_n));
    return;
  }
  der_put_header(b, DER_CONTEXT(GENERAL_NAME_DNS), name->text.n + (name->wildcard ? 2 : 0));
  if (name->wildcard)
    buf_put_str(b, "*.");
  buf_put(b, name->text);
}

void ext_put_names(struct buf *b, const struct name *names, size_t n, bool critical) {
  struct ext_mark mark = ext_begin(b, OID_SUBJECT_ALT_NAME, critical);
  size_t list = der_begin(b, DER_SEQUENCE);
  for (size_t i = 0; i < n; i++)
    put_name(b, &names[i]);
  der_end(b, list);
  ext_end(b, mark);
}

struct ext_policies ext_policies_begin(struct buf *b) {
  struct ext_policies policies;
  policies.mark = ext_begin(b, OID_CERTIFICATE_POLICIES, false);
  policies.list = der_begin(b, DER_SEQUENCE);
  return policies;
}

void ext_put_policy(struct buf *b, const char *oid) {
  size_t policy = der_begin(b, DER_SEQUENCE);
  der_put_oid_text(b, oid);
  der_end(b, policy);
}

void ext_policies_end(struct buf *b, struct ext_policies policies) {
  der_end(b, policies.list);
  ext_end(b, policies.mark);
}

/* DistributionPointName: [0] EXPLICIT for the CHOICE, in it fullName [0] with one URI. */
static void put_point_name(struct buf *b, const char *url) {
  size_t point = der_begin(b, DER_CONTEXT_SET(0));
  size_t full = der_begin(b, DER_CONTEXT_SET(0));
  der_put_str(b, DER_CONTEXT(GENERAL_NAME_URI), url);
  der_end(b, full);
  der_end(b, point);
}

void ext_put_crl_url(struct buf *b, const char *url) {
  struct ext_mark mark = ext_begin(b, OID_CRL_DISTRIBUTION_POINTS, false);
  size_t list = der_begin(b, DER_SEQUENCE), point = der_begin(b, DER_SEQUENCE);
  put_point_name(b, url);
  der_end(b, point);
  der_end(b, list);
  ext_end(b, mark);
}

void ext_put_crl_number(struct buf *b, uint64_t number) {
  struct ext_mark mark = ext_begin(b, OID_CRL_NUMBER, false);
  der_put_uint(b, number);
  ext_end(b, mark);
}

void ext_put_issuing_point(struct buf *b, const char *url) {
  struct ext_mark mark = ext_begin(b, OID_ISSUING_DISTRIBUTION_POINT, true);
  size_t list = der_begin(b, DER_SEQUENCE);
  put_point_name(b, url);
  der_put(b, DER_CONTEXT(1), SLICE_LIT("\xff")); /* onlyContainsUserCerts */
  der_end(b, list);
  ext_end(b, mark);
}
