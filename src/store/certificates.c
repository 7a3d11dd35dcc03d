/* Certificates, whose they are, and their revocation. */
#include "base/fault.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "store/inner.h"

/* A CRLReason (RFC 5280, 5.3.1). */
enum { REASON_KEY_COMPROMISE = 1 };
enum { NAMES_TEXT_MAX = 32 * 1024 };

/* ---- reading ------------------------------------------------------------------------------------------- */

#define CERTIFICATE_COLUMNS                                                                                            \
  "SELECT c.key, c.id, c.serial, d.der, c.issuer, c.profile, c.shard, c.issued, c.not_before, c.not_after, c.status, " \
  "c.reason, c.revoked, c.sealed, a.id FROM certificates c JOIN certificate_ders d ON d.certificate = c.key "          \
  "LEFT JOIN certificate_accounts x ON x.certificate = c.key LEFT JOIN accounts a ON a.key = x.account "

static void read_row(struct call *c, struct query *q, struct rec_certificate *out, int64_t *key,
                     struct id128 *account) {
  *key = query_get_int(q);
  out->id = query_get_id(q);
  out->serial = query_get_bytes(q, c->a);
  out->der = query_get_bytes(q, c->a);
  out->issuer = query_get_bytes(q, c->a);
  out->profile = query_get_bytes(q, c->a);
  out->shard = (uint16_t)query_get_int(q);
  out->issued = query_get_int(q);
  out->not_before = query_get_int(q);
  out->not_after = query_get_int(q);
  out->status = (uint8_t)query_get_int(q);
  out->reason = (uint8_t)query_get_int(q);
  out->revoked = query_get_int(q);
  out->sealed = query_get_bytes(q, c->a);
  *account = query_get_id(q);
}

static avow_err read_one(struct call *c, struct query *q, struct rec_certificate *out, int64_t *key,
                         struct id128 *account) {
  *out = (struct rec_certificate){0};
  bool found = query_next(q);
  if (found)
    read_row(c, q, out, key, account);
  avow_err e = query_end(q);
  return e == AVOW_OK && !found ? ERR_NOT_FOUND : e;
}

avow_err certificate_load(struct call *c, struct id128 id, struct rec_certificate *out, int64_t *key,
                          struct id128 *account) {
  struct query q = db_query(c->db, CERTIFICATE_COLUMNS "WHERE c.id = ?1");
  query_id(&q, &id);
  return read_one(c, &q, out, key, account);
}

avow_err certificate_load_key(struct call *c, int64_t key, struct rec_certificate *out, struct id128 *account) {
  struct query q = db_query(c->db, CERTIFICATE_COLUMNS "WHERE c.key = ?1");
  query_int(&q, key);
  return read_one(c, &q, out, &key, account);
}

avow_err certificates_get(struct call *c) {
  const struct msg_certificate_get *m = &c->in->certificate_get;
  struct msg_certificate_is *out = &c->out->certificate_is;
  int64_t key;
  c->out->type = MSG_certificate_is;
  avow_err e = certificate_load(c, m->certificate, &out->certificate, &key, &out->account);
  return e == AVOW_OK && !id_eq(out->account, m->account) ? ERR_NOT_FOUND : e;
}

/* The first 8 bytes of the DER's SHA-256: a short index; the whole digest decides. */
static int64_t fingerprint(const uint8_t sha256_of_der[SHA256_BYTES]) {
  struct cursor c = cursor_of(slice_of(sha256_of_der, SHA256_BYTES));
  return (int64_t)cursor_u64(&c);
}

avow_err certificates_find(struct call *c) {
  const struct digest *wanted = &c->in->certificate_find.sha256;
  struct msg_certificate_is *out = &c->out->certificate_is;
  c->out->type = MSG_certificate_is;
  struct query q = db_query(c->db, CERTIFICATE_COLUMNS "WHERE c.fingerprint = ?1");
  query_int(&q, fingerprint(wanted->b));
  bool found = false;
  while (!found && query_next(&q)) {
    int64_t key;
    uint8_t digest[SHA256_BYTES];
    read_row(c, &q, &out->certificate, &key, &out->account);
    sha256(out->certificate.der, digest);
    found = memcmp(digest, wanted->b, sizeof digest) == 0;
  }
  avow_err e = query_end(&q);
  return e == AVOW_OK && !found ? ERR_NOT_FOUND : e;
}

