/* JSON Web Keys (RFC 7517; RFC 7518, 6; RFC 8037, 2) and their thumbprints (RFC 7638). */
#include "base/base64.h"
#include "crypto/digest.h"
#include "jose/jose_internal.h"

/* A 8192-bit modulus takes 1366 characters. */
enum { JWK_MAX = 8192, JWK_DEPTH = 3, CANONICAL_MAX = 4096 };

static const struct {
  enum key_type type;
  const char *name;
} curves[] = {{KEY_P256, "P-256"}, {KEY_P384, "P-384"}, {KEY_P521, "P-521"}};
enum { CURVES = sizeof curves / sizeof *curves };

/* RFC 7518, 6.2.2 and 6.3.2; RFC 8037, 2; RFC 7518, 6.4: members that hold secrets. Who sends one has lost the key. */
static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

/* A base64url member, decoded; `p` is NULL after filling `why`. */
static struct slice number(const json_t *object, const char *name, struct arena *a, struct problem *why) {
  struct slice text = json_string_member(object, name);
  struct slice bytes = text.p ? base64url_get(a, text) : SLICE_NONE;
  if (!bytes.p)
    problem_set(why, ERR_MALFORMED, "the JWK member \"%s\" is missing or not base64url", name);
  return bytes;
}

static avow_err parse_rsa(const json_t *object, struct arena *a, struct jwk *jwk, struct problem *why) {
  struct slice n = number(object, "n", a, why);
  if (!n.p)
    return ERR_MALFORMED;
  struct slice e = number(object, "e", a, why);
  return e.p ? public_key_rsa(n, e, &jwk->key, why) : ERR_MALFORMED;
}

static avow_err parse_ec(const json_t *object, struct slice curve, struct arena *a, struct jwk *jwk,
                         struct problem *why) {
  enum key_type type = KEY_NONE;
  for (size_t i = 0; i < CURVES; i++)
    if (slice_eq_str(curve, curves[i].name))
      type = curves[i].type;
  if (type == KEY_NONE)
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "the JWK's curve is not P-256, P-384 or P-521");
  struct slice x = number(object, "x", a, why);
  if (!x.p)
    return ERR_MALFORMED;
  struct slice y = number(object, "y", a, why);
  return y.p ? public_key_ec(type, x, y, &jwk->key, why) : ERR_MALFORMED;
}

static avow_err parse_okp(const json_t *object, struct slice curve, struct arena *a, struct jwk *jwk,
                          struct problem *why) {
  if (!slice_eq_str(curve, "Ed25519"))
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "the JWK's curve is not Ed25519");
  struct slice x = number(object, "x", a, why);
  return x.p ? public_key_ed25519(x, &jwk->key, why) : ERR_MALFORMED;
}

/* RFC 7517, 4.2 to 4.4: what the key says of its own use. */
static avow_err check_use(const json_t *object, struct jwk *jwk, struct problem *why) {
  if (json_object_get(object, "use") && !slice_eq_str(json_string_member(object, "use"), "sig"))
    return problem_set(why, ERR_MALFORMED, "the JWK is not for signatures (\"use\")");
  if (!json_object_get(object, "alg"))
    return AVOW_OK;
  jwk->alg = jose_alg_from_text(json_string_member(object, "alg"));
  if (jwk->alg == SIG_NONE)
    return problem_set(why, ERR_MALFORMED, "the JWK's \"alg\" is not a supported signature algorithm");
  return AVOW_OK;
}

avow_err jwk_from_json(const json_t *object, struct arena *a, struct jwk *jwk, struct problem *why) {
  *jwk = (struct jwk){0};
  if (!json_is_object(object))
    return problem_set(why, ERR_MALFORMED, "the JWK is not an object");
  for (size_t i = 0; i < sizeof private_members / sizeof *private_members; i++)
    if (json_object_get(object, private_members[i]))
      return problem_set(why, ERR_MALFORMED, "the JWK holds the private member \"%s\"", private_members[i]);
  avow_err e = check_use(object, jwk, why);
  if (e != AVOW_OK)
    return e;
  struct slice type = json_string_member(object, "kty"), curve = json_string_member(object, "crv");
  if (slice_eq_str(type, "RSA"))
    e = parse_rsa(object, a, jwk, why);
  else if (slice_eq_str(type, "EC"))
    e = parse_ec(object, curve, a, jwk, why);
  else if (slice_eq_str(type, "OKP"))
    e = parse_okp(object, curve, a, jwk, why);
  else if (type.p)
    e = problem_set(why, ERR_BAD_PUBLIC_KEY, "the JWK's \"kty\" is not RSA, EC or OKP");
  else
    e = problem_set(why, ERR_MALFORMED, "the JWK has no \"kty\"");
  if (e != AVOW_OK)
    return e;

  AUTO_BUF canonical;
  buf_init(&canonical, CANONICAL_MAX);
  e = jwk_write(jwk->key, &canonical);
  if (e == AVOW_OK) {
    sha256(buf_slice(&canonical), jwk->thumbprint);
    jwk->canonical = arena_dup(a, buf_slice(&canonical));
    if (!jwk->canonical.p)
      e = ERR_NO_MEMORY;
  }
  return e;
}

avow_err jwk_parse(struct slice json, struct arena *a, struct jwk *jwk, struct problem *why) {
  *jwk = (struct jwk){0};
  AUTO_JSON object = json.n <= JWK_MAX ? json_parse_strict(json, JWK_DEPTH) : NULL;
  if (!object)
    return problem_set(why, ERR_MALFORMED, "the JWK is not a JSON object of at most %d bytes", JWK_MAX);
  return jwk_from_json(object, a, jwk, why);
}

static void put_member(struct buf *out, const char *name, struct slice bytes) {
  buf_printf(out, "\"%s\":\"", name);
  base64url_put(out, bytes);
  buf_put_u8(out, '"');
}

/* RFC 7638, 3.2 and RFC 8037, 2: the required members only, in lexicographic order, without white space. */
avow_err jwk_write(const struct public_key *key, struct buf *out) {
  struct slice content = public_key_bits_content(key);
  enum key_type type = public_key_type(key);
  buf_put_u8(out, '{');
  switch (type) {
  case KEY_NONE:
    return ERR_BAD_PUBLIC_KEY;
  case KEY_RSA:
    put_member(out, "e", public_key_rsa_e(key));
    buf_put_str(out, ",\"kty\":\"RSA\",");
    put_member(out, "n", public_key_rsa_n(key));
    break;
  case KEY_P256:
  case KEY_P384:
  case KEY_P521: {
    size_t field = (content.n - 1) / 2; /* 04 || x || y */
    buf_printf(out, "\"crv\":\"%s\",\"kty\":\"EC\",", key_type_text(type));
    put_member(out, "x", slice_of(content.p + 1, field));
    buf_put_u8(out, ',');
    put_member(out, "y", slice_of(content.p + 1 + field, field));
    break;
  }
  case KEY_ED25519:
    buf_put_str(out, "\"crv\":\"Ed25519\",\"kty\":\"OKP\",");
    put_member(out, "x", content);
    break;
  }
  buf_put_u8(out, '}');
  return out->failed ? ERR_NO_MEMORY : AVOW_OK;
}

void jwk_clear(struct jwk *jwk) {
  public_key_free(jwk->key);
  *jwk = (struct jwk){0};
}
