/* The journal: what was committed is there, a torn tail is cut off, everything else that is wrong is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "sign/journal.h"

enum { FRAMES = 9 };

struct seen {
  uint64_t n, numbers[64], offsets[64];
  int64_t times[64];
  char texts[64][32];
  avow_err answer;
};

static avow_err see(void *context, const struct frame *f, struct problem *why) {
  struct seen *s = context;
  (void)why;
  s->numbers[s->n] = f->number;
  s->offsets[s->n] = f->offset;
  s->times[s->n] = f->time_ms;
  memset(s->texts[s->n], 0, sizeof s->texts[0]);
  memcpy(s->texts[s->n], f->payload.p, f->payload.n < 31 ? f->payload.n : 31);
  s->n++;
  return s->answer;
}

static int new_file(void) {
  int fd = memfd_create("journal", MFD_CLOEXEC);
  assert_true(fd >= 0);
  return fd;
}

static uint64_t size_of(int fd) {
  struct stat st;
  assert_int_equal(fstat(fd, &st), 0);
  return (uint64_t)st.st_size;
}

static avow_err open_it(struct journal *j, int fd, struct seen *seen, uint64_t *torn, struct problem *why) {
  memset(seen, 0, sizeof *seen);
  return journal_open(j, fd, SLICE_LIT("head"), 1000, see, seen, torn, why);
}

/* A journal of a header and FRAMES frames in commits of three. */
static int filled(void) {
  int fd = new_file();
  struct journal j;
  struct seen seen;
  uint64_t torn;
  assert_int_equal(open_it(&j, fd, &seen, &torn, NULL), AVOW_OK);
  for (int i = 0; i < FRAMES; i++) {
    char text[32];
    int n = snprintf(text, sizeof text, "payload %d", i);
    uint64_t number = 0;
    assert_int_equal(journal_append(&j, FRAME_INTENT, slice_of(text, (size_t)n), 1000 + 10 * i, &number), AVOW_OK);
    assert_int_equal(number, i + 1);
    if (i % 3 == 2)
      assert_int_equal(journal_commit(&j, STAGE_INTENT, NULL), AVOW_OK);
  }
  assert_int_equal(seen.n, FRAMES + 1);
  journal_clear(&j);
  return fd;
}

static void comes_back(void **state) {
  (void)state;
  AUTO_FD fd = filled();
  struct journal j;
  struct seen seen;
  uint64_t torn;
  assert_int_equal(open_it(&j, fd, &seen, &torn, NULL), AVOW_OK);
  assert_int_equal(torn, 0);
  assert_int_equal(seen.n, FRAMES + 1);
  for (uint64_t i = 0; i <= FRAMES; i++)
    assert_int_equal(seen.numbers[i], i);
  assert_string_equal(seen.texts[0], "head");
  assert_string_equal(seen.texts[5], "payload 4");
  assert_int_equal(seen.times[5], 1040);
  assert_int_equal(j.time_ms, 1080);
  /* A frame's time never falls, whatever the clock says. */
  assert_int_equal(journal_append(&j, FRAME_REFUSAL, SLICE_LIT("late"), 5, NULL), AVOW_OK);
  assert_int_equal(journal_commit(&j, STAGE_OUTCOME, NULL), AVOW_OK);
  assert_int_equal(seen.times[FRAMES + 1], 1080);
  AUTO_BUF bytes;
  buf_init(&bytes, 4096);
  for (uint64_t i = 0; i <= FRAMES + 1; i++) {
    struct frame f;
    assert_int_equal(journal_read(&j, seen.offsets[i], &bytes, &f, NULL), AVOW_OK);
    assert_int_equal(f.number, i);
  }
  struct frame f;
  assert_int_equal(journal_read(&j, seen.offsets[3] + 1, &bytes, &f, NULL), ERR_IO);
  assert_int_equal(journal_read(&j, j.end, &bytes, &f, NULL), ERR_IO);
  journal_clear(&j);
}

