/* The registrar: takes durable jobs from the store and brings them to their end with the validator and the signer. It holds
   nothing of its own: what it forgets, the store offers again, and every step may be repeated. */
#ifndef AVOW_JOBS_REGISTRAR_H
#define AVOW_JOBS_REGISTRAR_H

#include "conf/conf.h"
#include "ipc/outbox.h"

enum { REGISTRAR_CREDIT = 256 };

struct peer {
  struct channel ch;
  struct outbox out;
};

struct registrar;
struct work;

/* A kind of job: what it asks first, and what it does with each answer. */
struct work_kind {
  enum message_type job; /* MSG_none: work of the registrar's own schedule */
  void (*start)(struct registrar *r, struct work *w);
  void (*answer)(struct registrar *r, struct work *w, const struct message *m);
};

/* One job in flight. It waits for at most one answer. */
struct work {
  struct work *next, *prev;
  const struct work_kind *kind;
  struct id128 id;       /* of the job; zero for scheduled work */
  struct message job;    /* the store's message; borrows from bytes and arena */
  struct buf bytes;
  struct arena arena;
  enum role waits_for;
  uint64_t request;
  size_t at;             /* issue: the next name whose CAA must be looked at */
  struct rec_crl_state crl; /* scheduled CRL: issuer text lives in the arena */
};

struct registrar {
  const struct config *config;
  struct peer store, validator, signer;
  struct work *works;
  size_t works_n;
  uint16_t tokens_asked;  /* tokens_mint under way */
  bool schedule_asked;
  int64_t next_tick_ms;   /* monotonic */
};

void registrar_init(struct registrar *r, const struct config *config);
void registrar_clear(struct registrar *r);
/* A new channel to `peer` (store, validator, signer): says hello, and repeats there what was asked of the dead one. */
void registrar_connect(struct registrar *r, enum role peer, int fd);
/* The channel to `peer` is gone. */
void registrar_lose(struct registrar *r, enum role peer);
/* Handles one message of `peer`; `bytes` is its encoding. */
void registrar_take(struct registrar *r, enum role peer, struct inbox *in);
/* To be called at least every second: asks for the schedule when it is time. `mono_ms` as of clock_mono_ms(). */
void registrar_tick(struct registrar *r, int64_t mono_ms);
struct peer *registrar_peer(struct registrar *r, enum role peer);

/* ---- for the job files ---- */

/* Sends `m` to `peer` and remembers that `w` waits for its answer. */
void work_ask(struct registrar *r, struct work *w, enum role peer, struct message *m);
/* Ends `w` with a message to the store (NULL: none). */
void work_end(struct registrar *r, struct work *w, struct message *to_store);
/* Ends `w` with job_refused, or with job_again when the error passes by itself. */
void work_refuse(struct registrar *r, struct work *w, const struct message *refused);
/* The common end of everything the signer was asked: job_signed or work_refuse(). */
void work_answer_signer(struct registrar *r, struct work *w, const struct message *m);
/* A work of the registrar's own; NULL when out of memory. */
struct work *work_new(struct registrar *r, const struct work_kind *kind);
bool error_passes(avow_err e);

extern const struct work_kind work_account, work_account_change, work_validate, work_issue, work_revoke;

/* schedule.c: what is due of `m` (a schedule message) at `now_ms`. */
void schedule_run(struct registrar *r, const struct msg_schedule *s, int64_t now_ms);

#endif
