/* Sealed records: what one role states and another may believe. See docs/protocol/evidence.md.

   A seal is HMAC-SHA-256 under a key that only the sealer and the reader hold, over version, type, CA kind, key id and
   body. Bodies are canonical: fixed order, big-endian, lengths before bytes; there is one encoding, others are refused.
 */
#ifndef AVOW_EVIDENCE_EVIDENCE_H
#define AVOW_EVIDENCE_EVIDENCE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"

enum seal_type { SEAL_ACCOUNT = 1, SEAL_CONTROL = 2, SEAL_CAA = 3, SEAL_ISSUANCE = 4, SEAL_REVOCATION = 5 };

/* A ring of seal keys: several may open, one (the last) seals. */
struct seal_key {
  uint32_t id;
  int64_t opens_until_ms; /* 0: no end */
  struct secret key;      /* 32 bytes */
};
struct seal_ring {
  struct seal_key keys[8];
  size_t n;
  uint8_t kind; /* enum ca_kind, part of every seal */
};
/* The file form: one line a key, "ID UNTIL HEX"; ERR_MALFORMED. */
avow_err seal_ring_parse(struct slice text, uint8_t kind, struct seal_ring *out, struct problem *why) WARN_UNUSED;
/* A new ring of one random key, in the file form, appended to `out`. */
avow_err seal_ring_generate(struct buf *out) WARN_UNUSED;
void seal_ring_clear(struct seal_ring *ring);

/* Appends the sealed form of `body`. */
avow_err seal_put(const struct seal_ring *ring, enum seal_type type, struct slice body, struct buf *out) WARN_UNUSED;
/* The body of a sealed record of this type and kind, borrowed; ERR_EVIDENCE with `why`. */
avow_err seal_open(const struct seal_ring *ring, enum seal_type type, struct slice sealed, int64_t now_ms,
                   struct slice *body, struct problem *why) WARN_UNUSED;

enum { JWK_MAX = 2048, ACCOUNT_KEYS_MAX = 16 };

/* What the signer says of an account. `keys` holds the thumbprints of its last keys, the current one last, so that
   statements made under an older key stay usable. */
struct sealed_account {
  struct id128 id;
  uint32_t epoch;
  uint8_t status; /* enum account_status */
  int64_t created_ms;
  struct slice jwk; /* canonical, the current key */
  uint8_t keys[ACCOUNT_KEYS_MAX][32];
  size_t keys_n;
  struct slice binding; /* external account key id; empty without one */
};

enum control_scope { SCOPE_EXACT = 1, SCOPE_WILDCARD = 2, SCOPE_SUBTREE = 3 };

/* What the validator says: this account key showed control of this name. */
struct control_statement {
  uint8_t identifier_type; /* enum identifier_type */
  struct slice name;       /* authorization name: canonical, without "*." */
  uint8_t method;          /* enum challenge_method */
  uint8_t scope;           /* enum control_scope */
  struct id128 account;
  uint8_t thumbprint[32];
  int64_t at_ms;
  struct slice perspective; /* "" for the CA's own */
};

enum caa_verdict { CAA_PERMITTED = 1, CAA_FORBIDDEN = 2, CAA_INTERNAL = 3 };

/* What the validator says: CAA of this FQDN lets this account use this method, until then. */
struct caa_statement {
  struct slice name;
  bool wildcard;
  struct id128 account;
  uint8_t method;
  uint8_t verdict;
  int64_t at_ms, expires_ms;
  struct slice perspective;
};

/* What the signer says of a certificate it issued. */
struct issuance_record {
  uint64_t number;
  struct id128 certificate, order, account;
  struct slice serial, issuer;
  uint16_t shard;
  int64_t issued_ms, not_after_ms;
  uint8_t der_sha256[32], spki_sha256[32];
  uint8_t names_sha256[32]; /* over the canonical list, for lookup by evidence */
};

/* What the signer says of a revocation. */
struct revocation_record {
  uint64_t number;
  struct id128 certificate;
  struct slice serial, issuer;
  uint8_t reason; /* CRLReason (RFC 5280, 5.3.1); 0: unspecified */
  uint8_t by;     /* enum revoked_by: what proved the right to revoke */
  int64_t revoked_ms;
  uint8_t blocked_key[32]; /* SHA-256 of the SPKI; zero when no key is blocked */
};
enum revoked_by { REVOKED_BY_ACCOUNT = 1, REVOKED_BY_KEY = 2 };

avow_err account_seal(const struct seal_ring *ring, const struct sealed_account *a, struct buf *out) WARN_UNUSED;
avow_err account_open(const struct seal_ring *ring, struct slice sealed, int64_t now_ms, struct sealed_account *out,
                      struct problem *why) WARN_UNUSED;
avow_err control_seal(const struct seal_ring *ring, const struct control_statement *s, struct buf *out) WARN_UNUSED;
avow_err control_open(const struct seal_ring *ring, struct slice sealed, int64_t now_ms, struct control_statement *out,
                      struct problem *why) WARN_UNUSED;
avow_err caa_seal(const struct seal_ring *ring, const struct caa_statement *s, struct buf *out) WARN_UNUSED;
avow_err caa_open(const struct seal_ring *ring, struct slice sealed, int64_t now_ms, struct caa_statement *out,
                  struct problem *why) WARN_UNUSED;
avow_err issuance_seal(const struct seal_ring *ring, const struct issuance_record *r, struct buf *out) WARN_UNUSED;
avow_err issuance_open(const struct seal_ring *ring, struct slice sealed, int64_t now_ms, struct issuance_record *out,
                       struct problem *why) WARN_UNUSED;
avow_err revocation_seal(const struct seal_ring *ring, const struct revocation_record *r, struct buf *out) WARN_UNUSED;
avow_err revocation_open(const struct seal_ring *ring, struct slice sealed, int64_t now_ms,
                         struct revocation_record *out, struct problem *why) WARN_UNUSED;

#endif
