/* What a validation brought: sealed statements, which are evidence, and what was met on the way, which is record. */
#include "base/fault.h"
#include "store/inner.h"
#include "store/pack.h"

enum { STATEMENT_CONTROL = 1, STATEMENT_CAA = 2, STATEMENTS_MAX = 16, MET_MAX = 512 * 1024 };

static avow_err put_list(struct call *c, int64_t authz, int kind, int method, int64_t expires,
                         const struct rec_blob *list, size_t n) {
  for (size_t i = 0; i < n; i++) {
    struct query q = db_query(c->db, "INSERT INTO statements(authz, kind, n, method, expires, sealed) "
                                     "VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(authz, kind, n) DO UPDATE SET "
                                     "method = excluded.method, expires = excluded.expires, sealed = excluded.sealed");
    query_int(&q, authz);
    query_int(&q, kind);
    query_int(&q, (int64_t)i);
    query_int(&q, method);
    query_int(&q, expires);
    query_blob(&q, list[i].b);
    avow_err e = query_run(&q);
    if (e != AVOW_OK)
      return e;
  }
  return AVOW_OK;
}

avow_err statements_put(struct call *c, int64_t authz, int method, const struct msg_job_validated *m) {
  fault_point("store.statements");
  avow_err e = put_list(c, authz, STATEMENT_CONTROL, method, 0, m->control, m->control_n);
  return e == AVOW_OK ? put_list(c, authz, STATEMENT_CAA, method, m->caa_expires, m->caa, m->caa_n) : e;
}

avow_err statements_get(struct call *c, int64_t authz, struct rec_order_name *out) {
  out->control = arena_array(c->a, STATEMENTS_MAX, sizeof *out->control);
  out->caa = arena_array(c->a, STATEMENTS_MAX, sizeof *out->caa);
  if (!out->control || !out->caa)
    return ERR_NO_MEMORY;
  struct query q =
    db_query(c->db, "SELECT kind, method, expires, sealed FROM statements WHERE authz = ?1 ORDER BY kind, n");
  query_int(&q, authz);
  while (query_next(&q)) {
    bool control = query_get_int(&q) == STATEMENT_CONTROL;
    out->method = (uint8_t)query_get_int(&q);
    int64_t expires = query_get_int(&q);
    struct slice sealed = query_get_bytes(&q, c->a);
    if (control && out->control_n < STATEMENTS_MAX)
      out->control[out->control_n++].b = sealed;
    else if (!control && out->caa_n < STATEMENTS_MAX) {
      out->caa[out->caa_n++].b = sealed;
      out->caa_expires = expires;
    }
  }
  return query_end(&q);
}

avow_err met_put(struct call *c, int64_t authz, int64_t order, int method, const struct rec_met *met, size_t n) {
  if (n == 0)
    return AVOW_OK;
  AUTO_BUF packed;
  buf_init(&packed, MET_MAX);
  pack_met(&packed, met, n);
  if (packed.failed)
    return ERR_NO_MEMORY;
  fault_point("store.met");
  struct query q = db_query(c->db, "INSERT INTO validation_records(authz, \"order\", method, at, met) "
                                   "VALUES(?1, ?2, ?3, ?4, ?5)");
  query_int(&q, authz);
  query_int(&q, order);
  query_int(&q, method);
  query_int(&q, c->now_ms);
  query_blob(&q, buf_slice(&packed));
  return query_run(&q);
}
