/* Accounts: the signer's sealed records, and the one step that begins every signed request. */
#include "base/fault.h"
#include "base/log.h"
#include "store/inner.h"

avow_err account_row(struct call *c, struct id128 id, struct account_row *out) {
  *out = (struct account_row){0};
  struct query q = db_query(c->db, "SELECT key, status, epoch FROM accounts WHERE id = ?1");
  query_id(&q, &id);
  bool found = query_next(&q);
  if (found) {
    out->key = query_get_int(&q);
    out->status = (int)query_get_int(&q);
    out->epoch = (uint32_t)query_get_int(&q);
  }
  avow_err e = query_end(&q);
  return e == AVOW_OK && !found ? ERR_ACCOUNT_UNKNOWN : e;
}

/* Reads one row of the account columns and ends the query. */
static avow_err read_account(struct call *c, struct query *q, struct rec_account *out) {
  *out = (struct rec_account){0};
  bool found = query_next(q);
  if (found) {
    out->id = query_get_id(q);
    out->status = (uint8_t)query_get_int(q);
    out->epoch = (uint32_t)query_get_int(q);
    out->created = query_get_int(q);
    out->terms_agreed = query_get_int(q) != 0;
    query_get_fixed(q, out->thumbprint.b, sizeof out->thumbprint.b);
    out->jwk = query_get_bytes(q, c->a);
    out->sealed = query_get_bytes(q, c->a);
  }
  avow_err e = query_end(q);
  return e == AVOW_OK && !found ? ERR_ACCOUNT_UNKNOWN : e;
}

#define ACCOUNT_COLUMNS                                                                                                \
  "SELECT a.id, a.status, a.epoch, a.created, a.terms_agreed, k.thumbprint, k.jwk, k.sealed FROM accounts a "

avow_err account_load(struct call *c, struct id128 id, struct rec_account *out) {
  struct query q = db_query(c->db, ACCOUNT_COLUMNS "LEFT JOIN account_keys k ON k.account = a.key WHERE a.id = ?1");
  query_id(&q, &id);
  return read_account(c, &q, out);
}

avow_err account_load_key(struct call *c, int64_t key, struct rec_account *out) {
  struct query q = db_query(c->db, ACCOUNT_COLUMNS "LEFT JOIN account_keys k ON k.account = a.key WHERE a.key = ?1");
  query_int(&q, key);
  return read_account(c, &q, out);
}

static avow_err put_keys(struct call *c, int64_t key, const struct rec_account *account) {
  struct query q = db_query(c->db, "INSERT INTO account_keys(account, thumbprint, jwk, sealed) VALUES(?1, ?2, ?3, ?4) "
                                   "ON CONFLICT(account) DO UPDATE SET thumbprint = excluded.thumbprint, "
                                   "jwk = excluded.jwk, sealed = excluded.sealed");
  query_int(&q, key);
  query_blob(&q, digest_slice(&account->thumbprint));
  query_blob(&q, account->jwk);
  query_blob(&q, account->sealed);
  return query_run(&q);
}

/* The leaf says that an account of this standing exists, and commits to which. */
static avow_err put_leaf(struct call *c, const struct rec_account *account) {
  AUTO_BUF body;
  buf_init(&body, 64);
  buf_put_u32(&body, account->epoch);
  buf_put_u8(&body, account->status);
  buf_put_u64(&body, (uint64_t)account->created);
  return leaf_put_commitment(c, LEAF_ACCOUNT, c->now_ms, buf_slice(&body), "account", id_slice(&account->id));
}

avow_err account_apply(struct call *c, const struct rec_account *account) {
  fault_point("store.account");
  struct query q =
    db_query(c->db, "INSERT INTO accounts(id, status, epoch, created, terms_agreed) VALUES(?1, ?2, ?3, ?4, ?5) "
                    "ON CONFLICT(id) DO UPDATE SET status = excluded.status, epoch = excluded.epoch, "
                    "terms_agreed = excluded.terms_agreed WHERE excluded.epoch > accounts.epoch RETURNING key");
  query_id(&q, &account->id);
  query_int(&q, account->status);
  query_int(&q, account->epoch);
  query_int(&q, account->created);
  query_int(&q, account->terms_agreed);
  int64_t key = query_next(&q) ? query_get_int(&q) : 0;
  avow_err e = query_end(&q);
  if (e != AVOW_OK || key == 0) /* no row: what is here is as new */
    return e;
  e = put_keys(c, key, account);
  if (e == AVOW_OK)
    e = put_leaf(c, account);
  return e;
}

avow_err accounts_request_begin(struct call *c) {
  const struct msg_request_begin *m = &c->in->request_begin;
  avow_err e = nonce_spend(&c->s->nonces, m->epoch, m->counter);
  if (e != AVOW_OK)
    return e;
  struct account_row row = {0};
  if (!id_is_zero(m->account))
    e = account_row(c, m->account, &row);
  c->out->type = MSG_request_begun;
  c->out->request_begun = (struct msg_request_begun){.status = (uint8_t)row.status, .epoch = row.epoch};
  return e;
}

avow_err accounts_get(struct call *c) {
  c->out->type = MSG_account_is;
  return account_load(c, c->in->account_get.id, &c->out->account_is.account);
}

avow_err accounts_find(struct call *c) {
  c->out->type = MSG_account_is;
  struct query q = db_query(c->db, ACCOUNT_COLUMNS "JOIN account_keys k ON k.account = a.key WHERE k.thumbprint = ?1 "
                                                   "ORDER BY a.key LIMIT 1");
  query_blob(&q, digest_slice(&c->in->account_find.thumbprint));
  return read_account(c, &q, &c->out->account_is.account);
}

static avow_err answer_job(struct call *c, enum job_kind kind, int64_t account, struct slice subject,
                           struct slice jws) {
  c->out->type = MSG_job_made;
  return job_add(c, kind, account, subject, jws, &c->out->job_made.job);
}

avow_err accounts_create(struct call *c) {
  const struct msg_account_create *m = &c->in->account_create;
  fault_point("store.account_create");
  /* The same key at the same time: both requests wait for one job. */
  struct id128 waiting;
  avow_err e = job_find(c, JOB_ACCOUNT, digest_slice(&m->thumbprint), &waiting);
  if (e == AVOW_OK && !id_is_zero(waiting)) {
    c->out->type = MSG_job_made;
    c->out->job_made.job = waiting;
    return AVOW_OK;
  }
  return e == AVOW_OK ? answer_job(c, JOB_ACCOUNT, 0, digest_slice(&m->thumbprint), m->jws) : e;
}

avow_err accounts_change(struct call *c) {
  const struct msg_account_change *m = &c->in->account_change;
  fault_point("store.account_change");
  struct account_row row;
  avow_err e = account_row(c, m->account, &row);
  return e == AVOW_OK ? answer_job(c, JOB_ACCOUNT_CHANGE, row.key, id_slice(&m->account), m->jws) : e;
}
