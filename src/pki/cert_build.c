#include "crypto/digest.h"
#include "der/oid.h"
#include "pki/cert.h"
#include "pki/ext.h"

enum { COMMON_NAME_MAX = 64, KEY_ID_BYTES = 20 };

static void put_attribute(struct buf *b, struct slice type, uint8_t tag, struct slice text) {
  if (text.n == 0)
    return;
  size_t rdn = der_begin(b, DER_SET), pair = der_begin(b, DER_SEQUENCE);
  der_put_oid(b, type);
  der_put(b, tag, text);
  der_end(b, pair);
  der_end(b, rdn);
}

void ca_name_put(struct buf *b, const struct ca_name *name) {
  size_t seq = der_begin(b, DER_SEQUENCE);
  put_attribute(b, OID_COUNTRY, DER_PRINTABLE_STRING, slice_str(name->country));
  put_attribute(b, OID_ORGANIZATION, DER_UTF8_STRING, slice_str(name->organization));
  put_attribute(b, OID_COMMON_NAME, DER_UTF8_STRING, slice_str(name->common_name));
  der_end(b, seq);
}

static void key_id_of_bits(struct slice bits, uint8_t out[KEY_ID_BYTES]) {
  uint8_t digest[SHA256_BYTES];
  sha256(bits, digest);
  memcpy(out, digest, KEY_ID_BYTES);
}

void key_id(const struct public_key *key, uint8_t out[20]) {
  key_id_of_bits(public_key_bits_content(key), out);
}

bool key_id_of_spki(struct slice spki, uint8_t out[20]) {
  struct der outer = der_of(spki), d = der_enter(&outer, DER_SEQUENCE);
  der_element(&d, DER_SEQUENCE);
  struct slice bits = der_bit_string(&d);
  der_leave(&outer, &d);
  if (!der_at_end(&outer))
    return false;
  key_id_of_bits(bits, out);
  return true;
}

struct slice leaf_common_name(const struct profile *profile, struct slice wanted, const struct name *names, size_t n,
                              struct arena *a) {
  struct slice first = SLICE_NONE;
  if (!profile->common_name)
    return SLICE_NONE;
  for (size_t i = 0; i < n; i++) {
    char *text = names[i].type == NAME_DNS ? name_display(&names[i], a) : NULL;
    struct slice candidate = slice_str(text);
    if (candidate.n == 0 || candidate.n > COMMON_NAME_MAX)
      continue;
    if (slice_eq(candidate, wanted))
      return candidate;
    if (first.n == 0)
      first = candidate;
  }
  return first;
}

/* RFC 5280, 4.1.2.2: positive, at most 20 octets. */
static bool serial_ok(struct slice serial) {
  if (serial.n == 0 || serial.n > SERIAL_MAX || serial.p[0] >= 0x80)
    return false;
  return serial.n > 1 || serial.p[0] != 0;
}

static void put_version(struct buf *b) {
  size_t version = der_begin(b, DER_CONTEXT_SET(0));
  der_put_uint(b, 2);
  der_end(b, version);
}

static void put_validity(struct buf *b, int64_t not_before_s, int64_t not_after_s) {
  size_t validity = der_begin(b, DER_SEQUENCE);
  der_put_time(b, not_before_s);
  der_put_time(b, not_after_s);
  der_end(b, validity);
}

static void put_leaf_extensions(struct buf *b, const struct leaf_request *r, struct slice id) {
  const struct profile *profile = r->profile;
  bool encipher = r->key_type == KEY_RSA && profile->key_encipherment;
  ext_put_key_usage(b, KU_DIGITAL_SIGNATURE | (encipher ? KU_KEY_ENCIPHERMENT : 0));
  ext_put_extended_key_usage(b, OID_SERVER_AUTH, profile->client_auth ? OID_CLIENT_AUTH : SLICE_NONE);
  ext_put_basic_constraints(b, false, -1);
  if (profile->subject_key_id)
    ext_put_subject_key_id(b, id);
  ext_put_authority_key_id(b, r->issuer_key_id);
  ext_put_authority_info(b, profile->ocsp ? r->ocsp_url : NULL, r->ca_url);
  ext_put_names(b, r->names, r->names_n, r->common_name.n == 0);
  if (profile->policy_oids_n > 0) {
    struct ext_policies policies = ext_policies_begin(b);
    for (size_t i = 0; i < profile->policy_oids_n; i++)
      ext_put_policy(b, profile->policy_oids[i]);
    ext_policies_end(b, policies);
  }
  if (profile->crl && r->crl_url)
    ext_put_crl_url(b, r->crl_url);
}

