/* Challenges: a row for each that was responded to; all others of the authorization are pending. */
#include "base/fault.h"
#include "store/inner.h"

enum { METHODS = 3 };
static const int methods[METHODS] = {METHOD_HTTP_01, METHOD_DNS_01, METHOD_TLS_ALPN_01};

/* Fills `list` with the rows of the authorization. */
static avow_err load_rows(struct call *c, const struct authz_row *z, struct rec_challenge list[METHODS], size_t *n) {
  *n = 0;
  struct query q =
    db_query(c->db, "SELECT method, status, validated, err, detail FROM challenges WHERE authz = ?1 ORDER BY method");
  query_int(&q, z->key);
  while (*n < METHODS && query_next(&q)) {
    struct rec_challenge *ch = &list[(*n)++];
    ch->method = (uint8_t)query_get_int(&q);
    ch->status = (uint8_t)query_get_int(&q);
    ch->validated = query_get_int(&q);
    ch->problem.err = (uint16_t)query_get_int(&q);
    ch->problem.detail = query_get_bytes(&q, c->a);
    ch->id = challenge_id(z->id, ch->method);
  }
  return query_end(&q);
}

static bool has(const struct rec_challenge *list, size_t n, int method) {
  for (size_t i = 0; i < n; i++)
    if (list[i].method == method)
      return true;
  return false;
}

static avow_err answer(struct call *c, const struct authz_row *z) {
  struct rec_challenge *list = arena_array(c->a, METHODS, sizeof *list);
  size_t n;
  if (!list)
    return ERR_NO_MEMORY;
  avow_err e = load_rows(c, z, list, &n);
  if (e != AVOW_OK)
    return e;
  /* Once it is decided, only what was tried is shown. */
  bool all = n == 0 || z->status == AUTHZ_PENDING;
  for (int i = 0; all && i < METHODS; i++)
    if ((z->methods & 1u << methods[i]) && n < METHODS && !has(list, n, methods[i]))
      list[n++] = (struct rec_challenge){
        .id = challenge_id(z->id, methods[i]), .method = (uint8_t)methods[i], .status = CHALLENGE_PENDING};
  c->out->type = MSG_authz_is;
  c->out->authz_is.authz = (struct rec_authz){.id = z->id,
                                              .account = z->account_id,
                                              .status = (uint8_t)z->status,
                                              .expires = z->expires,
                                              .identifier = z->identifier,
                                              .token = z->token,
                                              .challenges = list,
                                              .challenges_n = n};
  return AVOW_OK;
}

avow_err authz_answer(struct call *c, struct id128 authz, struct id128 account) {
  struct authz_row z;
  avow_err e = authz_row(c, authz, account, &z);
  return e == AVOW_OK ? answer(c, &z) : e;
}

/* The authorization of a challenge that it offers. */
static avow_err row_of(struct call *c, struct id128 challenge, struct id128 account, struct authz_row *z, int *method) {
  struct id128 authz = challenge_authz(challenge, method);
  if (*method == 0)
    return ERR_NOT_FOUND;
  avow_err e = authz_row(c, authz, account, z);
  return e == AVOW_OK && !(z->methods & 1u << *method) ? ERR_NOT_FOUND : e;
}

avow_err challenges_get(struct call *c) {
  const struct msg_challenge_get *m = &c->in->challenge_get;
  struct authz_row z;
  int method;
  avow_err e = row_of(c, m->challenge, m->account, &z, &method);
  return e == AVOW_OK ? answer(c, &z) : e;
}

static avow_err put(struct call *c, int64_t authz, int method, int status, int64_t validated,
                    const struct rec_problem *problem) {
  struct query q = db_query(c->db, "INSERT INTO challenges(authz, method, status, validated, err, detail) "
                                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(authz, method) DO UPDATE SET "
                                   "status = excluded.status, validated = excluded.validated, err = excluded.err, "
                                   "detail = excluded.detail");
  query_int(&q, authz);
  query_int(&q, method);
  query_int(&q, status);
  query_int(&q, validated);
  query_int(&q, problem ? problem->err : AVOW_OK);
  query_text(&q, problem ? problem->detail : SLICE_NONE);
  return query_run(&q);
}

static avow_err status_of(struct call *c, int64_t authz, int method, int *status) {
  *status = CHALLENGE_PENDING;
  struct query q = db_query(c->db, "SELECT status FROM challenges WHERE authz = ?1 AND method = ?2");
  query_int(&q, authz);
  query_int(&q, method);
  if (query_next(&q))
    *status = (int)query_get_int(&q);
  return query_end(&q);
}

avow_err challenges_respond(struct call *c) {
  const struct msg_challenge_respond *m = &c->in->challenge_respond;
  struct authz_row z;
  int method, status;
  avow_err e = row_of(c, m->challenge, m->account, &z, &method);
  if (e == AVOW_OK)
    e = status_of(c, z.key, method, &status);
  if (e != AVOW_OK)
    return e;
  if (z.status == AUTHZ_PENDING && status == CHALLENGE_PENDING) {
    struct id128 job;
    fault_point("store.challenge_respond");
    e = put(c, z.key, method, CHALLENGE_PROCESSING, 0, NULL);
    if (e == AVOW_OK)
      e = job_add(c, JOB_VALIDATE, z.account, id_slice(&m->challenge), SLICE_NONE, &job);
  }
  return e == AVOW_OK ? answer(c, &z) : e;
}

/* RFC 8555, 7.1.6: one valid challenge makes the authorization valid, one failed one invalid. */
static avow_err set_authz(struct call *c, const struct authz_row *z, bool valid) {
  int64_t until = c->now_ms + z->keeps;
  struct query q = db_query(c->db, "UPDATE authzs SET status = ?2, validated = ?3, expires = ?4 WHERE key = ?1");
  query_int(&q, z->key);
  query_int(&q, valid ? AUTHZ_VALID : AUTHZ_INVALID);
  query_int(&q, valid ? c->now_ms : 0);
  query_int(&q, valid && until > z->expires ? until : z->expires);
  return query_run(&q);
}

avow_err challenge_end(struct call *c, struct id128 challenge, bool valid, const struct rec_problem *problem) {
  struct authz_row z;
  int method, status;
  avow_err e = row_of(c, challenge, (struct id128){{0}}, &z, &method);
  if (e == AVOW_OK)
    e = status_of(c, z.key, method, &status);
  if (e != AVOW_OK)
    return e;
  if (status != CHALLENGE_PROCESSING)
    return AVOW_OK;
  fault_point("store.challenge_end");
  e = put(c, z.key, method, valid ? CHALLENGE_VALID : CHALLENGE_INVALID, valid ? c->now_ms : 0, valid ? NULL : problem);
  if (e == AVOW_OK && z.status == AUTHZ_PENDING)
    e = set_authz(c, &z, valid);
  effect_add(c->s, (struct effect){.kind = EFFECT_CHANGED, .id = z.id});
  return e == AVOW_OK ? orders_changed(c, z.key) : e;
}
