/* The canonical bodies of sealed records: fixed order, big-endian, u32 lengths. Every value has one encoding and every
   reader checks its range, so that a body that opens is a body that our own writer makes. */
#include "evidence/evidence.h"
#include "ipc/model.h"

enum { NAME_LIMIT = 253, PERSPECTIVE_LIMIT = 32, BINDING_LIMIT = 256, SERIAL_LIMIT = 20, ISSUER_LIMIT = 64 };
enum { BODY_MAX = 16 * 1024 };

/* ---- small parts ------------------------------------------------------------------------------------------ */

static void put_id(struct buf *b, const struct id128 *id) {
  buf_put(b, id_slice(id));
}

static void put_time(struct buf *b, int64_t t) {
  buf_put_u64(b, (uint64_t)t);
}

static void get_bytes(struct cursor *c, uint8_t *out, size_t n) {
  struct slice s = cursor_take(c, n);
  memset(out, 0, n);
  if (s.n == n)
    memcpy(out, s.p, n);
}

static struct id128 get_id(struct cursor *c) {
  struct id128 id = {{0}};
  get_bytes(c, id.b, ID_BYTES);
  return id;
}

/* Times before 1970 are in no record. */
static int64_t get_time(struct cursor *c) {
  uint64_t t = cursor_u64(c);
  c->failed |= t > INT64_MAX;
  return c->failed ? 0 : (int64_t)t;
}

static uint8_t get_enum(struct cursor *c, uint8_t least, uint8_t most) {
  uint8_t v = cursor_u8(c);
  c->failed |= v < least || v > most;
  return v;
}

static struct slice get_slice(struct cursor *c, size_t least, size_t most) {
  struct slice s = cursor_take_u32(c, most);
  c->failed |= s.n < least;
  return s;
}

/* Names are stored as the validator canonicalised them: lower-case letters, digits and the marks of host names and of
   addresses. */
static struct slice get_name(struct cursor *c) {
  struct slice s = get_slice(c, 1, NAME_LIMIT);
  for (size_t i = 0; i < s.n; i++) {
    uint8_t x = s.p[i];
    c->failed |= !((x >= 'a' && x <= 'z') || (x >= '0' && x <= '9') || x == '-' || x == '.' || x == ':' || x == '_');
  }
  return s;
}

static avow_err finish_seal(const struct seal_ring *ring, enum seal_type type, const struct buf *body,
                            struct buf *out) {
  return body->failed ? ERR_NO_MEMORY : seal_put(ring, type, buf_slice(body), out);
}

static avow_err finish_open(const struct cursor *c, const char *what, struct problem *why) {
  if (cursor_at_end(c))
    return AVOW_OK;
  return problem_set(why, ERR_EVIDENCE, "the sealed record is no %s", what);
}

/* ---- account ------------------------------------------------------------------------------------------------ */

avow_err account_seal(const struct seal_ring *ring, const struct sealed_account *a, struct buf *out) {
  AUTO_BUF b;
  buf_init(&b, BODY_MAX);
  put_id(&b, &a->id);
  buf_put_u32(&b, a->epoch);
  buf_put_u8(&b, a->status);
  put_time(&b, a->created_ms);
  buf_put_u32_slice(&b, a->jwk);
  buf_put_u8(&b, (uint8_t)a->keys_n);
  for (size_t i = 0; i < a->keys_n; i++)
    buf_put(&b, SLICE_OF(a->keys[i]));
  buf_put_u32_slice(&b, a->binding);
  return finish_seal(ring, SEAL_ACCOUNT, &b, out);
}

