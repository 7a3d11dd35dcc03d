/* What the files of the store share. */
#ifndef AVOW_STORE_INNER_H
#define AVOW_STORE_INNER_H

#include "store/db.h"
#include "store/jobs.h"
#include "store/leaves.h"
#include "store/model.h"
#include "store/nonces.h"
#include "store/store.h"
#include "store/tokens.h"

struct store {
  struct db *db;
  struct store_options options;
  struct nonces nonces;
  struct tokens tokens;
  struct job_queue queue;
  uint64_t next_record, committed_record; /* within the batch, and after the last commit */
  struct effect *effects;
  size_t effects_n, effects_room;
  bool effects_failed;
  bool in_batch;
};

/* One message being handled. */
struct call {
  struct store *s;
  struct db *db;
  const struct message *in;
  struct message *out;
  struct arena *a;
  int64_t now_ms;
  struct problem *why;
};

/* Notes an effect; a failed allocation fails the message. */
void effect_add(struct store *s, struct effect effect);
/* An id minted by the store now. */
struct id128 call_id(const struct call *c);
/* NULL when there is no such profile. */
const struct profile *call_profile(const struct call *c, struct slice name);

/* ---- accounts.c */
struct account_row {
  int64_t key;
  int status;
  uint32_t epoch;
};
/* ERR_ACCOUNT_UNKNOWN. */
avow_err account_row(struct call *c, struct id128 id, struct account_row *out) WARN_UNUSED;
avow_err account_load(struct call *c, struct id128 id, struct rec_account *out) WARN_UNUSED;
avow_err account_load_key(struct call *c, int64_t key, struct rec_account *out) WARN_UNUSED;
/* Stores the signer's record of an account, unless a newer one is here. */
avow_err account_apply(struct call *c, const struct rec_account *account) WARN_UNUSED;
avow_err accounts_request_begin(struct call *c) WARN_UNUSED;
avow_err accounts_get(struct call *c) WARN_UNUSED;
avow_err accounts_find(struct call *c) WARN_UNUSED;
avow_err accounts_create(struct call *c) WARN_UNUSED;
avow_err accounts_change(struct call *c) WARN_UNUSED;

/* ---- authzs.c */
struct authz_row {
  int64_t key, account;
  struct id128 id, account_id;
  int status; /* at the call's time */
  int64_t created, expires, keeps, validated;
  struct rec_identifier identifier;
  unsigned methods;
  struct slice token;
};
/* ERR_NOT_FOUND; any account's when `account` is zero. */
avow_err authz_row(struct call *c, struct id128 id, struct id128 account, struct authz_row *out) WARN_UNUSED;
/* The key of a new authorization, or of a valid one that may be reused; `expires` gets the time until which it serves
   the order. */
avow_err authz_for_order(struct call *c, int64_t account, const struct rec_identifier *identifier,
                         const struct profile *profile, int64_t *key, int64_t *expires) WARN_UNUSED;
/* Why the authorization failed; AVOW_OK in `err` when it did not. */
avow_err authz_problem(struct call *c, int64_t key, int status, struct rec_problem *out) WARN_UNUSED;
avow_err authzs_get(struct call *c) WARN_UNUSED;
avow_err authzs_deactivate(struct call *c) WARN_UNUSED;

/* ---- challenges.c */
/* Answers authz_is; ERR_NOT_FOUND for another account's. */
avow_err authz_answer(struct call *c, struct id128 authz, struct id128 account) WARN_UNUSED;
avow_err challenges_get(struct call *c) WARN_UNUSED;
avow_err challenges_respond(struct call *c) WARN_UNUSED;
/* The end of a validation, successful or not (job_validated, or a validation that was given up). */
avow_err challenge_end(struct call *c, struct id128 challenge, bool valid,
                       const struct rec_problem *problem) WARN_UNUSED;

/* ---- statements.c */
avow_err statements_put(struct call *c, int64_t authz, int method, const struct msg_job_validated *m) WARN_UNUSED;
avow_err statements_get(struct call *c, int64_t authz, struct rec_order_name *out) WARN_UNUSED;
avow_err met_put(struct call *c, int64_t authz, int64_t order, int method, const struct rec_met *met,
                 size_t n) WARN_UNUSED;

/* ---- orders.c */
avow_err order_load(struct call *c, struct id128 id, struct id128 account, struct rec_order *out,
                    int64_t *key) WARN_UNUSED;
