#include "samples.h"

#include <assert.h>

#include "der/der.h"
#include "der/oid.h"

const struct profile sample_classic = {.name = "classic",
                                       .lifetime_s = 90 * DAY_S,
                                       .common_name = true,
                                       .key_encipherment = true,
                                       .subject_key_id = true,
                                       .max_names = 100,
                                       .ocsp = true,
                                       .crl = true};
const struct profile sample_shortlived = {
  .name = "shortlived", .lifetime_s = 160 * 3600, .ip_identifiers = true, .max_names = 25};
const struct profile sample_public = {.name = "public",
                                      .lifetime_s = 200 * DAY_S,
                                      .subject_key_id = true,
                                      .client_auth = true,
                                      .max_names = 100,
                                      .crl = true,
                                      .policy_oids = {"2.23.140.1.2.1"},
                                      .policy_oids_n = 1};

int64_t sample_time_s = NOT_BEFORE;

static struct private_key *keys[KEY_ED25519 + 1];

const struct private_key *sample_key(enum key_type type) {
  if (!keys[type]) {
    avow_err err = private_key_generate(type, type == KEY_RSA ? 2048 : 0, &keys[type]);
    assert(err == AVOW_OK);
  }
  return keys[type];
}

void sample_keys_free(void) {
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    private_key_free(keys[i]);
    keys[i] = NULL;
  }
}

void sample_sign(const struct private_key *key, struct slice tbs, struct buf *out) {
  enum signature_alg alg = key_signature_alg(public_key_type(private_key_public(key)));
  AUTO_BUF signature;
  buf_init(&signature, 4096);
  avow_err err = private_key_sign(key, alg, SIGNATURE_DER, tbs, &signature);
  assert(err == AVOW_OK);
  signed_put(out, tbs, alg, buf_slice(&signature));
  assert(!out->failed);
}

static enum signature_alg alg_of(const struct private_key *key) {
  return key_signature_alg(public_key_type(private_key_public(key)));
}

static void sign_ca(const struct private_key *signer, const struct ca_request *r, struct buf *out) {
  AUTO_BUF tbs;
  buf_init(&tbs, CERT_MAX);
  avow_err err = tbs_ca_put(&tbs, r);
  assert(err == AVOW_OK);
  sample_sign(signer, buf_slice(&tbs), out);
}

struct sample_ca sample_ca_make(enum key_type root, enum key_type issuing) {
  static const struct ca_name root_name = {"DE", "Test", "Test Root"}, name = {"DE", "Test", "Test I1"};
  struct sample_ca ca = {0};
  buf_init(&ca.root, CERT_MAX);
  buf_init(&ca.cert, CERT_MAX);
  buf_init(&ca.root_name, 1024);
  buf_init(&ca.name, 1024);
  avow_err err = private_key_generate(root, root == KEY_RSA ? 2048 : 0, &ca.root_key);
  assert(err == AVOW_OK);
  err = private_key_generate(issuing, issuing == KEY_RSA ? 2048 : 0, &ca.key);
  assert(err == AVOW_OK);
  ca_name_put(&ca.root_name, &root_name);
  ca_name_put(&ca.name, &name);
  key_id(private_key_public(ca.root_key), ca.root_key_id);
  key_id(private_key_public(ca.key), ca.key_id);
  sign_ca(ca.root_key,
          &(struct ca_request){.serial = SLICE_LIT("\x01\x02\x03\x04\x05\x06\x07\x08\x09"),
                               .alg = alg_of(ca.root_key),
                               .issuer_name = buf_slice(&ca.root_name),
                               .subject_name = buf_slice(&ca.root_name),
                               .not_before_s = sample_time_s - DAY_S,
                               .not_after_s = sample_time_s + 3650 * (int64_t)DAY_S,
                               .key = private_key_public(ca.root_key),
                               .path_length = -1,
                               .root = true},
          &ca.root);
  sign_ca(ca.root_key,
          &(struct ca_request){.serial = SLICE_LIT("\x11\x12\x13\x14\x15\x16\x17\x18\x19"),
                               .alg = alg_of(ca.root_key),
                               .issuer_name = buf_slice(&ca.root_name),
                               .subject_name = buf_slice(&ca.name),
                               .issuer_key_id = SLICE_OF(ca.root_key_id),
                               .not_before_s = sample_time_s - DAY_S,
                               .not_after_s = sample_time_s + 1095 * DAY_S,
                               .key = private_key_public(ca.key),
                               .path_length = 0,
                               .server_auth = true,
                               .policy_oid = "2.5.29.32.0",
                               .ca_url = "http://ca.example/ca/root.cer",
                               .crl_url = "http://ca.example/crl/root/0.crl"},
          &ca.cert);
  return ca;
}

void sample_ca_clear(struct sample_ca *ca) {
  private_key_free(ca->root_key);
  private_key_free(ca->key);
  buf_clear(&ca->root);
  buf_clear(&ca->cert);
  buf_clear(&ca->root_name);
  buf_clear(&ca->name);
}

