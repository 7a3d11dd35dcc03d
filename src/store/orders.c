/* Orders: made, read, listed, finalized. What an order is follows from its authorizations whenever it is read. */
#include <stdio.h>

#include "base/clock.h"
#include "base/fault.h"
#include "store/inner.h"
#include "store/pack.h"

enum { NAMES_MAX = 100, ORDER_LIST_MAX = 1000, SUBPROBLEMS_MAX = 256 * 1024 };

/* ---- reading ------------------------------------------------------------------------------------------ */

struct order_part {
  int64_t key; /* authzs.key */
  int status;
};

static avow_err load_head(struct call *c, struct id128 id, struct rec_order *out, int64_t *key) {
  *out = (struct rec_order){.id = id};
  struct query q = db_query(c->db, "SELECT o.key, a.id, o.status, o.created, o.expires, o.not_before, o.not_after, "
                                   "o.profile, o.certificate FROM orders o JOIN accounts a ON a.key = o.account "
                                   "WHERE o.id = ?1");
  query_id(&q, &id);
  bool found = query_next(&q);
  if (found) {
    *key = query_get_int(&q);
    out->account = query_get_id(&q);
    out->status = (uint8_t)query_get_int(&q);
    out->created = query_get_int(&q);
    out->expires = query_get_int(&q);
    out->not_before = query_get_int(&q);
    out->not_after = query_get_int(&q);
    out->profile = query_get_bytes(&q, c->a);
    out->certificate = query_get_id(&q);
  }
  avow_err e = query_end(&q);
  return e == AVOW_OK && !found ? ERR_NOT_FOUND : e;
}

static avow_err load_authzs(struct call *c, int64_t key, struct rec_order *out, struct order_part **parts) {
  out->authzs = arena_array(c->a, NAMES_MAX, sizeof *out->authzs);
  *parts = arena_array(c->a, NAMES_MAX, sizeof **parts);
  if (!out->authzs || !*parts)
    return ERR_NO_MEMORY;
  struct query q =
    db_query(c->db, "SELECT z.key, z.id, z.status, z.expires, z.identifier_type, z.wildcard, z.identifier "
                    "FROM order_authzs x JOIN authzs z ON z.key = x.authz WHERE x.\"order\" = ?1 ORDER BY x.n");
  query_int(&q, key);
  while (out->authzs_n < NAMES_MAX && query_next(&q)) {
    struct rec_order_authz *z = &out->authzs[out->authzs_n];
    struct order_part *part = &(*parts)[out->authzs_n++];
    part->key = query_get_int(&q);
    z->id = query_get_id(&q);
    int status = (int)query_get_int(&q);
    part->status = authz_status_at(status, query_get_int(&q), c->now_ms);
    z->identifier.type = (uint8_t)query_get_int(&q);
    z->identifier.wildcard = query_get_int(&q) != 0;
    z->identifier.value = query_get_bytes(&q, c->a);
  }
  return query_end(&q);
}

/* The problem that was stored when issuance failed. */
static avow_err load_problem(struct call *c, int64_t key, struct rec_order *out, bool *found) {
  struct query q = db_query(c->db, "SELECT err, detail, subproblems FROM order_problems WHERE \"order\" = ?1");
  query_int(&q, key);
  *found = query_next(&q);
  struct slice packed = SLICE_NONE;
  if (*found) {
    out->problem.err = (uint16_t)query_get_int(&q);
    out->problem.detail = query_get_bytes(&q, c->a);
    packed = query_get_bytes(&q, c->a);
  }
  avow_err e = query_end(&q);
  return e == AVOW_OK && *found ? unpack_subproblems(packed, c->a, &out->subproblems, &out->subproblems_n) : e;
}

/* The problem that follows from authorizations: the first failed one's; of several names, each with its name. */
static avow_err find_problem(struct call *c, const struct order_part *parts, struct rec_order *out) {
  struct rec_subproblem *list = arena_array(c->a, out->authzs_n, sizeof *list);
  if (!list)
    return ERR_NO_MEMORY;
  size_t n = 0;
  for (size_t i = 0; i < out->authzs_n; i++) {
    struct rec_problem problem;
    avow_err e = authz_problem(c, parts[i].key, parts[i].status, &problem);
    if (e != AVOW_OK)
      return e;
    if (problem.err != AVOW_OK)
      list[n++] = (struct rec_subproblem){.identifier = out->authzs[i].identifier, .problem = problem};
  }
  if (n == 0) {
    out->problem = (struct rec_problem){.err = ERR_MALFORMED, .detail = SLICE_LIT("the order expired")};
    return AVOW_OK;
  }
  out->problem = list[0].problem;
  if (n > 1)
    out->problem = (struct rec_problem){.err = ERR_COMPOUND, .detail = SLICE_LIT("several authorizations failed")};
  if (out->authzs_n > 1) {
    out->subproblems = list;
    out->subproblems_n = n;
  }
  return AVOW_OK;
}

