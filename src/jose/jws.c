#include "jose/jws.h"

#include "base/base64.h"
#include "crypto/digest.h"
#include "jose/jose_internal.h"

enum { OUTER_DEPTH = 1, HEADER_DEPTH = 4, HEADER_MAX = 16384, NONCE_MAX = 256, URL_MAX = 2048 };

static const struct {
  enum signature_alg alg;
  const char *name;
} algs[] = {
  {SIG_RS256, "RS256"}, {SIG_RS384, "RS384"}, {SIG_RS512, "RS512"}, {SIG_ES256, "ES256"},
  {SIG_ES384, "ES384"}, {SIG_ES512, "ES512"}, {SIG_EDDSA, "EdDSA"},
};

const char *const jose_algorithms[] = {"RS256", "ES256", "ES384", "ES512", "EdDSA"};
const size_t jose_algorithms_n = sizeof jose_algorithms / sizeof *jose_algorithms;

const char *jose_alg_text(enum signature_alg alg) {
  for (size_t i = 0; i < sizeof algs / sizeof *algs; i++)
    if (algs[i].alg == alg)
      return algs[i].name;
  return NULL;
}

enum signature_alg jose_alg_from_text(struct slice text) {
  for (size_t i = 0; i < sizeof algs / sizeof *algs; i++)
    if (slice_eq_str(text, algs[i].name))
      return algs[i].alg;
  return SIG_NONE;
}

static bool is_account_algorithm(struct slice text) {
  for (size_t i = 0; i < jose_algorithms_n; i++)
    if (slice_eq_str(text, jose_algorithms[i]))
      return true;
  return false;
}

static avow_err malformed(struct problem *why, const char *what) {
  return problem_set(why, ERR_MALFORMED, "JWS: %s", what);
}

/* RFC 7515, 7.2.2, with RFC 8555, 6.2: protected, payload and signature, nothing else. A "header" would be unprotected,
   "signatures" another serialisation. */
static avow_err check_outer(const json_t *outer, struct problem *why) {
  if (json_object_get(outer, "header"))
    return malformed(why, "an unprotected \"header\" is not allowed (RFC 8555, 6.2)");
  if (json_object_get(outer, "signatures"))
    return malformed(why, "only the flattened serialisation with one signature is allowed (RFC 8555, 6.2)");
  static const char *const members[] = {"protected", "payload", "signature"};
  for (size_t i = 0; i < 3; i++)
    if (!json_string_member(outer, members[i]).p)
      return problem_set(why, ERR_MALFORMED, "JWS: the string member \"%s\" is missing", members[i]);
  if (json_object_size(outer) != 3)
    return malformed(why, "there are members other than protected, payload and signature");
  return AVOW_OK;
}

/* A member of the header that is either absent or printable ASCII text of limited length. */
static avow_err header_text(const json_t *header, const char *name, size_t max, struct arena *a, struct slice *out,
                            struct problem *why) {
  *out = SLICE_NONE;
  if (!json_object_get(header, name))
    return AVOW_OK;
  struct slice text = json_string_member(header, name);
  if (!text.p || text.n == 0 || text.n > max)
    return problem_set(why, ERR_MALFORMED, "JWS: the header \"%s\" must be a string of 1 to %zu characters", name, max);
  for (size_t i = 0; i < text.n; i++)
    if (text.p[i] <= ' ' || text.p[i] > '~')
      return problem_set(why, ERR_MALFORMED, "JWS: the header \"%s\" has a character that no URL has", name);
  *out = arena_dup(a, text);
  return out->p ? AVOW_OK : ERR_NO_MEMORY;
}

/* RFC 8555, 6.5.1: 1*base64url. Other characters make the request malformed; a text that no server of ours ever minted
   is a bad nonce only. */
static avow_err check_nonce(struct slice nonce, struct problem *why) {
  for (size_t i = 0; i < nonce.n; i++) {
    uint8_t c = nonce.p[i];
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
      return malformed(why, "the nonce is not base64url (RFC 8555, 6.5.2)");
  }
  return AVOW_OK;
}

/* The parts common to both kinds. `header` then holds the parsed protected header. */
static avow_err parse_outer(struct slice json, struct arena *a, struct jws *jws, json_t **header, struct problem *why) {
  AUTO_JSON outer = json_parse_strict(json, OUTER_DEPTH);
  if (!outer)
    return malformed(why, "the body is not a flat JSON object without duplicate members");
  avow_err e = check_outer(outer, why);
  if (e != AVOW_OK)
    return e;
  struct slice protected_text = json_string_member(outer, "protected");
  struct slice payload_text = json_string_member(outer, "payload");
  struct slice protected_bytes = base64url_get(a, protected_text);
  jws->payload = base64url_get(a, payload_text);
  jws->payload_is_empty_string = payload_text.n == 0;
  jws->signature = base64url_get(a, json_string_member(outer, "signature"));
  if (!protected_bytes.p || !jws->payload.p || !jws->signature.p)
    return malformed(why, "protected, payload and signature must be base64url without padding (RFC 7515, 2)");
  uint8_t *input = arena_alloc(a, protected_text.n + 1 + payload_text.n);
  if (!input)
    return ERR_NO_MEMORY;
  memcpy(input, protected_text.p, protected_text.n);
  input[protected_text.n] = '.';
  memcpy(input + protected_text.n + 1, payload_text.p, payload_text.n);
  jws->signing_input = slice_of(input, protected_text.n + 1 + payload_text.n);

  *header = protected_bytes.n <= HEADER_MAX ? json_parse_strict(protected_bytes, HEADER_DEPTH) : NULL;
  if (!*header)
    return malformed(why, "the protected header is not a JSON object without duplicate members");
  /* RFC 7515, 4.1.11: we understand no extension (RFC 7797's b64 among them). */
  if (json_object_get(*header, "crit"))
    return malformed(why, "critical header extensions are not supported (RFC 7515, 4.1.11)");
  e = header_text(*header, "url", URL_MAX, a, &jws->url, why);
  if (e == AVOW_OK)
    e = header_text(*header, "kid", URL_MAX, a, &jws->kid, why);
  if (e == AVOW_OK)
    e = header_text(*header, "nonce", NONCE_MAX, a, &jws->nonce, why);
  return e == AVOW_OK ? check_nonce(jws->nonce, why) : e;
}

