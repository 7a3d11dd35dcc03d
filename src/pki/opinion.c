#include "pki/opinion.h"

#include <openssl/err.h>

avow_err opinion_refuse(struct problem *why, const char *what, const char *reason) {
  ERR_clear_error(); /* this thread's queue; the reason has been named */
  return problem_set(why, ERR_LINT, "the second opinion on the %s: %s", what, reason);
}

void opinion_bytes_cleanup(unsigned char **p) {
  OPENSSL_free(*p);
}

struct slice opinion_slice(const ASN1_STRING *s) {
  return slice_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

const char *opinion_check_signed(struct slice again, const X509_ALGOR *alg, const ASN1_BIT_STRING *signature,
                                 const struct public_key *issuer, struct slice tbs, enum signature_alg expect) {
  AUTO_BYTES identifier = NULL;
  int n = i2d_X509_ALGOR(alg, &identifier);
  if (!slice_eq(again, tbs))
    return "OpenSSL encodes it differently";
  if (n <= 0 || signature_alg_from_identifier(slice_of(identifier, (size_t)n)) != expect)
    return "OpenSSL reads another signature algorithm";
  if (public_key_verify(issuer, expect, SIGNATURE_DER, again, opinion_slice(signature)) != AVOW_OK)
    return "its signature is wrong";
  return NULL;
}
