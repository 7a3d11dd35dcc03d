/* What the operator's commands list and show. */
#include "store/inner.h"

enum { ROWS_MAX = 500 };

static size_t rows_wanted(uint16_t most) {
  return most == 0 || most > ROWS_MAX ? ROWS_MAX : most;
}

#define CERTIFICATE_ROW                                                                                                \
  "SELECT c.id, c.serial, c.issuer, c.profile, c.not_before, c.not_after, c.status, c.reason, c.revoked, d.names "     \
  "FROM certificates c JOIN certificate_ders d ON d.certificate = c.key "

static void read_certificate(struct call *c, struct query *q, struct rec_certificate_row *row) {
  enum { NAMES_MAX = 8192 };
  row->id = query_get_id(q);
  row->serial = query_get_bytes(q, c->a);
  row->issuer = query_get_bytes(q, c->a);
  row->profile = query_get_bytes(q, c->a);
  row->not_before = query_get_int(q);
  row->not_after = query_get_int(q);
  row->status = (uint8_t)query_get_int(q);
  row->reason = (uint8_t)query_get_int(q);
  row->revoked = query_get_int(q);
  row->names = query_get_bytes(q, c->a);
  if (row->names.n > NAMES_MAX) /* a list is for reading; the certificate has them all */
    row->names.n = NAMES_MAX;
}

avow_err admin_certificates(struct call *c) {
  const struct msg_admin_certificates *m = &c->in->admin_certificates;
  struct msg_certificate_rows *out = &c->out->certificate_rows;
  size_t most = rows_wanted(m->most);
  c->out->type = MSG_certificate_rows;
  *out = (struct msg_certificate_rows){.rows = arena_array(c->a, most, sizeof *out->rows)};
  if (!out->rows)
    return ERR_NO_MEMORY;
  struct query q = db_query(c->db, CERTIFICATE_ROW "WHERE c.id > ?1 ORDER BY c.id LIMIT ?2");
  query_id(&q, &m->after);
  query_int(&q, (int64_t)most + 1);
  while (!out->more && query_next(&q)) {
    if (out->rows_n < most)
      read_certificate(c, &q, &out->rows[out->rows_n++]);
    else
      out->more = true;
  }
  return query_end(&q);
}

avow_err admin_certificate(struct call *c) {
  struct msg_admin_certificate_is *out = &c->out->admin_certificate_is;
  c->out->type = MSG_admin_certificate_is;
  struct query q = db_query(c->db, CERTIFICATE_ROW "WHERE c.serial = ?1");
  query_blob(&q, c->in->admin_certificate.serial);
  bool found = query_next(&q);
  if (found)
    read_certificate(c, &q, &out->row);
  avow_err e = query_end(&q);
  if (e != AVOW_OK || !found)
    return e == AVOW_OK ? problem_set(c->why, ERR_NOT_FOUND, "there is no certificate with this serial number") : e;
  int64_t key;
  return certificate_load(c, out->row.id, &out->certificate, &key, &out->account);
}

#define ACCOUNT_ROW                                                                                                    \
  "SELECT a.id, a.status, a.created, k.thumbprint, (SELECT count(*) FROM orders o WHERE o.account = a.key), "          \
  "(SELECT count(*) FROM certificate_accounts x WHERE x.account = a.key) "                                             \
  "FROM accounts a LEFT JOIN account_keys k ON k.account = a.key "

static void read_account(struct query *q, struct rec_account_row *row) {
  row->id = query_get_id(q);
  row->status = (uint8_t)query_get_int(q);
  row->created = query_get_int(q);
  query_get_fixed(q, row->thumbprint.b, sizeof row->thumbprint.b);
  row->orders = (uint64_t)query_get_int(q);
  row->certificates = (uint64_t)query_get_int(q);
}

avow_err admin_accounts(struct call *c) {
  const struct msg_admin_accounts *m = &c->in->admin_accounts;
  struct msg_account_rows *out = &c->out->account_rows;
  size_t most = rows_wanted(m->most);
  c->out->type = MSG_account_rows;
  *out = (struct msg_account_rows){.rows = arena_array(c->a, most, sizeof *out->rows)};
  if (!out->rows)
    return ERR_NO_MEMORY;
  struct query q = db_query(c->db, ACCOUNT_ROW "WHERE a.id > ?1 ORDER BY a.id LIMIT ?2");
  query_id(&q, &m->after);
  query_int(&q, (int64_t)most + 1);
  while (!out->more && query_next(&q)) {
    if (out->rows_n < most)
      read_account(&q, &out->rows[out->rows_n++]);
    else
      out->more = true;
  }
  return query_end(&q);
}

avow_err admin_account(struct call *c) {
  struct msg_admin_account_is *out = &c->out->admin_account_is;
  c->out->type = MSG_admin_account_is;
  struct query q = db_query(c->db, ACCOUNT_ROW "WHERE a.id = ?1");
  query_id(&q, &c->in->admin_account.id);
  bool found = query_next(&q);
  if (found)
    read_account(&q, &out->row);
  avow_err e = query_end(&q);
  if (e != AVOW_OK || !found)
    return e == AVOW_OK ? problem_set(c->why, ERR_NOT_FOUND, "there is no account with this id") : e;
  return account_load(c, out->row.id, &out->account);
}
