/* Durable jobs: made with the request, ended by the signer's record or by the registrar's answer. */
#include "store/jobs.h"

#include <assert.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "store/inner.h"

struct job_row {
  int64_t key;
  enum job_kind kind;
  enum job_state state;
  int attempts;
};

avow_err job_add(struct call *c, enum job_kind kind, int64_t account, struct slice subject, struct slice payload,
                 struct id128 *id) {
  *id = call_id(c);
  fault_point("store.job_new");
  struct query q =
    db_query(c->db, "INSERT INTO jobs(id, kind, state, attempts, created, not_before, ended, account, subject, "
                    "payload, err, detail) VALUES(?1, ?2, 1, 0, ?3, ?3, 0, ?4, ?5, ?6, 0, '')");
  query_id(&q, id);
  query_int(&q, kind);
  query_int(&q, c->now_ms);
  query_int(&q, account);
  query_blob(&q, subject);
  query_blob(&q, payload);
  avow_err e = query_run(&q);
  effect_add(c->s, (struct effect){.kind = EFFECT_JOB_NEW,
                                   .id = *id,
                                   .number = db_last_key(c->db),
                                   .time = c->now_ms,
                                   .account = kind == JOB_VALIDATE ? account : 0});
  return e;
}

avow_err job_find(struct call *c, enum job_kind kind, struct slice subject, struct id128 *id) {
  *id = (struct id128){{0}};
  struct query q = db_query(c->db, "SELECT id FROM jobs WHERE kind = ?1 AND subject = ?2 AND state = 1 LIMIT 1");
  query_int(&q, kind);
  query_blob(&q, subject);
  if (query_next(&q))
    *id = query_get_id(&q);
  return query_end(&q);
}

/* ERR_NOT_FOUND when there is no such job (any more). */
static avow_err load_row(struct call *c, struct id128 id, struct job_row *out, struct slice *subject) {
  *out = (struct job_row){0};
  struct query q = db_query(c->db, "SELECT key, kind, state, attempts, subject FROM jobs WHERE id = ?1");
  query_id(&q, &id);
  bool found = query_next(&q);
  if (found) {
    out->key = query_get_int(&q);
    out->kind = (enum job_kind)query_get_int(&q);
    out->state = (enum job_state)query_get_int(&q);
    out->attempts = (int)query_get_int(&q);
    *subject = query_get_bytes(&q, c->a);
  }
  avow_err e = query_end(&q);
  return e == AVOW_OK && !found ? ERR_NOT_FOUND : e;
}

static struct id128 subject_id(struct slice subject) {
  struct id128 id = {{0}};
  if (subject.n == ID_BYTES)
    memcpy(id.b, subject.p, ID_BYTES);
  return id;
}

/* ---- ends ------------------------------------------------------------------------------------------------- */

/* The outcome of a validation or issuance stands in its challenge or order; of the others it is asked for by the job.
 */
static avow_err end_row(struct call *c, struct id128 id, const struct job_row *row, const struct rec_problem *problem) {
  fault_point("store.job_end");
  effect_add(c->s, (struct effect){.kind = EFFECT_JOB_END, .number = row->key});
  if (row->kind == JOB_VALIDATE || row->kind == JOB_ISSUE) {
    struct query q = db_query(c->db, "DELETE FROM jobs WHERE key = ?1");
    query_int(&q, row->key);
    return query_run(&q);
  }
  effect_add(c->s, (struct effect){.kind = EFFECT_CHANGED, .id = id});
  struct query q =
    db_query(c->db, "UPDATE jobs SET state = ?2, ended = ?3, err = ?4, detail = ?5, payload = x'' WHERE key = ?1");
  query_int(&q, row->key);
  query_int(&q, problem ? JOB_REFUSED : JOB_DONE);
  query_int(&q, c->now_ms);
  query_int(&q, problem ? problem->err : AVOW_OK);
  query_text(&q, problem ? problem->detail : SLICE_NONE);
  return query_run(&q);
}

