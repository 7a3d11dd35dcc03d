#include "der/oid.h"
#include "pki/cert.h"
#include "pki/tbs.h"

static const char no_memory[] = "out of memory";

static avow_err refuse(struct problem *why, const char *reason) {
  if (reason == no_memory)
    return problem_set(why, ERR_NO_MEMORY, "%s", reason);
  return problem_set(why, ERR_MALFORMED, "the certificate is malformed: %s", reason);
}

/* DNS names and addresses of the SAN; others, which a foreign certificate may have, are passed over. */
static const char *read_names(struct slice value, struct arena *a, struct cert *out) {
  struct der count = der_of(value), list = der_enter(&count, DER_SEQUENCE), san = list;
  uint8_t tag;
  size_t n = 0;
  for (; der_more(&list); n++)
    der_read_any(&list, &tag);
  der_leave(&count, &list);
  if (!der_at_end(&count) || n == 0)
    return "its subject alternative names are not DER";
  out->names = arena_array(a, n, sizeof *out->names);
  if (!out->names)
    return no_memory;
  while (der_more(&san)) {
    struct slice content = der_read_any(&san, &tag);
    struct name *name = &out->names[out->names_n];
    if (tag != DER_CONTEXT(2) && tag != DER_CONTEXT(7))
      continue;
    avow_err err =
      tag == DER_CONTEXT(2) ? name_parse_dns(content, a, name, NULL) : name_from_ip(content.p, content.n, a, name);
    if (err)
      return err == ERR_NO_MEMORY ? no_memory : "a subject alternative name is malformed";
    out->names_n++;
  }
  return NULL;
}

/* BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL } */
static const char *read_basic_constraints(struct slice value, struct cert *out) {
  struct der outer = der_of(value), bc = der_enter(&outer, DER_SEQUENCE);
  if (der_peek(&bc) == DER_BOOLEAN) {
    out->is_ca = der_boolean(&bc);
    if (!out->is_ca)
      der_fail(&bc);
  }
  if (out->is_ca && der_more(&bc))
    der_uint(&bc, 255);
  der_leave(&outer, &bc);
  return der_at_end(&outer) ? NULL : "its basic constraints are malformed";
}

static const char *read_extensions(const struct tbs *tbs, struct arena *a, struct cert *out) {
  const struct extension *san = tbs_extension(tbs, OID_SUBJECT_ALT_NAME);
  const struct extension *bc = tbs_extension(tbs, OID_BASIC_CONSTRAINTS);
  const struct extension *ski = tbs_extension(tbs, OID_SUBJECT_KEY_ID);
  const struct extension *aki = tbs_extension(tbs, OID_AUTHORITY_KEY_ID);
  const char *fault = san ? read_names(san->value, a, out) : NULL;
  if (!fault && bc)
    fault = read_basic_constraints(bc->value, out);
  if (ski)
    out->subject_key_id = ski_read(ski->value);
  if (aki)
    out->authority_key_id = aki_read(aki->value);
  return fault;
}

avow_err cert_parse(struct slice der, struct arena *a, struct cert *out, struct problem *why) {
  struct tbs tbs;
  bool others;
  *out = (struct cert){.der = der};
  if (der.n > CERT_MAX)
    return refuse(why, "it is too long");
  struct der outer = der_of(der), d = der_enter(&outer, DER_SEQUENCE);
  out->tbs = der_element(&d, DER_SEQUENCE);
  struct slice alg = der_element(&d, DER_SEQUENCE);
  out->signature = der_bit_string(&d);
  der_leave(&outer, &d);
  if (!der_at_end(&outer))
    return refuse(why, "it is not DER");
  const char *fault = tbs_read(out->tbs, &tbs);
  if (fault)
    return refuse(why, fault);
  out->alg = signature_alg_from_identifier(alg);
  if (out->alg == SIG_NONE || !slice_eq(alg, tbs.alg))
    return refuse(why, "its signature algorithm is not supported, or not the one it names inside");
  if (tbs.serial.n > SERIAL_MAX || tbs.serial.p[0] >= 0x80)
    return refuse(why, "its serial number is negative or too long");
  out->serial = tbs.serial;
  out->issuer = tbs.issuer;
  out->subject = tbs.subject;
  out->spki = tbs.spki;
  out->not_before_s = tbs.not_before_s;
  out->not_after_s = tbs.not_after_s;
  if (!dn_common_name(tbs.subject, &out->common_name, &others))
    return refuse(why, "its subject is not supported");
  fault = read_extensions(&tbs, a, out);
  return fault ? refuse(why, fault) : AVOW_OK;
}
