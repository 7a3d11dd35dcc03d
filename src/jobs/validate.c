/* Validation of one challenge: the validator does the work and seals what it found. */
#include "jobs/registrar.h"

static void validate_start(struct registrar *r, struct work *w) {
  const struct msg_job_validate *job = &w->job.job_validate;
  struct message m = {.type = MSG_validate,
                      .validate = {.identifier = job->identifier,
                                   .method = job->method,
                                   .token = job->token,
                                   .account = job->account,
                                   .thumbprint = job->thumbprint}};
  work_ask(r, w, ROLE_validator, &m);
}

static void validate_answer(struct registrar *r, struct work *w, const struct message *m) {
  if (m->type != MSG_validated) {
    work_refuse(r, w, m);
    return;
  }
  const struct msg_validated *v = &m->validated;
  struct message end = {.type = MSG_job_validated,
                        .job_validated = {.job = w->id,
                                          .challenge = w->job.job_validate.challenge,
                                          .valid = v->valid,
                                          .problem = v->problem,
                                          .control = v->control,
                                          .control_n = v->control_n,
                                          .caa = v->caa,
                                          .caa_n = v->caa_n,
                                          .caa_expires = v->caa_expires,
                                          .met = v->met,
                                          .met_n = v->met_n}};
  work_end(r, w, &end);
}

const struct work_kind work_validate = {MSG_job_validate, validate_start, validate_answer};
