/* The signer's stream: gapless numbered records, each applied once, in order, and acknowledged after its commit. */
#include "base/fault.h"
#include "base/log.h"
#include "store/inner.h"

avow_err records_load(struct store *s) {
  struct query q = db_query(s->db, "SELECT next FROM stream");
  if (query_next(&q))
    s->next_record = (uint64_t)query_get_int(&q);
  s->committed_record = s->next_record;
  return query_end(&q);
}

avow_err records_save(struct store *s) {
  if (s->next_record == s->committed_record)
    return AVOW_OK;
  fault_point("store.stream");
  struct query q = db_query(s->db, "UPDATE stream SET next = ?1");
  query_int(&q, (int64_t)s->next_record);
  return query_run(&q);
}

uint64_t store_next_record(const struct store *s) {
  return s->committed_record;
}

/* False for what is here already, and for what comes too early: both are answered by where the stream stands. */
static bool is_next(struct call *c, uint64_t number) {
  effect_add(c->s, (struct effect){.kind = EFFECT_RECORDS});
  if (number > c->s->next_record)
    log_event(LOG_WARN, "store.record_gap", L_NUM(record, number));
  return number == c->s->next_record;
}

/* The record is applied: its job and all that were told the same number end, and the stream moves on. */
static avow_err taken(struct call *c, uint64_t number, struct id128 job, avow_err e) {
  if (e == AVOW_OK && !id_is_zero(job))
    e = job_end(c, job, NULL);
  if (e == AVOW_OK)
    e = jobs_end_signed(c, number);
  if (e == AVOW_OK)
    c->s->next_record = number + 1;
  return e;
}

static const struct id128 no_job;

avow_err records_account(struct call *c) {
  const struct msg_record_account *m = &c->in->record_account;
  return is_next(c, m->number) ? taken(c, m->number, m->job, account_apply(c, &m->account)) : AVOW_OK;
}

avow_err records_certificate(struct call *c) {
  const struct msg_record_certificate *m = &c->in->record_certificate;
  return is_next(c, m->number) ? taken(c, m->number, m->job, certificate_apply(c, m)) : AVOW_OK;
}

avow_err records_revocation(struct call *c) {
  const struct msg_record_revocation *m = &c->in->record_revocation;
  return is_next(c, m->number) ? taken(c, m->number, m->job, revocation_apply(c, m)) : AVOW_OK;
}

avow_err records_crl(struct call *c) {
  const struct msg_record_crl *m = &c->in->record_crl;
  return is_next(c, m->number) ? taken(c, m->number, no_job, crl_apply(c, m)) : AVOW_OK;
}

avow_err records_issuer(struct call *c) {
  const struct msg_record_issuer *m = &c->in->record_issuer;
  return is_next(c, m->number) ? taken(c, m->number, no_job, issuer_apply(c, m)) : AVOW_OK;
}
