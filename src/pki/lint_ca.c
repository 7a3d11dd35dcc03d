/* The lint of CA certificates: ca-rules 44 to 47, and of 1 to 34 what holds for every certificate. */
#include <stdlib.h>

#include "der/oid.h"
#include "pki/cert.h"
#include "pki/ext.h"
#include "pki/lint.h"

struct lint {
  const struct tbs *tbs;
  const struct ca_request *r;
};

static struct slice value_of(const struct lint *l, struct slice oid, bool critical) {
  const struct extension *x = tbs_extension(l->tbs, oid);
  return x && x->critical == critical ? x->value : SLICE_NONE;
}

/* TLS BR 7.1.2.1.1: 2,922 to 9,132 days for a root; it begins at most a day before it is signed. */
static const char *check_validity(const struct lint *l) {
  enum { DAY_S = 86400, ROOT_LEAST = 2922, ROOT_MOST = 9132 };
  int64_t lifetime = l->tbs->not_after_s - l->tbs->not_before_s + 1;
  if (l->tbs->not_before_s != l->r->not_before_s || l->tbs->not_after_s != l->r->not_after_s || lifetime < 2)
    return "the times are not those asked for";
  if (llabs(l->r->signing_s - l->tbs->not_before_s) > DAY_S)
    return "notBefore is more than a day from the signing";
  if (!l->r->root)
    return NULL;
  return lifetime >= (int64_t)ROOT_LEAST * DAY_S && lifetime <= (int64_t)ROOT_MOST * DAY_S
           ? NULL
           : "a root is valid for 2,922 to 9,132 days";
}

static const char *check_head(const struct lint *l) {
  struct slice s = l->tbs->serial;
  if (l->tbs->version != 2 || l->tbs->unique_ids)
    return "the version is not v3, or there is a unique identifier";
  if (s.n < 8 || s.n > SERIAL_MAX || s.p[0] >= 0x80 || !slice_eq(s, l->r->serial))
    return "the serial number is negative, too short, too long or another";
  return lint_algorithm_is(l->tbs->alg, l->r->alg) ? NULL
                                                   : "the signature algorithm is not a listed encoding of the issuer's";
}

/* TLS BR 7.1.2.10.2: one attribute an RDN, none twice, nothing but C, O and CN in this order; a public CA has all. */
static const char *check_subject(const struct lint *l) {
  const struct slice order[] = {OID_COUNTRY, OID_ORGANIZATION, OID_COMMON_NAME};
  enum { ATTRIBUTES = sizeof order / sizeof *order };
  struct der outer = der_of(l->tbs->subject), d = der_enter(&outer, DER_SEQUENCE);
  size_t at = 0, found = 0;
  while (der_more(&d)) {
    struct der rdn = der_enter(&d, DER_SET), pair = der_enter(&rdn, DER_SEQUENCE);
    struct slice type = der_oid(&pair);
    uint8_t tag;
    struct slice value = der_read_any(&pair, &tag);
    der_leave(&rdn, &pair);
    der_leave(&d, &rdn);
    while (at < ATTRIBUTES && !slice_eq(type, order[at]))
      at++;
    bool text = (tag == DER_UTF8_STRING && at > 0 && der_is_utf8(value)) ||
                (tag == DER_PRINTABLE_STRING && der_is_printable(value));
    if (d.failed || at++ == ATTRIBUTES || !text || value.n == 0 || value.n > 256)
      return "the subject has something else than C, O and CN, each once and in this order";
    found++;
  }
  der_leave(&outer, &d);
  if (!der_at_end(&outer) || at != ATTRIBUTES || (l->r->is_public && found != ATTRIBUTES))
    return "the subject lacks C, O or CN";
  return slice_eq(l->tbs->subject, l->r->subject_name) ? NULL : "the subject is not the one asked for";
}

static const char *check_issuer(const struct lint *l) {
  if (!slice_eq(l->tbs->issuer, l->r->issuer_name))
    return "the issuer differs from the issuer's subject";
  return slice_eq(l->tbs->issuer, l->tbs->subject) == l->r->root ? NULL : "only a root, and every root, is self-issued";
}

static const char *check_key(const struct lint *l) {
  return slice_eq(l->tbs->spki, public_key_spki(l->r->key)) && lint_key_ok(l->tbs->spki, public_key_type(l->r->key))
           ? NULL
           : "the key is another, or of no allowed kind, size or encoding";
}

static const char *check_constraints(const struct lint *l) {
  struct der outer = der_of(value_of(l, OID_BASIC_CONSTRAINTS, true)), d = der_enter(&outer, DER_SEQUENCE);
  bool ca = der_boolean(&d), path = der_more(&d);
  uint64_t length = path ? der_uint(&d, 255) : 0;
  der_leave(&outer, &d);
  if (!der_at_end(&outer) || !ca)
    return "the basic constraints are not critical and cA TRUE";
  return path == (l->r->path_length >= 0) && (!path || length == (uint64_t)l->r->path_length) && !(path && l->r->root)
           ? NULL
           : "the path length is not the one asked for, or a root has one";
}

