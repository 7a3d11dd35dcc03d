/* The CA's own certificates and CRLs: stored, published, and what of them is due. */
#include "base/fault.h"
#include "crypto/digest.h"
#include "store/inner.h"

enum { SHARDS_MAX = 1024, PATH_ROOM = 256 };

static avow_err add_shard(struct call *c, struct slice issuer, int64_t shard) {
  struct query q = db_query(c->db, "INSERT INTO crls(issuer, shard, crl_number, this_update, next_update, revocations) "
                                   "VALUES(?1, ?2, 0, 0, 0, 0) ON CONFLICT(issuer, shard) DO NOTHING");
  query_text(&q, issuer);
  query_int(&q, shard);
  return query_run(&q);
}

avow_err issuer_apply(struct call *c, const struct msg_record_issuer *m) {
  fault_point("store.issuer");
  struct query q = db_query(c->db, "INSERT INTO issuers(issuer, root, shards, der) VALUES(?1, ?2, ?3, ?4) "
                                   "ON CONFLICT(issuer) DO UPDATE SET root = excluded.root, shards = excluded.shards, "
                                   "der = excluded.der");
  query_text(&q, m->issuer);
  query_int(&q, m->root);
  query_int(&q, m->shards);
  query_blob(&q, m->der);
  avow_err e = query_run(&q);
  for (int64_t shard = 0; e == AVOW_OK && shard < m->shards && shard < SHARDS_MAX; shard++)
    e = add_shard(c, m->issuer, shard);
  if (e == AVOW_OK)
    e = leaf_put(c, LEAF_ISSUER, c->now_ms, m->der);
  char *path = arena_printf(c->a, "ca/%.*s.cer", (int)m->issuer.n, (const char *)m->issuer.p);
  if (e == AVOW_OK)
    e = path ? publication_put(c, path, m->der, m->number) : ERR_NO_MEMORY;
  return e;
}

static avow_err put_crl(struct call *c, const struct msg_record_crl *m) {
  /* Revocations recorded before this number are in this CRL: the stream is in the signer's order. */
  struct query q = db_query(c->db, "INSERT INTO crls(issuer, shard, crl_number, this_update, next_update, revocations) "
                                   "VALUES(?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT(issuer, shard) DO UPDATE SET "
                                   "crl_number = excluded.crl_number, this_update = excluded.this_update, "
                                   "next_update = excluded.next_update, revocations = 0");
  query_text(&q, m->issuer);
  query_int(&q, m->shard);
  query_int(&q, (int64_t)m->crl_number);
  query_int(&q, m->this_update);
  query_int(&q, m->next_update);
  return query_run(&q);
}

avow_err crl_apply(struct call *c, const struct msg_record_crl *m) {
  uint8_t digest[SHA256_BYTES];
  AUTO_BUF body;
  buf_init(&body, 256);
  fault_point("store.crl");
  avow_err e = put_crl(c, m);
  sha256(m->der, digest);
  buf_put_u32_slice(&body, m->issuer);
  buf_put_u16(&body, m->shard);
  buf_put_u64(&body, m->crl_number);
  buf_put_u64(&body, (uint64_t)m->this_update);
  buf_put(&body, SLICE_OF(digest));
  if (e == AVOW_OK)
    e = body.failed ? ERR_NO_MEMORY : leaf_put(c, LEAF_CRL, m->this_update, buf_slice(&body));
  char *path = arena_printf(c->a, "crl/%.*s/%u.crl", (int)m->issuer.n, (const char *)m->issuer.p, m->shard);
  if (e == AVOW_OK)
    e = path ? publication_put(c, path, m->der, m->number) : ERR_NO_MEMORY;
  return e;
}

avow_err crl_count_revocation(struct call *c, struct slice issuer, int64_t shard) {
  struct query q = db_query(c->db, "UPDATE crls SET revocations = revocations + 1 WHERE issuer = ?1 AND shard = ?2");
  query_text(&q, issuer);
  query_int(&q, shard);
  return query_run(&q);
}

static avow_err web_times(struct call *c, struct msg_schedule *out) {
  struct query q = db_query(c->db, "SELECT c.not_before, c.not_after FROM service_certificate s "
                                   "JOIN certificates c ON c.key = s.certificate");
  if (query_next(&q)) {
    out->web_not_before = query_get_int(&q);
    out->web_not_after = query_get_int(&q);
  }
  return query_end(&q);
}

avow_err issuers_schedule(struct call *c) {
  struct msg_schedule *out = &c->out->schedule;
  c->out->type = MSG_schedule;
  *out = (struct msg_schedule){.crls = arena_array(c->a, SHARDS_MAX, sizeof *out->crls)};
  if (!out->crls)
    return ERR_NO_MEMORY;
  struct query q = db_query(c->db, "SELECT issuer, shard, crl_number, this_update, next_update, revocations FROM crls "
                                   "ORDER BY issuer, shard");
  while (out->crls_n < SHARDS_MAX && query_next(&q)) {
    struct rec_crl_state *crl = &out->crls[out->crls_n++];
    crl->issuer = query_get_bytes(&q, c->a);
    crl->shard = (uint16_t)query_get_int(&q);
    crl->crl_number = (uint64_t)query_get_int(&q);
    crl->this_update = query_get_int(&q);
    crl->next_update = query_get_int(&q);
    crl->revocations = (uint64_t)query_get_int(&q);
  }
  avow_err e = query_end(&q);
  return e == AVOW_OK ? web_times(c, out) : e;
}