avow_err job_end(struct call *c, struct id128 id, const struct rec_problem *problem) {
  struct job_row row;
  struct slice subject;
  avow_err e = load_row(c, id, &row, &subject);
  if (e == ERR_NOT_FOUND || (e == AVOW_OK && row.state != JOB_WAITING))
    return AVOW_OK;
  return e == AVOW_OK ? end_row(c, id, &row, problem) : e;
}

avow_err jobs_end_signed(struct call *c, uint64_t number) {
  const struct job_queue *q = &c->s->queue;
  avow_err e = AVOW_OK;
  for (size_t i = 0; i < q->n && e == AVOW_OK; i++)
    if (!q->entries[i].ended && q->entries[i].signed_record == number)
      e = job_end(c, q->entries[i].id, NULL);
  return e;
}

/* A job that failed for good: what it was for fails with it. */
static avow_err fail(struct call *c, struct id128 id, const struct job_row *row, struct slice subject,
                     const struct rec_problem *problem, const struct rec_subproblem *subproblems, size_t n) {
  struct rec_problem shown = *problem;
  if (shown.err == AVOW_OK || shown.err >= AVOW_ERR_COUNT)
    shown.err = ERR_INTERNAL;
  avow_err e = AVOW_OK;
  if (row->kind == JOB_VALIDATE)
    e = challenge_end(c, subject_id(subject), false, &shown);
  else if (row->kind == JOB_ISSUE)
    e = order_set_invalid(c, subject_id(subject), &shown, subproblems, n);
  return e == AVOW_OK ? end_row(c, id, row, &shown) : e;
}

/* ---- the registrar's answers ------------------------------------------------------------------------------------- */

/* The waiting job that the registrar speaks of; `found` is false when it has ended, which is no error: answers repeat.
 */
static avow_err waiting(struct call *c, struct id128 id, struct job_row *row, struct slice *subject, bool *found) {
  avow_err e = load_row(c, id, row, subject);
  *found = e == AVOW_OK && row->state == JOB_WAITING;
  return e == ERR_NOT_FOUND ? AVOW_OK : e;
}

avow_err jobs_signed(struct call *c) {
  const struct msg_job_signed *m = &c->in->job_signed;
  struct job_row row;
  struct slice subject;
  bool found;
  avow_err e = waiting(c, m->job, &row, &subject, &found);
  if (e != AVOW_OK || !found)
    return e;
  if (m->record < c->s->next_record)
    return end_row(c, m->job, &row, NULL);
  job_queue_signed(&c->s->queue, row.key, m->record);
  return AVOW_OK;
}

static avow_err put_met(struct call *c, const struct job_row *row, struct slice subject, const struct rec_met *met,
                        size_t n) {
  int method = 0;
  struct query q;
  struct id128 id = subject_id(subject);
  if (n == 0 || (row->kind != JOB_VALIDATE && row->kind != JOB_ISSUE))
    return AVOW_OK;
  if (row->kind == JOB_VALIDATE) {
    id = challenge_authz(id, &method);
    q = db_query(c->db, "SELECT key FROM authzs WHERE id = ?1");
  } else {
    q = db_query(c->db, "SELECT key FROM orders WHERE id = ?1");
  }
  query_id(&q, &id);
  int64_t key = query_next(&q) ? query_get_int(&q) : 0;
  avow_err e = query_end(&q);
  if (e != AVOW_OK || key == 0)
    return e;
  return row->kind == JOB_VALIDATE ? met_put(c, key, 0, method, met, n) : met_put(c, 0, key, 0, met, n);
}

avow_err jobs_refused(struct call *c) {
  const struct msg_job_refused *m = &c->in->job_refused;
  struct job_row row;
  struct slice subject;
  bool found;
  avow_err e = waiting(c, m->job, &row, &subject, &found);
  if (e != AVOW_OK || !found)
    return e;
  e = put_met(c, &row, subject, m->met, m->met_n);
  return e == AVOW_OK ? fail(c, m->job, &row, subject, &m->problem, m->subproblems, m->subproblems_n) : e;
}

