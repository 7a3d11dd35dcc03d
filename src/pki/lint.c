#include "pki/lint.h"

#include <stdlib.h>

#include "der/oid.h"
#include "pki/cert.h"
#include "pki/ext.h"
#include "pki/tbs.h"

/* What the rules look at. Each rule reads the bytes again, by the reader, and compares them with what was asked for:
   the writer is not trusted to have written what it meant. */
struct lint {
  const struct tbs *tbs;
  const struct leaf_request *r;
  struct arena *a;
  struct slice common_name;
};

static struct slice extension_value(const struct lint *l, struct slice oid) {
  const struct extension *x = tbs_extension(l->tbs, oid);
  return x ? x->value : SLICE_NONE;
}

static bool is_critical(const struct lint *l, struct slice oid) {
  const struct extension *x = tbs_extension(l->tbs, oid);
  return x && x->critical;
}

/* A profile that names a CA/Browser Forum policy is a public one, whatever the CA. */
static bool is_public(const struct leaf_request *r) {
  const struct profile *profile = r->profile;
  if (r->is_public)
    return true;
  for (size_t i = 0; i < profile->policy_oids_n; i++)
    if (slice_starts(slice_str(profile->policy_oids[i]), SLICE_LIT("2.23.140.")))
      return true;
  return false;
}

/* TLS BR 6.3.2: the last second counts, and a public certificate has at most 200 days. */
static const char *check_validity(const struct lint *l) {
  enum { PUBLIC_MAX_S = 200 * 86400, NOT_BEFORE_MOST_S = 48 * 3600 };
  int64_t lifetime = l->tbs->not_after_s - l->tbs->not_before_s + 1;
  if (l->tbs->not_before_s != l->r->not_before_s || l->tbs->not_after_s != l->r->not_after_s)
    return "the times are not those asked for";
  if (lifetime < 2 || lifetime > l->r->profile->lifetime_s)
    return "the lifetime is not within the profile's";
  if (is_public(l->r) && lifetime > PUBLIC_MAX_S)
    return "the lifetime is over 200 days";
  /* TLS BR 7.1.2.7. */
  return llabs(l->tbs->not_before_s - l->r->signing_s) > NOT_BEFORE_MOST_S
           ? "notBefore is more than 48 hours from the signing"
           : NULL;
}

static const char *check_version(const struct lint *l) {
  if (l->tbs->version != 2)
    return "the version is not v3";
  return l->tbs->unique_ids ? "there is a unique identifier" : NULL;
}

/* TLS BR 7.1.2.7: at least 64 random bits, so at least eight octets; RFC 5280, 4.1.2.2: at most 20. */
static const char *check_serial(const struct lint *l) {
  struct slice s = l->tbs->serial;
  if (s.n < 8 || s.n > SERIAL_MAX || s.p[0] >= 0x80)
    return "the serial number is negative, too short or too long";
  return slice_eq(s, l->r->serial) ? NULL : "the serial number is not the one asked for";
}

static const char *check_issuer(const struct lint *l) {
  return slice_eq(l->tbs->issuer, l->r->issuer_name) ? NULL : "the issuer differs from the issuer's subject";
}

static const char *check_algorithm(const struct lint *l) {
  return lint_algorithm_is(l->tbs->alg, l->r->alg) ? NULL
                                                   : "the signature algorithm is not a listed encoding of the issuer's";
}

static const char *check_key(const struct lint *l) {
  if (!slice_eq(l->tbs->spki, l->r->spki))
    return "the key is not the one asked for";
  return lint_key_ok(l->tbs->spki, l->r->key_type) ? NULL : "the key is of no allowed kind, size or encoding";
}

/* One GeneralName of the SAN: of an allowed type, canonical, no wildcard of a public suffix, and the name asked for. */
static const char *check_name(const struct lint *l, uint8_t tag, struct slice content, const struct name *expect) {
  struct name name;
  bool dns = tag == DER_CONTEXT(2);
  if (!dns && tag != DER_CONTEXT(7))
    return "a subject alternative name is neither a DNS name nor an address";
  avow_err err = dns ? name_parse_dns(content, l->a, &name, NULL) : name_from_ip(content.p, content.n, l->a, &name);
  if (err)
    return "a subject alternative name is malformed";
  if (dns && !slice_eq(slice_skip(content, name.wildcard ? 2 : 0), name.text))
    return "a DNS name is not in lower case";
  if (name.wildcard && name_is_public_suffix(name.text))
    return "a wildcard stands directly above a public suffix";
  /* Public: no internal name, no reverse zone, no .onion (TLS BR 4.2.2, appendix B). Addresses are the validator's. */
  if (dns && l->r->is_public && name_check(&name, &(struct name_policy){0}, NULL) != AVOW_OK)
    return "a DNS name is not one of the public DNS";
  return name_eq(&name, expect) ? NULL : "a subject alternative name is not the one asked for";
}

