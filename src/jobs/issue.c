/* Issuance: CAA statements that are missing or old are made anew (RFC 8659; TLS BR 3.2.2.8: not older than 8 hours at
   issuance), then the signer gets the subscriber's request with all statements. The signer alone judges them. */
#include "base/clock.h"
#include "jobs/registrar.h"

/* A statement that ends within this time is renewed, so that it does not end on the way to the signer. */
enum { CAA_MARGIN_MS = 60 * SECOND_MS };

static void sign(struct registrar *r, struct work *w) {
  const struct msg_job_issue *job = &w->job.job_issue;
  struct message m = {.type = MSG_sign_issue,
                      .sign_issue = {.job = w->id,
                                     .account = job->account.sealed,
                                     .order = job->order,
                                     .profile = job->profile,
                                     .not_before = job->not_before,
                                     .not_after = job->not_after,
                                     .names = job->names,
                                     .names_n = job->names_n,
                                     .jws = job->jws}};
  work_ask(r, w, ROLE_signer, &m);
}

/* Asks for the CAA of the next name that needs it; when none is left, goes to the signer. */
static void issue_start(struct registrar *r, struct work *w) {
  const struct msg_job_issue *job = &w->job.job_issue;
  int64_t until = clock_now_ms() + CAA_MARGIN_MS;
  for (; w->at < job->names_n; w->at++) {
    const struct rec_order_name *name = &job->names[w->at];
    /* RFC 8659 knows domain names only. */
    if (name->identifier.type != IDENTIFIER_DNS || (name->caa_n > 0 && name->caa_expires > until))
      continue;
    struct message m = {
      .type = MSG_caa_check,
      .caa_check = {.identifier = name->identifier, .method = name->method, .account = job->account.id}};
    work_ask(r, w, ROLE_validator, &m);
    return;
  }
  sign(r, w);
}

/* Copies statements out of an answer that lives only as long as its message. */
static bool keep_statements(struct work *w, struct rec_order_name *name, const struct msg_caa_checked *c) {
  struct rec_blob *kept = arena_array(&w->arena, c->caa_n, sizeof *kept);
  for (size_t i = 0; kept && i < c->caa_n; i++) {
    kept[i].b = arena_dup(&w->arena, c->caa[i].b);
    if (!kept[i].b.p)
      return false;
  }
  if (!kept)
    return false;
  name->caa = kept;
  name->caa_n = c->caa_n;
  name->caa_expires = c->caa_expires;
  return true;
}

static void refuse_caa(struct registrar *r, struct work *w, const struct msg_caa_checked *c) {
  struct rec_subproblem sub = {.identifier = w->job.job_issue.names[w->at].identifier, .problem = c->problem};
  struct message m = {.type = MSG_job_refused,
                      .job_refused = {.job = w->id,
                                      .problem = c->problem,
                                      .subproblems = &sub,
                                      .subproblems_n = 1,
                                      .met = c->met,
                                      .met_n = c->met_n}};
  work_end(r, w, &m);
}

static void issue_answer(struct registrar *r, struct work *w, const struct message *m) {
  if (m->type != MSG_caa_checked) {
    work_answer_signer(r, w, m);
    return;
  }
  const struct msg_caa_checked *c = &m->caa_checked;
  if (!c->permitted) {
    refuse_caa(r, w, c);
    return;
  }
  if (!keep_statements(w, &w->job.job_issue.names[w->at], c)) {
    struct message refused = message_refused(0, ERR_NO_MEMORY, "");
    work_refuse(r, w, &refused);
    return;
  }
  w->at++;
  issue_start(r, w);
}

const struct work_kind work_issue = {MSG_job_issue, issue_start, issue_answer};
