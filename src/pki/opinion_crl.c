#include <openssl/x509v3.h>

#include "der/der.h"
#include "pki/crl.h"
#include "pki/opinion.h"

static void crl_cleanup(X509_CRL **x) {
  X509_CRL_free(*x);
}

#define AUTO_X509_CRL __attribute__((cleanup(crl_cleanup))) X509_CRL *

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
static const char *check_fields(X509_CRL *x) {
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
    return opinion_refuse(why, "CRL", "it is not DER");
  AUTO_X509_CRL x = der.n <= INT32_MAX ? d2i_X509_CRL(NULL, &p, (long)der.n) : NULL;
  if (!x || p != der.p + der.n)
    return opinion_refuse(why, "CRL", "OpenSSL cannot read it");
  const X509_ALGOR *alg;
  const ASN1_BIT_STRING *signature;
  X509_CRL_get0_signature(x, &signature, &alg);
  AUTO_BYTES again = NULL;
  int n = i2d_re_X509_CRL_tbs(x, &again);
  const char *fault = n <= 0 ? "OpenSSL cannot encode it"
                             : opinion_check_signed(slice_of(again, (size_t)n), alg, signature, issuer, tbs, expect);
  if (!fault)
    fault = check_fields(x);
  return fault ? opinion_refuse(why, "CRL", fault) : AVOW_OK;
}
