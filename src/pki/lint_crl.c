/* The lint of CRLs: ca-rules 85 to 89 and 92, as far as one list shows them. */
#include "der/oid.h"
#include "pki/crl.h"
#include "pki/lint.h"

/* Extension: its value, or a failed reader. */
static struct slice read_extension(struct der *list, struct slice *oid, bool *critical) {
  struct der d = der_enter(list, DER_SEQUENCE);
  *oid = der_oid(&d);
  *critical = der_peek(&d) == DER_BOOLEAN;
  if (*critical && !der_boolean(&d))
    der_fail(&d); /* X.690, 11.5: a default value is not encoded */
  struct slice value = der_read(&d, DER_OCTET_STRING);
  der_leave(list, &d);
  return value;
}

/* RFC 5280, 5.3.1; TLS BR 7.2.2 allows a subset, and never a hold. */
static bool reason_ok(uint64_t reason, bool is_public) {
  return reason == 1 || reason == 3 || reason == 4 || reason == 5 || reason == 9 ||
         (!is_public && (reason == 2 || reason == 6 || reason == 10));
}

static const char *check_reason(struct der *entry, const struct crl_request *r, int expect) {
  if (expect == 0)
    return der_more(entry) ? "an entry has an extension that it should not have" : NULL;
  struct der list = der_enter(entry, DER_SEQUENCE);
  struct slice oid;
  bool critical;
  struct der value = der_of(read_extension(&list, &oid, &critical));
  uint64_t reason = der_enumerated(&value, 10);
  der_leave(entry, &list);
  if (!der_at_end(&value) || critical || !slice_eq(oid, OID_CRL_REASON) || reason != (uint64_t)expect)
    return "an entry's reason is not the one asked for";
  return reason_ok(reason, r->is_public) ? NULL : "an entry's reason is none that a list may give";
}

/* revokedCertificates: absent, not empty (RFC 5280, 5.1.2.6). */
static const char *check_entries(struct der *tbs, const struct crl_request *r) {
  if (der_peek(tbs) != DER_SEQUENCE)
    return r->entries_n == 0 ? NULL : "there are no entries";
  struct der list = der_enter(tbs, DER_SEQUENCE);
  size_t n = 0;
  for (; der_more(&list); n++) {
    struct der entry = der_enter(&list, DER_SEQUENCE);
    struct slice serial = der_integer(&entry);
    int64_t revoked_s = der_time(&entry);
    if (entry.failed || n == r->entries_n || !slice_eq(serial, r->entries[n].serial) || serial.n > 20 ||
        serial.p[0] >= 0x80 || revoked_s != r->entries[n].revoked_s)
      return "an entry is not the one asked for";
    if (revoked_s > r->this_update_s)
      return "an entry was revoked in the future";
    const char *fault = check_reason(&entry, r, r->entries[n].reason);
    if (fault)
      return fault;
    der_leave(&list, &entry);
  }
  der_leave(tbs, &list);
  return n > 0 && n == r->entries_n ? NULL : "the entries are not those asked for, or an empty list";
}

static bool number_ok(struct slice value, uint64_t expect) {
  struct der d = der_of(value);
  uint64_t number = der_uint(&d, UINT64_MAX);
  return der_at_end(&d) && number == expect;
}

/* TLS BR 7.2.2.1: fullName with the shard's URL, user certificates only. */
static bool issuing_point_ok(struct slice value, const char *url) {
  struct der outer = der_of(value), d = der_enter(&outer, DER_SEQUENCE);
  struct der name = der_enter(&d, DER_CONTEXT_SET(0)), full = der_enter(&name, DER_CONTEXT_SET(0));
  bool ok = lint_url_is(der_read(&full, DER_CONTEXT(6)), url);
  der_leave(&name, &full);
  der_leave(&d, &name);
  ok = ok && slice_eq(der_read(&d, DER_CONTEXT(1)), SLICE_LIT("\xff"));
  der_leave(&outer, &d);
  return ok && der_at_end(&outer);
}

static const char *check_extensions(struct der *tbs, const struct crl_request *r) {
  struct der explicit = der_enter(tbs, DER_CONTEXT_SET(0)), list = der_enter(&explicit, DER_SEQUENCE);
  unsigned authority = 0, number = 0, point = 0;
  while (der_more(&list)) {
    struct slice oid;
    bool critical;
    struct slice value = read_extension(&list, &oid, &critical);
    if (slice_eq(oid, OID_AUTHORITY_KEY_ID) && !critical && slice_eq(aki_read(value), r->issuer_key_id))
      authority++;
    else if (slice_eq(oid, OID_CRL_NUMBER) && !critical && number_ok(value, r->number))
      number++;
    else if (slice_eq(oid, OID_ISSUING_DISTRIBUTION_POINT) && critical && r->idp_url &&
             issuing_point_ok(value, r->idp_url))
      point++;
    else
      return "an extension is not one that a list has, or not the one asked for";
  }
  der_leave(&explicit, &list);
  der_leave(tbs, &explicit);
  return authority == 1 && number == 1 && point == (r->idp_url ? 1 : 0) ? NULL
                                                                        : "an extension is missing or there twice";
}

static const char *check(struct slice tbs, const struct crl_request *r) {
  struct der outer = der_of(tbs), d = der_enter(&outer, DER_SEQUENCE);
  if (der_uint(&d, 1) != 1)
    return "the version is not v2";
  if (!lint_algorithm_is(der_element(&d, DER_SEQUENCE), r->alg))
    return "the signature algorithm is not a listed encoding of the issuer's";
  if (!slice_eq(der_element(&d, DER_SEQUENCE), r->issuer_name))
    return "the issuer differs from the issuer's subject";
  int64_t this_update_s = der_time(&d), next_update_s = der_time(&d);
  if (d.failed || this_update_s != r->this_update_s || next_update_s != r->next_update_s)
    return "the times are not those asked for";
  if (next_update_s <= this_update_s || (r->lifetime_most_s > 0 && next_update_s - this_update_s > r->lifetime_most_s))
    return "the list holds for longer than it may";
  const char *fault = check_entries(&d, r);
  if (!fault)
    fault = check_extensions(&d, r);
  der_leave(&outer, &d);
  return fault || der_at_end(&outer) ? fault : "it is not a DER TBSCertList";
}

avow_err tbs_crl_lint(struct slice tbs, const struct crl_request *r, struct problem *why) {
  const char *fault = check(tbs, r);
  return fault ? problem_set(why, ERR_LINT, "the CRL to be signed breaks a rule: %s", fault) : AVOW_OK;
}