/* The registrar's delay for the first attempts, then doubled each time up to a minute: a peer that restarts costs
   little, one that is down for minutes loses no order. */
static int64_t delay_of(int attempts, uint32_t asked) {
  int64_t delay = asked;
  for (int i = 4; i < attempts && delay < MINUTE_MS; i++)
    delay *= 2;
  return delay < MINUTE_MS ? delay : MINUTE_MS;
}

avow_err jobs_again(struct call *c) {
  const struct msg_job_again *m = &c->in->job_again;
  struct job_row row;
  struct slice subject;
  bool found;
  avow_err e = waiting(c, m->job, &row, &subject, &found);
  if (e != AVOW_OK || !found)
    return e;
  if (row.attempts + 1 >= JOB_ATTEMPTS) {
    log_event(LOG_ERROR, "store.job_given_up", L_ID(job, m->job), L_NUM(count, row.attempts + 1));
    return fail(c, m->job, &row, subject, &m->problem, NULL, 0);
  }
  int64_t not_before = c->now_ms + delay_of(row.attempts, m->delay_ms);
  struct query q = db_query(c->db, "UPDATE jobs SET attempts = attempts + 1, not_before = ?2 WHERE key = ?1");
  query_int(&q, row.key);
  query_int(&q, not_before);
  effect_add(c->s, (struct effect){.kind = EFFECT_JOB_AGAIN, .number = row.key, .time = not_before});
  return query_run(&q);
}

avow_err jobs_validated(struct call *c) {
  const struct msg_job_validated *m = &c->in->job_validated;
  struct job_row row;
  struct slice subject;
  bool found;
  avow_err e = waiting(c, m->job, &row, &subject, &found);
  if (e != AVOW_OK || !found)
    return e;
  if (row.kind != JOB_VALIDATE || !slice_eq(subject, id_slice(&m->challenge)))
    return problem_set(c->why, ERR_MALFORMED, "the job is not the validation of this challenge");
  e = put_met(c, &row, subject, m->met, m->met_n);
  if (e == AVOW_OK && !m->valid)
    return fail(c, m->job, &row, subject, &m->problem, NULL, 0);
  int method = 0;
  struct authz_row z = {0};
  if (e == AVOW_OK)
    e = authz_row(c, challenge_authz(m->challenge, &method), (struct id128){{0}}, &z);
  if (e == AVOW_OK && z.status == AUTHZ_PENDING)
    e = statements_put(c, z.key, method, m);
  if (e == AVOW_OK)
    e = challenge_end(c, m->challenge, true, NULL);
  return e == AVOW_OK ? end_row(c, m->job, &row, NULL) : e;
}

avow_err jobs_outcome(struct call *c) {
  char detail[PROBLEM_DETAIL] = "";
  int state = 0, err = AVOW_OK;
  struct query q = db_query(c->db, "SELECT state, err, detail FROM jobs WHERE id = ?1");
  query_id(&q, &c->in->job_outcome.job);
  if (query_next(&q)) {
    state = (int)query_get_int(&q);
    err = (int)query_get_int(&q);
    struct slice text = query_get_bytes(&q, c->a);
    if (text.n && text.n < sizeof detail)
      memcpy(detail, text.p, text.n);
  }
  avow_err e = query_end(&q);
  if (e != AVOW_OK)
    return e;
  c->out->type = MSG_done;
  if (state == JOB_DONE)
    return AVOW_OK;
  if (state == JOB_WAITING)
    return problem_set(c->why, ERR_UNAVAILABLE, "the request is still being worked on; try again");
  if (state == JOB_REFUSED)
    return problem_set(c->why, err > AVOW_OK && err < AVOW_ERR_COUNT ? (avow_err)err : ERR_INTERNAL, "%s", detail);
  return ERR_NOT_FOUND;
}
