#include "ipc/message.h"

#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- roles ---------------------------------------------------------------------------------------- */

static const struct {
  const char *name, *job;
} roles[] = {{"none", ""},
#define ROLE(name, job) {#name, job},
#include "ipc/roles.def"
#undef ROLE
};

const char *role_text(enum role role) {
  return (unsigned)role < ROLE_COUNT ? roles[role].name : "none";
}

const char *role_job(enum role role) {
  return (unsigned)role < ROLE_COUNT ? roles[role].job : "";
}

enum role role_from_text(struct slice text) {
  for (unsigned r = 1; r < ROLE_COUNT; r++)
    if (slice_eq_str(text, roles[r].name))
      return (enum role)r;
  return ROLE_none;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

struct writer {
  struct buf *b;
  bool over; /* a field is longer than its limit */
};

/* UTF-8 (RFC 3629) without NUL, overlong forms and surrogates. */
static bool is_text(struct slice s) {
  for (size_t i = 0; i < s.n;) {
    uint8_t c = s.p[i];
    size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 9;
    if (c == 0 || more == 9 || s.n - i <= more)
      return false;
    for (size_t k = 1; k <= more; k++)
      if ((s.p[i + k] & 0xc0) != 0x80)
        return false;
    if ((c == 0xe0 && s.p[i + 1] < 0xa0) || (c == 0xed && s.p[i + 1] > 0x9f) || (c == 0xf0 && s.p[i + 1] < 0x90) ||
        (c == 0xf4 && s.p[i + 1] > 0x8f))
      return false;
    i += more + 1;
  }
  return true;
}

static void put_u8(struct writer *w, uint8_t v) {
  buf_put_u8(w->b, v);
}

static void put_u16(struct writer *w, uint16_t v) {
  buf_put_u16(w->b, v);
}

static void put_u32(struct writer *w, uint32_t v) {
  buf_put_u32(w->b, v);
}

static void put_u64(struct writer *w, uint64_t v) {
  buf_put_u64(w->b, v);
}

static void put_time(struct writer *w, int64_t v) {
  buf_put_u64(w->b, (uint64_t)v);
}

static void put_flag(struct writer *w, bool v) {
  buf_put_u8(w->b, v);
}

static void put_id(struct writer *w, struct id128 v) {
  buf_put(w->b, id_slice(&v));
}

static void put_digest(struct writer *w, struct digest v) {
  buf_put(w->b, digest_slice(&v));
}

static void put_bytes(struct writer *w, struct slice v, size_t max) {
  w->over |= v.n > max;
  buf_put_u32_slice(w->b, v);
}

static void put_text(struct writer *w, struct slice v, size_t max) {
  w->over |= !is_text(v);
  put_bytes(w, v, max);
}

#define FIELD(type, name, category) put_##type(w, v->name);
#define VAR(type, name, max, category) put_##type(w, v->name, max);
#define LIST(record, name, max)                                                                               \
  w->over |= v->name##_n > (max);                                                                             \
  put_u16(w, (uint16_t)v->name##_n);                                                                          \
  for (size_t i = 0; i < v->name##_n && !w->over; i++)                                                        \
    put_rec_##record(w, &v->name[i]);
#define PART(record, name) put_rec_##record(w, &v->name);
#define RECORD(name) static void put_rec_##name(struct writer *w, const struct rec_##name *v) {
#define END_RECORD(name) }
#define MESSAGE(name, number, from, to, states)                                                               \
  static void put_msg_##name(struct writer *w, const struct msg_##name *v) {                                  \
    (void)w;                                                                                                  \
    (void)v;
#define END_MESSAGE(name) }
#include "ipc/messages.def"
#undef MESSAGE
#undef END_MESSAGE
#undef RECORD
#undef END_RECORD
#undef FIELD
#undef VAR
#undef LIST
#undef PART

/* ---- reading ------------------------------------------------------------------------------------------- */

struct reader {
  struct cursor c;
  struct arena *a;
  bool no_memory;
};

static uint8_t get_u8(struct reader *r) {
  return cursor_u8(&r->c);
}

static uint16_t get_u16(struct reader *r) {
  return cursor_u16(&r->c);
}

static uint32_t get_u32(struct reader *r) {
  return cursor_u32(&r->c);
}

static uint64_t get_u64(struct reader *r) {
  return cursor_u64(&r->c);
}

static int64_t get_time(struct reader *r) {
  return (int64_t)cursor_u64(&r->c);
}

static bool get_flag(struct reader *r) {
  uint8_t v = cursor_u8(&r->c);
  r->c.failed |= v > 1;
  return v == 1;
}

static struct id128 get_id(struct reader *r) {
  struct id128 id = {{0}};
  struct slice s = cursor_take(&r->c, ID_BYTES);
  if (s.n)
    memcpy(id.b, s.p, ID_BYTES);
  return id;
}

static struct digest get_digest(struct reader *r) {
  struct digest d = {{0}};
  struct slice s = cursor_take(&r->c, sizeof d.b);
  if (s.n)
    memcpy(d.b, s.p, sizeof d.b);
  return d;
}

static struct slice get_bytes(struct reader *r, size_t max) {
  return cursor_take_u32(&r->c, max);
}

static struct slice get_text(struct reader *r, size_t max) {
  struct slice s = get_bytes(r, max);
  r->c.failed |= !is_text(s);
  return s;
}

/* Room for `n` records, none when the count is over `max` or more than there are bytes left for. */
static void *get_room(struct reader *r, size_t n, size_t max, size_t size) {
  if (n > max || n > cursor_left(&r->c)) {
    r->c.failed = true;
    return NULL;
  }
  void *room = arena_array(r->a, n, size);
  r->no_memory |= !room;
  r->c.failed |= !room;
  return room;
}

#define FIELD(type, name, category) v->name = get_##type(r);
#define VAR(type, name, max, category) v->name = get_##type(r, max);
#define LIST(record, name, max)                                                                               \
  v->name##_n = get_u16(r);                                                                                   \
  v->name = get_room(r, v->name##_n, max, sizeof v->name[0]);                                                 \
  for (size_t i = 0; v->name && i < v->name##_n && !r->c.failed; i++)                                         \
    get_rec_##record(r, &v->name[i]);
#define PART(record, name) get_rec_##record(r, &v->name);
#define RECORD(name) static void get_rec_##name(struct reader *r, struct rec_##name *v) {
#define END_RECORD(name) }
#define MESSAGE(name, number, from, to, states)                                                               \
  static void get_msg_##name(struct reader *r, struct msg_##name *v) {                                        \
    (void)r;                                                                                                  \
    v->end_ = 0;
#define END_MESSAGE(name) }
#include "ipc/messages.def"
#undef MESSAGE
#undef END_MESSAGE
#undef RECORD
#undef END_RECORD
#undef FIELD
#undef VAR
#undef LIST
#undef PART

/* ---- the whole message ---------------------------------------------------------------------------------- */

#define FIELD(type, name, category)
#define VAR(type, name, max, category)
#define LIST(record, name, max)
#define PART(record, name)
#define RECORD(name)
#define END_RECORD(name)
#define END_MESSAGE(name)

avow_err message_encode(const struct message *m, struct buf *out) {
  struct writer w = {.b = out};
  buf_put_u16(out, (uint16_t)m->type);
  buf_put_u64(out, m->request);
  switch (m->type) {
#define MESSAGE(name, number, from, to, states)                                                               \
  case MSG_##name:                                                                                            \
    put_msg_##name(&w, &m->name);                                                                             \
    break;
#include "ipc/messages.def"
#undef MESSAGE
  case MSG_none:
    return ERR_FORBIDDEN_MESSAGE;
  }
  if (w.over)
    return ERR_FORBIDDEN_MESSAGE;
  return out->failed ? ERR_NO_MEMORY : AVOW_OK;
}

avow_err message_decode(struct slice bytes, struct arena *a, struct message *m) {
  struct reader r = {.c = cursor_of(bytes), .a = a};
  memset(m, 0, sizeof *m);
  m->type = (enum message_type)cursor_u16(&r.c);
  m->request = cursor_u64(&r.c);
  if (!message_text(m->type))
    return ERR_FORBIDDEN_MESSAGE;
  switch (m->type) {
#define MESSAGE(name, number, from, to, states)                                                               \
  case MSG_##name:                                                                                            \
    get_msg_##name(&r, &m->name);                                                                             \
    break;
#include "ipc/messages.def"
#undef MESSAGE
  case MSG_none:
    return ERR_FORBIDDEN_MESSAGE;
  }
  if (r.no_memory)
    return ERR_NO_MEMORY;
  return cursor_at_end(&r.c) ? AVOW_OK : ERR_FORBIDDEN_MESSAGE;
}

/* ---- permissions ------------------------------------------------------------------------------------------ */

enum {
#define ROLE(name, job) name = 1 << ROLE_##name,
#include "ipc/roles.def"
#undef ROLE
  ALL_ROLES = front | store | registrar | validator | signer | responder | keeper | token | gate,
  ANY = ALL_ROLES | supervisor | admin,
  FRESH = STATE_FRESH,
  READY = STATE_READY,
  DRAINING = STATE_DRAINING
};

const struct message_row message_rows[] = {
#define MESSAGE(name, number, from, to, states) {#name, MSG_##name, from, to, states},
#include "ipc/messages.def"
#undef MESSAGE
};
const size_t message_rows_n = COUNT(message_rows);

#undef FIELD
#undef VAR
#undef LIST
#undef PART
#undef RECORD
#undef END_RECORD
#undef END_MESSAGE

static const struct message_row *row_of(enum message_type type) {
  for (size_t i = 0; i < COUNT(message_rows); i++)
    if (message_rows[i].type == type)
      return &message_rows[i];
  return NULL;
}

bool message_allowed(enum message_type type, enum role sender, enum role receiver, enum channel_state state) {
  const struct message_row *row = row_of(type);
  return row && (row->senders & 1u << sender) && (row->receivers & 1u << receiver) && (row->states & state);
}

const char *message_text(enum message_type type) {
  const struct message_row *row = row_of(type);
  return row ? row->name : NULL;
}

/* ---- answers -------------------------------------------------------------------------------------------------- */

struct rec_problem message_problem_of(const struct problem *p) {
  return (struct rec_problem){.err = (uint16_t)p->err, .detail = slice_str(p->detail)};
}

struct problem message_problem(const struct rec_problem *p) {
  struct problem out = {.err = p->err < AVOW_ERR_COUNT ? (avow_err)p->err : ERR_INTERNAL};
  snprintf(out.detail, sizeof out.detail, "%.*s", (int)p->detail.n, (const char *)p->detail.p);
  return out;
}

struct message message_refused(uint64_t request, avow_err e, const char *detail) {
  return (struct message){.type = MSG_refused,
                          .request = request,
                          .refused = {.problem = {.err = (uint16_t)e, .detail = slice_str(detail)}}};
}
