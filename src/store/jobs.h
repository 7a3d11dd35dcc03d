/* Durable jobs and the queue of those that wait. A job's row stands from the request to its end; who works on it (the
   lease) is known only in memory: there is one registrar channel, and with it or with this process every lease ends. */
#ifndef AVOW_STORE_JOBS_H
#define AVOW_STORE_JOBS_H

#include "base/error.h"
#include "base/id.h"

/* Numbers never change: they stand in the database. */
enum job_kind { JOB_ACCOUNT = 1, JOB_ACCOUNT_CHANGE = 2, JOB_VALIDATE = 3, JOB_ISSUE = 4, JOB_REVOKE = 5 };
enum job_state { JOB_WAITING = 1, JOB_DONE = 2, JOB_REFUSED = 3 };

enum {
  JOB_LEASE_MS = 10 * 60 * 1000,
  JOB_ATTEMPTS = 20,
  JOB_OUTCOME_MS = 60 * 60 * 1000, /* how long an ended job can be asked for */
  /* So many validations run at once, of the 256 jobs that the registrar takes: each may wait half a minute for an
     applicant's server, and nobody else's issuance or revocation waits behind them. */
  JOB_VALIDATIONS_MOST = 192
};

struct job_entry {
  int64_t key; /* jobs.key */
  struct id128 id;
  int64_t account; /* whose validation it is (accounts.key); 0: a job of another kind */
  int64_t not_before_ms;
  int64_t lease_until_ms; /* 0: free */
  uint64_t signed_record; /* 0: the signer has not said yet */
  bool ended;
};

/* In the order of keys; ended entries stay until half of the array is dead. */
struct job_queue {
  struct job_entry *entries;
  size_t n, room, dead;
  size_t offered; /* leased and not signed yet */
  /* Those of them that are validations, and whose. */
  size_t validations, accounts_n;
  struct job_account {
    int64_t account;
    size_t n;
  } accounts[JOB_VALIDATIONS_MOST];
};

/* `account` of a validation; 0 for other kinds. */
avow_err job_queue_add(struct job_queue *q, int64_t key, struct id128 id, int64_t account,
                       int64_t not_before_ms) WARN_UNUSED;
/* NULL when the job is not waiting. */
struct job_entry *job_queue_find(struct job_queue *q, int64_t key);
void job_queue_end(struct job_queue *q, int64_t key);
/* Free again, and not due before `not_before_ms`. */
void job_queue_free(struct job_queue *q, int64_t key, int64_t not_before_ms);
/* The signer took it: it no longer counts as offered. */
void job_queue_signed(struct job_queue *q, int64_t key, uint64_t record);
/* The first due job, leased; NULL when none is. A lease that ran out is due again. Of the room for validations an
   account gets at most half of what the others leave: one that has none running finds room as long as there is any. */
struct job_entry *job_queue_take(struct job_queue *q, int64_t now_ms);
/* Frees all that are leased and not signed. */
void job_queue_release(struct job_queue *q);
/* When the next becomes due; INT64_MAX for never. Validations that wait for room are due when one ends. */
int64_t job_queue_due(const struct job_queue *q);
void job_queue_clear(struct job_queue *q);

#endif
