/* A small CA with its subscribers, for tests of the signer: keys, certificates, rings, journal; and requests that are
   right unless a test spoils them. Failing calls end the test by cmocka's assertions. */
#ifndef AVOW_TESTS_HOSTILE_WORLD_H
#define AVOW_TESTS_HOSTILE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "evidence/cover.h"
#include "pki/cert.h"
#include "sign/signer.h"

#define WORLD_NOW ((int64_t)1795341003 * 1000) /* 2026-11-22, where no real clock is involved */
#define WORLD_BASE "https://localhost:14000"

struct world {
  struct config config;
  const char *conf_text, *sets_text; /* what it was read from; sets one a line */
  struct private_key *root_key, *issuer_key, *web_key;
  struct buf root, issuer; /* DER */
  struct buf ring_signer_text, ring_validator_text;
  struct seal_ring ring_signer, ring_validator;
  struct seal_ring foreign; /* another validator's ring, with the same key id */
  int journal;
  int64_t now_ms;
  struct signer *signer;
  struct arena arena; /* all that the requests borrow from */
  /* How to reach a signer in another process; NULL: `signer` is asked. */
  void *rig;
  struct signer_answer (*ask)(void *rig, const struct message *m);
  struct message (*fetch)(void *rig, uint64_t number);
};

/* "internal.example" is listed as internal, "192.0.2.0/24" as a network. */
void world_make(struct world *w, enum ca_kind kind, int64_t now_ms);
void world_clear(struct world *w);
struct signer_setup world_setup(const struct world *w);
/* Opens the signer over the journal, again when it is open. */
void world_open(struct world *w);
/* The same, where it may fail. */
avow_err world_try_open(struct world *w, struct problem *why);
struct signer_answer world_ask(struct world *w, const struct message *m);

/* A subscriber: its key, and what the signer said of its account. */
struct person {
  struct private_key *key;
  uint8_t thumbprint[32];
  struct slice jwk; /* in the world's arena */
  struct id128 id;
  struct slice sealed;
};
struct person person_make(struct world *w, enum key_type type);
void person_clear(struct person *p);
struct message person_new_account(struct world *w, const struct person *p, struct id128 job);
/* Asks the signer for an account and takes it. */
void person_join(struct world *w, struct person *p);
/* Takes the account out of record `number`. */
void person_take(struct world *w, struct person *p, uint64_t number);
/* Record `number`, in the world's arena. */
struct message world_record(struct world *w, uint64_t number);

/* What a JWS says; zeros are the usual things. */
struct jws_spec {
  bool no_nonce;
  const struct private_key *key;
  enum signature_alg alg; /* SIG_NONE: that of the key */
  struct slice jwk;       /* else `kid` */
  const char *kid, *url, *payload;
  bool spoil; /* change a bit of the signature */
};
struct slice world_jws(struct world *w, const struct jws_spec *spec);
const char *world_account_url(struct world *w, struct id128 account);
const char *world_order_url(struct world *w, struct id128 order, const char *tail);
const char *world_base64(struct world *w, struct slice bytes);

/* A key change of `who` to the key of `to`; `by` signs the outer JWS and `inner_by` the inner one. */
struct key_change_spec {
  const struct person *who, *to, *by, *inner_by;
  const char *url, *inner_url, *account; /* NULL: the right ones */
  struct slice old_key;
  bool inner_kid, inner_nonce, spoil, inner_spoil;
  struct id128 job;
};
struct message world_key_change(struct world *w, const struct key_change_spec *spec);

struct slice world_control(struct world *w, const struct control_statement *s);
struct slice world_caa(struct world *w, const struct caa_statement *s);

/* A finalize with everything that belongs to it. `names` end with NULL; "*." and addresses are known by their form. */
struct issue_spec {
  const struct person *who;
  const char *const *names;
  const char *const *csr_names;      /* NULL: `names` */
  const struct private_key *csr_key; /* NULL: one of its own */
  struct slice csr_extension;        /* one more Extension in the CSR */
  bool csr_spoil;
  struct id128 order, job;                         /* zero: new ones */
  uint8_t method;                                  /* 0: http-01, or dns-01 for wildcards */
  int64_t control_age_ms, caa_age_ms, caa_left_ms; /* caa_left_ms 0: eight hours */
  uint8_t verdict;                                 /* 0: permitted */
  bool no_control, no_caa;
  const struct person *control_of; /* NULL: who */
  const struct person *caa_of;
  const struct person *signed_by; /* whose key signs the JWS; NULL: who */
  const struct seal_ring *control_ring, *caa_ring;
  const char *control_name, *caa_name; /* instead of each name */
  uint8_t control_scope, control_method;
  const char *kid, *url;
  bool spoil_jws;
  const char *profile;
  int64_t not_before_ms, not_after_ms;
};
struct message world_issue(struct world *w, const struct issue_spec *spec);

/* A revocation of record `number`'s certificate; `by` NULL: signed by `key`. `reason` -1: none. */
struct revoke_spec {
  uint64_t number;
  const struct person *by;
  const struct private_key *key;
  int reason;
  struct id128 job;
  const char *url;
  struct slice certificate; /* instead of the record's */
  struct slice issuance;    /* instead of the record's */
  bool spoil;               /* change a bit of the JWS's signature */
};
struct message world_revoke(struct world *w, const struct revoke_spec *spec);

struct id128 world_job(void);
struct id128 world_order(const struct world *w);
/* A key that no account has: the same in the whole run. */
const struct private_key *world_csr_key(void);

#endif
