#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "cli/init.h"
#include "pki/crl.h"

enum { DAY_S = 86400, ROOT_DAYS = 3652, ISSUING_DAYS = 1096, BACKDATE_S = 2 * 3600, SERIAL_BYTES = 16, URL_MAX = 512 };

/* The most that a CA certificate of ours is in bytes. */
enum { CA_CERT_MAX = 16384 };

static const char any_policy[] = "2.5.29.32.0";

/* 126 random bits, positive and without a leading zero octet (ca-rules 4). */
static void draw_serial(uint8_t out[SERIAL_BYTES]) {
  random_bytes(out, SERIAL_BYTES);
  out[0] = (uint8_t)((out[0] & 0x7f) | 0x40);
}

/* One certificate: to-be-signed part, signature, and OpenSSL's agreement. */
static avow_err sign_certificate(const struct ca_request *r, const struct private_key *signer, struct buf *out,
                                 struct problem *why) {
  AUTO_BUF tbs;
  AUTO_BUF signature;
  AUTO_ARENA arena;
  buf_init(&tbs, CA_CERT_MAX);
  buf_init(&signature, 1024);
  arena_init(&arena, CA_CERT_MAX);
  avow_err e = tbs_ca_put(&tbs, r);
  if (e == AVOW_OK) {
    e = tbs_ca_lint(buf_slice(&tbs), r, why);
    if (e != AVOW_OK)
      return e;
  }
  if (e == AVOW_OK)
    e = private_key_sign(signer, r->alg, SIGNATURE_DER, buf_slice(&tbs), &signature);
  if (e != AVOW_OK)
    return problem_set(why, e, "cannot make a CA certificate: %s", err_text(e));
  signed_put(out, buf_slice(&tbs), r->alg, buf_slice(&signature));
  if (out->failed)
    return problem_set(why, ERR_NO_MEMORY, "a CA certificate is too large");
  struct cert parsed;
  e = cert_parse(buf_slice(out), &arena, &parsed, why);
  return e == AVOW_OK ? cert_second_opinion(buf_slice(out), private_key_public(signer), &parsed, why) : e;
}

/* The validity begins a little in the past, for clients whose clock is behind and because leaves are backdated too. */
static void set_validity(struct ca_request *r, int64_t now_ms, int days) {
  r->signing_s = now_ms / 1000;
  r->not_before_s = now_ms / 1000 - BACKDATE_S;
  r->not_after_s = r->not_before_s + (int64_t)days * DAY_S - 1;
}

static avow_err make_root(struct init_ca *ca, struct slice name, enum signature_alg alg, int64_t now_ms,
                          struct problem *why) {
  uint8_t serial[SERIAL_BYTES];
  draw_serial(serial);
  struct ca_request r = {.serial = SLICE_OF(serial),
                         .alg = alg,
                         .issuer_name = name,
                         .subject_name = name,
                         .key = private_key_public(ca->root_key),
                         .path_length = -1,
                         .root = true};
  set_validity(&r, now_ms, ROOT_DAYS);
  return sign_certificate(&r, ca->root_key, &ca->root_der, why);
}

static avow_err make_issuing(struct init_ca *ca, struct slice root_name, struct slice name, enum signature_alg alg,
                             const struct config *config, int64_t now_ms, struct problem *why) {
  uint8_t serial[SERIAL_BYTES], root_id[20];
  char ca_url[URL_MAX], crl_url[URL_MAX];
  draw_serial(serial);
  key_id(private_key_public(ca->root_key), root_id);
  snprintf(ca_url, sizeof ca_url, "%s/ca/root.cer", config->http_url);
  snprintf(crl_url, sizeof crl_url, "%s/crl/root/0.crl", config->http_url);
  struct ca_request r = {.serial = SLICE_OF(serial),
                         .alg = alg,
                         .issuer_name = root_name,
                         .subject_name = name,
                         .issuer_key_id = SLICE_OF(root_id),
                         .key = private_key_public(ca->issuing_key),
                         .path_length = 0,
                         .server_auth = true,
                         /* ca-rules 47: exactly one anyPolicy. The CA/B Forum's own identifiers are for public CAs. */
                         .policy_oid = any_policy,
                         .ca_url = ca_url,
                         .crl_url = crl_url};
  set_validity(&r, now_ms, ISSUING_DAYS);
  return sign_certificate(&r, ca->root_key, &ca->issuing_der, why);
}

