/* The parts of the signer among themselves. A batch makes one struct work of each request: plan_*() checks the evidence
   and prepares, finish_*() signs and fills the record once the intents are durable. */
#ifndef AVOW_SIGN_INTERNAL_H
#define AVOW_SIGN_INTERNAL_H

#include <jansson.h>

#include "evidence/cover.h"
#include "jose/jws.h"
#include "pki/cert.h"
#include "pki/csr.h"
#include "pki/dates.h"
#include "sign/signer.h"
#include "sign/state.h"

enum {
  KEY_CACHE = 256,
  SERIAL_RANDOM = 16, /* after the prefix byte: 128 random bits (BR 7.1.2.7 asks for 64) */
  ORPHANS_MOST = 2    /* so many intents without outcome and an order is given up */
};
/* How long after an order's lifetime its finalize job may still be waiting for a signer that was down. */
#define ORDER_SLACK_MS ((int64_t)60 * 60 * 1000)

/* A parsed account key: making one from its JWK costs more than a look-up. */
struct cached_key {
  struct id128 account;
  uint32_t epoch;
  struct public_key *key; /* owned; NULL: empty */
};

/* What a request of this batch is changing: a second one of the same is told to come again. */
struct claim {
  uint8_t kind;
  uint8_t key[32];
};

struct signer {
  struct signer_setup setup;
  struct state state;
  struct journal journal;
  struct arena arena; /* what lives as long as the signer */
  struct arena batch; /* what lives as long as a batch */
  struct cert root, issuer;
  enum signature_alg alg;
  const struct public_key *issuer_public; /* borrowed from the issuing key */
  struct public_key *web_key;             /* owned */
  const char **bases;                     /* of ACME URLs: one for each host */
  size_t bases_n;
  const char *ca_url, *ocsp_url;
  struct name *hosts; /* of the web certificate, sorted */
  size_t hosts_n;
  struct name_policy names;
  int64_t order_most_ms; /* the longest order lifetime of all profiles */
  int64_t pruned_ms;
  struct cached_key cache[KEY_CACHE];
  struct claim claims[2 * SIGNER_BATCH_MAX]; /* a key change claims its account and its new key */
  size_t claims_n;
  uint64_t read_record, read_offset; /* where the next record was expected when the last was read */
};

struct work {
  const struct message *request;
  struct signer_answer *answer;
  int64_t now_ms;
  enum { WORK_ANSWERED, WORK_RECORD, WORK_CERTIFICATE } state;
  struct entry entry; /* the record, complete but for its number and what finish_*() adds */
  /* Of a certificate. */
  struct intent intent;
  uint64_t intent_frame;
  struct cert expect; /* for the second opinion */
  const struct name *names;
  size_t names_n;
  /* Of a revocation. */
  struct revocation_record revocation;
};

/* Each returns AVOW_OK with a prepared work, or with the record of an earlier run of the same job and state
   WORK_ANSWERED; an error is a refusal. */
avow_err plan_account(struct signer *s, struct work *w, struct problem *why) WARN_UNUSED;
avow_err plan_account_change(struct signer *s, struct work *w, struct problem *why) WARN_UNUSED;
avow_err plan_issue(struct signer *s, struct work *w, struct problem *why) WARN_UNUSED;
avow_err plan_service(struct signer *s, struct work *w, struct problem *why) WARN_UNUSED;
avow_err plan_revoke(struct signer *s, struct work *w, struct problem *why) WARN_UNUSED;
avow_err plan_crl(struct signer *s, struct work *w, struct problem *why) WARN_UNUSED;
/* Signs the certificate of the intent, has it read by OpenSSL, seals the issuance record. */
avow_err finish_certificate(struct signer *s, struct work *w, uint64_t number, struct problem *why) WARN_UNUSED;
/* Gives a record of another kind its number and seal. */
avow_err finish_record(struct signer *s, struct work *w, uint64_t number, struct problem *why) WARN_UNUSED;

/* certificate.c: what plan_issue() and plan_service() share. Draws the serial, picks shard and URLs, builds and lints
   the TBS and prepares the intent. */
struct certificate_plan {
  const struct profile *profile;
  const struct public_key *key;
  const struct name *names; /* sorted; in the batch arena or of the signer */
  size_t names_n;
  struct slice common_name;
  int64_t not_before_s, not_after_s;
};
avow_err plan_certificate(struct signer *s, struct work *w, const struct certificate_plan *p,
                          struct problem *why) WARN_UNUSED;

/* request.c: what a subscriber's request is checked with. */
/* Opens the sealed account and compares it with the journal: ERR_EVIDENCE when it is not the current record,
   ERR_UNAUTHORIZED when the account is not valid. */
avow_err account_current(struct signer *s, struct slice sealed, int64_t now_ms, struct sealed_account *out,
                         struct problem *why) WARN_UNUSED;
/* The account's current key, parsed once while it stays in the cache; borrowed until the next call. */
avow_err account_key(struct signer *s, const struct sealed_account *account, const struct public_key **out,
                     struct problem *why) WARN_UNUSED;
/* Parses and verifies a JWS of the account for the URL path; without one the caller checks out->url. The JWS is to be
   cleared also after a failure. */
avow_err account_jws(struct signer *s, struct slice body, const struct sealed_account *account, const char *path,
                     struct jws *out, struct problem *why) WARN_UNUSED;
/* Whether `url` is one of our bases and the path. */
bool is_our_url(const struct signer *s, struct slice url, const char *path);
/* The payload as a JSON object; ERR_MALFORMED. The caller releases it. */
avow_err payload_object(struct slice payload, json_t **out, struct problem *why) WARN_UNUSED;
/* A base64url member, decoded into the batch arena; ERR_MALFORMED. */
avow_err payload_bytes(struct signer *s, const json_t *object, const char *member, struct slice *out,
                       struct problem *why) WARN_UNUSED;
/* ERR_UNAVAILABLE when a request of this batch has it already. `key` is cut or zero-padded to 32 bytes. */
enum claim_kind { CLAIM_ACCOUNT_KEY, CLAIM_ACCOUNT, CLAIM_ORDER, CLAIM_SERIAL, CLAIM_SHARD, CLAIM_SERVICE };
avow_err claim(struct signer *s, enum claim_kind kind, struct slice key, struct problem *why) WARN_UNUSED;
struct digest digest_of(struct slice bytes);
/* Answers with an earlier record. */
avow_err answer_again(struct work *w, uint64_t record);

/* The entry of an account's record, borrowing from `bytes`. */
avow_err read_account(struct signer *s, uint64_t number, struct buf *bytes, struct entry *out,
                      struct problem *why) WARN_UNUSED;

#define AUTO_JSON __attribute__((cleanup(json_cleanup))) json_t *
static inline void json_cleanup(json_t **j) {
  json_decref(*j);
}
#define AUTO_JWS __attribute__((cleanup(jws_clear))) struct jws
#define AUTO_CSR __attribute__((cleanup(csr_clear))) struct csr

#endif