avow_err order_load(struct call *c, struct id128 id, struct id128 account, struct rec_order *out, int64_t *key) {
  struct order_part *parts;
  avow_err e = load_head(c, id, out, key);
  if (e == AVOW_OK && !id_eq(out->account, account))
    return ERR_NOT_FOUND;
  if (e == AVOW_OK)
    e = load_authzs(c, *key, out, &parts);
  if (e != AVOW_OK)
    return e;
  int states[NAMES_MAX];
  for (size_t i = 0; i < out->authzs_n; i++)
    states[i] = parts[i].status;
  out->status = (uint8_t)order_status_at(out->status, out->expires, states, out->authzs_n, c->now_ms);
  if (out->status != ORDER_INVALID)
    return AVOW_OK;
  bool stored;
  e = load_problem(c, *key, out, &stored);
  return e == AVOW_OK && !stored ? find_problem(c, parts, out) : e;
}

static avow_err answer(struct call *c, struct id128 id, struct id128 account) {
  int64_t key;
  c->out->type = MSG_order_is;
  return order_load(c, id, account, &c->out->order_is.order, &key);
}

avow_err orders_get(struct call *c) {
  return answer(c, c->in->order_get.order, c->in->order_get.account);
}

avow_err orders_list(struct call *c) {
  const struct msg_order_list *m = &c->in->order_list;
  size_t most = m->most == 0 || m->most > ORDER_LIST_MAX ? ORDER_LIST_MAX : m->most;
  struct msg_order_ids *out = &c->out->order_ids;
  c->out->type = MSG_order_ids;
  *out = (struct msg_order_ids){.orders = arena_array(c->a, most, sizeof *out->orders)};
  struct account_row account;
  avow_err e = out->orders ? account_row(c, m->account, &account) : ERR_NO_MEMORY;
  if (e != AVOW_OK)
    return e;
  /* RFC 8555, 7.1.2.1: pending orders belong in the list, invalid ones do not. */
  struct query q =
    db_query(c->db, "SELECT id FROM orders WHERE account = ?1 AND key < coalesce((SELECT key FROM orders "
                    "WHERE id = ?2), 9223372036854775807) AND (status IN (3, 4) OR (status = 1 AND "
                    "expires > ?3)) ORDER BY key DESC LIMIT ?4");
  query_int(&q, account.key);
  query_id(&q, &m->before);
  query_int(&q, c->now_ms);
  query_int(&q, (int64_t)most + 1);
  while (!out->more && query_next(&q)) {
    if (out->orders_n < most)
      out->orders[out->orders_n++].id = query_get_id(&q);
    else
      out->more = true;
  }
  return query_end(&q);
}

