#include "base/fault.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "store/inner.h"

enum { OPENING_BYTES = 32, BODY_MAX = 256 * 1024 };

static avow_err insert(struct call *c, enum leaf_kind kind, int64_t at_ms, int64_t certificate, struct slice body) {
  fault_point("store.leaf");
  struct query q = db_query(c->db, "INSERT INTO ledger_leaves(kind, at, certificate, body) VALUES(?1, ?2, ?3, ?4)");
  query_int(&q, kind);
  query_int(&q, at_ms);
  query_int(&q, certificate);
  query_blob(&q, body);
  return query_run(&q);
}

avow_err leaf_put(struct call *c, enum leaf_kind kind, int64_t at_ms, struct slice body) {
  return insert(c, kind, at_ms, 0, body);
}

avow_err leaf_put_certificate(struct call *c, int64_t at_ms, int64_t certificate) {
  return insert(c, LEAF_CERTIFICATE, at_ms, certificate, SLICE_NONE);
}

avow_err leaf_put_commitment(struct call *c, enum leaf_kind kind, int64_t at_ms, struct slice body, const char *label,
                             struct slice value) {
  uint8_t opening[OPENING_BYTES], commitment[SHA256_BYTES];
  random_bytes(opening, sizeof opening);
  AUTO_BUF what, whole;
  buf_init(&what, BODY_MAX);
  buf_init(&whole, BODY_MAX);
  buf_put_str(&what, label);
  buf_put_u8(&what, 0);
  buf_put(&what, value);
  if (what.failed)
    return ERR_NO_MEMORY;
  hmac_sha256(SLICE_OF(opening), buf_slice(&what), commitment);
  buf_put(&whole, body);
  buf_put(&whole, SLICE_OF(commitment));
  if (whole.failed)
    return ERR_NO_MEMORY;
  avow_err e = insert(c, kind, at_ms, 0, buf_slice(&whole));
  if (e != AVOW_OK)
    return e;
  struct query q = db_query(c->db, "INSERT INTO ledger_openings(leaf, opening) VALUES(?1, ?2)");
  query_int(&q, db_last_key(c->db));
  query_blob(&q, SLICE_OF(opening));
  return query_run(&q);
}

avow_err leaf_next(struct db *db, int64_t above, struct arena *a, int64_t *key, struct buf *out) {
  *key = 0;
  struct query q = db_query(db, "SELECT l.key, l.kind, l.at, CASE WHEN l.certificate = 0 THEN l.body ELSE d.der END "
                                "FROM ledger_leaves l LEFT JOIN certificate_ders d ON d.certificate = l.certificate "
                                "WHERE l.key > ?1 ORDER BY l.key LIMIT 1");
  query_int(&q, above);
  if (query_next(&q)) {
    *key = query_get_int(&q);
    buf_put_u8(out, (uint8_t)query_get_int(&q));
    buf_put_u64(out, (uint64_t)query_get_int(&q));
    buf_put(out, query_get_bytes(&q, a));
  }
  avow_err e = query_end(&q);
  return e == AVOW_OK && out->failed ? ERR_NO_MEMORY : e;
}