static const char *check_names(const struct lint *l) {
  struct der outer = der_of(extension_value(l, OID_SUBJECT_ALT_NAME)), san = der_enter(&outer, DER_SEQUENCE);
  bool alone = l->common_name.n == 0; /* then it is critical (RFC 5280, 4.1.2.6) */
  size_t n = 0;
  for (; der_more(&san); n++) {
    uint8_t tag;
    struct slice content = der_read_any(&san, &tag);
    if (san.failed || n == l->r->names_n)
      break;
    const char *fault = check_name(l, tag, content, &l->r->names[n]);
    if (fault)
      return fault;
    for (size_t i = 0; i < n; i++)
      if (name_eq(&l->r->names[i], &l->r->names[n]))
        return "a name is there twice";
  }
  der_leave(&outer, &san);
  if (!der_at_end(&outer) || n == 0 || n != l->r->names_n)
    return "the subject alternative names are not those asked for";
  return is_critical(l, OID_SUBJECT_ALT_NAME) == alone
           ? NULL
           : "the subject alternative names must be critical if, and only if, the subject is empty";
}

/* TLS BR 7.1.2.7.2 and 7.1.4.3: at most a common name, which is one of the SANs character for character. */
static const char *check_subject(const struct lint *l) {
  if (!slice_eq(l->common_name, l->r->common_name))
    return "the common name is not the one asked for";
  if (l->common_name.n == 0)
    return NULL;
  if (l->common_name.n > 64)
    return "the common name is longer than 64 characters";
  for (size_t i = 0; i < l->r->names_n; i++) {
    const struct name *name = &l->r->names[i];
    struct slice rest = slice_skip(l->common_name, name->wildcard ? 2 : 0);
    if (slice_eq(rest, name->text) && slice_starts(l->common_name, SLICE_LIT("*.")) == name->wildcard)
      return NULL;
  }
  return "the common name is not among the subject alternative names";
}

static const char *check_key_usage(const struct lint *l) {
  uint32_t expect = KU_DIGITAL_SIGNATURE;
  if (l->r->key_type == KEY_RSA && l->r->profile->key_encipherment)
    expect |= KU_KEY_ENCIPHERMENT;
  struct der d = der_of(extension_value(l, OID_KEY_USAGE));
  uint32_t bits = der_named_bits(&d);
  return der_at_end(&d) && bits == expect && is_critical(l, OID_KEY_USAGE) ? NULL : "the key usage is wrong";
}

static const char *check_extended_key_usage(const struct lint *l) {
  struct der outer = der_of(extension_value(l, OID_EXTENDED_KEY_USAGE)), d = der_enter(&outer, DER_SEQUENCE);
  bool ok = slice_eq(der_oid(&d), OID_SERVER_AUTH);
  if (l->r->profile->client_auth)
    ok = ok && slice_eq(der_oid(&d), OID_CLIENT_AUTH);
  der_leave(&outer, &d);
  return ok && der_at_end(&outer) && !is_critical(l, OID_EXTENDED_KEY_USAGE) ? NULL : "the extended key usage is wrong";
}

static const char *check_basic_constraints(const struct lint *l) {
  return slice_eq(extension_value(l, OID_BASIC_CONSTRAINTS), SLICE_LIT("\x30\x00")) &&
             is_critical(l, OID_BASIC_CONSTRAINTS)
           ? NULL
           : "the basic constraints are not critical and cA FALSE";
}

static const char *check_policies(const struct lint *l) {
  const struct profile *profile = l->r->profile;
  const struct extension *x = tbs_extension(l->tbs, OID_CERTIFICATE_POLICIES);
  if (profile->policy_oids_n == 0 && l->r->is_public)
    return "there is no certificate policy";
  if (profile->policy_oids_n == 0)
    return x ? "there are certificate policies" : NULL;
  struct der outer = der_of(extension_value(l, OID_CERTIFICATE_POLICIES)), d = der_enter(&outer, DER_SEQUENCE);
  for (size_t i = 0; i < profile->policy_oids_n; i++) {
    AUTO_BUF oid;
    buf_init(&oid, 256);
    der_put_oid_text(&oid, profile->policy_oids[i]);
    struct der policy = der_enter(&d, DER_SEQUENCE);
    if (oid.failed || !slice_eq(der_element(&policy, DER_OID), buf_slice(&oid)))
      return "a certificate policy is not the profile's";
    der_leave(&d, &policy);
  }
  der_leave(&outer, &d);
  return der_at_end(&outer) && !x->critical ? NULL : "the certificate policies are not the profile's";
}

/* One AccessDescription with this method and URL, when `url` is wanted. */
static bool access_ok(struct der *list, struct slice method, const char *url) {
  if (!url)
    return true;
  struct der access = der_enter(list, DER_SEQUENCE);
  bool ok = slice_eq(der_oid(&access), method) && lint_url_is(der_read(&access, DER_CONTEXT(6)), url);
  der_leave(list, &access);
  return ok;
}

