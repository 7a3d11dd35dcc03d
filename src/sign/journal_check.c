/* Reading a journal as its replay does, but without a signer: for `avow check`. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sign/journal.h"

static avow_err take_header(struct slice payload, struct journal_facts *out, struct problem *why) {
  struct cursor c = cursor_of(payload);
  struct slice magic = cursor_take(&c, 4);
  uint8_t version = cursor_u8(&c);
  out->kind = cursor_u8(&c);
  out->signer_id = cursor_u8(&c);
  if (!cursor_at_end(&c) || !slice_eq(magic, SLICE_LIT("avow")) || version != 1)
    return problem_set(why, ERR_CONFIG, "its header is none of this version");
  return AVOW_OK;
}

static avow_err take_frame(const struct frame *f, struct journal_facts *out, struct problem *why) {
  if (f->number != out->frames)
    return problem_set(why, ERR_CONFIG, "frame %llu stands where frame %llu belongs", (unsigned long long)f->number,
                       (unsigned long long)out->frames);
  if ((f->type == FRAME_HEADER) != (f->number == 0))
    return problem_set(why, ERR_CONFIG, "it does not begin with its header, or has a second one");
  if (f->time_ms < out->time_ms)
    return problem_set(why, ERR_CONFIG, "frame %llu goes back in time", (unsigned long long)f->number);
  return f->type == FRAME_HEADER ? take_header(f->payload, out, why) : AVOW_OK;
}

static avow_err walk(struct slice all, struct journal_facts *out, struct problem *why) {
  uint8_t chain[FRAME_CHAIN] = {0};
  while (out->bytes < all.n) {
    struct frame f = {.offset = out->bytes};
    enum frame_parse got = frame_parse(slice_skip(all, (size_t)out->bytes), chain, &f, why);
    out->torn = got == FRAME_TORN;
    if (out->torn)
      return AVOW_OK;
    avow_err e = got == FRAME_BROKEN ? ERR_CONFIG : take_frame(&f, out, why);
    if (e != AVOW_OK)
      return e;
    out->frames++;
    out->time_ms = f.time_ms;
    out->bytes = frame_end(&f);
  }
  return AVOW_OK;
}

avow_err journal_check(int fd, struct journal_facts *out, struct problem *why) {
  *out = (struct journal_facts){0};
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
    return problem_set(why, ERR_IO, "it is no regular file");
  if (st.st_size == 0)
    return problem_set(why, ERR_CONFIG, "it is empty");
  void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED)
    return problem_set(why, ERR_IO, "it cannot be read: %s", strerror(errno));
  avow_err e = walk(slice_of(map, (size_t)st.st_size), out, why);
  (void)munmap(map, (size_t)st.st_size);
  if (e == AVOW_OK && out->frames == 0)
    return problem_set(why, ERR_CONFIG, "it does not hold its header");
  if (e != AVOW_OK) {
    struct problem what = *why;
    return problem_set(why, e, "at byte %llu: %s", (unsigned long long)out->bytes, problem_text(&what));
  }
  return AVOW_OK;
}