struct name *sample_names(const char *const *texts, size_t n, struct arena *a) {
  struct name *names = arena_array(a, n, sizeof *names);
  assert(names);
  for (size_t i = 0; i < n; i++) {
    avow_err err = name_parse_ip(slice_str(texts[i]), a, &names[i], NULL);
    if (err)
      err = name_parse_dns(slice_str(texts[i]), a, &names[i], NULL);
    assert(err == AVOW_OK);
  }
  return names;
}

struct leaf_request sample_leaf(const struct sample_ca *ca, const struct profile *profile,
                                const struct private_key *key, const struct name *names, size_t n) {
  const struct public_key *public = private_key_public(key);
  return (struct leaf_request){
    .serial = SLICE_LIT("\x01\x9a\xbc\xde\xf0\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12\x34\x56\x78"),
    .alg = alg_of(ca->key),
    .issuer_name = buf_slice(&ca->name),
    .issuer_key_id = SLICE_OF(ca->key_id),
    .not_before_s = sample_time_s,
    .not_after_s = sample_time_s + profile->lifetime_s - 1,
    .spki = public_key_spki(public),
    .key_type = public_key_type(public),
    .names = names,
    .names_n = n,
    .profile = profile,
    .signing_s = sample_time_s,
    .ocsp_url = "http://ca.example/ocsp",
    .ca_url = "http://ca.example/ca/I1.cer",
    .crl_url = "http://ca.example/crl/I1/3.crl",
  };
}

static void put_subject(struct buf *b, const struct sample_csr *s) {
  size_t name = der_begin(b, DER_SEQUENCE);
  for (int i = 0; s->common_name && i < (s->common_names ? s->common_names : 1); i++) {
    size_t rdn = der_begin(b, DER_SET), pair = der_begin(b, DER_SEQUENCE);
    der_put_oid(b, OID_COMMON_NAME);
    der_put_str(b, s->common_name_tag ? s->common_name_tag : DER_UTF8_STRING, s->common_name);
    der_end(b, pair);
    der_end(b, rdn);
  }
  der_end(b, name);
}

static void put_san(struct buf *b, const struct sample_csr *s) {
  size_t extension = der_begin(b, DER_SEQUENCE);
  der_put_oid(b, OID_SUBJECT_ALT_NAME);
  size_t value = der_begin(b, DER_OCTET_STRING), list = der_begin(b, DER_SEQUENCE);
  buf_put(b, s->san);
  for (size_t i = 0; i < s->names_n; i++)
    der_put_str(b, DER_CONTEXT(2), s->names[i]);
  der_end(b, list);
  der_end(b, value);
  der_end(b, extension);
}

static void put_request(struct buf *b, const struct sample_csr *s) {
  size_t attribute = der_begin(b, DER_SEQUENCE);
  der_put_oid(b, OID_EXTENSION_REQUEST);
  size_t values = der_begin(b, DER_SET), list = der_begin(b, DER_SEQUENCE);
  for (int i = 0; (s->names_n || s->san.n) && i < (s->sans ? s->sans : 1); i++)
    put_san(b, s);
  buf_put(b, s->extension);
  der_end(b, list);
  der_end(b, values);
  der_end(b, attribute);
}

static void put_attributes(struct buf *b, const struct sample_csr *s) {
  size_t attributes = der_begin(b, DER_CONTEXT_SET(0));
  if (s->password) {
    size_t attribute = der_begin(b, DER_SEQUENCE);
    der_put_oid(b, OID_CHALLENGE_PASSWORD);
    size_t values = der_begin(b, DER_SET);
    der_put_str(b, DER_PRINTABLE_STRING, "secret");
    der_end(b, values);
    der_end(b, attribute);
  }
  for (int i = 0; (s->names_n || s->san.n || s->extension.n) && i < (s->requests ? s->requests : 1); i++)
    put_request(b, s);
  der_end(b, attributes);
}

void sample_csr_put(struct buf *b, const struct sample_csr *s) {
  const struct private_key *key = s->key ? s->key : sample_key(KEY_P256);
  AUTO_BUF info, signature;
  buf_init(&info, CERT_MAX);
  buf_init(&signature, 4096);
  size_t seq = der_begin(&info, DER_SEQUENCE);
  der_put_uint(&info, (uint64_t)s->version);
  put_subject(&info, s);
  buf_put(&info, s->spki.n ? s->spki : public_key_spki(private_key_public(key)));
  put_attributes(&info, s);
  der_end(&info, seq);
  avow_err err = private_key_sign(key, alg_of(key), SIGNATURE_DER, buf_slice(&info), &signature);
  assert(err == AVOW_OK);
  if (s->spoil)
    signature.p[signature.n - 1] ^= 1;
  seq = der_begin(b, DER_SEQUENCE);
  buf_put(b, buf_slice(&info));
  buf_put(b, s->alg.n ? s->alg : signature_alg_identifier(alg_of(key)));
  der_put_bit_string(b, buf_slice(&signature));
  der_end(b, seq);
  assert(!b->failed);
}