static avow_err parse_key(const json_t *header, struct arena *a, struct jws *jws, struct problem *why) {
  const json_t *object = json_object_get(header, "jwk");
  /* RFC 8555, 6.2: mutually exclusive, and one of them is there. */
  if (object && jws->kid.p)
    return malformed(why, "there are both \"jwk\" and \"kid\" (RFC 8555, 6.2)");
  if (!object && !jws->kid.p)
    return malformed(why, "there is neither \"jwk\" nor \"kid\" (RFC 8555, 6.2)");
  if (!object)
    return AVOW_OK;
  avow_err e = jwk_from_json(object, a, &jws->jwk, why);
  if (e != AVOW_OK)
    return e;
  jws->has_jwk = true;
  if (key_signature_alg(public_key_type(jws->jwk.key)) != jws->alg)
    return problem_set(why, ERR_BAD_ALGORITHM, "JWS: \"alg\" is %s, but the key is of type %s", jose_alg_text(jws->alg),
                       key_type_text(public_key_type(jws->jwk.key)));
  if (jws->jwk.alg != SIG_NONE && jws->jwk.alg != jws->alg)
    return problem_set(why, ERR_BAD_ALGORITHM, "JWS: \"alg\" is %s, but the JWK says %s", jose_alg_text(jws->alg),
                       jose_alg_text(jws->jwk.alg));
  return AVOW_OK;
}

avow_err jws_parse(struct slice body, struct arena *a, struct jws *jws, struct problem *why) {
  *jws = (struct jws){0};
  if (body.n > JWS_MAX)
    return problem_set(why, ERR_TOO_LARGE, "the request body is larger than %d bytes", JWS_MAX);
  AUTO_JSON header = NULL;
  avow_err e = parse_outer(body, a, jws, &header, why);
  if (e != AVOW_OK)
    return e;
  struct slice alg = json_string_member(header, "alg");
  if (!alg.p)
    return malformed(why, "the header \"alg\" is missing or no string");
  if (!is_account_algorithm(alg))
    return problem_set(why, ERR_BAD_ALGORITHM, "JWS: \"alg\" must be RS256, ES256, ES384, ES512 or EdDSA");
  jws->alg = jose_alg_from_text(alg);
  return parse_key(header, a, jws, why);
}

avow_err jws_parse_mac(struct slice json, struct arena *a, struct jws *jws, struct problem *why) {
  *jws = (struct jws){0};
  if (json.n > JWS_MAX)
    return problem_set(why, ERR_TOO_LARGE, "the external account binding is larger than %d bytes", JWS_MAX);
  AUTO_JSON header = NULL;
  avow_err e = parse_outer(json, a, jws, &header, why);
  if (e != AVOW_OK)
    return e;
  /* RFC 8555, 7.3.4: a MAC algorithm, a key identifier, no nonce. */
  struct slice alg = json_string_member(header, "alg");
  if (!alg.p)
    return malformed(why, "the header \"alg\" of the external account binding is missing or no string");
  if (!slice_eq_str(alg, "HS256"))
    return problem_set(why, ERR_BAD_ALGORITHM, "JWS: \"alg\" of an external account binding must be HS256");
  jws->is_mac = true;
  if (jws->nonce.p)
    return malformed(why, "an external account binding has no nonce (RFC 8555, 7.3.4)");
  if (json_object_get(header, "jwk") || !jws->kid.p)
    return malformed(why, "an external account binding has a \"kid\" and no \"jwk\" (RFC 8555, 7.3.4)");
  if (!jws->url.p)
    return malformed(why, "an external account binding has a \"url\" (RFC 8555, 7.3.4)");
  return AVOW_OK;
}

void jws_clear(struct jws *jws) {
  jwk_clear(&jws->jwk);
  *jws = (struct jws){0};
}

avow_err jws_verify(const struct jws *jws, const struct public_key *key, struct problem *why) {
  avow_err e = jws->is_mac ? ERR_BAD_ALGORITHM
                           : public_key_verify(key, jws->alg, SIGNATURE_RAW, jws->signing_input, jws->signature);
  if (e == ERR_BAD_ALGORITHM)
    return problem_set(why, e, "JWS: \"alg\" does not fit the account's key");
  if (e == ERR_MALFORMED)
    return malformed(why, "the signature is not right");
  return e;
}

avow_err jws_verify_mac(const struct jws *jws, struct slice key, struct problem *why) {
  if (!jws->is_mac)
    return problem_set(why, ERR_BAD_ALGORITHM, "JWS: this one is not a MAC");
  uint8_t mac[SHA256_BYTES];
  hmac_sha256(key, jws->signing_input, mac);
  bool right = secret_equal(SLICE_OF(mac), jws->signature);
  secret_wipe(mac, sizeof mac);
  return right ? AVOW_OK : malformed(why, "the MAC is not right");
}
