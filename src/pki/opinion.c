#include <openssl/x509v3.h>

#include <time.h>

#include "der/der.h"
#include "pki/cert.h"
#include "pki/crl.h"

/* OpenSSL's objects are slow (243 us a parse), so each document is parsed once and everything is asked of that object.
 */

static avow_err refuse(struct problem *why, const char *what, const char *reason) {
  return problem_set(why, ERR_LINT, "the second opinion on the %s: %s", what, reason);
}

static void x509_cleanup(X509 **x) {
  X509_free(*x);
}

static void crl_cleanup(X509_CRL **x) {
  X509_CRL_free(*x);
}

static void bytes_cleanup(unsigned char **p) {
  OPENSSL_free(*p);
}

#define AUTO_X509 __attribute__((cleanup(x509_cleanup))) X509 *
#define AUTO_X509_CRL __attribute__((cleanup(crl_cleanup))) X509_CRL *
#define AUTO_BYTES __attribute__((cleanup(bytes_cleanup))) unsigned char *

static struct slice asn1_slice(const ASN1_STRING *s) {
  return slice_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static bool same_time(const ASN1_TIME *t, int64_t seconds) {
  struct tm tm;
  return ASN1_TIME_to_tm(t, &tm) == 1 && timegm(&tm) == seconds;
}

/* OpenSSL keeps the magnitude; ours are INTEGER content octets of a positive number. */
static bool same_serial(const ASN1_INTEGER *serial, struct slice expect) {
  if (expect.n > 1 && expect.p[0] == 0)
    expect = slice_skip(expect, 1);
  return ASN1_STRING_type(serial) == V_ASN1_INTEGER && slice_eq(asn1_slice(serial), expect);
}

static bool same_name(const GENERAL_NAME *name, const struct name *expect) {
  if (expect->type == NAME_IP)
    return name->type == GEN_IPADD && slice_eq(asn1_slice(name->d.iPAddress), slice_of(expect->ip, expect->ip_n));
  if (name->type != GEN_DNS)
    return false;
  struct slice text = asn1_slice(name->d.dNSName);
  if (expect->wildcard && !slice_starts(text, SLICE_LIT("*.")))
    return false;
  return slice_eq(expect->wildcard ? slice_skip(text, 2) : text, expect->text);
}

static bool same_names(X509 *x, const struct cert *expect) {
  GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
  bool ok = (size_t)(names ? sk_GENERAL_NAME_num(names) : 0) == expect->names_n;
  for (size_t i = 0; ok && i < expect->names_n; i++)
    ok = same_name(sk_GENERAL_NAME_value(names, (int)i), &expect->names[i]);
  GENERAL_NAMES_free(names);
  return ok;
}

/* The bytes that OpenSSL would sign, encoded anew from what it understood, and the signature it found over them. */
static const char *check_signed(struct slice again, const X509_ALGOR *alg, const ASN1_BIT_STRING *signature,
                                const struct public_key *issuer, struct slice tbs, enum signature_alg expect) {
  AUTO_BYTES identifier = NULL;
  int n = i2d_X509_ALGOR(alg, &identifier);
  if (!slice_eq(again, tbs))
    return "OpenSSL encodes it differently";
  if (n <= 0 || signature_alg_from_identifier(slice_of(identifier, (size_t)n)) != expect)
    return "OpenSSL reads another signature algorithm";
  if (public_key_verify(issuer, expect, SIGNATURE_DER, again, asn1_slice(signature)) != AVOW_OK)
    return "its signature is wrong";
  return NULL;
}

static const char *check_fields(X509 *x, const struct cert *expect) {
  if (X509_get_version(x) != X509_VERSION_3 || !same_serial(X509_get0_serialNumber(x), expect->serial))
    return "OpenSSL reads another version or serial number";
  if (!same_time(X509_get0_notBefore(x), expect->not_before_s) ||
      !same_time(X509_get0_notAfter(x), expect->not_after_s))
    return "OpenSSL reads other times";
  if (!same_names(x, expect))
    return "OpenSSL reads other names";
  uint32_t flags = X509_get_extension_flags(x);
  if (flags & (EXFLAG_INVALID | EXFLAG_INVALID_POLICY | EXFLAG_CRITICAL))
    return "OpenSSL finds an invalid or unknown critical extension";
  return ((flags & EXFLAG_CA) != 0) == expect->is_ca ? NULL : "OpenSSL disagrees on whether this is a CA";
}

avow_err cert_second_opinion(struct slice der, const struct public_key *issuer, const struct cert *expect,
                             struct problem *why) {
  const unsigned char *p = der.p;
  AUTO_X509 x = der.n <= CERT_MAX ? d2i_X509(NULL, &p, (long)der.n) : NULL;
  if (!x || p != der.p + der.n)
    return refuse(why, "certificate", "OpenSSL cannot read it");
  const X509_ALGOR *alg;
  const ASN1_BIT_STRING *signature;
  X509_get0_signature(&signature, &alg, x);
  AUTO_BYTES again = NULL;
  int n = i2d_re_X509_tbs(x, &again);
  const char *fault = n <= 0
                        ? "OpenSSL cannot encode it"
                        : check_signed(slice_of(again, (size_t)n), alg, signature, issuer, expect->tbs, expect->alg);
  if (!fault)
    fault = check_fields(x, expect);
  return fault ? refuse(why, "certificate", fault) : AVOW_OK;
}

/* The TBSCertList element and the algorithm of a CertificateList, by our own reader. */
static bool crl_parts(struct slice der, struct slice *tbs, enum signature_alg *alg) {
  struct der outer = der_of(der), d = der_enter(&outer, DER_SEQUENCE);
  *tbs = der_element(&d, DER_SEQUENCE);
  *alg = signature_alg_from_identifier(der_element(&d, DER_SEQUENCE));
  der_bit_string(&d);
  der_leave(&outer, &d);
  return der_at_end(&outer) && *alg != SIG_NONE;
}

/* Both extensions that every CRL has (RFC 5280, 5.2.1 and 5.2.3), and times in order. */
static const char *check_crl_fields(X509_CRL *x) {
  AUTHORITY_KEYID *aki = X509_CRL_get_ext_d2i(x, NID_authority_key_identifier, NULL, NULL);
  ASN1_INTEGER *number = X509_CRL_get_ext_d2i(x, NID_crl_number, NULL, NULL);
  bool ok = aki && aki->keyid && number && X509_CRL_get_version(x) == X509_CRL_VERSION_2;
  AUTHORITY_KEYID_free(aki);
  ASN1_INTEGER_free(number);
  const ASN1_TIME *this_update = X509_CRL_get0_lastUpdate(x), *next_update = X509_CRL_get0_nextUpdate(x);
  if (!ok || !next_update || ASN1_TIME_compare(this_update, next_update) >= 0)
    return "OpenSSL misses its number, key identifier or times";
  return NULL;
}

avow_err crl_second_opinion(struct slice der, const struct public_key *issuer, struct problem *why) {
  struct slice tbs;
  enum signature_alg expect;
  const unsigned char *p = der.p;
  if (!crl_parts(der, &tbs, &expect))
    return refuse(why, "CRL", "it is not DER");
  AUTO_X509_CRL x = der.n <= INT32_MAX ? d2i_X509_CRL(NULL, &p, (long)der.n) : NULL;
  if (!x || p != der.p + der.n)
    return refuse(why, "CRL", "OpenSSL cannot read it");
  const X509_ALGOR *alg;
  const ASN1_BIT_STRING *signature;
  X509_CRL_get0_signature(x, &signature, &alg);
  AUTO_BYTES again = NULL;
  int n = i2d_re_X509_CRL_tbs(x, &again);
  const char *fault =
    n <= 0 ? "OpenSSL cannot encode it" : check_signed(slice_of(again, (size_t)n), alg, signature, issuer, tbs, expect);
  if (!fault)
    fault = check_crl_fields(x);
  return fault ? refuse(why, "CRL", fault) : AVOW_OK;
}
