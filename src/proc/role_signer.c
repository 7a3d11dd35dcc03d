/* The signer's process: the registrar's requests in batches, the stream of records to the store, the supervisor; and no
   file but the journal. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/key.h"
#include "ipc/outbox.h"
#include "proc/role.h"
#include "proc/sandbox.h"
#include "sign/signer.h"

enum {
  SIGNER_ID = 1,
  TURN_MS = 1000,
  STOP_MS = 5000,      /* the longest that a stop waits for the peers */
  STOP_QUIET_MS = 200, /* a stopping signer that heard nothing for so long is done */
  WINDOW = 64,         /* records sent and not acknowledged */
  RESEND_MS = 3000,    /* without progress for so long, the store is sent all again from where it stands */
  FILE_MAX = 256 * 1024
};
static const char issuer_id[] = "I1";

struct peer {
  struct channel ch;
  struct outbox out;
};

struct process {
  struct role_context *ctx;
  struct seal_ring ring_signer, ring_validator;
  struct private_key *key;
  struct buf root, issuer, web_spki;
  struct key_list blocklist;
  struct signer *signer;
  struct peer registrar, store;
  bool store_known;        /* the store has said where it stands: before that nothing is signed */
  uint64_t acked, to_send; /* the store has all records below `acked`; `to_send` is the next to go out */
  struct inbox inboxes[SIGNER_BATCH_MAX];
  struct inbox store_in;
  struct buf record;
  struct arena lists;
  int64_t progress_ms; /* monotonic: when `acked` last rose, or sending began */
  int64_t heard_ms;    /* monotonic: when a peer last said something */
  avow_err end;        /* set when the process must end */
};

/* ---- starting -----------------------------------------------------------------------------------------------------
 */

static avow_err read_file(struct role_context *ctx, const char *name, struct buf *out, struct problem *why) {
  struct role_file *f = role_file(ctx, name, 0);
  buf_init(out, FILE_MAX);
  return f ? file_read_fd(f->fd, out, why) : problem_set(why, ERR_CONFIG, "%s: not given to this role", name);
}

static avow_err read_ring(struct role_context *ctx, const char *name, struct seal_ring *out, struct problem *why) {
  AUTO_BUF text;
  avow_err e = read_file(ctx, name, &text, why);
  if (e == AVOW_OK)
    e = seal_ring_parse(buf_slice(&text), (uint8_t)ctx->config.kind, out, why);
  secret_wipe(text.p, text.n);
  return e;
}

static avow_err read_key(struct process *p, struct problem *why) {
  AUTO_BUF text;
  avow_err e = read_file(p->ctx, "key.issuing.I1", &text, why);
  if (e == AVOW_OK)
    e = private_key_from_pem(buf_slice(&text), &p->key, why);
  secret_wipe(text.p, text.n);
  return e;
}

static avow_err prepare(struct process *p, struct problem *why) {
  struct role_context *ctx = p->ctx;
  struct role_file *journal = role_file(ctx, "journal", 0);
  if (!journal)
    return problem_set(why, ERR_CONFIG, "journal: not given to this role");
  avow_err e = read_ring(ctx, "ring.signer", &p->ring_signer, why);
  if (e == AVOW_OK)
    e = read_ring(ctx, "ring.validator", &p->ring_validator, why);
  if (e == AVOW_OK)
    e = read_key(p, why);
  if (e == AVOW_OK)
    e = read_file(ctx, "cert.root", &p->root, why);
  if (e == AVOW_OK)
    e = read_file(ctx, "cert.issuing.I1", &p->issuer, why);
  if (e == AVOW_OK)
    e = read_file(ctx, "spki.web", &p->web_spki, why);
  if (e == AVOW_OK)
    e = role_key_list(ctx, &p->blocklist, why);
  if (e != AVOW_OK)
    return e;
  struct signer_setup setup = {.config = &ctx->config,
                               .signer_id = SIGNER_ID,
                               .issuer_id = issuer_id,
                               .root_der = buf_slice(&p->root),
                               .issuer_der = buf_slice(&p->issuer),
                               .issuer_key = p->key,
                               .ring_signer = &p->ring_signer,
                               .ring_validator = &p->ring_validator,
                               .web_spki = buf_slice(&p->web_spki),
                               .blocklist = &p->blocklist,
                               .journal_fd = journal->fd};
  return signer_open(&setup, clock_now_ms(), &p->signer, why);
}

/* ---- peers ----------------------------------------------------------------------------------------------------------
 */

static void lose(struct peer *peer, avow_err e) {
  if (peer->ch.fd >= 0 && e != ERR_PEER && e != AVOW_OK)
    log_event(LOG_ERROR, "signer.peer_ended", L_TEXT(peer, role_text(peer->ch.peer)), L_TEXT(error, err_name(e)));
  channel_close(&peer->ch);
  outbox_clear(&peer->out);
}

