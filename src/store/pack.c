#include "store/pack.h"

enum { TEXT_MAX = 8192, LIST_MAX = 1000 };

static struct cursor start(struct slice bytes, size_t *n) {
  struct cursor c = cursor_of(bytes);
  *n = cursor_u16(&c);
  c.failed |= *n > LIST_MAX || *n > cursor_left(&c);
  return c;
}

void pack_met(struct buf *b, const struct rec_met *met, size_t n) {
  buf_put_u16(b, (uint16_t)n);
  for (size_t i = 0; i < n; i++) {
    buf_put_u64(b, (uint64_t)met[i].at);
    buf_put_u32_slice(b, met[i].what);
    buf_put_u32_slice(b, met[i].subject);
    buf_put_u32_slice(b, met[i].answer);
  }
}

avow_err unpack_met(struct slice bytes, struct arena *a, struct rec_met **met, size_t *n) {
  struct cursor c = start(bytes, n);
  *met = c.failed ? NULL : arena_array(a, *n, sizeof **met);
  if (!*met)
    return c.failed ? ERR_DATABASE : ERR_NO_MEMORY;
  for (size_t i = 0; i < *n; i++) {
    struct rec_met *m = &(*met)[i];
    m->at = (int64_t)cursor_u64(&c);
    m->what = cursor_take_u32(&c, TEXT_MAX);
    m->subject = cursor_take_u32(&c, TEXT_MAX);
    m->answer = cursor_take_u32(&c, TEXT_MAX);
  }
  return cursor_at_end(&c) ? AVOW_OK : ERR_DATABASE;
}

void pack_subproblems(struct buf *b, const struct rec_subproblem *list, size_t n) {
  buf_put_u16(b, (uint16_t)n);
  for (size_t i = 0; i < n; i++) {
    buf_put_u8(b, list[i].identifier.type);
    buf_put_u8(b, list[i].identifier.wildcard);
    buf_put_u32_slice(b, list[i].identifier.value);
    buf_put_u16(b, list[i].problem.err);
    buf_put_u32_slice(b, list[i].problem.detail);
  }
}

avow_err unpack_subproblems(struct slice bytes, struct arena *a, struct rec_subproblem **list, size_t *n) {
  struct cursor c = start(bytes, n);
  *list = c.failed ? NULL : arena_array(a, *n, sizeof **list);
  if (!*list)
    return c.failed ? ERR_DATABASE : ERR_NO_MEMORY;
  for (size_t i = 0; i < *n; i++) {
    struct rec_subproblem *p = &(*list)[i];
    p->identifier.type = cursor_u8(&c);
    p->identifier.wildcard = cursor_u8(&c) == 1;
    p->identifier.value = cursor_take_u32(&c, TEXT_MAX);
    p->problem.err = cursor_u16(&c);
    p->problem.detail = cursor_take_u32(&c, TEXT_MAX);
  }
  return cursor_at_end(&c) ? AVOW_OK : ERR_DATABASE;
}
