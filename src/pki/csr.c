#include "pki/csr.h"

#include <stdlib.h>

#include "der/der.h"
#include "der/oid.h"
#include "pki/keycheck.h"

enum { EXTENSIONS_MAX = 32, CSR_NAMES_MAX = 1024 };

static const char no_memory[] = "out of memory";

static avow_err refuse(struct problem *why, const char *reason) {
  if (reason == no_memory)
    return problem_set(why, ERR_NO_MEMORY, "%s", reason);
  return problem_set(why, ERR_BAD_CSR, "the CSR is refused: %s", reason);
}

/* The parts of a request that still need a look, in the order of their reading. */
struct parts {
  struct slice info, alg, signature; /* elements; the signature's octets */
  struct slice subject, spki;        /* elements */
  struct slice extensions;           /* content of the extension request; empty when absent */
  struct slice common_name;          /* as it stands in the subject */
  bool has_common_name;
};

/* Attributes ::= [0] IMPLICIT SET OF Attribute. Only the extension request matters (RFC 2985, 5.4.2); it has one value.
 */
static const char *read_attributes(struct der *info, struct parts *parts) {
  struct der set = der_enter(info, DER_CONTEXT_SET(0));
  bool seen = false;
  while (der_more(&set)) {
    struct der attribute = der_enter(&set, DER_SEQUENCE);
    struct slice type = der_oid(&attribute);
    struct der values = der_enter(&attribute, DER_SET);
    uint8_t tag;
    if (slice_eq(type, OID_EXTENSION_REQUEST)) {
      if (seen)
        return "it has several extension requests";
      seen = true;
      parts->extensions = der_read(&values, DER_SEQUENCE);
    } else {
      while (der_more(&values))
        der_read_any(&values, &tag);
    }
    der_leave(&attribute, &values);
    der_leave(&set, &attribute);
  }
  der_leave(info, &set);
  return NULL;
}

/* Name ::= SEQUENCE OF SET OF { type, value }; only the common name is looked at (TLS BR 7.1.2.7.2: a validated name
   certifies nothing else of a subject). */
static const char *read_subject(struct parts *parts) {
  struct der outer = der_of(parts->subject), name = der_enter(&outer, DER_SEQUENCE);
  while (der_more(&name)) {
    struct der rdn = der_enter(&name, DER_SET);
    bool any = false;
    for (; der_more(&rdn); any = true) {
      struct der pair = der_enter(&rdn, DER_SEQUENCE);
      struct slice type = der_oid(&pair);
      uint8_t tag;
      struct slice value = der_read_any(&pair, &tag);
      der_leave(&rdn, &pair);
      if (!slice_eq(type, OID_COMMON_NAME))
        continue;
      if (parts->has_common_name)
        return "its subject has several common names";
      if (tag != DER_UTF8_STRING && tag != DER_PRINTABLE_STRING && tag != DER_IA5_STRING && tag != DER_TELETEX_STRING)
        return "the type of its common name is not supported";
      parts->common_name = value;
      parts->has_common_name = true;
    }
    if (!any)
      der_fail(&rdn);
    der_leave(&name, &rdn);
  }
  der_leave(&outer, &name);
  return der_at_end(&outer) ? NULL : "its subject is malformed";
}

/* CertificationRequest (RFC 2986, 4). */
static const char *read_request(struct slice der, struct parts *parts) {
  struct der outer = der_of(der), request = der_enter(&outer, DER_SEQUENCE);
  parts->info = der_element(&request, DER_SEQUENCE);
  parts->alg = der_element(&request, DER_SEQUENCE);
  parts->signature = der_bit_string(&request);
  der_leave(&outer, &request);
  if (!der_at_end(&outer))
    return "it is not a DER PKCS#10 request";
  struct der whole = der_of(parts->info), info = der_enter(&whole, DER_SEQUENCE);
  der_uint(&info, 0);
  parts->subject = der_element(&info, DER_SEQUENCE);
  parts->spki = der_element(&info, DER_SEQUENCE);
  const char *fault = read_attributes(&info, parts);
  if (fault)
    return fault;
  der_leave(&whole, &info);
  return der_at_end(&whole) ? NULL : "its CertificationRequestInfo is malformed";
}

struct names {
  struct name *list;
  size_t n, room;
};

static const char *add_name(struct names *names, const struct name *name) {
  if (names->n == names->room)
    return "it has too many names";
  names->list[names->n++] = *name;
  return NULL;
}

/* SubjectAltName: DNS names and addresses, nothing else (ca-rules 15; RFC 8555, 7.4). */
static const char *read_san(struct slice value, struct arena *a, struct names *names) {
  struct der outer = der_of(value), san = der_enter(&outer, DER_SEQUENCE);
  while (der_more(&san)) {
    uint8_t tag;
    struct slice content = der_read_any(&san, &tag);
    struct name name;
    avow_err err;
    if (tag == DER_CONTEXT(2))
      err = name_parse_dns(content, a, &name, NULL);
    else if (tag == DER_CONTEXT(7))
      err = name_from_ip(content.p, content.n, a, &name);
    else
      return "it asks for a subject alternative name that is no DNS name and no IP address";
    if (err)
      return err == ERR_NO_MEMORY ? no_memory : "a subject alternative name in it is malformed";
    const char *fault = add_name(names, &name);
    if (fault)
      return fault;
  }
  der_leave(&outer, &san);
  return der_at_end(&outer) ? NULL : "its subject alternative names are malformed";
}

