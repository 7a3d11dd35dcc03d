/* Messages between roles, made from messages.def: struct msg_NAME for each message, struct rec_NAME for each part,
   one encoding, one permission check. The codec does not know what carries the bytes (ipc/channel.h does).

   Encoding: u16 number, u64 request id, then the fields in the order of the table; numbers big-endian; flag one byte
   0 or 1; bytes and text with a u32 length; lists with a u16 count. Text is UTF-8 without NUL. There is one right
   encoding of a message: decoding refuses every other, and everything over its limit. */
#ifndef AVOW_IPC_MESSAGE_H
#define AVOW_IPC_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "ipc/model.h"

enum role {
  ROLE_none,
#define ROLE(name, job) ROLE_##name,
#include "ipc/roles.def"
#undef ROLE
  ROLE_COUNT
};

const char *role_text(enum role role);
const char *role_job(enum role role);
/* ROLE_none when the text is none. */
enum role role_from_text(struct slice text);

/* The state of a channel's receiving end. */
enum channel_state { STATE_FRESH = 1, STATE_READY = 2, STATE_DRAINING = 4 };

struct digest {
  uint8_t b[32];
};

static inline struct slice digest_slice(const struct digest *d) {
  return slice_of(d->b, sizeof d->b);
}

typedef uint8_t ipc_u8;
typedef uint16_t ipc_u16;
typedef uint32_t ipc_u32;
typedef uint64_t ipc_u64;
typedef int64_t ipc_time; /* milliseconds since 1970 */
typedef bool ipc_flag;
typedef struct id128 ipc_id;
typedef struct digest ipc_digest;

#define FIELD(type, name, category) ipc_##type name;
#define VAR(type, name, max, category) struct slice name;
#define LIST(record, name, max)                                                                               \
  struct rec_##record *name;                                                                                  \
  size_t name##_n;
#define PART(record, name) struct rec_##record name;
#define RECORD(name) struct rec_##name {
#define END_RECORD(name)                                                                                      \
  }                                                                                                           \
  ;
#define MESSAGE(name, number, from, to, states) struct msg_##name {
#define END_MESSAGE(name)                                                                                     \
  char end_;                                                                                                  \
  }                                                                                                           \
  ;
#include "ipc/messages.def"
#undef MESSAGE
#undef END_MESSAGE
#undef RECORD
#undef END_RECORD
#undef FIELD
#undef VAR
#undef LIST
#undef PART

#define FIELD(type, name, category)
#define VAR(type, name, max, category)
#define LIST(record, name, max)
#define PART(record, name)
#define RECORD(name)
#define END_RECORD(name)
#define END_MESSAGE(name)

enum message_type {
  MSG_none,
#define MESSAGE(name, number, from, to, states) MSG_##name = number,
#include "ipc/messages.def"
#undef MESSAGE
};

struct message {
  enum message_type type;
  uint64_t request; /* an answer carries its request's */
  union {
#define MESSAGE(name, number, from, to, states) struct msg_##name name;
#include "ipc/messages.def"
#undef MESSAGE
  };
};

#undef END_MESSAGE
#undef RECORD
#undef END_RECORD
#undef FIELD
#undef VAR
#undef LIST
#undef PART

/* The largest encoded message (a CRL); most are far smaller. */
enum { MESSAGE_MAX = 128 * 1024 * 1024 + 65536 };

/* Appends the encoding. ERR_FORBIDDEN_MESSAGE when a field is over its limit, ERR_NO_MEMORY. */
avow_err message_encode(const struct message *m, struct buf *out) WARN_UNUSED;
/* Decodes exactly one message. Slices in `m` borrow from `bytes`, lists live in `a`. ERR_FORBIDDEN_MESSAGE when it is
   not the one right encoding of a known message. */
avow_err message_decode(struct slice bytes, struct arena *a, struct message *m) WARN_UNUSED;
/* Whether the table lets `sender` send this to `receiver`, whose end is in `state`. */
bool message_allowed(enum message_type type, enum role sender, enum role receiver, enum channel_state state);
/* The message's name in the table; NULL for an unknown number. */
const char *message_text(enum message_type type);

/* Shorthand for answers. */
struct message message_refused(uint64_t request, avow_err e, const char *detail);
/* The problem of a `refused` message. */
struct problem message_problem(const struct rec_problem *p);
struct rec_problem message_problem_of(const struct problem *p);

/* What the table says, for the documentation page and the classification test. */
/* Rows of an owner (a message or record) follow the row that names it, whose `name` is NULL. Lists and parts have no
   category of their own: their records have. */
struct message_field {
  const char *owner; /* NULL but in the row that names it */
  const char *name, *type, *category;
  bool owner_is_record;
  size_t max;
};
extern const struct message_field message_fields[];
extern const size_t message_fields_n;

struct message_row {
  const char *name;
  enum message_type type;
  unsigned senders, receivers; /* bits 1 << enum role */
  unsigned states;
};
extern const struct message_row message_rows[];
extern const size_t message_rows_n;

#endif