/* The root's CRL, empty. No role opens the root key, so nobody renews it while the CA runs: it holds for as long as the
   issuing CA that it speaks of. (A public CA's may hold for 12 months at most: ca-rules 85.) */
static avow_err make_root_crl(struct init_ca *ca, struct slice name, enum signature_alg alg, int64_t now_ms,
                              struct problem *why) {
  uint8_t root_id[20];
  key_id(private_key_public(ca->root_key), root_id);
  struct crl_request r = {.alg = alg,
                          .issuer_name = name,
                          .issuer_key_id = SLICE_OF(root_id),
                          .this_update_s = now_ms / 1000,
                          .next_update_s = now_ms / 1000 - BACKDATE_S + (int64_t)ISSUING_DAYS * DAY_S - 1,
                          .number = 1};
  AUTO_BUF tbs;
  AUTO_BUF signature;
  buf_init(&tbs, CA_CERT_MAX);
  buf_init(&signature, 1024);
  avow_err e = tbs_crl_put(&tbs, &r);
  if (e == AVOW_OK) {
    e = tbs_crl_lint(buf_slice(&tbs), &r, why);
    if (e != AVOW_OK)
      return e;
  }
  if (e == AVOW_OK)
    e = private_key_sign(ca->root_key, alg, SIGNATURE_DER, buf_slice(&tbs), &signature);
  if (e != AVOW_OK)
    return problem_set(why, e, "cannot make the root's CRL: %s", err_text(e));
  signed_put(&ca->root_crl, buf_slice(&tbs), alg, buf_slice(&signature));
  return crl_second_opinion(buf_slice(&ca->root_crl), private_key_public(ca->root_key), why);
}

avow_err init_ca_make(struct init_ca *ca, const struct init_request *r, const struct config *config, int64_t now_ms,
                      struct problem *why) {
  memset(ca, 0, sizeof *ca);
  buf_init(&ca->root_der, CA_CERT_MAX);
  buf_init(&ca->issuing_der, CA_CERT_MAX);
  buf_init(&ca->root_crl, CA_CERT_MAX);
  avow_err e = private_key_generate(r->key, r->rsa_bits, &ca->root_key);
  if (e == AVOW_OK)
    e = private_key_generate(r->key, r->rsa_bits, &ca->issuing_key);
  if (e != AVOW_OK)
    return problem_set(why, e, "cannot generate a key: %s", err_text(e));
  /* Four random digits keep a CA that was made anew apart from its predecessor in trust stores, which go by name. */
  unsigned tag = (unsigned)(random_u64() & 0xffff);
  struct ca_name root;
  memset(&root, 0, sizeof root);
  memcpy(root.country, r->country, sizeof root.country);
  snprintf(root.organization, sizeof root.organization, "%s", r->organization);
  struct ca_name issuing = root;
  /* A common name holds 64 characters (RFC 5280, A.1); an organization that nearly fills them stands in O alone. */
  const char *stem = strlen(r->organization) <= 50 ? r->organization : "Avow";
  snprintf(root.common_name, sizeof root.common_name, "%.50s Root %04x", stem, tag);
  snprintf(issuing.common_name, sizeof issuing.common_name, "%.50s I1 %04x", stem, tag);
  AUTO_BUF root_name;
  AUTO_BUF issuing_name;
  buf_init(&root_name, 1024);
  buf_init(&issuing_name, 1024);
  ca_name_put(&root_name, &root);
  ca_name_put(&issuing_name, &issuing);
  enum signature_alg alg = key_signature_alg(r->key);
  e = make_root(ca, buf_slice(&root_name), alg, now_ms, why);
  if (e == AVOW_OK)
    e = make_issuing(ca, buf_slice(&root_name), buf_slice(&issuing_name), alg, config, now_ms, why);
  if (e == AVOW_OK)
    e = make_root_crl(ca, buf_slice(&root_name), alg, now_ms, why);
  return e;
}

void init_ca_clear(struct init_ca *ca) {
  private_key_free(ca->root_key);
  private_key_free(ca->issuing_key);
  buf_clear(&ca->root_der);
  buf_clear(&ca->issuing_der);
  buf_clear(&ca->root_crl);
  memset(ca, 0, sizeof *ca);
}
