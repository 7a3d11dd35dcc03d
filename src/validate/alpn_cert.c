#include "validate/alpn_cert.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static avow_err refuse(struct problem *why, const char *reason) {
  return problem_set(why, ERR_UNAUTHORIZED, "The tls-alpn-01 certificate %s", reason);
}

static struct slice string_of(const ASN1_STRING *s) {
  return slice_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static void names_free(GENERAL_NAMES **names) {
  GENERAL_NAMES_free(*names);
}

static bool names_only(const GENERAL_NAMES *names, const struct name *name) {
  if (sk_GENERAL_NAME_num(names) != 1)
    return false;
  const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, 0);
  if (name->type == NAME_IP)
    return g->type == GEN_IPADD && slice_eq(string_of(g->d.iPAddress), slice_of(name->ip, name->ip_n));
  return g->type == GEN_DNS && slice_eq_nocase(string_of(g->d.dNSName), name->text);
}

/* The only extension of that type; NULL when there is none or more than one. */
static X509_EXTENSION *only_extension(X509 *cert, const char *oid) {
  ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
  int at = X509_get_ext_by_OBJ(cert, object, -1);
  int again = at < 0 ? -1 : X509_get_ext_by_OBJ(cert, object, at);
  ASN1_OBJECT_free(object);
  return at >= 0 && again < 0 ? X509_get_ext(cert, at) : NULL;
}

static avow_err check_identifier(X509 *cert, const uint8_t digest[32], struct problem *why) {
  X509_EXTENSION *e = only_extension(cert, "1.3.6.1.5.5.7.1.31");
  if (!e)
    return refuse(why, "does not have exactly one acmeIdentifier extension");
  if (!X509_EXTENSION_get_critical(e))
    return refuse(why, "has an acmeIdentifier extension that is not critical");
  uint8_t want[34] = {V_ASN1_OCTET_STRING, 32};
  memcpy(want + 2, digest, 32);
  struct slice value = string_of(X509_EXTENSION_get_data(e));
  if (value.n != sizeof want || memcmp(value.p, want, 2) != 0)
    return refuse(why, "has an acmeIdentifier that is not an OCTET STRING of 32 bytes");
  if (!slice_eq(value, SLICE_OF(want)))
    return problem_set(why, ERR_INCORRECT_RESPONSE,
                       "The tls-alpn-01 certificate has the digest of another key authorization");
  return AVOW_OK;
}

static bool is_self_signed(X509 *cert) {
  EVP_PKEY *key = X509_get0_pubkey(cert);
  return key && X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0 &&
         X509_verify(cert, key) == 1;
}

static avow_err check(X509 *cert, const struct name *name, const uint8_t digest[32], struct problem *why) {
  X509_EXTENSION *e = only_extension(cert, "2.5.29.17");
  if (!e)
    return refuse(why, "does not have exactly one subjectAltName extension");
  __attribute__((cleanup(names_free))) GENERAL_NAMES *names = X509V3_EXT_d2i(e);
  if (!names || !names_only(names, name))
    return refuse(why, "must name the identifier and nothing else in its subjectAltName");
  avow_err err = check_identifier(cert, digest, why);
  if (err == AVOW_OK && !is_self_signed(cert))
    err = refuse(why, "is not self-signed");
  return err;
}

avow_err alpn_cert_check(X509 *cert, const struct name *name, const uint8_t digest[32], struct problem *why) {
  avow_err err = check(cert, name, digest, why);
  ERR_clear_error();
  return err;
}