/* BasicConstraints of a request: whoever asks for a CA certificate asked the wrong place. */
static const char *read_basic_constraints(struct slice value) {
  struct der outer = der_of(value), bc = der_enter(&outer, DER_SEQUENCE);
  bool ca = der_peek(&bc) == DER_BOOLEAN && der_boolean(&bc);
  return ca || outer.failed || bc.failed ? "it asks for a CA certificate" : NULL;
}

/* The requested extensions. Others than these are never copied (ca-rules 32), so their contents do not matter. */
static const char *read_extensions(struct slice content, struct arena *a, struct csr *out, struct names *names) {
  struct der list = der_of(content);
  struct slice seen[EXTENSIONS_MAX];
  for (size_t n = 0; der_more(&list); n++) {
    struct der extension = der_enter(&list, DER_SEQUENCE);
    struct slice oid = der_oid(&extension);
    if (der_peek(&extension) == DER_BOOLEAN)
      der_boolean(&extension); /* clients spell out critical FALSE; nothing depends on it here */
    struct slice value = der_read(&extension, DER_OCTET_STRING);
    der_leave(&list, &extension);
    if (list.failed || n == EXTENSIONS_MAX)
      break;
    for (size_t i = 0; i < n; i++)
      if (slice_eq(seen[i], oid))
        return "it asks for an extension twice";
    seen[n] = oid;
    const char *fault = NULL;
    if (slice_eq(oid, OID_SUBJECT_ALT_NAME))
      fault = read_san(value, a, names);
    else if (slice_eq(oid, OID_BASIC_CONSTRAINTS))
      fault = read_basic_constraints(value);
    else if (slice_eq(oid, OID_TLS_FEATURE))
      out->wants_must_staple = true;
    if (fault)
      return fault;
  }
  return der_at_end(&list) ? NULL : "its extension request is malformed";
}

/* A common name is a name asked for, like those of the SAN (RFC 8555, 7.4). An address is only counted: TLS BR 7.1.4.3
   would allow it as common name, but no client reads it there. */
static const char *read_common_name(const struct parts *parts, struct arena *a, struct csr *out, struct names *names) {
  struct name name;
  if (!parts->has_common_name)
    return NULL;
  avow_err err = name_parse_dns(parts->common_name, a, &name, NULL);
  if (err == AVOW_OK) {
    out->common_name = slice_str(name_display(&name, a));
    if (out->common_name.n == 0)
      return no_memory;
  } else if (err != ERR_NO_MEMORY) {
    err = name_parse_ip(parts->common_name, a, &name, NULL);
  }
  if (err)
    return err == ERR_NO_MEMORY ? no_memory : "its common name is no DNS name and no IP address";
  return add_name(names, &name);
}

static int compare_names(const void *a, const void *b) {
  return name_cmp(a, b);
}

static void sort_unique(struct names *names) {
  size_t kept = 0;
  qsort(names->list, names->n, sizeof *names->list, compare_names);
  for (size_t i = 0; i < names->n; i++)
    if (kept == 0 || !name_eq(&names->list[kept - 1], &names->list[i]))
      names->list[kept++] = names->list[i];
  names->n = kept;
}

/* How many names the request can hold, so that a short one costs the arena little. */
static size_t name_bound(struct slice der) {
  size_t bound = der.n / 3 + 1; /* tag, length and one octet a name */
  return bound < CSR_NAMES_MAX ? bound : CSR_NAMES_MAX;
}

static const char *read_names(struct slice der, const struct parts *parts, struct arena *a, struct csr *out) {
  struct names names = {.room = name_bound(der)};
  names.list = arena_array(a, names.room, sizeof *names.list);
  if (!names.list)
    return no_memory;
  const char *fault = read_extensions(parts->extensions, a, out, &names);
  if (!fault)
    fault = read_common_name(parts, a, out, &names);
  if (fault)
    return fault;
  sort_unique(&names);
  out->names = names.list;
  out->names_n = names.n;
  return NULL;
}

/* The key, and the request's signature under it (proof of possession; SHA-1 and MD5: R13). */
static avow_err check_key(const struct parts *parts, struct csr *out, struct problem *why) {
  avow_err err = public_key_from_spki(parts->spki, &out->key, why);
  if (err)
    return err;
  err = keycheck(out->key, why);
  if (err)
    return err;
  enum signature_alg alg = signature_alg_from_identifier(parts->alg);
  if (alg == SIG_NONE || alg == SIG_EDDSA)
    return refuse(why, "its signature algorithm is not RSA or ECDSA with SHA-256, SHA-384 or SHA-512");
  if (public_key_verify(out->key, alg, SIGNATURE_DER, parts->info, parts->signature) != AVOW_OK)
    return refuse(why, "its signature is wrong");
  return AVOW_OK;
}

avow_err csr_parse(struct slice der, struct arena *a, struct csr *out, struct problem *why) {
  struct parts parts = {0};
  *out = (struct csr){0};
  const char *fault = read_request(der, &parts);
  if (!fault)
    fault = read_subject(&parts);
  if (!fault)
    fault = read_names(der, &parts, a, out);
  if (fault)
    return refuse(why, fault);
  out->spki = parts.spki;
  avow_err err = check_key(&parts, out, why);
  if (err)
    csr_clear(out);
  return err;
}

void csr_clear(struct csr *csr) {
  public_key_free(csr->key);
  csr->key = NULL;
}
