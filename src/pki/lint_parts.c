#include "der/oid.h"
#include "pki/lint.h"

bool lint_algorithm_is(struct slice identifier, enum signature_alg alg) {
  return alg != SIG_NONE && alg != SIG_EDDSA && slice_eq(identifier, signature_alg_identifier(alg));
}

/* RSAPublicKey: the sizes that keycheck() lets through (TLS BR 6.1.5, 6.1.6). */
static bool rsa_ok(struct slice bits) {
  struct der outer = der_of(bits), d = der_enter(&outer, DER_SEQUENCE);
  struct slice n = der_unsigned(&d), e = der_unsigned(&d);
  der_leave(&outer, &d);
  return der_at_end(&outer) && (n.n == 256 || n.n == 384 || n.n == 512) && n.p[0] >= 0x80 && (n.p[n.n - 1] & 1) &&
         e.n >= 3 && e.n <= 32 && (e.p[e.n - 1] & 1);
}

static bool point_ok(struct slice bits, size_t field) {
  return bits.n == 1 + 2 * field && bits.p[0] == 0x04;
}

bool lint_key_ok(struct slice spki, enum key_type type) {
  static const uint8_t rsa[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
  static const uint8_t p256[] = {0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
  static const uint8_t p384[] = {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
  struct der outer = der_of(spki), d = der_enter(&outer, DER_SEQUENCE);
  struct slice alg = der_element(&d, DER_SEQUENCE), bits = der_bit_string(&d);
  der_leave(&outer, &d);
  bool ok = der_at_end(&outer);
  switch (type) {
  case KEY_RSA:
    return ok && slice_eq(alg, SLICE_OF(rsa)) && rsa_ok(bits);
  case KEY_P256:
    return ok && slice_eq(alg, SLICE_OF(p256)) && point_ok(bits, 32);
  case KEY_P384:
    return ok && slice_eq(alg, SLICE_OF(p384)) && point_ok(bits, 48);
  case KEY_NONE:
  case KEY_P521:
  case KEY_ED25519:
    break;
  }
  return false;
}

bool lint_url_is(struct slice uri, const char *expect) {
  return slice_starts(uri, SLICE_LIT("http://")) && slice_eq_str(uri, expect);
}

bool lint_crl_point_is(const struct extension *x, const char *url) {
  if (!x || x->critical)
    return false;
  struct der outer = der_of(x->value), list = der_enter(&outer, DER_SEQUENCE);
  struct der point = der_enter(&list, DER_SEQUENCE), name = der_enter(&point, DER_CONTEXT_SET(0));
  struct der full = der_enter(&name, DER_CONTEXT_SET(0));
  bool ok = lint_url_is(der_read(&full, DER_CONTEXT(6)), url);
  der_leave(&name, &full);
  der_leave(&point, &name);
  der_leave(&list, &point);
  der_leave(&outer, &list);
  return ok && der_at_end(&outer);
}
