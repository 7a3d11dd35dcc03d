#include "der/der.h"
#include "der/oid.h"
#include "pki/crl.h"

/* CRLNumber ::= INTEGER (0..MAX) (RFC 5280, 5.2.3), among the extensions. */
static bool read_number(struct der *extensions, uint64_t *number) {
  bool found = false;
  while (der_more(extensions)) {
    struct der e = der_enter(extensions, DER_SEQUENCE);
    struct slice id = der_oid(&e), value;
    if (der_peek(&e) == DER_BOOLEAN)
      (void)der_boolean(&e);
    value = der_read(&e, DER_OCTET_STRING);
    der_leave(extensions, &e);
    if (!slice_eq(id, OID_CRL_NUMBER))
      continue;
    struct der inner = der_of(value);
    *number = der_uint(&inner, UINT64_MAX);
    if (found || !der_at_end(&inner))
      der_fail(extensions);
    found = true;
  }
  return found;
}

avow_err crl_read_head(struct slice der, struct crl_head *out, struct problem *why) {
  *out = (struct crl_head){0};
  struct slice wrapped;
  bool numbered = false;
  struct der outer = der_of(der), list = der_enter(&outer, DER_SEQUENCE), tbs = der_enter(&list, DER_SEQUENCE);
  uint64_t version = der_uint(&tbs, 1);
  (void)der_element(&tbs, DER_SEQUENCE); /* algorithm */
  (void)der_element(&tbs, DER_SEQUENCE); /* issuer */
  out->this_update_s = der_time(&tbs);
  out->next_update_s = der_time(&tbs);
  if (der_peek(&tbs) == DER_SEQUENCE)
    (void)der_element(&tbs, DER_SEQUENCE);
  if (der_optional(&tbs, DER_CONTEXT_SET(0), &wrapped)) {
    struct der explicit = der_of(wrapped), extensions = der_enter(&explicit, DER_SEQUENCE);
    numbered = read_number(&extensions, &out->number);
    der_leave(&explicit, &extensions);
    if (!der_at_end(&explicit))
      der_fail(&tbs);
  }
  der_leave(&list, &tbs);
  (void)der_element(&list, DER_SEQUENCE);
  (void)der_bit_string(&list);
  der_leave(&outer, &list);
  if (!der_at_end(&outer) || version != 1 || !numbered || out->next_update_s <= out->this_update_s)
    return problem_set(why, ERR_MALFORMED, "it is no CRL with a number and both its times");
  return AVOW_OK;
}
