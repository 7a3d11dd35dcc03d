#include "sample.h"

#define FIELD(type, name, category) v->name = sample_##type();
#define VAR(type, name, max, category) v->name = sample_##type(max);
#define LIST(record, name, max)                                                                               \
  v->name##_n = 2;                                                                                            \
  v->name = arena_array(a, 2, sizeof v->name[0]);                                                             \
  for (int i = 0; i < 2; i++)                                                                                 \
    sample_rec_##record(&v->name[i], a);
#define PART(record, name) sample_rec_##record(&v->name, a);

static uint8_t sample_u8(void) {
  return 200;
}
static uint16_t sample_u16(void) {
  return 60000;
}
static uint32_t sample_u32(void) {
  return 4000000000u;
}
static uint64_t sample_u64(void) {
  return 1ull << 63 | 5;
}
static int64_t sample_time(void) {
  return 1795341003123;
}
static bool sample_flag(void) {
  return true;
}
static struct id128 sample_id(void) {
  return id_make(1795341003123, 3);
}
static struct digest sample_digest(void) {
  return (struct digest){{1, 2, 3}};
}
static struct slice sample_bytes(size_t max) {
  return max < 4 ? slice_of("\0\xff", max) : slice_of("\0\xff\x80z", 4);
}
static struct slice sample_text(size_t max) {
  (void)max;
  return slice_str("caf\xc3\xa9");
}

#define RECORD(name)                                                                                          \
  static void sample_rec_##name(struct rec_##name *v, struct arena *a) {                                      \
    (void)a;
#define END_RECORD(name) }
#define MESSAGE(name, number, from, to, states)                                                               \
  static void sample_msg_##name(struct msg_##name *v, struct arena *a) {                                      \
    (void)a;                                                                                                  \
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
#define FIELD(type, name, category)
#define VAR(type, name, max, category)
#define LIST(record, name, max)
#define PART(record, name)
#define RECORD(name)
#define END_RECORD(name)
#define END_MESSAGE(name)

struct message sample_message(enum message_type type, struct arena *a) {
  struct message m = {.type = type, .request = 77};
  switch (type) {
#define MESSAGE(name, number, from, to, states)                                                               \
  case MSG_##name:                                                                                            \
    sample_msg_##name(&m.name, a);                                                                            \
    break;
#include "ipc/messages.def"
  case MSG_none:
    break;
  }
  return m;
}
