#include "pki/tbs.h"

#include "der/oid.h"

static void read_extension(struct der *list, struct extension *out) {
  struct der d = der_enter(list, DER_SEQUENCE);
  *out = (struct extension){.oid = der_oid(&d)};
  if (der_peek(&d) == DER_BOOLEAN) {
    out->critical = der_boolean(&d);
    if (!out->critical)
      der_fail(&d); /* X.690, 11.5: a default value is not encoded */
  }
  out->value = der_read(&d, DER_OCTET_STRING);
  der_leave(list, &d);
}

static const char *read_extensions(struct der *tbs, struct tbs *out) {
  struct der outer = der_enter(tbs, DER_CONTEXT_SET(3)), list = der_enter(&outer, DER_SEQUENCE);
  while (der_more(&list)) {
    struct extension x;
    if (out->extensions_n == TBS_EXTENSIONS_MAX)
      return "there are too many extensions";
    read_extension(&list, &x);
    if (!list.failed && tbs_extension(out, x.oid))
      return "an extension is there twice";
    out->extensions[out->extensions_n++] = x;
  }
  if (out->extensions_n == 0)
    der_fail(&list); /* SIZE (1..MAX) */
  der_leave(&outer, &list);
  der_leave(tbs, &outer);
  return NULL;
}

const char *tbs_read(struct slice der, struct tbs *out) {
  *out = (struct tbs){0};
  struct der outer = der_of(der), d = der_enter(&outer, DER_SEQUENCE);
  if (der_peek(&d) == DER_CONTEXT_SET(0)) {
    struct der version = der_enter(&d, DER_CONTEXT_SET(0));
    out->version = der_uint(&version, 2);
    if (out->version == 0)
      der_fail(&version); /* v1 is the default and not encoded */
    der_leave(&d, &version);
  }
  out->serial = der_integer(&d);
  out->alg = der_element(&d, DER_SEQUENCE);
  out->issuer = der_element(&d, DER_SEQUENCE);
  struct der validity = der_enter(&d, DER_SEQUENCE);
  out->not_before_s = der_time(&validity);
  out->not_after_s = der_time(&validity);
  der_leave(&d, &validity);
  out->subject = der_element(&d, DER_SEQUENCE);
  out->spki = der_element(&d, DER_SEQUENCE);
  struct slice unique;
  for (uint8_t number = 1; number <= 2; number++)
    if (der_optional(&d, DER_CONTEXT(number), &unique))
      out->unique_ids = true;
  if (der_peek(&d) == DER_CONTEXT_SET(3)) {
    const char *fault = read_extensions(&d, out);
    if (fault)
      return fault;
  }
  der_leave(&outer, &d);
  return der_at_end(&outer) ? NULL : "it is not a DER TBSCertificate";
}

const struct extension *tbs_extension(const struct tbs *tbs, struct slice oid) {
  for (size_t i = 0; i < tbs->extensions_n; i++)
    if (slice_eq(tbs->extensions[i].oid, oid))
      return &tbs->extensions[i];
  return NULL;
}

bool dn_common_name(struct slice name, struct slice *common_name, bool *others) {
  struct der outer = der_of(name), d = der_enter(&outer, DER_SEQUENCE);
  bool found = false;
  *common_name = SLICE_NONE;
  *others = false;
  while (der_more(&d)) {
    struct der rdn = der_enter(&d, DER_SET);
    size_t pairs = 0;
    for (; der_more(&rdn); pairs++) {
      struct der pair = der_enter(&rdn, DER_SEQUENCE);
      struct slice type = der_oid(&pair);
      uint8_t tag;
      struct slice value = der_read_any(&pair, &tag);
      der_leave(&rdn, &pair);
      bool is_name = slice_eq(type, OID_COMMON_NAME);
      bool is_text =
        (tag == DER_UTF8_STRING && der_is_utf8(value)) || (tag == DER_PRINTABLE_STRING && der_is_printable(value));
      if (is_name && (found || !is_text || value.n == 0))
        return false;
      if (is_name)
        *common_name = value;
      found = found || is_name;
      *others = *others || !is_name;
    }
    if (pairs == 0)
      der_fail(&rdn);
    *others = *others || pairs > 1; /* one attribute an RDN (TLS BR 7.1.4.2) */
    der_leave(&d, &rdn);
  }
  der_leave(&outer, &d);
  return der_at_end(&outer);
}

struct slice ski_read(struct slice value) {
  struct der d = der_of(value);
  struct slice id = der_read(&d, DER_OCTET_STRING);
  return der_at_end(&d) ? id : SLICE_NONE;
}

struct slice aki_read(struct slice value) {
  struct der outer = der_of(value), d = der_enter(&outer, DER_SEQUENCE);
  struct slice id = der_read(&d, DER_CONTEXT(0));
  der_leave(&outer, &d);
  return der_at_end(&outer) ? id : SLICE_NONE;
}