/* The orders that wait for this authorization have changed. */
avow_err orders_changed(struct call *c, int64_t authz) WARN_UNUSED;
/* Processing ends: valid with the certificate, or invalid with the problem. Changes nothing in any other state. */
avow_err order_set_valid(struct call *c, struct id128 order, struct id128 certificate) WARN_UNUSED;
avow_err order_set_invalid(struct call *c, struct id128 order, const struct rec_problem *problem,
                           const struct rec_subproblem *subproblems, size_t n) WARN_UNUSED;
/* The identifiers of the order with the statements for each. */
avow_err order_names(struct call *c, int64_t order, struct rec_order_name **out, size_t *n) WARN_UNUSED;
avow_err orders_new(struct call *c) WARN_UNUSED;
avow_err orders_get(struct call *c) WARN_UNUSED;
avow_err orders_list(struct call *c) WARN_UNUSED;
avow_err orders_finalize(struct call *c) WARN_UNUSED;

/* ---- certificates.c */
avow_err certificate_load(struct call *c, struct id128 id, struct rec_certificate *out, int64_t *key,
                          struct id128 *account) WARN_UNUSED;
avow_err certificate_load_key(struct call *c, int64_t key, struct rec_certificate *out,
                              struct id128 *account) WARN_UNUSED;
avow_err certificate_apply(struct call *c, const struct msg_record_certificate *m) WARN_UNUSED;
avow_err revocation_apply(struct call *c, const struct msg_record_revocation *m) WARN_UNUSED;
avow_err certificates_get(struct call *c) WARN_UNUSED;
avow_err certificates_find(struct call *c) WARN_UNUSED;
avow_err certificates_revoke(struct call *c) WARN_UNUSED;
avow_err certificates_web_chain(struct call *c) WARN_UNUSED;

/* ---- issuers.c */
avow_err issuer_apply(struct call *c, const struct msg_record_issuer *m) WARN_UNUSED;
avow_err crl_apply(struct call *c, const struct msg_record_crl *m) WARN_UNUSED;
/* One more revocation that the shard's next CRL must list. */
avow_err crl_count_revocation(struct call *c, struct slice issuer, int64_t shard) WARN_UNUSED;
avow_err issuers_schedule(struct call *c) WARN_UNUSED;

/* ---- publication.c */
avow_err publication_put(struct call *c, const char *path, struct slice content, uint64_t version) WARN_UNUSED;
avow_err publication_published(struct call *c) WARN_UNUSED;

/* ---- records.c */
avow_err records_account(struct call *c) WARN_UNUSED;
avow_err records_certificate(struct call *c) WARN_UNUSED;
avow_err records_revocation(struct call *c) WARN_UNUSED;
avow_err records_crl(struct call *c) WARN_UNUSED;
avow_err records_issuer(struct call *c) WARN_UNUSED;
avow_err records_load(struct store *s) WARN_UNUSED;
avow_err records_save(struct store *s) WARN_UNUSED;

/* ---- admin.c */
avow_err admin_certificates(struct call *c) WARN_UNUSED;
avow_err admin_certificate(struct call *c) WARN_UNUSED;
avow_err admin_accounts(struct call *c) WARN_UNUSED;
avow_err admin_account(struct call *c) WARN_UNUSED;

/* ---- jobs.c */
/* A new durable job; `subject` is what it is about. */
avow_err job_add(struct call *c, enum job_kind kind, int64_t account, struct slice subject, struct slice payload,
                 struct id128 *id) WARN_UNUSED;
/* A waiting job of that kind and subject; the zero id when there is none. */
avow_err job_find(struct call *c, enum job_kind kind, struct slice subject, struct id128 *id) WARN_UNUSED;
/* Ends a job by id with done (problem NULL) or refused. Unknown and ended jobs are left alone. */
avow_err job_end(struct call *c, struct id128 id, const struct rec_problem *problem) WARN_UNUSED;
/* Ends the jobs that were signed as record `number`. */
avow_err jobs_end_signed(struct call *c, uint64_t number) WARN_UNUSED;
avow_err jobs_load(struct store *s) WARN_UNUSED;
avow_err jobs_outcome(struct call *c) WARN_UNUSED;
avow_err jobs_signed(struct call *c) WARN_UNUSED;
avow_err jobs_refused(struct call *c) WARN_UNUSED;
avow_err jobs_again(struct call *c) WARN_UNUSED;
avow_err jobs_validated(struct call *c) WARN_UNUSED;

#endif
