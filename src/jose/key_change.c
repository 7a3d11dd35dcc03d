#include "jose/key_change.h"

#include "jose/jose_internal.h"

enum { CHANGE_DEPTH = 4 };

static avow_err malformed(struct problem *why, const char *what) {
  return problem_set(why, ERR_MALFORMED, "Key change: %s", what);
}

static avow_err check_header(const struct jws *outer, const struct jws *inner, struct problem *why) {
  if (!inner->has_jwk)
    return malformed(why, "the inner JWS must carry the new key as its \"jwk\"");
  if (inner->nonce.p)
    return malformed(why, "the inner JWS has no nonce");
  if (!inner->url.p || !slice_eq(inner->url, outer->url))
    return malformed(why, "the inner JWS must have the \"url\" of the outer one");
  return AVOW_OK;
}

/* Whether the key in `object` is that of the account now. */
static bool is_key(const json_t *object, struct slice canonical, struct arena *a) {
  struct jwk jwk = {0};
  bool same =
    json_is_object(object) && jwk_from_json(object, a, &jwk, NULL) == AVOW_OK && slice_eq(jwk.canonical, canonical);
  jwk_clear(&jwk);
  return same;
}

static avow_err check_payload(const struct jws *outer, const struct jws *inner, struct slice old_jwk, struct arena *a,
                              struct problem *why) {
  AUTO_JSON payload = json_parse_strict(inner->payload, CHANGE_DEPTH);
  if (!payload)
    return malformed(why, "the inner payload is not a JSON object without duplicate members");
  struct slice account = json_string_member(payload, "account");
  if (!account.p || !slice_eq(account, outer->kid))
    return malformed(why, "\"account\" is not the account that signed the outer JWS");
  if (!is_key(json_object_get(payload, "oldKey"), old_jwk, a))
    return malformed(why, "\"oldKey\" is not the present key of the account");
  if (slice_eq(inner->jwk.canonical, old_jwk))
    return malformed(why, "the new key is the present key of the account");
  return AVOW_OK;
}

avow_err key_change_open(const struct jws *outer, struct slice old_jwk, struct arena *a, struct jws *inner,
                         struct problem *why) {
  avow_err e = jws_parse(outer->payload, a, inner, why);
  if (e == AVOW_OK)
    e = check_header(outer, inner, why);
  if (e == AVOW_OK)
    e = jws_verify(inner, inner->jwk.key, why);
  return e == AVOW_OK ? check_payload(outer, inner, old_jwk, a, why) : e;
}
