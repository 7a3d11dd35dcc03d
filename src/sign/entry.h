/* What stands in the journal's frames: intents, records, orphans, refusals. The encoding is the journal's own and never
   changes for a form number, so that a journal outlives changes of the messages between roles.
   docs/protocol/journal.md. */
#ifndef AVOW_SIGN_ENTRY_H
#define AVOW_SIGN_ENTRY_H

#include "ipc/message.h"

/* Written before a certificate is signed: the whole TBS, and what the state must remember of it. */
struct intent {
  struct id128 job, order, account, certificate; /* job, order, account are zero for the CA's own certificate */
  bool service;
  struct digest request;     /* SHA-256 of the JWS; zero for the CA's own */
  struct digest spki, names; /* SHA-256 of the SPKI; evidence/cover.h names_digest() */
  struct slice serial, issuer, profile;
  uint16_t shard;
  int64_t not_after_ms;
  struct slice tbs;
};

/* The outcome of a request: a numbered record of the stream to the store. */
struct entry {
  struct message m;      /* one of MSG_record_*: number and job stand in it */
  uint64_t intent;       /* the frame number of a certificate's intent; 0 for others */
  struct digest request; /* of an account's change: SHA-256 of the JWS */
  uint16_t shard;        /* of a revocation */
  int64_t not_after_ms;  /* of a revocation: the certificate's */
};

struct orphan {
  uint64_t intent; /* frame number */
};

struct refusal {
  struct id128 job;
  uint16_t message; /* enum message_type of the request */
  uint16_t err;
  struct digest request; /* SHA-256 of the request's encoding */
  struct slice detail;
};

/* The record's number. */
uint64_t entry_number(const struct entry *e);

avow_err intent_put(const struct intent *v, struct buf *out) WARN_UNUSED;
avow_err entry_put(const struct entry *v, struct buf *out) WARN_UNUSED;
avow_err orphan_put(const struct orphan *v, struct buf *out) WARN_UNUSED;
avow_err refusal_put(const struct refusal *v, struct buf *out) WARN_UNUSED;

/* Slices borrow from `payload`, lists from `a`. ERR_CONFIG with `why` for what no version of ours wrote, ERR_NO_MEMORY.
 */
avow_err intent_get(struct slice payload, struct intent *out, struct problem *why) WARN_UNUSED;
avow_err entry_get(struct slice payload, struct arena *a, struct entry *out, struct problem *why) WARN_UNUSED;
avow_err orphan_get(struct slice payload, struct orphan *out, struct problem *why) WARN_UNUSED;
avow_err refusal_get(struct slice payload, struct refusal *out, struct problem *why) WARN_UNUSED;

#endif
