#include "sign/entry.h"

/* The first byte of every payload: the form of what follows. */
enum { FORM = 1 };
/* Kinds of records; never reused. */
enum { KIND_ACCOUNT = 1, KIND_CERTIFICATE = 2, KIND_REVOCATION = 3, KIND_CRL = 4, KIND_ISSUER = 5 };
enum { SHORT_MAX = 64, DER_MAX = 65536, SEALED_MAX = 8192, JWK_LIMIT = 2048, DETAIL_MAX = 480, NAMES_MAX = 100 };
enum { CRL_MAX = 128 * 1024 * 1024 };

/* ---- parts -------------------------------------------------------------------------------------------------- */

static void put_id(struct buf *b, struct id128 id) {
  buf_put(b, id_slice(&id));
}

static void put_digest(struct buf *b, struct digest d) {
  buf_put(b, digest_slice(&d));
}

static void put_time(struct buf *b, int64_t t) {
  buf_put_u64(b, (uint64_t)t);
}

static struct id128 get_id(struct cursor *c) {
  struct id128 id = {{0}};
  struct slice s = cursor_take(c, ID_BYTES);
  if (s.n == ID_BYTES)
    memcpy(id.b, s.p, ID_BYTES);
  return id;
}

static struct digest get_digest(struct cursor *c) {
  struct digest d = {{0}};
  struct slice s = cursor_take(c, sizeof d.b);
  if (s.n == sizeof d.b)
    memcpy(d.b, s.p, sizeof d.b);
  return d;
}

static int64_t get_time(struct cursor *c) {
  uint64_t t = cursor_u64(c);
  c->failed |= t > INT64_MAX;
  return c->failed ? 0 : (int64_t)t;
}

static bool get_flag(struct cursor *c) {
  uint8_t v = cursor_u8(c);
  c->failed |= v > 1;
  return v == 1;
}

static avow_err put_done(const struct buf *b) {
  return b->failed ? ERR_NO_MEMORY : AVOW_OK;
}

static avow_err get_done(const struct cursor *c, const char *what, struct problem *why) {
  return cursor_at_end(c) ? AVOW_OK : problem_set(why, ERR_CONFIG, "a frame holds no %s of this version", what);
}

static struct cursor begin(struct slice payload) {
  struct cursor c = cursor_of(payload);
  c.failed |= cursor_u8(&c) != FORM;
  return c;
}

/* ---- intents ---------------------------------------------------------------------------------------------------- */

avow_err intent_put(const struct intent *v, struct buf *b) {
  buf_put_u8(b, FORM);
  put_id(b, v->job);
  put_id(b, v->order);
  put_id(b, v->account);
  put_id(b, v->certificate);
  buf_put_u8(b, v->service);
  put_digest(b, v->request);
  put_digest(b, v->spki);
  put_digest(b, v->names);
  buf_put_u32_slice(b, v->serial);
  buf_put_u32_slice(b, v->issuer);
  buf_put_u32_slice(b, v->profile);
  buf_put_u16(b, v->shard);
  put_time(b, v->not_after_ms);
  buf_put_u32_slice(b, v->tbs);
  return put_done(b);
}

avow_err intent_get(struct slice payload, struct intent *v, struct problem *why) {
  struct cursor c = begin(payload);
  *v = (struct intent){.job = get_id(&c)};
  v->order = get_id(&c);
  v->account = get_id(&c);
  v->certificate = get_id(&c);
  v->service = get_flag(&c);
  v->request = get_digest(&c);
  v->spki = get_digest(&c);
  v->names = get_digest(&c);
  v->serial = cursor_take_u32(&c, 20);
  v->issuer = cursor_take_u32(&c, SHORT_MAX);
  v->profile = cursor_take_u32(&c, SHORT_MAX);
  v->shard = cursor_u16(&c);
  v->not_after_ms = get_time(&c);
  v->tbs = cursor_take_u32(&c, DER_MAX);
  c.failed |= v->serial.n == 0;
  return get_done(&c, "intent", why);
}

/* ---- records ------------------------------------------------------------------------------------------------------
 */

uint64_t entry_number(const struct entry *e) {
  switch ((int)e->m.type) {
  case MSG_record_account:
    return e->m.record_account.number;
  case MSG_record_certificate:
    return e->m.record_certificate.number;
  case MSG_record_revocation:
    return e->m.record_revocation.number;
  case MSG_record_crl:
    return e->m.record_crl.number;
  case MSG_record_issuer:
    return e->m.record_issuer.number;
  default:
    return 0;
  }
}