avow_err tbs_leaf_put(struct buf *b, const struct leaf_request *r) {
  uint8_t id[KEY_ID_BYTES];
  if (!serial_ok(r->serial) || r->issuer_key_id.n != KEY_ID_BYTES || r->names_n == 0 || !r->ca_url ||
      r->not_after_s <= r->not_before_s || r->common_name.n > COMMON_NAME_MAX || !key_id_of_spki(r->spki, id))
    return ERR_LINT;
  size_t tbs = der_begin(b, DER_SEQUENCE);
  put_version(b);
  der_put_integer(b, r->serial);
  buf_put(b, signature_alg_identifier(r->alg));
  buf_put(b, r->issuer_name);
  put_validity(b, r->not_before_s, r->not_after_s);
  size_t subject = der_begin(b, DER_SEQUENCE);
  put_attribute(b, OID_COMMON_NAME, DER_UTF8_STRING, r->common_name);
  der_end(b, subject);
  buf_put(b, r->spki);
  size_t explicit = der_begin(b, DER_CONTEXT_SET(3)), extensions = der_begin(b, DER_SEQUENCE);
  put_leaf_extensions(b, r, SLICE_OF(id));
  der_end(b, extensions);
  der_end(b, explicit);
  der_end(b, tbs);
  return b->failed ? ERR_NO_MEMORY : AVOW_OK;
}

static void put_ca_extensions(struct buf *b, const struct ca_request *r, struct slice id) {
  ext_put_key_usage(b, KU_KEY_CERT_SIGN | KU_CRL_SIGN);
  if (!r->root && r->server_auth)
    ext_put_extended_key_usage(b, OID_SERVER_AUTH, SLICE_NONE);
  ext_put_basic_constraints(b, true, r->path_length);
  ext_put_subject_key_id(b, id);
  if (r->root)
    return; /* TLS BR 7.1.2.1.2: nothing else belongs in a root */
  ext_put_authority_key_id(b, r->issuer_key_id);
  if (r->ca_url)
    ext_put_authority_info(b, NULL, r->ca_url);
  if (r->policy_oid) {
    struct ext_policies policies = ext_policies_begin(b);
    ext_put_policy(b, r->policy_oid);
    ext_policies_end(b, policies);
  }
  if (r->crl_url)
    ext_put_crl_url(b, r->crl_url);
}

avow_err tbs_ca_put(struct buf *b, const struct ca_request *r) {
  uint8_t id[KEY_ID_BYTES];
  bool same_name = slice_eq(r->issuer_name, r->subject_name);
  if (!serial_ok(r->serial) || r->not_after_s <= r->not_before_s || r->root != same_name ||
      (!r->root && r->issuer_key_id.n != KEY_ID_BYTES))
    return ERR_LINT;
  key_id(r->key, id);
  size_t tbs = der_begin(b, DER_SEQUENCE);
  put_version(b);
  der_put_integer(b, r->serial);
  buf_put(b, signature_alg_identifier(r->alg));
  buf_put(b, r->issuer_name);
  put_validity(b, r->not_before_s, r->not_after_s);
  buf_put(b, r->subject_name);
  buf_put(b, public_key_spki(r->key));
  size_t explicit = der_begin(b, DER_CONTEXT_SET(3)), extensions = der_begin(b, DER_SEQUENCE);
  put_ca_extensions(b, r, SLICE_OF(id));
  der_end(b, extensions);
  der_end(b, explicit);
  der_end(b, tbs);
  return b->failed ? ERR_NO_MEMORY : AVOW_OK;
}

void signed_put(struct buf *b, struct slice tbs, enum signature_alg alg, struct slice signature) {
  struct slice identifier = signature_alg_identifier(alg);
  der_put_header(b, DER_SEQUENCE, tbs.n + identifier.n + der_size(1 + signature.n));
  buf_put(b, tbs);
  buf_put(b, identifier);
  der_put_bit_string(b, signature);
}
