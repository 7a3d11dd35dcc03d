#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/check.h"
#include "evidence/evidence.h"

enum { KEY_FILE_MAX = 65536, ROOT_WARN_DAYS = 365, ISSUING_WARN_DAYS = 120, TOKEN_KEY_BYTES = 32 };

static const char from_backup[] = "restore it from a backup";

static bool read_certificate(struct check *c, const char *path, struct cert *out) {
  AUTO_BUF der;
  buf_init(&der, CERT_MAX);
  if (!check_read(c, path, from_backup, &der))
    return false;
  struct problem why = {0};
  struct slice kept = arena_dup(&c->arena, buf_slice(&der));
  if (kept.p && cert_parse(kept, &c->arena, out, &why) == AVOW_OK && out->is_ca)
    return true;
  check_tell(c, CHECK_FAIL, path, from_backup, "%s", why.detail[0] ? why.detail : "it is no CA certificate");
  return false;
}

/* `subject` is signed by the key of `issuer`, by OpenSSL's word too. */
static void check_signature(struct check *c, const char *thing, const struct cert *subject, const struct cert *issuer) {
  AUTO_PUBLIC_KEY key = NULL;
  struct problem why = {0};
  avow_err e = public_key_from_spki(issuer->spki, &key, &why);
  if (e == AVOW_OK && !slice_eq(subject->issuer, issuer->subject))
    e = problem_set(&why, ERR_LINT, "it names another issuer");
  if (e == AVOW_OK)
    e = cert_second_opinion(subject->der, key, subject, &why);
  check_tell(c, e == AVOW_OK ? CHECK_OK : CHECK_FAIL, thing, e == AVOW_OK ? NULL : from_backup, "%s",
             e == AVOW_OK ? "signed by the root" : problem_text(&why));
}

/* The key in a PEM file; `expect`, when not empty, is the SPKI of its certificate. */
static void check_key(struct check *c, const char *path, struct slice expect) {
  AUTO_BUF pem;
  buf_init(&pem, KEY_FILE_MAX);
  if (!check_read(c, path, from_backup, &pem))
    return;
  AUTO_PRIVATE_KEY key = NULL;
  struct problem why = {0};
  avow_err e = private_key_from_pem(buf_slice(&pem), &key, &why);
  secret_wipe(pem.p, pem.n);
  if (e == AVOW_OK && expect.n > 0 && !slice_eq(public_key_spki(private_key_public(key)), expect))
    e = problem_set(&why, ERR_CONFIG, "it is not the key of its certificate");
  if (e != AVOW_OK) {
    check_tell(c, CHECK_FAIL, path, from_backup, "%s", problem_text(&why));
    return;
  }
  const struct public_key *public = private_key_public(key);
  check_tell(c, CHECK_OK, path, NULL, "%s%s", key_type_text(public_key_type(public)),
             expect.n > 0 ? ", fits its certificate" : "");
}

static void check_ring(struct check *c, const char *path) {
  AUTO_BUF text;
  buf_init(&text, KEY_FILE_MAX);
  if (!c->configured || !check_read(c, path, from_backup, &text))
    return;
  struct seal_ring ring = {0};
  struct problem why = {0};
  avow_err e = seal_ring_parse(buf_slice(&text), (uint8_t)c->config.kind, &ring, &why);
  size_t n = ring.n;
  seal_ring_clear(&ring);
  secret_wipe(text.p, text.n);
  if (e == AVOW_OK)
    check_tell(c, CHECK_OK, path, NULL, "%zu seal key%s", n, n == 1 ? "" : "s");
  else
    check_tell(c, CHECK_FAIL, path, from_backup, "%s", problem_text(&why));
}

static void check_token_key(struct check *c) {
  static const char path[] = "keys/token.key";
  AUTO_BUF text;
  buf_init(&text, KEY_FILE_MAX);
  if (!check_read(c, path, from_backup, &text))
    return;
  uint8_t key[TOKEN_KEY_BYTES];
  size_t n = text.n > 0 && text.p[text.n - 1] == '\n' ? text.n - 1 : text.n;
  bool ok = hex_decode(slice_of(text.p, n), key, sizeof key);
  secret_wipe(key, sizeof key);
  secret_wipe(text.p, text.n);
  check_tell(c, ok ? CHECK_OK : CHECK_FAIL, path, ok ? NULL : from_backup, "%s",
             ok ? "32 bytes" : "expected 64 hexadecimal digits");
}

/* What clients were told to trust is what signs. */
static void check_root_pem(struct check *c) {
  AUTO_BUF pem;
  buf_init(&pem, 2 * CERT_MAX);
  if (!check_read(c, "root.pem", "write ca/root.der to it as PEM", &pem))
    return;
  struct slice der = pem_get(&c->arena, "CERTIFICATE", buf_slice(&pem));
  bool same = der.p && slice_eq(der, c->root.der);
  check_tell(c, same ? CHECK_OK : CHECK_FAIL, "root.pem", same ? NULL : "write ca/root.der to it as PEM", "%s",
             same ? "the root certificate" : "it is not the root certificate in ca/root.der");
}

void check_keys(struct check *c) {
  c->has_root = read_certificate(c, "ca/root.der", &c->root);
  c->has_issuing = read_certificate(c, "ca/I1.der", &c->issuing);
  if (c->has_root) {
    check_expiry(c, "root certificate", "make a new CA and give its root to your clients", c->root.not_before_s,
                 c->root.not_after_s, ROOT_WARN_DAYS);
    check_root_pem(c);
  }
  if (c->has_issuing)
    check_expiry(c, "issuing certificate", "make a new CA before then", c->issuing.not_before_s, c->issuing.not_after_s,
                 ISSUING_WARN_DAYS);
  if (c->has_root && c->has_issuing) {
    check_signature(c, "chain", &c->issuing, &c->root);
    if (c->issuing.not_after_s > c->root.not_after_s)
      check_tell(c, CHECK_WARN, "chain", "clients will refuse it after the root's end",
                 "the issuing certificate outlives its root");
  }
  check_key(c, "keys/issuing-I1.key", c->has_issuing ? c->issuing.spki : SLICE_NONE);
  check_key(c, "keys/web.key", SLICE_NONE);
  if (faccessat(c->dir_fd, "keys/root.key", F_OK, 0) == 0)
    check_key(c, "keys/root.key", c->has_root ? c->root.spki : SLICE_NONE);
  check_ring(c, "keys/ring.signer");
  check_ring(c, "keys/ring.validator");
  check_token_key(c);
}