avow_err certificates_revoke(struct call *c) {
  const struct msg_revoke *m = &c->in->revoke;
  struct rec_certificate certificate;
  int64_t key;
  struct id128 owner;
  avow_err e = certificate_load(c, m->certificate, &certificate, &key, &owner);
  /* TLS BR 7.2.2: a second time only by the certificate's own key, which makes the reason keyCompromise. */
  bool by_key = id_is_zero(m->account);
  if (e == AVOW_OK && certificate.status == CERTIFICATE_REVOKED &&
      (!by_key || certificate.reason == REASON_KEY_COMPROMISE))
    return ERR_ALREADY_REVOKED;
  struct account_row account = {0};
  if (e == AVOW_OK && !by_key)
    e = account_row(c, m->account, &account);
  if (e != AVOW_OK)
    return e;
  fault_point("store.revoke");
  c->out->type = MSG_job_made;
  return job_add(c, JOB_REVOKE, account.key, id_slice(&m->certificate), m->jws, &c->out->job_made.job);
}

avow_err certificates_web_chain(struct call *c) {
  struct msg_web_chain *out = &c->out->web_chain;
  c->out->type = MSG_web_chain;
  struct query q = db_query(c->db, "SELECT d.der, i.der FROM service_certificate s "
                                   "JOIN certificates c ON c.key = s.certificate "
                                   "JOIN certificate_ders d ON d.certificate = c.key "
                                   "JOIN issuers i ON i.issuer = c.issuer");
  bool found = query_next(&q);
  if (found) {
    out->leaf = query_get_bytes(&q, c->a);
    out->issuer = query_get_bytes(&q, c->a);
  }
  avow_err e = query_end(&q);
  if (e == AVOW_OK && !found)
    return problem_set(c->why, ERR_UNAVAILABLE, "the CA's own web certificate has not arrived yet");
  return e;
}

/* ---- the signer's records ---------------------------------------------------------------------------------- */

static avow_err insert(struct call *c, const struct rec_certificate *r, int64_t *key) {
  uint8_t digest[SHA256_BYTES];
  sha256(r->der, digest);
  *key = 0;
  struct query q = db_query(c->db, "INSERT INTO certificates(id, serial, fingerprint, issuer, shard, profile, issued, "
                                   "not_before, not_after, status, reason, revoked, sealed) "
                                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) "
                                   "ON CONFLICT DO NOTHING RETURNING key");
  query_id(&q, &r->id);
  query_blob(&q, r->serial);
  query_int(&q, fingerprint(digest));
  query_text(&q, r->issuer);
  query_int(&q, r->shard);
  query_text(&q, r->profile);
  query_int(&q, r->issued);
  query_int(&q, r->not_before);
  query_int(&q, r->not_after);
  query_int(&q, r->status);
  query_int(&q, r->reason);
  query_int(&q, r->revoked);
  query_blob(&q, r->sealed);
  if (query_next(&q))
    *key = query_get_int(&q);
  return query_end(&q);
}

static avow_err insert_der(struct call *c, int64_t key, struct slice der, const struct rec_identifier *names,
                           size_t n) {
  AUTO_BUF text;
  buf_init(&text, NAMES_TEXT_MAX);
  for (size_t i = 0; i < n; i++) {
    buf_put_str(&text, i ? "," : "");
    buf_put_str(&text, names[i].wildcard ? "*." : "");
    buf_put(&text, names[i].value);
  }
  if (text.failed)
    return ERR_NO_MEMORY;
  struct query q = db_query(c->db, "INSERT INTO certificate_ders(certificate, der, names) VALUES(?1, ?2, ?3)");
  query_int(&q, key);
  query_blob(&q, der);
  query_text(&q, buf_slice(&text));
  return query_run(&q);
}

static avow_err insert_owner(struct call *c, int64_t key, struct id128 account) {
  if (id_is_zero(account))
    return AVOW_OK;
  struct query q = db_query(c->db, "INSERT INTO certificate_accounts(certificate, account) "
                                   "SELECT ?1, key FROM accounts WHERE id = ?2");
  query_int(&q, key);
  query_id(&q, &account);
  return query_run(&q);
}

