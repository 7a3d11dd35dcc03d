/* Authorizations: made or reused for an order, read by their account. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/random.h"
#include "store/inner.h"

/* A reused authorization must leave the subscriber this long to finalize. */
enum { REUSE_LEFT_MS = HOUR_MS };

avow_err authz_row(struct call *c, struct id128 id, struct id128 account, struct authz_row *out) {
  *out = (struct authz_row){.id = id};
  struct query q =
    db_query(c->db, "SELECT z.key, z.account, a.id, z.status, z.created, z.expires, z.keeps, z.validated, "
                    "z.identifier_type, z.wildcard, z.identifier, z.methods, z.token "
                    "FROM authzs z JOIN accounts a ON a.key = z.account WHERE z.id = ?1");
  query_id(&q, &id);
  bool found = query_next(&q);
  if (found) {
    out->key = query_get_int(&q);
    out->account = query_get_int(&q);
    out->account_id = query_get_id(&q);
    out->status = (int)query_get_int(&q);
    out->created = query_get_int(&q);
    out->expires = query_get_int(&q);
    out->keeps = query_get_int(&q);
    out->validated = query_get_int(&q);
    out->identifier.type = (uint8_t)query_get_int(&q);
    out->identifier.wildcard = query_get_int(&q) != 0;
    out->identifier.value = query_get_bytes(&q, c->a);
    out->methods = (unsigned)query_get_int(&q);
    out->token = query_get_bytes(&q, c->a);
    out->status = authz_status_at(out->status, out->expires, c->now_ms);
  }
  avow_err e = query_end(&q);
  if (e != AVOW_OK)
    return e;
  /* What is another's does not exist: the same answer for both. */
  return found && (id_is_zero(account) || id_eq(account, out->account_id)) ? AVOW_OK : ERR_NOT_FOUND;
}

static avow_err reusable(struct call *c, int64_t account, const struct rec_identifier *identifier,
                         const struct profile *profile, int64_t *key, int64_t *expires) {
  *key = 0;
  int64_t reuse_ms = profile->authz_reuse_s * SECOND_MS;
  if (reuse_ms <= 0 || c->s->options.reuse_percent <= 0 ||
      (c->s->options.reuse_percent < 100 && random_u64() % 100 >= (uint64_t)c->s->options.reuse_percent))
    return AVOW_OK;
  struct query q =
    db_query(c->db, "SELECT key, min(expires, validated + ?5) FROM authzs WHERE account = ?1 AND identifier = ?2 "
                    "AND status = 2 AND identifier_type = ?3 AND wildcard = ?4 ORDER BY key DESC LIMIT 1");
  query_int(&q, account);
  query_text(&q, identifier->value);
  query_int(&q, identifier->type);
  query_int(&q, identifier->wildcard);
  query_int(&q, reuse_ms);
  if (query_next(&q)) {
    *key = query_get_int(&q);
    *expires = query_get_int(&q);
    if (*expires < c->now_ms + REUSE_LEFT_MS)
      *key = 0;
  }
  return query_end(&q);
}

static avow_err insert(struct call *c, int64_t account, const struct rec_identifier *identifier,
                       const struct profile *profile, int64_t *key, int64_t *expires) {
  char token[TOKEN_MAX];
  size_t token_n;
  avow_err e = tokens_take(&c->s->tokens, c->now_ms, token, &token_n);
  if (e != AVOW_OK)
    return problem_set(c->why, e, "no challenge tokens are left for the moment; try again");
  *expires = c->now_ms + profile->pending_authz_s * SECOND_MS;
  struct id128 id = call_id(c);
  struct query q = db_query(
    c->db, "INSERT INTO authzs(id, account, status, created, expires, keeps, validated, identifier_type, wildcard, "
           "identifier, methods, token) VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10, ?11)");
  query_id(&q, &id);
  query_int(&q, account);
  query_int(&q, AUTHZ_PENDING);
  query_int(&q, c->now_ms);
  query_int(&q, *expires);
  query_int(&q, profile->authz_reuse_s * SECOND_MS);
  query_int(&q, identifier->type);
  query_int(&q, identifier->wildcard);
  query_text(&q, identifier->value);
  query_int(&q, authz_methods(identifier->type, identifier->wildcard));
  query_text(&q, slice_of(token, token_n));
  e = query_run(&q);
  *key = db_last_key(c->db);
  return e;
}

avow_err authz_for_order(struct call *c, int64_t account, const struct rec_identifier *identifier,
                         const struct profile *profile, int64_t *key, int64_t *expires) {
  if (!authz_methods(identifier->type, identifier->wildcard))
    return problem_set(c->why, ERR_UNSUPPORTED_IDENTIFIER, "an identifier is of a kind that no challenge proves");
  avow_err e = reusable(c, account, identifier, profile, key, expires);
  return e == AVOW_OK && *key == 0 ? insert(c, account, identifier, profile, key, expires) : e;
}

avow_err authz_problem(struct call *c, int64_t key, int status, struct rec_problem *out) {
  *out = (struct rec_problem){.err = AVOW_OK};
  if (status == AUTHZ_VALID || status == AUTHZ_PENDING)
    return AVOW_OK;
  *out = (struct rec_problem){.err = ERR_UNAUTHORIZED, .detail = SLICE_LIT("the authorization is no longer valid")};
  if (status == AUTHZ_DEACTIVATED)
    out->detail = SLICE_LIT("the authorization was deactivated");
  if (status == AUTHZ_EXPIRED)
    out->detail = SLICE_LIT("the authorization expired");
  struct query q = db_query(c->db, "SELECT err, detail FROM challenges WHERE authz = ?1 AND status = 4 LIMIT 1");
  query_int(&q, key);
  if (status == AUTHZ_INVALID && query_next(&q)) {
    out->err = (uint16_t)query_get_int(&q);
    out->detail = query_get_bytes(&q, c->a);
  }
  return query_end(&q);
}

avow_err authzs_get(struct call *c) {
  const struct msg_authz_get *m = &c->in->authz_get;
  return authz_answer(c, m->authz, m->account);
}

avow_err authzs_deactivate(struct call *c) {
  const struct msg_authz_deactivate *m = &c->in->authz_deactivate;
  struct authz_row z;
  avow_err e = authz_row(c, m->authz, m->account, &z);
  if (e != AVOW_OK)
    return e;
  if (!authz_may_become(z.status, AUTHZ_DEACTIVATED))
    return problem_set(c->why, ERR_MALFORMED, "the authorization is %s", authz_status_text(z.status));
  fault_point("store.authz_deactivate");
  struct query q = db_query(c->db, "UPDATE authzs SET status = ?2 WHERE key = ?1");
  query_int(&q, z.key);
  query_int(&q, AUTHZ_DEACTIVATED);
  e = query_run(&q);
  effect_add(c->s, (struct effect){.kind = EFFECT_CHANGED, .id = z.id});
  if (e == AVOW_OK)
    e = orders_changed(c, z.key);
  return e == AVOW_OK ? authz_answer(c, m->authz, m->account) : e;
}