static const char *check_usage(const struct lint *l) {
  struct der d = der_of(value_of(l, OID_KEY_USAGE, true));
  uint32_t bits = der_named_bits(&d);
  return der_at_end(&d) && bits == (KU_KEY_CERT_SIGN | KU_CRL_SIGN) ? NULL : "the key usage is wrong";
}

static const char *check_key_ids(const struct lint *l) {
  uint8_t id[20];
  if (!key_id_of_spki(l->tbs->spki, id) || !slice_eq(ski_read(value_of(l, OID_SUBJECT_KEY_ID, false)), SLICE_OF(id)))
    return "the subject key identifier is not the key's";
  if (l->r->root)
    return NULL;
  return l->r->issuer_key_id.n == sizeof id &&
             slice_eq(aki_read(value_of(l, OID_AUTHORITY_KEY_ID, false)), l->r->issuer_key_id)
           ? NULL
           : "the authority key identifier is not the issuer's";
}

/* TLS BR 7.1.2.10.6: serverAuth and nothing else; Chrome 1.3.2. */
static const char *check_purposes(const struct lint *l) {
  struct der outer = der_of(value_of(l, OID_EXTENDED_KEY_USAGE, false)), d = der_enter(&outer, DER_SEQUENCE);
  bool ok = slice_eq(der_oid(&d), OID_SERVER_AUTH);
  der_leave(&outer, &d);
  return l->r->root || (ok && der_at_end(&outer)) ? NULL : "the extended key usage is not serverAuth alone";
}

/* TLS BR 7.1.2.10.5: exactly one policy. */
static const char *check_policies(const struct lint *l) {
  if (l->r->root)
    return NULL;
  AUTO_BUF oid;
  buf_init(&oid, 256);
  if (l->r->policy_oid)
    der_put_oid_text(&oid, l->r->policy_oid);
  struct der outer = der_of(value_of(l, OID_CERTIFICATE_POLICIES, false)), d = der_enter(&outer, DER_SEQUENCE);
  struct der policy = der_enter(&d, DER_SEQUENCE);
  bool ok = l->r->policy_oid && !oid.failed && slice_eq(der_element(&policy, DER_OID), buf_slice(&oid));
  der_leave(&d, &policy);
  der_leave(&outer, &d);
  return ok && der_at_end(&outer) ? NULL : "the certificate policies are not the one asked for";
}

static const char *check_urls(const struct lint *l) {
  if (l->r->root)
    return NULL;
  if (!l->r->crl_url || !lint_crl_point_is(tbs_extension(l->tbs, OID_CRL_DISTRIBUTION_POINTS), l->r->crl_url))
    return "the CRL distribution point is wrong";
  struct der outer = der_of(value_of(l, OID_AUTHORITY_INFO_ACCESS, false)), d = der_enter(&outer, DER_SEQUENCE);
  struct der access = der_enter(&d, DER_SEQUENCE);
  bool ok = l->r->ca_url && slice_eq(der_oid(&access), OID_ACCESS_CA_ISSUERS) &&
            lint_url_is(der_read(&access, DER_CONTEXT(6)), l->r->ca_url);
  der_leave(&d, &access);
  der_leave(&outer, &d);
  return ok && der_at_end(&outer) ? NULL : "the authority information access is wrong";
}

/* Nothing that no rule above has looked at; in a root only what it must have (TLS BR 7.1.2.1.2). */
static const char *check_extensions(const struct lint *l) {
  enum { OF_ROOT = 3, OF_CA = 8 };
  return l->tbs->extensions_n == (l->r->root ? OF_ROOT : OF_CA) ? NULL : "there is an extension too much or too few";
}

static const struct {
  const char *rule;
  const char *(*check)(const struct lint *l);
} rules[] = {
  {"head", check_head},
  {"validity", check_validity},
  {"issuer", check_issuer},
  {"subject", check_subject},
  {"key", check_key},
  {"basic constraints", check_constraints},
  {"key usage", check_usage},
  {"key identifiers", check_key_ids},
  {"extended key usage", check_purposes},
  {"policies", check_policies},
  {"URLs", check_urls},
  {"extensions", check_extensions},
};

avow_err tbs_ca_lint(struct slice tbs, const struct ca_request *r, struct problem *why) {
  struct tbs fields;
  const char *fault = tbs_read(tbs, &fields);
  if (fault)
    return problem_set(why, ERR_LINT, "the CA certificate to be signed breaks a rule (encoding): %s", fault);
  struct lint l = {.tbs = &fields, .r = r};
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    fault = rules[i].check(&l);
    if (fault)
      return problem_set(why, ERR_LINT, "the CA certificate to be signed breaks a rule (%s): %s", rules[i].rule, fault);
  }
  return AVOW_OK;
}