avow_err account_open(const struct seal_ring *ring, struct slice sealed, int64_t now_ms, struct sealed_account *out,
                      struct problem *why) {
  struct slice body;
  memset(out, 0, sizeof *out);
  avow_err e = seal_open(ring, SEAL_ACCOUNT, sealed, now_ms, &body, why);
  if (e != AVOW_OK)
    return e;
  struct cursor c = cursor_of(body);
  out->id = get_id(&c);
  out->epoch = cursor_u32(&c);
  out->status = get_enum(&c, ACCOUNT_VALID, ACCOUNT_REVOKED);
  out->created_ms = get_time(&c);
  out->jwk = get_slice(&c, 1, JWK_MAX);
  out->keys_n = get_enum(&c, 1, ACCOUNT_KEYS_MAX);
  if (c.failed)
    out->keys_n = 0;
  for (size_t i = 0; i < out->keys_n; i++)
    get_bytes(&c, out->keys[i], sizeof out->keys[i]);
  out->binding = get_slice(&c, 0, BINDING_LIMIT);
  return finish_open(&c, "account record", why);
}

/* ---- control ---------------------------------------------------------------------------------------------------- */

avow_err control_seal(const struct seal_ring *ring, const struct control_statement *s, struct buf *out) {
  AUTO_BUF b;
  buf_init(&b, BODY_MAX);
  buf_put_u8(&b, s->identifier_type);
  buf_put_u32_slice(&b, s->name);
  buf_put_u8(&b, s->method);
  buf_put_u8(&b, s->scope);
  put_id(&b, &s->account);
  buf_put(&b, SLICE_OF(s->thumbprint));
  put_time(&b, s->at_ms);
  buf_put_u32_slice(&b, s->perspective);
  return finish_seal(ring, SEAL_CONTROL, &b, out);
}

avow_err control_open(const struct seal_ring *ring, struct slice sealed, int64_t now_ms, struct control_statement *out,
                      struct problem *why) {
  struct slice body;
  memset(out, 0, sizeof *out);
  avow_err e = seal_open(ring, SEAL_CONTROL, sealed, now_ms, &body, why);
  if (e != AVOW_OK)
    return e;
  struct cursor c = cursor_of(body);
  out->identifier_type = get_enum(&c, IDENTIFIER_DNS, IDENTIFIER_IP);
  out->name = get_name(&c);
  out->method = get_enum(&c, METHOD_HTTP_01, METHOD_TLS_ALPN_01);
  out->scope = get_enum(&c, SCOPE_EXACT, SCOPE_SUBTREE);
  out->account = get_id(&c);
  get_bytes(&c, out->thumbprint, sizeof out->thumbprint);
  out->at_ms = get_time(&c);
  out->perspective = get_slice(&c, 0, PERSPECTIVE_LIMIT);
  return finish_open(&c, "control statement", why);
}

/* ---- CAA ----------------------------------------------------------------------------------------------------------
 */

avow_err caa_seal(const struct seal_ring *ring, const struct caa_statement *s, struct buf *out) {
  AUTO_BUF b;
  buf_init(&b, BODY_MAX);
  buf_put_u32_slice(&b, s->name);
  buf_put_u8(&b, s->wildcard);
  put_id(&b, &s->account);
  buf_put_u8(&b, s->method);
  buf_put_u8(&b, s->verdict);
  put_time(&b, s->at_ms);
  put_time(&b, s->expires_ms);
  buf_put_u32_slice(&b, s->perspective);
  return finish_seal(ring, SEAL_CAA, &b, out);
}

avow_err caa_open(const struct seal_ring *ring, struct slice sealed, int64_t now_ms, struct caa_statement *out,
                  struct problem *why) {
  struct slice body;
  memset(out, 0, sizeof *out);
  avow_err e = seal_open(ring, SEAL_CAA, sealed, now_ms, &body, why);
  if (e != AVOW_OK)
    return e;
  struct cursor c = cursor_of(body);
  out->name = get_name(&c);
  out->wildcard = get_enum(&c, 0, 1) == 1;
  out->account = get_id(&c);
  out->method = get_enum(&c, METHOD_HTTP_01, METHOD_TLS_ALPN_01);
  out->verdict = get_enum(&c, CAA_PERMITTED, CAA_INTERNAL);
  out->at_ms = get_time(&c);
  out->expires_ms = get_time(&c);
  out->perspective = get_slice(&c, 0, PERSPECTIVE_LIMIT);
  return finish_open(&c, "CAA statement", why);
}