/* Cut at every length: the whole frames before the cut stay, and the journal goes on from there. */
static void torn_at_every_byte(void **state) {
  (void)state;
  AUTO_FD whole = filled();
  uint64_t size = size_of(whole);
  struct journal j;
  struct seen all, seen;
  uint64_t torn;
  assert_int_equal(open_it(&j, whole, &all, &torn, NULL), AVOW_OK);
  journal_clear(&j);
  uint8_t *bytes = malloc(size);
  assert_int_equal(pread(whole, bytes, size, 0), size);
  for (uint64_t cut = 0; cut <= size; cut++) {
    for (int zeros = 0; zeros < 2; zeros++) {
      AUTO_FD fd = new_file();
      assert_int_equal(fd_write_all(fd, slice_of(bytes, cut)), AVOW_OK);
      if (zeros) /* a longer file whose last bytes never arrived, cut at a frame's end */
        assert_int_equal(ftruncate(fd, (off_t)cut + 300), 0);
      uint64_t whole_frames = 0;
      bool at_end = cut == 0;
      for (uint64_t i = 0; i <= FRAMES; i++) {
        uint64_t end = i < FRAMES ? all.offsets[i + 1] : size;
        whole_frames += end <= cut;
        at_end |= end == cut;
      }
      if (zeros && !at_end)
        continue;
      struct problem why = {0};
      avow_err e = open_it(&j, fd, &seen, &torn, &why);
      assert_int_equal(e, AVOW_OK);
      assert_int_equal(seen.n, whole_frames ? whole_frames : 1); /* an empty one gets its header */
      assert_int_equal(size_of(fd), j.end);
      assert_int_equal(journal_append(&j, FRAME_INTENT, SLICE_LIT("on"), 2000, NULL), AVOW_OK);
      assert_int_equal(journal_commit(&j, STAGE_INTENT, NULL), AVOW_OK);
      journal_clear(&j);
      assert_int_equal(open_it(&j, fd, &seen, &torn, NULL), AVOW_OK);
      assert_int_equal(torn, 0);
      journal_clear(&j);
    }
  }
  free(bytes);
}