static void put_account(struct buf *b, const struct entry *v) {
  const struct msg_record_account *r = &v->m.record_account;
  buf_put_u8(b, KIND_ACCOUNT);
  buf_put_u64(b, r->number);
  put_id(b, r->job);
  put_digest(b, v->request);
  put_id(b, r->account.id);
  buf_put_u8(b, r->account.status);
  buf_put_u32(b, r->account.epoch);
  put_digest(b, r->account.thumbprint);
  put_time(b, r->account.created);
  buf_put_u8(b, r->account.terms_agreed);
  buf_put_u32_slice(b, r->account.jwk);
  buf_put_u32_slice(b, r->account.sealed);
}

static void get_account(struct cursor *c, struct entry *v) {
  struct msg_record_account *r = &v->m.record_account;
  v->m.type = MSG_record_account;
  r->number = cursor_u64(c);
  r->job = get_id(c);
  v->request = get_digest(c);
  r->account.id = get_id(c);
  r->account.status = cursor_u8(c);
  r->account.epoch = cursor_u32(c);
  r->account.thumbprint = get_digest(c);
  r->account.created = get_time(c);
  r->account.terms_agreed = get_flag(c);
  r->account.jwk = cursor_take_u32(c, JWK_LIMIT);
  r->account.sealed = cursor_take_u32(c, SEALED_MAX);
}

static void put_certificate(struct buf *b, const struct entry *v) {
  const struct msg_record_certificate *r = &v->m.record_certificate;
  const struct rec_certificate *k = &r->certificate;
  buf_put_u8(b, KIND_CERTIFICATE);
  buf_put_u64(b, r->number);
  put_id(b, r->job);
  buf_put_u64(b, v->intent);
  put_id(b, r->order);
  put_id(b, r->account);
  buf_put_u8(b, r->service);
  put_id(b, k->id);
  buf_put_u32_slice(b, k->serial);
  buf_put_u32_slice(b, k->der);
  buf_put_u32_slice(b, k->issuer);
  buf_put_u32_slice(b, k->profile);
  buf_put_u16(b, k->shard);
  put_time(b, k->issued);
  put_time(b, k->not_before);
  put_time(b, k->not_after);
  buf_put_u32_slice(b, k->sealed);
  buf_put_u16(b, (uint16_t)r->names_n);
  for (size_t i = 0; i < r->names_n; i++) {
    buf_put_u8(b, r->names[i].type);
    buf_put_u8(b, r->names[i].wildcard);
    buf_put_u32_slice(b, r->names[i].value);
  }
}

static avow_err get_certificate(struct cursor *c, struct arena *a, struct entry *v) {
  struct msg_record_certificate *r = &v->m.record_certificate;
  struct rec_certificate *k = &r->certificate;
  v->m.type = MSG_record_certificate;
  r->number = cursor_u64(c);
  r->job = get_id(c);
  v->intent = cursor_u64(c);
  r->order = get_id(c);
  r->account = get_id(c);
  r->service = get_flag(c);
  k->id = get_id(c);
  k->serial = cursor_take_u32(c, 20);
  k->der = cursor_take_u32(c, DER_MAX);
  k->issuer = cursor_take_u32(c, SHORT_MAX);
  k->profile = cursor_take_u32(c, SHORT_MAX);
  k->shard = cursor_u16(c);
  k->issued = get_time(c);
  k->not_before = get_time(c);
  k->not_after = get_time(c);
  k->sealed = cursor_take_u32(c, SEALED_MAX);
  k->status = CERTIFICATE_GOOD;
  size_t n = cursor_u16(c);
  c->failed |= n > NAMES_MAX || n > cursor_left(c);
  if (c->failed)
    return AVOW_OK;
  r->names = arena_array(a, n, sizeof *r->names);
  if (!r->names)
    return ERR_NO_MEMORY;
  r->names_n = n;
  for (size_t i = 0; i < n; i++) {
    r->names[i].type = cursor_u8(c);
    r->names[i].wildcard = get_flag(c);
    r->names[i].value = cursor_take_u32(c, 253);
  }
  return AVOW_OK;
}

static void put_revocation(struct buf *b, const struct entry *v) {
  const struct msg_record_revocation *r = &v->m.record_revocation;
  buf_put_u8(b, KIND_REVOCATION);
  buf_put_u64(b, r->number);
  put_id(b, r->job);
  put_id(b, r->certificate);
  buf_put_u32_slice(b, r->serial);
  buf_put_u8(b, r->reason);
  put_time(b, r->revoked);
  put_digest(b, r->blocked_key);
  buf_put_u16(b, v->shard);
  put_time(b, v->not_after_ms);
  buf_put_u32_slice(b, r->sealed);
}