static avow_err set_service(struct call *c, int64_t key) {
  struct query q = db_query(c->db, "INSERT INTO service_certificate(one, certificate) VALUES(1, ?1) "
                                   "ON CONFLICT(one) DO UPDATE SET certificate = excluded.certificate");
  query_int(&q, key);
  effect_add(c->s, (struct effect){.kind = EFFECT_WEB_CHAIN});
  return query_run(&q);
}

avow_err certificate_apply(struct call *c, const struct msg_record_certificate *m) {
  int64_t key;
  fault_point("store.certificate");
  avow_err e = insert(c, &m->certificate, &key);
  if (e == AVOW_OK && key == 0) {
    log_event(LOG_ERROR, "store.certificate_twice", L_NUM(record, m->number));
    return AVOW_OK;
  }
  if (e == AVOW_OK)
    e = insert_der(c, key, m->certificate.der, m->names, m->names_n);
  if (e == AVOW_OK)
    e = insert_owner(c, key, m->account);
  if (e == AVOW_OK)
    e = leaf_put_certificate(c, m->certificate.issued, key);
  if (e == AVOW_OK && m->service)
    e = set_service(c, key);
  if (e == AVOW_OK && !id_is_zero(m->order))
    e = order_set_valid(c, m->order, m->certificate.id);
  return e;
}

static avow_err block_key(struct call *c, const struct digest *spki, int64_t since) {
  static const struct digest none;
  if (memcmp(spki->b, none.b, sizeof none.b) == 0)
    return AVOW_OK;
  struct query q = db_query(c->db, "INSERT INTO blocked_keys(spki, since) VALUES(?1, ?2) ON CONFLICT(spki) DO NOTHING");
  query_blob(&q, digest_slice(spki));
  query_int(&q, since);
  return query_run(&q);
}

static avow_err set_revoked(struct call *c, const struct msg_record_revocation *m, int64_t *key, struct slice *issuer,
                            int64_t *shard) {
  *key = 0;
  struct query q = db_query(c->db, "UPDATE certificates SET status = ?2, reason = ?3, revoked = ?4 WHERE id = ?1 "
                                   "RETURNING key, issuer, shard");
  query_id(&q, &m->certificate);
  query_int(&q, CERTIFICATE_REVOKED);
  query_int(&q, m->reason);
  query_int(&q, m->revoked);
  if (query_next(&q)) {
    *key = query_get_int(&q);
    *issuer = query_get_bytes(&q, c->a);
    *shard = query_get_int(&q);
  }
  return query_end(&q);
}

static avow_err insert_revocation(struct call *c, const struct msg_record_revocation *m, int64_t key) {
  struct query q = db_query(c->db, "INSERT INTO revocations(certificate, record, reason, revoked, sealed) "
                                   "VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(certificate) DO UPDATE SET "
                                   "record = excluded.record, reason = excluded.reason, revoked = excluded.revoked, "
                                   "sealed = excluded.sealed");
  query_int(&q, key);
  query_int(&q, (int64_t)m->number);
  query_int(&q, m->reason);
  query_int(&q, m->revoked);
  query_blob(&q, m->sealed);
  return query_run(&q);
}

avow_err revocation_apply(struct call *c, const struct msg_record_revocation *m) {
  int64_t key, shard = 0;
  struct slice issuer = SLICE_NONE;
  fault_point("store.revocation");
  avow_err e = set_revoked(c, m, &key, &issuer, &shard);
  if (e == AVOW_OK && key == 0) {
    /* The stream is never held up: the signer's journal and CRL have the revocation whatever is here. */
    log_event(LOG_ERROR, "store.revoked_unknown", L_NUM(record, m->number));
    return block_key(c, &m->blocked_key, m->revoked);
  }
  if (e == AVOW_OK)
    e = insert_revocation(c, m, key);
  if (e == AVOW_OK)
    e = block_key(c, &m->blocked_key, m->revoked);
  if (e == AVOW_OK)
    e = crl_count_revocation(c, issuer, shard);
  AUTO_BUF body;
  buf_init(&body, 64);
  buf_put_u32_slice(&body, m->serial);
  buf_put_u8(&body, m->reason);
  return e == AVOW_OK ? leaf_put(c, LEAF_REVOCATION, m->revoked, buf_slice(&body)) : e;
}
