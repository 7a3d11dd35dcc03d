/* OpenSSL's view of a certificate, through its ASN.1 templates and not its X509 object: that one decodes the subject's
   key by the provider machinery at every parse (most of 243 us), and the key is known already: OpenSSL took it apart
   when the CSR was verified, and the lint compared its bytes. */
#include <openssl/asn1t.h>
#include <openssl/x509v3.h>

#include <time.h>

#include "pki/cert.h"
#include "pki/opinion.h"

typedef struct {
  X509_ALGOR *alg;
  ASN1_BIT_STRING *bits;
} OPINION_KEY;

typedef struct {
  ASN1_INTEGER *version, *serial;
  X509_ALGOR *alg;
  X509_NAME *issuer, *subject;
  X509_VAL *validity;
  OPINION_KEY *key;
  STACK_OF(X509_EXTENSION) * extensions;
} OPINION_TBS;

typedef struct {
  OPINION_TBS *tbs;
  X509_ALGOR *alg;
  ASN1_BIT_STRING *signature;
} OPINION_CERT;

DECLARE_ASN1_ITEM(OPINION_KEY)
DECLARE_ASN1_ITEM(OPINION_TBS)
DECLARE_ASN1_ITEM(OPINION_CERT)

/* clang-format off */
ASN1_SEQUENCE(OPINION_KEY) = {
  ASN1_SIMPLE(OPINION_KEY, alg, X509_ALGOR),
  ASN1_SIMPLE(OPINION_KEY, bits, ASN1_BIT_STRING),
} ASN1_SEQUENCE_END(OPINION_KEY)

ASN1_SEQUENCE(OPINION_TBS) = {
  ASN1_EXP(OPINION_TBS, version, ASN1_INTEGER, 0),
  ASN1_SIMPLE(OPINION_TBS, serial, ASN1_INTEGER),
  ASN1_SIMPLE(OPINION_TBS, alg, X509_ALGOR),
  ASN1_SIMPLE(OPINION_TBS, issuer, X509_NAME),
  ASN1_SIMPLE(OPINION_TBS, validity, X509_VAL),
  ASN1_SIMPLE(OPINION_TBS, subject, X509_NAME),
  ASN1_SIMPLE(OPINION_TBS, key, OPINION_KEY),
  ASN1_EXP_SEQUENCE_OF(OPINION_TBS, extensions, X509_EXTENSION, 3),
} ASN1_SEQUENCE_END(OPINION_TBS)

ASN1_SEQUENCE(OPINION_CERT) = {
  ASN1_SIMPLE(OPINION_CERT, tbs, OPINION_TBS),
  ASN1_SIMPLE(OPINION_CERT, alg, X509_ALGOR),
  ASN1_SIMPLE(OPINION_CERT, signature, ASN1_BIT_STRING),
} ASN1_SEQUENCE_END(OPINION_CERT)
  /* clang-format on */

  static void cert_cleanup(OPINION_CERT * *x) {
  ASN1_item_free((ASN1_VALUE *)*x, ASN1_ITEM_rptr(OPINION_CERT));
}

#define AUTO_OPINION __attribute__((cleanup(cert_cleanup))) OPINION_CERT *

static bool same_time(const ASN1_TIME *t, int64_t seconds) {
  struct tm tm;
  return ASN1_TIME_to_tm(t, &tm) == 1 && timegm(&tm) == seconds;
}

/* OpenSSL keeps the magnitude; ours are INTEGER content octets of a positive number. */
static bool same_serial(const ASN1_INTEGER *serial, struct slice expect) {
  if (expect.n > 1 && expect.p[0] == 0)
    expect = slice_skip(expect, 1);
  return ASN1_STRING_type(serial) == V_ASN1_INTEGER && slice_eq(opinion_slice(serial), expect);
}

static bool same_name(const GENERAL_NAME *name, const struct name *expect) {
  if (expect->type == NAME_IP)
    return name->type == GEN_IPADD && slice_eq(opinion_slice(name->d.iPAddress), slice_of(expect->ip, expect->ip_n));
  if (name->type != GEN_DNS)
    return false;
  struct slice text = opinion_slice(name->d.dNSName);
  if (expect->wildcard && !slice_starts(text, SLICE_LIT("*.")))
    return false;
  return slice_eq(expect->wildcard ? slice_skip(text, 2) : text, expect->text);
}

static bool same_names(const GENERAL_NAMES *names, const struct cert *expect) {
  bool ok = (size_t)(names ? sk_GENERAL_NAME_num(names) : 0) == expect->names_n;
  for (size_t i = 0; ok && i < expect->names_n; i++)
    ok = same_name(sk_GENERAL_NAME_value(names, (int)i), &expect->names[i]);
  return ok;
}

/* OpenSSL knows each extension and can read its value; none is there twice. */
static const char *check_extensions(const STACK_OF(X509_EXTENSION) * extensions, const struct cert *expect) {
  for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++) {
    X509_EXTENSION *x = sk_X509_EXTENSION_value(extensions, i);
    const X509V3_EXT_METHOD *method = X509V3_EXT_get(x);
    void *value = method && method->it ? X509V3_EXT_d2i(x) : NULL;
    if (!value)
      return "OpenSSL finds an unknown or malformed extension";
    ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
  }
  int names_state = 0, bc_state = 0; /* -1: absent, -2: twice */
  GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, &names_state, NULL);
  BASIC_CONSTRAINTS *bc = X509V3_get_d2i(extensions, NID_basic_constraints, &bc_state, NULL);
  const char *fault = NULL;
  if (names_state == -2 || !same_names(names, expect))
    fault = "OpenSSL reads other names";
  else if (bc_state == -2 || (bc && bc->ca != 0) != expect->is_ca)
    fault = "OpenSSL disagrees on whether this is a CA";
  GENERAL_NAMES_free(names);
  BASIC_CONSTRAINTS_free(bc);
  return fault;
}

static const char *check_fields(const OPINION_TBS *tbs, const X509_ALGOR *outer, const struct cert *expect) {
  if (ASN1_INTEGER_get(tbs->version) != X509_VERSION_3 || !same_serial(tbs->serial, expect->serial))
    return "OpenSSL reads another version or serial number";
  if (X509_ALGOR_cmp(tbs->alg, outer) != 0)
    return "OpenSSL reads two different signature algorithms";
  if (!same_time(tbs->validity->notBefore, expect->not_before_s) ||
      !same_time(tbs->validity->notAfter, expect->not_after_s))
    return "OpenSSL reads other times";
  return check_extensions(tbs->extensions, expect);
}

avow_err cert_second_opinion(struct slice der, const struct public_key *issuer, const struct cert *expect,
                             struct problem *why) {
  const unsigned char *p = der.p;
  AUTO_OPINION x = NULL;
  if (der.n <= CERT_MAX)
    x = (OPINION_CERT *)ASN1_item_d2i(NULL, &p, (long)der.n, ASN1_ITEM_rptr(OPINION_CERT));
  if (!x || p != der.p + der.n)
    return opinion_refuse(why, "certificate", "OpenSSL cannot read it");
  AUTO_BYTES again = NULL;
  int n = ASN1_item_i2d((const ASN1_VALUE *)x->tbs, &again, ASN1_ITEM_rptr(OPINION_TBS));
  const char *fault =
    n <= 0 ? "OpenSSL cannot encode it"
           : opinion_check_signed(slice_of(again, (size_t)n), x->alg, x->signature, issuer, expect->tbs, expect->alg);
  if (!fault)
    fault = check_fields(x->tbs, x->alg, expect);
  return fault ? opinion_refuse(why, "certificate", fault) : AVOW_OK;
}
