#include "sign/journal.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "crypto/digest.h"

enum { HEAD_CHECKED = 21, HEAD_CHECK = 4 };
enum { PENDING_MAX = 512 * 1024 * 1024 };

uint64_t frame_end(const struct frame *f) {
  return f->offset + FRAME_HEAD + f->payload.n + FRAME_CHAIN;
}

/* The check of the head alone: without it a flipped bit in a length would look like a torn tail, and everything behind
   it would be cut off. */
static uint32_t head_check(const uint8_t *head) {
  uint8_t sum[SHA256_BYTES];
  sha256(slice_of(head, HEAD_CHECKED), sum);
  return (uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3];
}

static bool only_zeros(struct slice s) {
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] != 0)
      return false;
  return true;
}

enum frame_parse frame_parse(struct slice bytes, uint8_t chain[FRAME_CHAIN], struct frame *out, struct problem *why) {
  if (bytes.n < FRAME_HEAD)
    return FRAME_TORN;
  struct cursor c = cursor_of(bytes);
  uint32_t n = cursor_u32(&c);
  uint8_t type = cursor_u8(&c);
  uint64_t number = cursor_u64(&c), time = cursor_u64(&c);
  uint32_t check = cursor_u32(&c);
  avow_err e = AVOW_OK;
  if (check != head_check(bytes.p)) {
    /* After a power cut some file systems show the new length without the new bytes. */
    if (only_zeros(bytes))
      return FRAME_TORN;
    e = problem_set(why, ERR_CONFIG, "a frame's head is damaged");
  } else if (n > FRAME_PAYLOAD_MAX || type < FRAME_HEADER || type > FRAME_REFUSAL || time > INT64_MAX) {
    e = problem_set(why, ERR_CONFIG, "a frame of type %u with %u bytes is none of this version", type, (unsigned)n);
  }
  if (e != AVOW_OK)
    return FRAME_BROKEN;
  if (cursor_left(&c) < (size_t)n + FRAME_CHAIN)
    return FRAME_TORN;
  out->type = (enum frame_type)type;
  out->number = number;
  out->time_ms = (int64_t)time;
  out->payload = cursor_take(&c, n);
  struct slice stored = cursor_take(&c, FRAME_CHAIN);
  struct slice parts[] = {slice_of(chain, FRAME_CHAIN), slice_of(bytes.p, FRAME_HEAD), out->payload};
  uint8_t sum[SHA256_BYTES];
  sha256_parts(parts, 3, sum);
  if (!slice_eq(stored, SLICE_OF(sum))) {
    problem_set(why, ERR_CONFIG, "a frame does not fit the chain");
    return FRAME_BROKEN;
  }
  memcpy(chain, sum, FRAME_CHAIN);
  return FRAME_OK;
}

/* Appends a frame's bytes to `b` and moves the chain. */
static avow_err put_frame(struct buf *b, enum frame_type type, uint64_t number, int64_t time_ms, struct slice payload,
                          uint8_t chain[FRAME_CHAIN]) {
  size_t at = b->n;
  buf_put_u32(b, (uint32_t)payload.n);
  buf_put_u8(b, (uint8_t)type);
  buf_put_u64(b, number);
  buf_put_u64(b, (uint64_t)time_ms);
  if (b->failed)
    return ERR_NO_MEMORY;
  buf_put_u32(b, head_check(b->p + at));
  buf_put(b, payload);
  if (b->failed)
    return ERR_NO_MEMORY;
  struct slice parts[] = {slice_of(chain, FRAME_CHAIN), slice_of(b->p + at, FRAME_HEAD), payload};
  uint8_t sum[SHA256_BYTES];
  sha256_parts(parts, 3, sum);
  buf_put(b, SLICE_OF(sum));
  if (b->failed)
    return ERR_NO_MEMORY;
  memcpy(chain, sum, FRAME_CHAIN);
  return AVOW_OK;
}

avow_err journal_append(struct journal *j, enum frame_type type, struct slice payload, int64_t now_ms,
                        uint64_t *number) {
  assert(!j->dead && payload.n <= FRAME_PAYLOAD_MAX);
  int64_t time = now_ms > j->time_ms ? now_ms : j->time_ms;
  avow_err e = put_frame(&j->pending, type, j->next_number, time, payload, j->chain);
  if (e != AVOW_OK) {
    j->dead = true; /* half a frame may stand in the buffer */
    return e;
  }
  if (number)
    *number = j->next_number;
  j->next_number++;
  j->time_ms = time;
  return AVOW_OK;
}