avow_err order_names(struct call *c, int64_t order, struct rec_order_name **out, size_t *n) {
  struct rec_order head = {0};
  struct order_part *parts;
  avow_err e = load_authzs(c, order, &head, &parts);
  if (e != AVOW_OK)
    return e;
  *n = head.authzs_n;
  *out = arena_array(c->a, *n, sizeof **out);
  if (!*out)
    return ERR_NO_MEMORY;
  for (size_t i = 0; i < *n && e == AVOW_OK; i++) {
    (*out)[i].identifier = head.authzs[i].identifier;
    e = statements_get(c, parts[i].key, &(*out)[i]);
    if (parts[i].status == AUTHZ_DEACTIVATED) /* since finalize: what it proved is withdrawn */
      (*out)[i].control_n = 0;
  }
  return e;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

static bool seen_before(const struct rec_identifier *list, size_t i) {
  for (size_t k = 0; k < i; k++)
    if (list[k].type == list[i].type && list[k].wildcard == list[i].wildcard && slice_eq(list[k].value, list[i].value))
      return true;
  return false;
}

static avow_err insert_part(struct call *c, int64_t order, size_t n, int64_t authz) {
  struct query q = db_query(c->db, "INSERT INTO order_authzs(\"order\", n, authz) VALUES(?1, ?2, ?3)");
  query_int(&q, order);
  query_int(&q, (int64_t)n);
  query_int(&q, authz);
  return query_run(&q);
}

static avow_err insert_order(struct call *c, struct id128 id, int64_t account, struct slice profile, int64_t expires,
                             int64_t *key) {
  const struct msg_order_new *m = &c->in->order_new;
  struct query q =
    db_query(c->db, "INSERT INTO orders(id, account, status, created, expires, not_before, not_after, profile) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  query_id(&q, &id);
  query_int(&q, account);
  query_int(&q, ORDER_PENDING);
  query_int(&q, c->now_ms);
  query_int(&q, expires);
  query_int(&q, m->not_before);
  query_int(&q, m->not_after);
  query_text(&q, profile);
  avow_err e = query_run(&q);
  *key = db_last_key(c->db);
  return e;
}

avow_err orders_new(struct call *c) {
  const struct msg_order_new *m = &c->in->order_new;
  const struct profile *profile = call_profile(c, m->profile);
  if (!profile)
    return ERR_INVALID_PROFILE;
  if (m->identifiers_n == 0)
    return problem_set(c->why, ERR_MALFORMED, "an order needs at least one identifier");
  struct account_row account;
  avow_err e = account_row(c, m->account, &account);
  if (e == AVOW_OK && account.status != ACCOUNT_VALID)
    e = problem_set(c->why, ERR_UNAUTHORIZED, "the account is not valid");
  if (e != AVOW_OK)
    return e;
  fault_point("store.order_new");
  int64_t authzs[NAMES_MAX], expires = c->now_ms + profile->order_lifetime_s * SECOND_MS;
  size_t n = 0;
  for (size_t i = 0; i < m->identifiers_n && n < NAMES_MAX; i++) {
    int64_t until;
    if (seen_before(m->identifiers, i))
      continue;
    e = authz_for_order(c, account.key, &m->identifiers[i], profile, &authzs[n++], &until);
    if (e != AVOW_OK)
      return e;
    if (until < expires)
      expires = until;
  }
  struct id128 id = call_id(c);
  int64_t key = 0;
  e = insert_order(c, id, account.key, m->profile, expires, &key);
  for (size_t i = 0; i < n && e == AVOW_OK; i++)
    e = insert_part(c, key, i, authzs[i]);
  return e == AVOW_OK ? answer(c, id, m->account) : e;
}

static avow_err set_status(struct call *c, int64_t key, int status, const struct id128 *certificate) {
  struct query q = db_query(c->db, "UPDATE orders SET status = ?2, certificate = ?3 WHERE key = ?1");
  query_int(&q, key);
  query_int(&q, status);
  query_id_or_null(&q, certificate);
  return query_run(&q);
}

static const struct id128 no_id;

avow_err orders_finalize(struct call *c) {
  const struct msg_order_finalize *m = &c->in->order_finalize;
  struct rec_order *order = &c->out->order_is.order;
  int64_t key;
  c->out->type = MSG_order_is;
  avow_err e = order_load(c, m->order, m->account, order, &key);
  if (e != AVOW_OK)
    return e;
  /* RFC 8555, 7.4: a finalize for an order that is not ready is an error; a finalize URL issues once. */
  if (order->status != ORDER_READY)
    return problem_set(c->why, ERR_ORDER_NOT_READY, "the order is %s, not ready", order_status_text(order->status));
  struct account_row account;
  struct id128 job;
  e = account_row(c, m->account, &account);
  fault_point("store.order_finalize");
  if (e == AVOW_OK)
    e = set_status(c, key, ORDER_PROCESSING, &no_id);
  if (e == AVOW_OK)
    e = job_add(c, JOB_ISSUE, account.key, id_slice(&m->order), m->jws, &job);
  order->status = ORDER_PROCESSING;
  return e;
}

avow_err orders_changed(struct call *c, int64_t authz) {
  struct query q =
    db_query(c->db, "SELECT o.id FROM order_authzs x JOIN orders o ON o.key = x.\"order\" WHERE x.authz = ?1");
  query_int(&q, authz);
  while (query_next(&q))
    effect_add(c->s, (struct effect){.kind = EFFECT_CHANGED, .id = query_get_id(&q)});
  return query_end(&q);
}

/* The order when it is in processing; key 0 otherwise. */
static avow_err processing(struct call *c, struct id128 id, int64_t *key) {
  *key = 0;
  struct query q = db_query(c->db, "SELECT key FROM orders WHERE id = ?1 AND status = 3");
  query_id(&q, &id);
  if (query_next(&q))
    *key = query_get_int(&q);
  return query_end(&q);
}

avow_err order_set_valid(struct call *c, struct id128 order, struct id128 certificate) {
  int64_t key;
  avow_err e = processing(c, order, &key);
  if (e != AVOW_OK || key == 0)
    return e;
  effect_add(c->s, (struct effect){.kind = EFFECT_CHANGED, .id = order});
  return set_status(c, key, ORDER_VALID, &certificate);
}

static avow_err put_problem(struct call *c, int64_t key, const struct rec_problem *problem,
                            const struct rec_subproblem *subproblems, size_t n) {
  AUTO_BUF packed;
  buf_init(&packed, SUBPROBLEMS_MAX);
  pack_subproblems(&packed, subproblems, n);
  if (packed.failed)
    return ERR_NO_MEMORY;
  struct query q =
    db_query(c->db, "INSERT INTO order_problems(\"order\", err, detail, subproblems) VALUES(?1, ?2, ?3, ?4) "
                    "ON CONFLICT(\"order\") DO NOTHING");
  query_int(&q, key);
  query_int(&q, problem->err);
  query_text(&q, problem->detail);
  query_blob(&q, buf_slice(&packed));
  return query_run(&q);
}

avow_err order_set_invalid(struct call *c, struct id128 order, const struct rec_problem *problem,
                           const struct rec_subproblem *subproblems, size_t n) {
  int64_t key;
  avow_err e = processing(c, order, &key);
  if (e != AVOW_OK || key == 0)
    return e;
  effect_add(c->s, (struct effect){.kind = EFFECT_CHANGED, .id = order});
  e = set_status(c, key, ORDER_INVALID, &no_id);
  return e == AVOW_OK ? put_problem(c, key, problem, subproblems, n) : e;
}
