/* Waiting jobs as the messages that offer them to the registrar. */
#include "base/log.h"
#include "store/inner.h"

avow_err jobs_load(struct store *s) {
  struct query q = db_query(s->db, "SELECT key, id, kind, account, not_before FROM jobs WHERE state = 1 ORDER BY key");
  avow_err e = AVOW_OK;
  while (e == AVOW_OK && query_next(&q)) {
    int64_t key = query_get_int(&q);
    struct id128 id = query_get_id(&q);
    bool validates = query_get_int(&q) == JOB_VALIDATE;
    int64_t account = query_get_int(&q);
    e = job_queue_add(&s->queue, key, id, validates ? account : 0, query_get_int(&q));
  }
  avow_err ended = query_end(&q);
  return e == AVOW_OK ? ended : e;
}

struct offer {
  enum job_kind kind;
  int64_t account;
  struct id128 subject;
  struct slice payload;
};

static avow_err offer_account(const struct offer *o, struct id128 job, struct message *out) {
  out->type = MSG_job_account;
  out->job_account = (struct msg_job_account){.job = job, .jws = o->payload};
  return AVOW_OK;
}

static avow_err offer_account_change(struct call *c, const struct offer *o, struct id128 job, struct message *out) {
  out->type = MSG_job_account_change;
  out->job_account_change = (struct msg_job_account_change){.job = job, .jws = o->payload};
  return account_load_key(c, o->account, &out->job_account_change.account);
}

static avow_err offer_validate(struct call *c, const struct offer *o, struct id128 job, struct message *out) {
  struct authz_row z;
  struct rec_account account;
  int method;
  avow_err e = authz_row(c, challenge_authz(o->subject, &method), (struct id128){{0}}, &z);
  if (e == AVOW_OK)
    e = account_load_key(c, o->account, &account);
  if (e != AVOW_OK)
    return e;
  out->type = MSG_job_validate;
  out->job_validate = (struct msg_job_validate){.job = job,
                                                .authz = z.id,
                                                .challenge = o->subject,
                                                .account = account.id,
                                                .thumbprint = account.thumbprint,
                                                .identifier = z.identifier,
                                                .method = (uint8_t)method,
                                                .token = z.token};
  return AVOW_OK;
}

static avow_err offer_issue(struct call *c, const struct offer *o, struct id128 job, struct message *out) {
  struct msg_job_issue *m = &out->job_issue;
  struct rec_order order;
  int64_t key;
  out->type = MSG_job_issue;
  *m = (struct msg_job_issue){.job = job, .order = o->subject, .jws = o->payload};
  avow_err e = account_load_key(c, o->account, &m->account);
  if (e == AVOW_OK)
    e = order_load(c, o->subject, m->account.id, &order, &key);
  if (e != AVOW_OK)
    return e;
  m->profile = order.profile;
  m->not_before = order.not_before;
  m->not_after = order.not_after;
  return order_names(c, key, &m->names, &m->names_n);
}

static avow_err offer_revoke(struct call *c, const struct offer *o, struct id128 job, struct message *out) {
  struct msg_job_revoke *m = &out->job_revoke;
  struct id128 owner;
  int64_t key;
  out->type = MSG_job_revoke;
  *m = (struct msg_job_revoke){.job = job, .jws = o->payload};
  avow_err e = certificate_load(c, o->subject, &m->certificate, &key, &owner);
  if (e == AVOW_OK && o->account)
    e = account_load_key(c, o->account, &m->account);
  m->account_id = m->account.id;
  return e;
}

static avow_err make_offer(struct call *c, const struct job_entry *entry, struct message *out) {
  struct offer o = {0};
  struct query q = db_query(c->db, "SELECT kind, account, subject, payload FROM jobs WHERE key = ?1 AND state = 1");
  query_int(&q, entry->key);
  bool found = query_next(&q);
  if (found) {
    o.kind = (enum job_kind)query_get_int(&q);
    o.account = query_get_int(&q);
    struct slice subject = query_get_bytes(&q, c->a);
    if (subject.n == ID_BYTES)
      memcpy(o.subject.b, subject.p, ID_BYTES);
    o.payload = query_get_bytes(&q, c->a);
  }
  avow_err e = query_end(&q);
  if (e != AVOW_OK || !found)
    return e == AVOW_OK ? ERR_NOT_FOUND : e;
  switch (o.kind) {
  case JOB_ACCOUNT:
    return offer_account(&o, entry->id, out);
  case JOB_ACCOUNT_CHANGE:
    return offer_account_change(c, &o, entry->id, out);
  case JOB_VALIDATE:
    return offer_validate(c, &o, entry->id, out);
  case JOB_ISSUE:
    return offer_issue(c, &o, entry->id, out);
  case JOB_REVOKE:
    return offer_revoke(c, &o, entry->id, out);
  }
  return ERR_DATABASE;
}

bool store_job_offer(struct store *s, int64_t now_ms, struct arena *a, struct message *out) {
  for (;;) {
    struct job_entry *entry = job_queue_take(&s->queue, now_ms);
    if (!entry)
      return false;
    *out = (struct message){.type = MSG_none};
    struct problem why = {0};
    struct call c = {.s = s, .db = s->db, .out = out, .a = a, .now_ms = now_ms, .why = &why};
    avow_err e = make_offer(&c, entry, out);
    if (e == AVOW_OK)
      return true;
    /* What cannot be read now is tried again in a while; nothing else waits for it. */
    log_event(LOG_ERROR, "store.job_unreadable", L_ID(job, entry->id), L_TEXT(error, err_name(e)));
    job_queue_free(&s->queue, entry->key, now_ms + JOB_LEASE_MS);
  }
}

size_t store_jobs_offered(const struct store *s) {
  return s->queue.offered;
}

void store_jobs_release(struct store *s) {
  job_queue_release(&s->queue);
}

int64_t store_jobs_due(const struct store *s) {
  return job_queue_due(&s->queue);
}