static void renew(struct process *p, struct peer *peer, enum role role) {
  int fd = role_channel_take(p->ctx, role, 0, 0);
  if (fd < 0)
    return;
  lose(peer, AVOW_OK);
  /* Never blocked by one peer: what does not fit waits in the outbox. */
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    log_event(LOG_ERROR, "signer.channel", L_TEXT(peer, role_text(role)), L_TEXT(error, err_name(ERR_IO)));
  channel_init(&peer->ch, fd, ROLE_signer, role);
}

/* ---- the stream to the store
 * -------------------------------------------------------------------------------------------- */

static void take_position(struct process *p, uint64_t next) {
  uint64_t ours = signer_next_record(p->signer);
  if (next == 0 || next > ours) {
    /* The store holds records this journal never made: an old copy of the journal. Signing on would use numbers twice.
     */
    log_event(LOG_ERROR, "signer.journal_is_old", L_NUM(record, next), L_NUM(count, ours),
              L_TEXT(detail, "the store has records that this journal has not; restore the newer journal"));
    p->end = ERR_CONFIG;
    return;
  }
  bool fresh = p->store.ch.state == STATE_FRESH;
  if (fresh || next > p->acked)
    p->progress_ms = clock_mono_ms();
  p->store.ch.state = STATE_READY;
  p->store_known = true;
  /* A position behind what was acknowledged, or the first of a channel: the store wants them again. */
  if (fresh || next < p->acked)
    p->to_send = next;
  p->acked = next;
  if (p->to_send < next)
    p->to_send = next;
}

static void take_store(struct process *p) {
  while (p->store.ch.fd >= 0 && p->end == AVOW_OK) {
    avow_err e = channel_recv(&p->store.ch, &p->store_in, 0);
    if (e == ERR_UNAVAILABLE)
      return;
    p->heard_ms = clock_mono_ms();
    if (e == AVOW_OK && p->store_in.m.type == MSG_records_from)
      take_position(p, p->store_in.m.records_from.next);
    else
      lose(&p->store, e == AVOW_OK ? ERR_FORBIDDEN_MESSAGE : e);
  }
}

/* Sends what the window and the socket have room for. */
static void stream(struct process *p) {
  if (p->store.ch.fd < 0 || p->store.ch.state == STATE_FRESH)
    return;
  uint64_t next = signer_next_record(p->signer);
  int64_t now = clock_mono_ms();
  /* A store that undid a batch stays where it was: what it dropped is sent again, and what it has it ignores. */
  if (p->to_send == p->acked || now - p->progress_ms >= RESEND_MS) {
    p->to_send = p->acked;
    p->progress_ms = now;
  }
  while (p->to_send < next && p->to_send < p->acked + WINDOW && !outbox_waits(&p->store.out)) {
    struct message m;
    struct problem why = {0};
    avow_err e = signer_record(p->signer, p->to_send, &p->record, &p->lists, &m, &why);
    if (e != AVOW_OK) {
      log_event(LOG_ERROR, "signer.journal", L_NUM(record, p->to_send), L_TEXT(detail, problem_text(&why)));
      p->end = e;
      return;
    }
    e = outbox_send(&p->store.out, &p->store.ch, &m);
    if (e != AVOW_OK) {
      lose(&p->store, e);
      return;
    }
    p->to_send++;
  }
}

/* ---- the registrar's requests
 * --------------------------------------------------------------------------------------------- */

static void log_answer(const struct message *m, const struct signer_answer *a) {
  if (a->problem.err != AVOW_OK)
    log_event(LOG_WARN, "signer.refused", L_TEXT(message, message_text(m->type)),
              L_TEXT(error, err_name(a->problem.err)), L_TEXT(detail, problem_text(&a->problem)));
}

static void handle(struct process *p, const struct message *const *requests, size_t n) {
  struct signer_answer answers[SIGNER_BATCH_MAX];
  avow_err e = signer_handle_batch(p->signer, requests, n, clock_now_ms(), answers);
  if (e != AVOW_OK) {
    log_event(LOG_ERROR, "signer.journal", L_TEXT(error, err_name(e)));
    p->end = e;
    return;
  }
  for (size_t i = 0; i < n && p->registrar.ch.fd >= 0; i++) {
    log_answer(requests[i], &answers[i]);
    struct message m = signer_answer_message(&answers[i], requests[i]->request);
    e = outbox_send(&p->registrar.out, &p->registrar.ch, &m);
    if (e != AVOW_OK)
      lose(&p->registrar, e);
  }
}

/* All that can be read now, as one batch. What was received before the registrar went away is still carried out: it is
   durable work that would only come again. */
static void take_registrar(struct process *p) {
  const struct message *requests[SIGNER_BATCH_MAX];
  size_t n = 0;
  while (n < SIGNER_BATCH_MAX && p->registrar.ch.fd >= 0) {
    struct inbox *in = &p->inboxes[n];
    avow_err e = channel_recv(&p->registrar.ch, in, 0);
    if (e == ERR_UNAVAILABLE)
      break;
    p->heard_ms = clock_mono_ms();
    if (e != AVOW_OK)
      lose(&p->registrar, e);
    else if (in->m.type == MSG_signer_hello)
      p->registrar.ch.state = STATE_READY;
    else
      requests[n++] = &in->m;
  }
  if (n > 0)
    handle(p, requests, n);
}

