#include "hostile/rig.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "proc/role.h"
#include "sign/entry.h"

enum { CONTROL_FD = 3, RECORDS_MAX = 100000, WAIT_MS = 20000 };

/* ---- supervisor ------------------------------------------------------------------------------------------------ */

static void send_ok(struct channel *ch, const struct message *m, int fd) {
  assert_int_equal(channel_send(ch, m, fd), AVOW_OK);
}

static void give_file(struct rig *r, const char *name, const char *detail, int fd) {
  struct message m = {.type = MSG_ctl_file, .ctl_file = {.name = slice_str(name), .detail = slice_str(detail)}};
  send_ok(&r->control, &m, fd);
}

static void give_bytes(struct rig *r, const char *name, struct slice bytes) {
  AUTO_FD fd = memfd_create(name, MFD_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(fd_write_all(fd, bytes), AVOW_OK);
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  give_file(r, name, "avow.conf", fd);
}

static void give_channel(struct rig *r, enum role peer, struct channel *mine) {
  int fds[2];
  channel_close(mine);
  assert_int_equal(channel_pair(fds), AVOW_OK);
  channel_init(mine, fds[0], peer, ROLE_signer);
  mine->state = STATE_READY;
  struct message m = {.type = MSG_ctl_channel, .ctl_channel = {.peer = (uint8_t)peer}};
  send_ok(&r->control, &m, fds[1]);
  close(fds[1]);
}

static void give_everything(struct rig *r) {
  struct world *w = &r->w;
  AUTO_SECRET pem = {0};
  assert_int_equal(private_key_to_pem(w->issuer_key, &pem), AVOW_OK);
  give_bytes(r, "conf", slice_str(w->conf_text));
  give_bytes(r, "sets", slice_str(w->sets_text));
  give_bytes(r, "ring.signer", buf_slice(&w->ring_signer_text));
  give_bytes(r, "ring.validator", buf_slice(&w->ring_validator_text));
  give_bytes(r, "key.issuing.I1", secret_slice(&pem));
  give_bytes(r, "cert.issuing.I1", buf_slice(&w->issuer));
  give_bytes(r, "cert.root", buf_slice(&w->root));
  give_bytes(r, "spki.web", public_key_spki(private_key_public(w->web_key)));
  give_file(r, "journal", "journal/journal.log", w->journal);
}

void rig_start(struct rig *r, bool greet) {
  int fds[2];
  r->w.rig = r;
  r->w.ask = rig_ask;
  r->w.fetch = rig_record;
  if (!r->records) {
    r->records = calloc(RECORDS_MAX, sizeof *r->records);
    inbox_init(&r->in);
    r->registrar.fd = r->store.fd = -1;
  }
  assert_int_equal(channel_pair(fds), AVOW_OK);
  fflush(NULL);
  r->pid = fork();
  assert_true(r->pid >= 0);
  if (r->pid == 0) {
    dup2(fds[1], CONTROL_FD);
    close_range(CONTROL_FD + 1, ~0u, 0);
    _exit(role_run(ROLE_signer));
  }
  close(fds[1]);
  channel_init(&r->control, fds[0], ROLE_supervisor, ROLE_signer);
  r->control.state = STATE_READY;
  give_everything(r);
  give_channel(r, ROLE_registrar, &r->registrar);
  give_channel(r, ROLE_store, &r->store);
  struct message go = {.type = MSG_ctl_go}, hello = {.type = MSG_signer_hello};
  send_ok(&r->control, &go, -1);
  assert_int_equal(channel_recv(&r->control, &r->in, WAIT_MS), AVOW_OK);
  assert_int_equal(r->in.m.type, MSG_ctl_ready);
  send_ok(&r->registrar, &hello, -1);
  if (greet)
    rig_greet(r, r->records_n + 1);
}

void rig_renew_registrar(struct rig *r, bool hello) {
  struct message m = {.type = MSG_signer_hello};
  give_channel(r, ROLE_registrar, &r->registrar);
  if (hello)
    send_ok(&r->registrar, &m, -1);
}

void rig_renew_store(struct rig *r) {
  give_channel(r, ROLE_store, &r->store);
}

static int end(struct rig *r) {
  int status = 0;
  assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
  channel_close(&r->control);
  channel_close(&r->registrar);
  channel_close(&r->store);
  r->pid = 0;
  return status;
}

int rig_kill(struct rig *r) {
  kill(r->pid, SIGKILL);
  return end(r);
}

int rig_stop(struct rig *r) {
  struct message m = {.type = MSG_ctl_stop};
  send_ok(&r->control, &m, -1);
  return end(r);
}

int rig_wait(struct rig *r) {
  return end(r);
}

/* ---- store ---------------------------------------------------------------------------------------------------------
 */

void rig_greet(struct rig *r, uint64_t next) {
  struct message m = {.type = MSG_records_from, .records_from = {.next = next}};
  send_ok(&r->store, &m, -1);
}

static uint64_t number_of(const struct message *m) {
  struct entry e = {.m = *m};
  return entry_number(&e);
}

/* One record, checked for its place in the stream; repeats are the signer's right. False when none came. */
static bool take_record(struct rig *r, int timeout_ms) {
  avow_err e = channel_recv(&r->store, &r->in, timeout_ms);
  if (e == ERR_UNAVAILABLE)
    return false;
  assert_int_equal(e, AVOW_OK);
  uint64_t n = number_of(&r->in.m);
  assert_true(n > 0 && n <= r->records_n + 1 && n <= RECORDS_MAX);
  AUTO_BUF bytes;
  buf_init(&bytes, MESSAGE_MAX);
  assert_int_equal(message_encode(&r->in.m, &bytes), AVOW_OK);
  struct slice kept = arena_dup(&r->w.arena, buf_slice(&bytes));
  assert_int_equal(message_decode(kept, &r->w.arena, &r->records[n - 1]), AVOW_OK);
  if (n <= r->records_n)
    return true;
  r->records_n = n;
  if (!r->silent_store)
    rig_greet(r, n + 1);
  return true;
}

void rig_take_records(struct rig *r, int timeout_ms) {
  while (take_record(r, timeout_ms))
    ;
}

struct message rig_record(void *rig, uint64_t number) {
  struct rig *r = rig;
  while (r->records_n < number)
    assert_true(take_record(r, WAIT_MS));
  return r->records[number - 1];
}

/* ---- registrar
 * ------------------------------------------------------------------------------------------------------- */

uint64_t rig_send(struct rig *r, const struct message *m) {
  struct message copy = *m;
  copy.request = channel_request_id(&r->registrar);
  send_ok(&r->registrar, &copy, -1);
  return copy.request;
}

bool rig_answer(struct rig *r, uint64_t request, int timeout_ms, struct signer_answer *out) {
  memset(out, 0, sizeof *out);
  avow_err e = channel_recv(&r->registrar, &r->in, timeout_ms);
  if (e == ERR_UNAVAILABLE)
    return false;
  assert_int_equal(e, AVOW_OK);
  assert_int_equal(r->in.m.request, request);
  if (r->in.m.type == MSG_journalled) {
    out->record = r->in.m.journalled.record;
    return true;
  }
  assert_int_equal(r->in.m.type, MSG_refused);
  out->problem = message_problem(&r->in.m.refused.problem);
  out->has_subproblem = r->in.m.refused.subproblems_n > 0;
  return true;
}

struct signer_answer rig_ask(void *rig, const struct message *m) {
  struct signer_answer a;
  assert_true(rig_answer(rig, rig_send(rig, m), WAIT_MS, &a));
  return a;
}

/* ---- journal
 * ------------------------------------------------------------------------------------------------------------ */

/* Calls `see` for each frame of the journal as it is now. */
static void each_frame(struct rig *r, void (*see)(void *context, const struct frame *f), void *context) {
  struct stat st;
  assert_int_equal(fstat(r->w.journal, &st), 0);
  struct slice all = slice_of(malloc((size_t)st.st_size), (size_t)st.st_size), left = all;
  assert_int_equal(pread(r->w.journal, (void *)(uintptr_t)all.p, all.n, 0), all.n);
  uint8_t chain[FRAME_CHAIN] = {0};
  while (left.n > 0) {
    struct frame f = {.offset = 0};
    assert_int_equal(frame_parse(left, chain, &f, NULL), FRAME_OK);
    see(context, &f);
    left = slice_skip(left, (size_t)frame_end(&f));
  }
  free((void *)(uintptr_t)all.p);
}

struct last {
  struct refusal refusal;
  bool is_last;
};

static void see_refusal(void *context, const struct frame *f) {
  struct last *last = context;
  last->is_last = f->type == FRAME_REFUSAL;
  if (last->is_last) {
    assert_int_equal(refusal_get(f->payload, &last->refusal, NULL), AVOW_OK);
    last->refusal.detail = SLICE_NONE;
  }
}

bool rig_refusal_is_last(struct rig *r, struct id128 job, avow_err e) {
  struct last last = {.is_last = false};
  each_frame(r, see_refusal, &last);
  return last.is_last && id_eq(last.refusal.job, job) && last.refusal.err == e;
}

struct counting {
  enum frame_type type;
  size_t n;
};

static void count_frame(void *context, const struct frame *f) {
  struct counting *c = context;
  c->n += f->type == c->type;
}

size_t rig_count(struct rig *r, enum frame_type type) {
  struct counting c = {.type = type};
  each_frame(r, count_frame, &c);
  return c.n;
}