/* ---- issuance -------------------------------------------------------------------------------------------------------
 */

avow_err issuance_seal(const struct seal_ring *ring, const struct issuance_record *r, struct buf *out) {
  AUTO_BUF b;
  buf_init(&b, BODY_MAX);
  buf_put_u64(&b, r->number);
  put_id(&b, &r->certificate);
  put_id(&b, &r->order);
  put_id(&b, &r->account);
  buf_put_u32_slice(&b, r->serial);
  buf_put_u32_slice(&b, r->issuer);
  buf_put_u16(&b, r->shard);
  put_time(&b, r->issued_ms);
  put_time(&b, r->not_after_ms);
  buf_put(&b, SLICE_OF(r->der_sha256));
  buf_put(&b, SLICE_OF(r->spki_sha256));
  buf_put(&b, SLICE_OF(r->names_sha256));
  return finish_seal(ring, SEAL_ISSUANCE, &b, out);
}

avow_err issuance_open(const struct seal_ring *ring, struct slice sealed, int64_t now_ms, struct issuance_record *out,
                       struct problem *why) {
  struct slice body;
  memset(out, 0, sizeof *out);
  avow_err e = seal_open(ring, SEAL_ISSUANCE, sealed, now_ms, &body, why);
  if (e != AVOW_OK)
    return e;
  struct cursor c = cursor_of(body);
  out->number = cursor_u64(&c);
  out->certificate = get_id(&c);
  out->order = get_id(&c);
  out->account = get_id(&c);
  out->serial = get_slice(&c, 1, SERIAL_LIMIT);
  out->issuer = get_slice(&c, 1, ISSUER_LIMIT);
  out->shard = cursor_u16(&c);
  out->issued_ms = get_time(&c);
  out->not_after_ms = get_time(&c);
  get_bytes(&c, out->der_sha256, sizeof out->der_sha256);
  get_bytes(&c, out->spki_sha256, sizeof out->spki_sha256);
  get_bytes(&c, out->names_sha256, sizeof out->names_sha256);
  return finish_open(&c, "issuance record", why);
}

/* ---- revocation
 * ------------------------------------------------------------------------------------------------------- */

avow_err revocation_seal(const struct seal_ring *ring, const struct revocation_record *r, struct buf *out) {
  AUTO_BUF b;
  buf_init(&b, BODY_MAX);
  buf_put_u64(&b, r->number);
  put_id(&b, &r->certificate);
  buf_put_u32_slice(&b, r->serial);
  buf_put_u32_slice(&b, r->issuer);
  buf_put_u8(&b, r->reason);
  buf_put_u8(&b, r->by);
  put_time(&b, r->revoked_ms);
  buf_put(&b, SLICE_OF(r->blocked_key));
  return finish_seal(ring, SEAL_REVOCATION, &b, out);
}

avow_err revocation_open(const struct seal_ring *ring, struct slice sealed, int64_t now_ms,
                         struct revocation_record *out, struct problem *why) {
  struct slice body;
  memset(out, 0, sizeof *out);
  avow_err e = seal_open(ring, SEAL_REVOCATION, sealed, now_ms, &body, why);
  if (e != AVOW_OK)
    return e;
  struct cursor c = cursor_of(body);
  out->number = cursor_u64(&c);
  out->certificate = get_id(&c);
  out->serial = get_slice(&c, 1, SERIAL_LIMIT);
  out->issuer = get_slice(&c, 1, ISSUER_LIMIT);
  out->reason = get_enum(&c, 0, 10);
  out->by = get_enum(&c, REVOKED_BY_ACCOUNT, REVOKED_BY_KEY);
  out->revoked_ms = get_time(&c);
  get_bytes(&c, out->blocked_key, sizeof out->blocked_key);
  return finish_open(&c, "revocation record", why);
}