/* No single flipped bit goes unnoticed, and none is taken for a torn tail. */
static void every_bit_counts(void **state) {
  (void)state;
  AUTO_FD whole = filled();
  uint64_t size = size_of(whole);
  uint8_t *bytes = malloc(size);
  assert_int_equal(pread(whole, bytes, size, 0), size);
  AUTO_FD fd = new_file();
  for (uint64_t bit = 0; bit < 8 * size; bit++) {
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    assert_int_equal(pwrite(fd, bytes, size, 0), size);
    struct journal j;
    struct seen seen;
    uint64_t torn;
    struct problem why = {0};
    assert_int_equal(open_it(&j, fd, &seen, &torn, &why), ERR_CONFIG);
    assert_non_null(strstr(why.detail, "damaged at byte"));
    assert_int_equal(size_of(fd), size);
    journal_clear(&j);
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  free(bytes);
}

static void foreign_header(void **state) {
  (void)state;
  AUTO_FD fd = filled();
  struct journal j;
  struct seen seen = {0};
  uint64_t torn;
  struct problem why = {0};
  assert_int_equal(journal_open(&j, fd, SLICE_LIT("other"), 1000, see, &seen, &torn, &why), ERR_CONFIG);
  assert_non_null(strstr(why.detail, "another signer"));
  journal_clear(&j);
}

/* A frame that is missing in the middle, with right bytes all around. */
static void missing_frame(void **state) {
  (void)state;
  AUTO_FD whole = filled();
  struct journal j;
  struct seen all, seen;
  uint64_t torn;
  assert_int_equal(open_it(&j, whole, &all, &torn, NULL), AVOW_OK);
  journal_clear(&j);
  uint64_t size = size_of(whole);
  uint8_t *bytes = malloc(size);
  assert_int_equal(pread(whole, bytes, size, 0), size);
  AUTO_FD fd = new_file();
  assert_int_equal(fd_write_all(fd, slice_of(bytes, all.offsets[4])), AVOW_OK);
  assert_int_equal(fd_write_all(fd, slice_of(bytes + all.offsets[5], size - all.offsets[5])), AVOW_OK);
  free(bytes);
  struct problem why = {0};
  assert_int_equal(open_it(&j, fd, &seen, &torn, &why), ERR_CONFIG);
  journal_clear(&j);
}

/* Whole frames with right chains, but not the ones that belong there. */
static void frames_out_of_order(void **state) {
  (void)state;
  for (int wrong = 0; wrong < 4; wrong++) {
    AUTO_FD fd = filled();
    struct journal j;
    struct seen seen;
    uint64_t torn;
    assert_int_equal(open_it(&j, fd, &seen, &torn, NULL), AVOW_OK);
    j.next_number += wrong == 1;
    j.time_ms -= wrong == 2 ? 100 : 0;
    enum frame_type type = wrong == 3 ? FRAME_HEADER : FRAME_INTENT;
    assert_int_equal(journal_append(&j, type, SLICE_LIT("head"), 0, NULL), AVOW_OK);
    assert_int_equal(journal_commit(&j, STAGE_INTENT, NULL), AVOW_OK);
    journal_clear(&j);
    struct problem why = {0};
    assert_int_equal(open_it(&j, fd, &seen, &torn, &why), wrong ? ERR_CONFIG : AVOW_OK);
    journal_clear(&j);
  }
}

/* A visitor that refuses what it is shown stops the replay. */
static void visitor_refuses(void **state) {
  (void)state;
  AUTO_FD fd = filled();
  struct journal j;
  struct seen seen = {.answer = ERR_CONFIG};
  uint64_t torn;
  assert_int_equal(journal_open(&j, fd, SLICE_LIT("head"), 1000, see, &seen, &torn, NULL), ERR_CONFIG);
  journal_clear(&j);
}

/* A descriptor that cannot be written: the journal is dead from then on. */
static void write_fails(void **state) {
  (void)state;
  AUTO_FD fd = filled();
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  AUTO_FD readonly = open(path, O_RDONLY | O_CLOEXEC);
  assert_true(readonly >= 0);
  struct journal j;
  struct seen seen;
  uint64_t torn;
  assert_int_equal(open_it(&j, readonly, &seen, &torn, NULL), AVOW_OK);
  assert_int_equal(journal_append(&j, FRAME_INTENT, SLICE_LIT("x"), 2000, NULL), AVOW_OK);
  struct problem why = {0};
  assert_int_equal(journal_commit(&j, STAGE_INTENT, &why), ERR_IO);
  assert_true(j.dead);
  assert_int_equal(journal_commit(&j, STAGE_INTENT, &why), ERR_IO);
  assert_int_equal(seen.n, FRAMES + 1);
  journal_clear(&j);
}

/* journal_check() agrees with the replay at every cut and finds every flipped bit; it changes nothing. */
static void checked_from_outside(void **state) {
  (void)state;
  struct journal j;
  struct seen seen;
  uint64_t torn;
  struct journal_facts facts;
  AUTO_FD other = filled();
  struct problem why = {0};
  assert_int_equal(journal_check(other, &facts, &why), ERR_CONFIG); /* "head" is no header of a CA */
  AUTO_FD fd = new_file();
  assert_int_equal(journal_check(fd, &facts, &why), ERR_CONFIG); /* empty */
  memset(&seen, 0, sizeof seen);
  assert_int_equal(journal_open(&j, fd, SLICE_LIT("avow\1\3\7"), 1000, see, &seen, &torn, NULL), AVOW_OK);
  for (int i = 0; i < 3; i++)
    assert_int_equal(journal_append(&j, FRAME_INTENT, SLICE_LIT("payload"), 1000 + i, NULL), AVOW_OK);
  assert_int_equal(journal_commit(&j, STAGE_INTENT, NULL), AVOW_OK);
  journal_clear(&j);
  uint64_t size = size_of(fd);
  assert_int_equal(journal_check(fd, &facts, &why), AVOW_OK);
  assert_true(facts.frames == 4 && facts.bytes == size && facts.time_ms == 1002 && !facts.torn);
  assert_true(facts.kind == 3 && facts.signer_id == 7);
  uint8_t byte;
  for (uint64_t at = 0; at < size; at++) {
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    uint8_t flipped = byte ^ 4;
    assert_int_equal(pwrite(fd, &flipped, 1, (off_t)at), 1);
    assert_int_equal(journal_check(fd, &facts, &why), ERR_CONFIG);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
  }
  uint64_t first_end = seen.offsets[1];
  for (uint64_t cut = size - 1; cut > first_end; cut--) {
    assert_int_equal(ftruncate(fd, (off_t)cut), 0);
    assert_int_equal(journal_check(fd, &facts, &why), AVOW_OK);
    uint64_t whole = 1;
    while (whole < 4 && (whole == 3 ? size : seen.offsets[whole + 1]) <= cut)
      whole++;
    assert_true(facts.frames == whole && facts.torn == (facts.bytes != cut));
    assert_int_equal(size_of(fd), cut);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(comes_back),      cmocka_unit_test(torn_at_every_byte), cmocka_unit_test(every_bit_counts),
    cmocka_unit_test(foreign_header),  cmocka_unit_test(missing_frame),      cmocka_unit_test(frames_out_of_order),
    cmocka_unit_test(visitor_refuses), cmocka_unit_test(write_fails),        cmocka_unit_test(checked_from_outside)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