static const char *check_authority_info(const struct lint *l) {
  struct der outer = der_of(extension_value(l, OID_AUTHORITY_INFO_ACCESS)), d = der_enter(&outer, DER_SEQUENCE);
  bool ok = access_ok(&d, OID_ACCESS_OCSP, l->r->profile->ocsp ? l->r->ocsp_url : NULL) &&
            access_ok(&d, OID_ACCESS_CA_ISSUERS, l->r->ca_url);
  der_leave(&outer, &d);
  return ok && der_at_end(&outer) && !is_critical(l, OID_AUTHORITY_INFO_ACCESS)
           ? NULL
           : "the authority information access is wrong";
}

static const char *check_authority_key(const struct lint *l) {
  return slice_eq(aki_read(extension_value(l, OID_AUTHORITY_KEY_ID)), l->r->issuer_key_id) &&
             l->r->issuer_key_id.n == 20 && !is_critical(l, OID_AUTHORITY_KEY_ID)
           ? NULL
           : "the authority key identifier is not the issuer's";
}

static const char *check_subject_key(const struct lint *l) {
  uint8_t id[20];
  const struct extension *x = tbs_extension(l->tbs, OID_SUBJECT_KEY_ID);
  if (!l->r->profile->subject_key_id)
    return x ? "there is a subject key identifier" : NULL;
  return x && !x->critical && key_id_of_spki(l->tbs->spki, id) && slice_eq(ski_read(x->value), SLICE_OF(id))
           ? NULL
           : "the subject key identifier is not the key's";
}

/* TLS BR 7.1.2.11.2: a distribution point unless the certificate is short-lived or has an OCSP responder; one point,
   one fullName, one http URL. */
static const char *check_crl_point(const struct lint *l) {
  enum { SHORT_LIVED_S = 604800 };
  const struct profile *profile = l->r->profile;
  const struct extension *x = tbs_extension(l->tbs, OID_CRL_DISTRIBUTION_POINTS);
  bool wanted = profile->crl && l->r->crl_url;
  bool has_ocsp = profile->ocsp && l->r->ocsp_url;
  if (!wanted && !has_ocsp && l->tbs->not_after_s - l->tbs->not_before_s + 1 > SHORT_LIVED_S)
    return "there is neither a CRL nor an OCSP URL";
  if (!wanted)
    return x ? "there is a CRL distribution point" : NULL;
  return lint_crl_point_is(x, l->r->crl_url) ? NULL : "the CRL distribution point is wrong";
}

/* TLS BR 7.1.2.7.6: nothing that no rule above has looked at. */
static const char *check_extensions(const struct lint *l) {
  const struct slice known[] = {OID_SUBJECT_ALT_NAME,       OID_KEY_USAGE,
                                OID_EXTENDED_KEY_USAGE,     OID_BASIC_CONSTRAINTS,
                                OID_CERTIFICATE_POLICIES,   OID_AUTHORITY_INFO_ACCESS,
                                OID_AUTHORITY_KEY_ID,       OID_SUBJECT_KEY_ID,
                                OID_CRL_DISTRIBUTION_POINTS};
  for (size_t i = 0; i < l->tbs->extensions_n; i++) {
    bool found = false;
    for (size_t k = 0; !found && k < sizeof known / sizeof *known; k++)
      found = slice_eq(l->tbs->extensions[i].oid, known[k]);
    if (!found)
      return "there is an extension that no profile has";
  }
  return NULL;
}

/* The rules and how a refusal names them. */
static const struct {
  const char *rule;
  const char *(*check)(const struct lint *l);
} rules[] = {
  {"validity", check_validity},
  {"version", check_version},
  {"serial", check_serial},
  {"issuer", check_issuer},
  {"algorithm", check_algorithm},
  {"key", check_key},
  {"subject", check_subject},
  {"names", check_names},
  {"extended key usage", check_extended_key_usage},
  {"key usage", check_key_usage},
  {"basic constraints", check_basic_constraints},
  {"policies", check_policies},
  {"authority information", check_authority_info},
  {"authority key", check_authority_key},
  {"CRL point", check_crl_point},
  {"subject key", check_subject_key},
  {"extensions", check_extensions},
};

avow_err tbs_lint(struct slice tbs, const struct leaf_request *r, struct problem *why) {
  struct tbs fields;
  AUTO_ARENA arena;
  bool others;
  arena_init(&arena, CERT_MAX);
  struct lint l = {.tbs = &fields, .r = r, .a = &arena};
  const char *fault = tbs.n > CERT_MAX ? "it is too long" : tbs_read(tbs, &fields);
  if (!fault && (!dn_common_name(fields.subject, &l.common_name, &others) || others))
    fault = "the subject has more than one common name";
  if (fault)
    return problem_set(why, ERR_LINT, "the certificate to be signed breaks a rule (encoding): %s", fault);
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    fault = rules[i].check(&l);
    if (fault)
      return problem_set(why, ERR_LINT, "the certificate to be signed breaks a rule (%s): %s", rules[i].rule, fault);
  }
  return AVOW_OK;
}
