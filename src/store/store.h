/* The store: accounts, orders, authorizations, certificates, jobs, the signer's records, publication. It speaks
   messages: every message whose receiver is `store` is one atomic, idempotent operation. Reads answer at once; writes
   run in batches, each message in its own savepoint, one commit for all; answers and effects go out after the commit.

   One thread owns a store. The loop that carries the messages is proc/role_store.c; tests call these functions
   directly. */
#ifndef AVOW_STORE_STORE_H
#define AVOW_STORE_STORE_H

#include "ipc/message.h"
#include "pki/profile.h"

struct store;

struct store_options {
  const char *path;               /* of the database, as for db_open(); ":memory:" forgets */
  const struct profile *profiles; /* borrowed for the store's life */
  size_t profiles_n;
  int reuse_percent; /* how often a reusable authorization is reused: 100, but in kind test */
};

/* Opens or creates the database, brings its schema up to date and takes up the unfinished jobs. */
avow_err store_open(const struct store_options *options, int64_t now_ms, struct store **out,
                    struct problem *why) WARN_UNUSED;
void store_close(struct store *s);

/* Whether the message changes the database and so belongs into a batch. */
bool store_writes(enum message_type type);
/* Whether its sender waits for an answer. Failed messages without one say `refused` to the loop all the same. */
bool store_answers(enum message_type type);

/* Answers a message that does not write. `out` borrows from `a` and `in`; its type is MSG_none when the message has no
 * answer. */
void store_read(struct store *s, const struct message *in, int64_t now_ms, struct arena *a, struct message *out);

/* A batch: begin, any number of writes, commit. A failed write undoes only itself and answers `refused`. When begin or
   commit fails nothing of the batch happened: every message in it is to be refused with that error, and store_effects()
   is empty. */
avow_err store_batch_begin(struct store *s) WARN_UNUSED;
void store_write(struct store *s, const struct message *in, int64_t now_ms, struct arena *a, struct message *out);
avow_err store_batch_commit(struct store *s) WARN_UNUSED;

/* What the commit changed that others wait for. */
enum effect_kind {
  EFFECT_CHANGED,   /* the order, authorization or job `id`: event_changed */
  EFFECT_WEB_CHAIN, /* event_web_chain */
  EFFECT_PUBLISH,   /* a file waits for the keeper: store_publication() */
  EFFECT_RECORDS,   /* the signer is to be told store_next_record() */
  EFFECT_JOB_NEW,   /* from here on: the store's own queue */
  EFFECT_JOB_END,
  EFFECT_JOB_AGAIN
};
struct effect {
  enum effect_kind kind;
  struct id128 id;
  int64_t number, time;
  int64_t account; /* of EFFECT_JOB_NEW, when it is a validation */
};
/* Valid until the next batch begins. */
const struct effect *store_effects(const struct store *s, size_t *n);

/* The next number of the signer's stream. */
uint64_t store_next_record(const struct store *s);

/* ---- jobs for the registrar ---- */

/* The next due job as its message (request id 0), leased for JOB_LEASE_MS; false when none is due. */
bool store_job_offer(struct store *s, int64_t now_ms, struct arena *a, struct message *out);
/* How many offered jobs still wait for their job_* answer. */
size_t store_jobs_offered(const struct store *s);
/* The registrar's channel is gone: what it held is due again. */
void store_jobs_release(struct store *s);
/* When the next job becomes due; INT64_MAX when none waits. */
int64_t store_jobs_due(const struct store *s);

/* How many challenge tokens to ask the registrar for; 0 while there are enough. */
uint16_t store_tokens_wanted(struct store *s, int64_t now_ms);

/* ---- publication ---- */

/* The unpublished file with the lowest version above `above`, as a publish message; false when there is none. */
bool store_publication(struct store *s, uint64_t above, struct arena *a, struct message *out);

/* Forgets what has had its time: outcomes of ended jobs after an hour. To be called every minute, between batches. */
avow_err store_tidy(struct store *s, int64_t now_ms) WARN_UNUSED;

#endif