static void get_revocation(struct cursor *c, struct entry *v) {
  struct msg_record_revocation *r = &v->m.record_revocation;
  v->m.type = MSG_record_revocation;
  r->number = cursor_u64(c);
  r->job = get_id(c);
  r->certificate = get_id(c);
  r->serial = cursor_take_u32(c, 20);
  r->reason = cursor_u8(c);
  r->revoked = get_time(c);
  r->blocked_key = get_digest(c);
  v->shard = cursor_u16(c);
  v->not_after_ms = get_time(c);
  r->sealed = cursor_take_u32(c, SEALED_MAX);
  c->failed |= r->serial.n == 0;
}

static void put_crl(struct buf *b, const struct entry *v) {
  const struct msg_record_crl *r = &v->m.record_crl;
  buf_put_u8(b, KIND_CRL);
  buf_put_u64(b, r->number);
  buf_put_u32_slice(b, r->issuer);
  buf_put_u16(b, r->shard);
  buf_put_u64(b, r->crl_number);
  put_time(b, r->this_update);
  put_time(b, r->next_update);
  buf_put_u32_slice(b, r->der);
}

static void get_crl(struct cursor *c, struct entry *v) {
  struct msg_record_crl *r = &v->m.record_crl;
  v->m.type = MSG_record_crl;
  r->number = cursor_u64(c);
  r->issuer = cursor_take_u32(c, SHORT_MAX);
  r->shard = cursor_u16(c);
  r->crl_number = cursor_u64(c);
  r->this_update = get_time(c);
  r->next_update = get_time(c);
  r->der = cursor_take_u32(c, CRL_MAX);
}

static void put_issuer(struct buf *b, const struct entry *v) {
  const struct msg_record_issuer *r = &v->m.record_issuer;
  buf_put_u8(b, KIND_ISSUER);
  buf_put_u64(b, r->number);
  buf_put_u32_slice(b, r->issuer);
  buf_put_u8(b, r->root);
  buf_put_u16(b, r->shards);
  buf_put_u32_slice(b, r->der);
}

static void get_issuer(struct cursor *c, struct entry *v) {
  struct msg_record_issuer *r = &v->m.record_issuer;
  v->m.type = MSG_record_issuer;
  r->number = cursor_u64(c);
  r->issuer = cursor_take_u32(c, SHORT_MAX);
  r->root = get_flag(c);
  r->shards = cursor_u16(c);
  r->der = cursor_take_u32(c, DER_MAX);
}

avow_err entry_put(const struct entry *v, struct buf *b) {
  buf_put_u8(b, FORM);
  switch ((int)v->m.type) {
  case MSG_record_account:
    put_account(b, v);
    break;
  case MSG_record_certificate:
    put_certificate(b, v);
    break;
  case MSG_record_revocation:
    put_revocation(b, v);
    break;
  case MSG_record_crl:
    put_crl(b, v);
    break;
  case MSG_record_issuer:
    put_issuer(b, v);
    break;
  default:
    return ERR_FORBIDDEN_MESSAGE;
  }
  return put_done(b);
}

avow_err entry_get(struct slice payload, struct arena *a, struct entry *v, struct problem *why) {
  memset(v, 0, sizeof *v);
  struct cursor c = begin(payload);
  avow_err e = AVOW_OK;
  switch (cursor_u8(&c)) {
  case KIND_ACCOUNT:
    get_account(&c, v);
    break;
  case KIND_CERTIFICATE:
    e = get_certificate(&c, a, v);
    break;
  case KIND_REVOCATION:
    get_revocation(&c, v);
    break;
  case KIND_CRL:
    get_crl(&c, v);
    break;
  case KIND_ISSUER:
    get_issuer(&c, v);
    break;
  default:
    c.failed = true;
  }
  return e == AVOW_OK ? get_done(&c, "record", why) : e;
}

/* ---- orphans and refusals -------------------------------------------------------------------------------------------
 */

avow_err orphan_put(const struct orphan *v, struct buf *b) {
  buf_put_u8(b, FORM);
  buf_put_u64(b, v->intent);
  return put_done(b);
}

avow_err orphan_get(struct slice payload, struct orphan *v, struct problem *why) {
  struct cursor c = begin(payload);
  v->intent = cursor_u64(&c);
  return get_done(&c, "orphan", why);
}

avow_err refusal_put(const struct refusal *v, struct buf *b) {
  buf_put_u8(b, FORM);
  put_id(b, v->job);
  buf_put_u16(b, v->message);
  buf_put_u16(b, v->err);
  put_digest(b, v->request);
  buf_put_u32_slice(b, v->detail);
  return put_done(b);
}

avow_err refusal_get(struct slice payload, struct refusal *v, struct problem *why) {
  struct cursor c = begin(payload);
  v->job = get_id(&c);
  v->message = cursor_u16(&c);
  v->err = cursor_u16(&c);
  v->request = get_digest(&c);
  v->detail = cursor_take_u32(&c, DETAIL_MAX);
  return get_done(&c, "refusal", why);
}