static avow_err write_at(int fd, struct slice s, uint64_t offset) {
  while (s.n > 0) {
    ssize_t n = pwrite(fd, s.p, s.n, (off_t)offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return ERR_IO;
    s = slice_skip(s, (size_t)n);
    offset += (uint64_t)n;
  }
  return AVOW_OK;
}

/* A test build writes in two halves, so that it can die with a torn frame on disk. */
static avow_err write_pending(struct journal *j, enum journal_stage stage) {
  struct slice bytes = buf_slice(&j->pending);
  uint64_t offset = j->end;
  (void)stage;
#ifdef AVOW_FAULTS
  if (stage == STAGE_INTENT)
    fault_point("journal.intent.before_write");
  else
    fault_point("journal.outcome.before_write");
  struct slice half = slice_of(bytes.p, bytes.n / 2);
  avow_err e = write_at(j->fd, half, offset);
  if (e != AVOW_OK)
    return e;
  if (stage == STAGE_INTENT)
    fault_point("journal.intent.half_written");
  else
    fault_point("journal.outcome.half_written");
  bytes = slice_skip(bytes, half.n);
  offset += half.n;
#endif
  return write_at(j->fd, bytes, offset);
}

static avow_err sync_written(struct journal *j, enum journal_stage stage) {
  if (stage == STAGE_INTENT)
    fault_point("journal.intent.before_sync");
  else
    fault_point("journal.outcome.before_sync");
  if (fdatasync(j->fd) != 0)
    return ERR_IO;
  if (stage == STAGE_INTENT)
    fault_point("journal.intent.after_sync");
  else
    fault_point("journal.outcome.after_sync");
  return AVOW_OK;
}

avow_err journal_commit(struct journal *j, enum journal_stage stage, struct problem *why) {
  if (j->dead)
    return problem_set(why, ERR_IO, "the journal could not be written before; a restart replays it");
  if (j->pending.n == 0)
    return AVOW_OK;
  avow_err e = write_pending(j, stage);
  if (e == AVOW_OK)
    e = sync_written(j, stage);
  if (e != AVOW_OK) {
    /* After a failed sync the kernel may have dropped the pages: only a replay tells what is there. */
    j->dead = true;
    return problem_set(why, ERR_IO, "the journal cannot be written: %s", strerror(errno));
  }
  struct cursor c = cursor_of(buf_slice(&j->pending));
  while (e == AVOW_OK && cursor_left(&c) > 0) {
    struct frame f = {.offset = j->end};
    uint32_t n = cursor_u32(&c);
    f.type = (enum frame_type)cursor_u8(&c);
    f.number = cursor_u64(&c);
    f.time_ms = (int64_t)cursor_u64(&c);
    (void)cursor_u32(&c);
    f.payload = cursor_take(&c, n);
    (void)cursor_take(&c, FRAME_CHAIN);
    assert(!c.failed);
    j->end = frame_end(&f);
    e = j->visit(j->context, &f, why);
  }
  if (e != AVOW_OK)
    j->dead = true;
  if (j->pending.room > 16 * 1024 * 1024)
    buf_clear(&j->pending);
  buf_reset(&j->pending);
  return e;
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

static avow_err check_order(const struct journal *j, const struct frame *f, struct slice header, struct problem *why) {
  if (f->number != j->next_number)
    return problem_set(why, ERR_CONFIG, "frame %llu stands where frame %llu belongs", (unsigned long long)f->number,
                       (unsigned long long)j->next_number);
  if ((f->type == FRAME_HEADER) != (f->number == 0))
    return problem_set(why, ERR_CONFIG, "it does not begin with its header, or has a second one");
  if (f->type == FRAME_HEADER && !slice_eq(f->payload, header))
    return problem_set(why, ERR_CONFIG, "it belongs to another signer, kind of CA or version");
  if (f->time_ms < j->time_ms)
    return problem_set(why, ERR_CONFIG, "frame %llu goes back in time", (unsigned long long)f->number);
  return AVOW_OK;
}

/* Adds to `why` where it happened and what to do. */
static avow_err refuse(struct problem *why, uint64_t offset) {
  struct problem what = why ? *why : (struct problem){.err = ERR_CONFIG};
  return problem_set(why, what.err == AVOW_OK ? ERR_CONFIG : what.err,
                     "the journal is damaged at byte %llu: %s. Restore journal/journal.log from its backup",
                     (unsigned long long)offset, problem_text(&what));
}

static avow_err replay(struct journal *j, struct slice all, struct slice header, struct problem *why) {
  while (j->end < all.n) {
    struct frame f = {.offset = j->end};
    enum frame_parse got = frame_parse(slice_skip(all, (size_t)j->end), j->chain, &f, why);
    if (got == FRAME_TORN)
      return AVOW_OK;
    avow_err e = got == FRAME_BROKEN ? ERR_CONFIG : check_order(j, &f, header, why);
    if (e == AVOW_OK)
      e = j->visit(j->context, &f, why);
    if (e == ERR_NO_MEMORY)
      return e;
    if (e != AVOW_OK)
      return refuse(why, f.offset);
    j->next_number = f.number + 1;
    j->time_ms = f.time_ms;
    j->end = frame_end(&f);
  }
  return AVOW_OK;
}

avow_err journal_open(struct journal *j, int fd, struct slice header, int64_t now_ms, journal_visit visit,
                      void *context, uint64_t *torn, struct problem *why) {
  *j = (struct journal){.fd = fd, .visit = visit, .context = context};
  buf_init(&j->pending, PENDING_MAX);
  *torn = 0;
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
    return problem_set(why, ERR_IO, "the journal is no regular file");
  struct slice all = SLICE_NONE;
  if (st.st_size > 0) {
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
      return problem_set(why, ERR_IO, "the journal cannot be read: %s", strerror(errno));
    all = slice_of(map, (size_t)st.st_size);
  }
  avow_err e = replay(j, all, header, why);
  if (all.n > 0)
    (void)munmap((void *)(uintptr_t)all.p, all.n);
  if (e != AVOW_OK)
    return e;
  *torn = all.n - j->end;
  if (*torn > 0 && (ftruncate(fd, (off_t)j->end) != 0 || fdatasync(fd) != 0))
    return problem_set(why, ERR_IO, "the journal's torn tail cannot be cut off: %s", strerror(errno));
  if (j->next_number > 0)
    return AVOW_OK;
  e = journal_append(j, FRAME_HEADER, header, now_ms, NULL);
  return e == AVOW_OK ? journal_commit(j, STAGE_OUTCOME, why) : e;
}

void journal_clear(struct journal *j) {
  buf_clear(&j->pending);
}

/* ---- reading back ------------------------------------------------------------------------------------------------ */

static avow_err read_at(int fd, uint64_t offset, uint8_t *out, size_t n) {
  while (n > 0) {
    ssize_t got = pread(fd, out, n, (off_t)offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return ERR_IO;
    out += got;
    n -= (size_t)got;
    offset += (uint64_t)got;
  }
  return AVOW_OK;
}

avow_err journal_read(const struct journal *j, uint64_t offset, struct buf *bytes, struct frame *out,
                      struct problem *why) {
  uint8_t chain[FRAME_CHAIN] = {0}, head[FRAME_HEAD];
  avow_err e = offset + FRAME_HEAD + FRAME_CHAIN <= j->end ? AVOW_OK : ERR_IO;
  if (e == AVOW_OK && offset > 0)
    e = read_at(j->fd, offset - FRAME_CHAIN, chain, sizeof chain);
  if (e == AVOW_OK)
    e = read_at(j->fd, offset, head, sizeof head);
  if (e != AVOW_OK)
    return problem_set(why, ERR_IO, "the journal cannot be read back at byte %llu", (unsigned long long)offset);
  struct cursor c = cursor_of(SLICE_OF(head));
  uint64_t size = (uint64_t)cursor_u32(&c) + FRAME_HEAD + FRAME_CHAIN;
  if (size > j->end - offset)
    return problem_set(why, ERR_IO, "the journal was changed at byte %llu", (unsigned long long)offset);
  buf_reset(bytes);
  uint8_t *room = buf_extend(bytes, (size_t)size);
  if (!room)
    return ERR_NO_MEMORY;
  *out = (struct frame){.offset = offset};
  if (read_at(j->fd, offset, room, (size_t)size) != AVOW_OK ||
      frame_parse(buf_slice(bytes), chain, out, NULL) != FRAME_OK)
    return problem_set(why, ERR_IO, "the journal was changed at byte %llu", (unsigned long long)offset);
  return AVOW_OK;
}
