/* JWS as ACME uses it (RFC 8555, 6.2; RFC 7515, 7.2.2): flattened JSON, protected header only, one signature. Strict:
   duplicate members, unknown serialisations, padding and critical extensions are refused. */
#ifndef AVOW_JOSE_JWS_H
#define AVOW_JOSE_JWS_H

#include "base/arena.h"
#include "crypto/key.h"

/* A JSON Web Key (RFC 7517, RFC 8037): public RSA, EC P-256/384/521 or Ed25519. */
struct jwk {
  struct public_key *key; /* owned: jwk_clear() */
  uint8_t thumbprint[32]; /* RFC 7638 with SHA-256 */
  struct slice canonical; /* the RFC 7638 form, in the arena: what is stored and sealed */
  enum signature_alg alg; /* its "alg" member, SIG_NONE without one */
};

/* Parses and checks a JWK. ERR_BAD_PUBLIC_KEY for unsupported or weak keys (RSA under 2048 bits), ERR_MALFORMED for
   what is no JWK, holds private members, or is not for signatures. Unknown members are ignored (RFC 7517, 4). `jwk` is
   valid as long as `a`; jwk_clear() also after a failure. */
avow_err jwk_parse(struct slice json, struct arena *a, struct jwk *jwk, struct problem *why) WARN_UNUSED;
/* The canonical form of a key, appended. */
avow_err jwk_write(const struct public_key *key, struct buf *out) WARN_UNUSED;
void jwk_clear(struct jwk *jwk);

struct jws {
  enum signature_alg alg; /* SIG_NONE for HS256 when jws_parse() allowed a MAC (EAB) */
  bool is_mac;
  struct slice nonce, url, kid; /* as in the protected header; p NULL when absent */
  bool has_jwk;
  struct jwk jwk;       /* when has_jwk */
  struct slice payload; /* decoded; n 0 for POST-as-GET */
  bool payload_is_empty_string;
  struct slice signing_input; /* protected || "." || payload, as sent */
  struct slice signature;     /* decoded */
};

/* The most bytes of a body, and an arena cap that is enough for parsing any of them. */
enum { JWS_MAX = 50000, JWS_ARENA = 4 * JWS_MAX };

/* Parses a request body without verifying it. `jws` borrows from `body` and `a`. Errors: ERR_MALFORMED,
   ERR_BAD_ALGORITHM (the caller adds `algorithms`), ERR_BAD_PUBLIC_KEY, ERR_TOO_LARGE. Exactly one of jwk and kid must
   be there; alg must fit the key; nonce must be base64url when present. A missing nonce or url is left to the caller,
   as the inner JWS of a key change (RFC 8555, 7.3.5) has no nonce. Call jws_clear() also after a failure. */
avow_err jws_parse(struct slice body, struct arena *a, struct jws *jws, struct problem *why) WARN_UNUSED;
/* The same for the inner JWS of an external account binding (RFC 8555, 7.3.4): HS256 only, kid, no nonce. */
avow_err jws_parse_mac(struct slice json, struct arena *a, struct jws *jws, struct problem *why) WARN_UNUSED;
void jws_clear(struct jws *jws);
/* AVOW_OK or ERR_MALFORMED ("the signature is not right"), ERR_BAD_ALGORITHM when alg does not fit the key. */
avow_err jws_verify(const struct jws *jws, const struct public_key *key, struct problem *why) WARN_UNUSED;
avow_err jws_verify_mac(const struct jws *jws, struct slice key, struct problem *why) WARN_UNUSED;

/* JOSE name ("ES256"), NULL for SIG_NONE; and back. */
const char *jose_alg_text(enum signature_alg alg);
enum signature_alg jose_alg_from_text(struct slice text);
/* The accepted account algorithms, for the `algorithms` member of badSignatureAlgorithm. */
extern const char *const jose_algorithms[];
extern const size_t jose_algorithms_n;

#endif