/* ---- the loop
 * ---------------------------------------------------------------------------------------------------------------- */

static void flush(struct peer *peer) {
  avow_err e = outbox_flush(&peer->out, &peer->ch);
  if (e != AVOW_OK)
    lose(peer, e);
}

static void turn(struct process *p, int timeout_ms) {
  enum { CONTROL, REGISTRAR, STORE, FDS };
  /* New requests wait while answers do, and until the store has said where it stands. */
  bool listen = p->store_known && !outbox_waits(&p->registrar.out);
  struct pollfd fds[FDS] = {
    [CONTROL] = {.fd = p->ctx->control.fd, .events = POLLIN},
    [REGISTRAR] = {.fd = p->registrar.ch.fd,
                   .events = (short)((listen ? POLLIN : 0) | (outbox_waits(&p->registrar.out) ? POLLOUT : 0))},
    [STORE] = {.fd = p->store.ch.fd, .events = (short)(POLLIN | (outbox_waits(&p->store.out) ? POLLOUT : 0))}};
  if (fds[REGISTRAR].events == 0)
    fds[REGISTRAR].fd = -1; /* poll() would report its end again and again */
  if (poll(fds, FDS, timeout_ms) <= 0)
    return;
  if (fds[REGISTRAR].revents & POLLOUT)
    flush(&p->registrar);
  if (fds[STORE].revents & POLLOUT)
    flush(&p->store);
  if (fds[STORE].revents & (POLLIN | POLLHUP | POLLERR))
    take_store(p);
  if (fds[REGISTRAR].revents & (POLLIN | POLLHUP | POLLERR) && listen && p->end == AVOW_OK)
    take_registrar(p);
  if (fds[CONTROL].revents && p->end == AVOW_OK)
    p->end = role_control(p->ctx);
}

static bool idle(const struct process *p) {
  return !outbox_waits(&p->registrar.out) && !outbox_waits(&p->store.out) &&
         (p->store.ch.fd < 0 || p->acked == signer_next_record(p->signer));
}

static void run(struct process *p) {
  int64_t stop_at = 0;
  while (p->end == AVOW_OK) {
    renew(p, &p->registrar, ROLE_registrar);
    renew(p, &p->store, ROLE_store);
    stream(p);
    if (p->end != AVOW_OK)
      return;
    turn(p, p->ctx->stopping ? STOP_QUIET_MS / 4 : TURN_MS);
    if (!p->ctx->stopping)
      continue;
    int64_t now = clock_mono_ms();
    if (stop_at == 0)
      stop_at = now + STOP_MS;
    if (now >= stop_at || (idle(p) && now - p->heard_ms >= STOP_QUIET_MS))
      return;
  }
}

static void start(struct process *p, struct role_context *ctx) {
  p->ctx = ctx;
  p->acked = p->to_send = 1;
  p->heard_ms = clock_mono_ms();
  channel_init(&p->registrar.ch, -1, ROLE_signer, ROLE_registrar);
  channel_init(&p->store.ch, -1, ROLE_signer, ROLE_store);
  for (size_t i = 0; i < SIGNER_BATCH_MAX; i++)
    inbox_init(&p->inboxes[i]);
  inbox_init(&p->store_in);
  buf_init(&p->record, MESSAGE_MAX);
  arena_init(&p->lists, 1024 * 1024);
}

static void finish(struct process *p) {
  lose(&p->registrar, AVOW_OK);
  lose(&p->store, AVOW_OK);
  signer_free(p->signer);
  private_key_free(p->key);
  seal_ring_clear(&p->ring_signer);
  seal_ring_clear(&p->ring_validator);
  for (size_t i = 0; i < SIGNER_BATCH_MAX; i++)
    inbox_clear(&p->inboxes[i]);
  inbox_clear(&p->store_in);
  buf_clear(&p->record);
  buf_clear(&p->root);
  buf_clear(&p->issuer);
  buf_clear(&p->web_spki);
  key_list_clear(&p->blocklist);
  arena_clear(&p->lists);
  free(p);
}

int role_signer_main(struct role_context *ctx) {
  struct process *p = calloc(1, sizeof *p);
  if (!p)
    return 1;
  start(p, ctx);
  struct problem why = {0};
  avow_err e = prepare(p, &why);
  if (e == AVOW_OK)
    e = sandbox_enter(ctx, &why);
  if (e == AVOW_OK)
    e = role_ready(ctx);
  if (e != AVOW_OK)
    log_event(LOG_ERROR, "signer.start", L_TEXT(error, err_name(e)), L_TEXT(detail, problem_text(&why)));
  else
    run(p);
  if (e == AVOW_OK)
    e = p->end;
  if (e == ERR_PEER)
    e = ctx->stopping ? AVOW_OK : ERR_PEER;
  finish(p);
  return e == AVOW_OK ? 0 : 1;
}
