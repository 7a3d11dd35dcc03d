/* Accounts and revocations: jobs that are one question to the signer. */
#include "jobs/registrar.h"

static void account_start(struct registrar *r, struct work *w) {
  struct message m = {.type = MSG_sign_account, .sign_account = {.job = w->id, .jws = w->job.job_account.jws}};
  work_ask(r, w, ROLE_signer, &m);
}

static void account_change_start(struct registrar *r, struct work *w) {
  const struct msg_job_account_change *job = &w->job.job_account_change;
  struct message m = {.type = MSG_sign_account_change,
                      .sign_account_change = {.job = w->id, .sealed = job->account.sealed, .jws = job->jws}};
  work_ask(r, w, ROLE_signer, &m);
}

static void revoke_start(struct registrar *r, struct work *w) {
  const struct msg_job_revoke *job = &w->job.job_revoke;
  struct message m = {.type = MSG_sign_revoke,
                      .sign_revoke = {.job = w->id,
                                      .account = id_is_zero(job->account_id) ? SLICE_NONE : job->account.sealed,
                                      .issuance = job->certificate.sealed,
                                      .jws = job->jws}};
  work_ask(r, w, ROLE_signer, &m);
}

const struct work_kind work_account = {MSG_job_account, account_start, work_answer_signer};
const struct work_kind work_account_change = {MSG_job_account_change, account_change_start, work_answer_signer};
const struct work_kind work_revoke = {MSG_job_revoke, revoke_start, work_answer_signer};
