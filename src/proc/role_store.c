/* The loop of the store: every readable channel is drained, reads are answered at once, all writes go into one
   transaction with one commit, then everybody is answered. The longer the commit takes, the more the next one carries:
   group commit without a timer. Nothing here blocks on a peer: what a socket has no room for waits in the peer's
   outbox. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/outbox.h"
#include "proc/sandbox.h"
#include "store/store.h"

enum {
  BATCH = 64,                        /* messages of one round */
  ANSWERS_ARENA = 256 * 1024 * 1024, /* more than the largest CRL */
  SLOT_MAX = 1024 * 1024,            /* memory that a slot or the answers keep between rounds */
  EVENTS_WAITING = 1024 * 1024,      /* bytes of events kept for a front that does not read; more are dropped */
  GATHER = 4,                        /* times that others go first before a commit */
  POLL_MS = 1000,
  TIDY_MS = 60 * 1000,
  AGAIN_MS = 1000
};

struct store_peer {
  struct channel ch;
  struct outbox out;
  uint16_t index;
};

/* A write of this round. */
struct pending {
  struct inbox in;
  size_t peer;
  struct message answer;
};

struct store_role {
  struct role_context *ctx;
  struct store *store;
  struct store_peer peers[ROLE_CHANNELS_MAX];
  size_t peers_n;
  struct pending batch[BATCH];
  size_t batch_n;
  struct arena answers;
  size_t credit; /* of the registrar; 0 before its hello */
  bool keeper_up, publish_due;
  uint64_t keeper_sent; /* the version sent last over this channel */
  int64_t tokens_asked_at, tidied_at;
  int64_t records_at; /* when to tell the signer again where the stream stands, after a failure; 0: not */
};

/* A large message (a CRL) must not leave its memory behind. */
static void forget_answers(struct store_role *r) {
  if (r->answers.used > SLOT_MAX)
    arena_clear(&r->answers);
  else
    arena_reset(&r->answers);
}

/* ---- peers ---------------------------------------------------------------------------------------------- */

static struct store_peer *peer_of(struct store_role *r, enum role role) {
  for (size_t i = 0; i < r->peers_n; i++)
    if (r->peers[i].ch.peer == role && r->peers[i].index == 0)
      return r->peers[i].ch.fd >= 0 ? &r->peers[i] : NULL;
  return NULL;
}

static void lose(struct store_role *r, struct store_peer *p, avow_err e) {
  if (p->ch.fd < 0)
    return;
  if (e != ERR_PEER)
    log_event(LOG_ERROR, "store.peer_ended", L_TEXT(peer, role_text(p->ch.peer)), L_TEXT(error, err_name(e)));
  channel_close(&p->ch);
  outbox_clear(&p->out);
  if (p->ch.peer == ROLE_registrar) {
    r->credit = 0;
    store_jobs_release(r->store);
  } else if (p->ch.peer == ROLE_keeper) {
    r->keeper_up = false;
  }
}

static void send_to(struct store_role *r, struct store_peer *p, const struct message *m) {
  if (p->ch.fd < 0)
    return;
  avow_err e = outbox_send(&p->out, &p->ch, m);
  if (e != AVOW_OK)
    lose(r, p, e);
}

static void send_records_from(struct store_role *r) {
  struct store_peer *signer = peer_of(r, ROLE_signer);
  r->records_at = 0;
  if (!signer)
    return;
  struct message m = {.type = MSG_records_from, .records_from = {.next = store_next_record(r->store)}};
  send_to(r, signer, &m);
}

/* A new channel, or the renewed one of a peer that died. */
static void connect_peer(struct store_role *r, enum role role, uint16_t index, int fd) {
  struct store_peer *p = NULL;
  for (size_t i = 0; i < r->peers_n && !p; i++)
    if (r->peers[i].ch.peer == role && r->peers[i].index == index)
      p = &r->peers[i];
  if (!p && r->peers_n < ROLE_CHANNELS_MAX)
    p = &r->peers[r->peers_n++];
  if (!p) {
    close(fd);
    return;
  }
  if (p->ch.peer)
    lose(r, p, ERR_PEER);
  channel_init(&p->ch, fd, ROLE_store, role);
  p->index = index;
  p->out = (struct outbox){0};
  if (role == ROLE_signer) {
    /* The signer says no hello: it is told where its stream stands and replays from there. */
    p->ch.state = STATE_READY;
    send_records_from(r);
  }
}

static void renew(struct store_role *r) {
  struct role_context *ctx = r->ctx;
  for (size_t i = 0;; i++) {
    pthread_mutex_lock(&ctx->lock);
    bool more = i < ctx->channels_n;
    enum role role = more ? ctx->channels[i].peer : ROLE_none;
    uint16_t index = more ? ctx->channels[i].index : 0;
    pthread_mutex_unlock(&ctx->lock);
    if (!more)
      return;
    int fd = role_channel_take(ctx, role, index, 0);
    if (fd >= 0)
      connect_peer(r, role, index, fd);
  }
}

/* ---- taking messages ---------------------------------------------------------------------------------------- */

/* The hellos that concern the channel only. True when the message was one. */
static bool take_hello(struct store_role *r, struct store_peer *p, const struct message *m) {
  switch ((int)m->type) {
  case MSG_registrar_hello:
    r->credit = m->registrar_hello.credit;
    r->tokens_asked_at = 0;
    store_jobs_release(r->store);
    break;
  case MSG_keeper_hello:
    r->keeper_up = r->publish_due = true;
    r->keeper_sent = 0;
    break;
  case MSG_admin_hello:
    break;
  default:
    return false;
  }
  p->ch.state = STATE_READY;
  return true;
}

static void read_now(struct store_role *r, struct store_peer *p, const struct inbox *in) {
  struct message answer;
  if (in->m.type == MSG_front_hello && in->m.front_hello.index == p->index)
    p->ch.state = STATE_READY;
  store_read(r->store, &in->m, clock_now_ms(), &r->answers, &answer);
  if (answer.type != MSG_none && (store_answers(in->m.type)))
    send_to(r, p, &answer);
  forget_answers(r);
}

/* Takes what `p` has to say while the batch has room; not more at once, so that one that never stops asking does not
   keep the others waiting. */
static void drain(struct store_role *r, size_t at) {
  struct store_peer *p = &r->peers[at];
  for (int i = 0; i < BATCH && r->batch_n < BATCH && p->ch.fd >= 0; i++) {
    struct pending *next = &r->batch[r->batch_n];
    avow_err e = channel_recv(&p->ch, &next->in, 0);
    if (e == ERR_UNAVAILABLE)
      return;
    if (e != AVOW_OK)
      lose(r, p, e);
    else if (store_writes(next->in.m.type)) {
      next->peer = at;
      r->batch_n++;
    } else if (!take_hello(r, p, &next->in.m)) {
      read_now(r, p, &next->in);
    }
  }
}

/* ---- the batch ------------------------------------------------------------------------------------------------ */

static void send_event(struct store_role *r, const struct message *m) {
  struct store_peer *front = peer_of(r, ROLE_front);
  /* An event only shortens a wait: a front that does not take them loses nothing but time. */
  if (front && front->ch.state != STATE_FRESH && front->out.bytes < EVENTS_WAITING)
    send_to(r, front, m);
}

static void send_effects(struct store_role *r) {
  size_t n;
  bool records = false;
  const struct effect *effects = store_effects(r->store, &n);
  for (size_t i = 0; i < n; i++) {
    struct message m = {.type = MSG_none};
    if (effects[i].kind == EFFECT_CHANGED)
      m = (struct message){.type = MSG_event_changed, .event_changed = {.id = effects[i].id}};
    else if (effects[i].kind == EFFECT_WEB_CHAIN)
      m.type = MSG_event_web_chain;
    records |= effects[i].kind == EFFECT_RECORDS;
    r->publish_due |= effects[i].kind == EFFECT_PUBLISH;
    if (m.type != MSG_none)
      send_event(r, &m);
  }
  if (records)
    send_records_from(r);
}

static void answer_all(struct store_role *r, avow_err failed) {
  for (size_t i = 0; i < r->batch_n; i++) {
    struct pending *p = &r->batch[i];
    struct store_peer *peer = &r->peers[p->peer];
    if (failed != AVOW_OK)
      p->answer = message_refused(p->in.m.request, failed, "the database could not store this");
    if (store_answers(p->in.m.type))
      send_to(r, peer, &p->answer);
    else if (p->answer.type == MSG_refused && peer->ch.peer == ROLE_signer)
      r->records_at = clock_mono_ms() + AGAIN_MS;
  }
}

static void run_batch(struct store_role *r) {
  if (r->batch_n == 0)
    return;
  int64_t now_ms = clock_now_ms();
  avow_err e = store_batch_begin(r->store);
  for (size_t i = 0; i < r->batch_n && e == AVOW_OK; i++)
    store_write(r->store, &r->batch[i].in.m, now_ms, &r->answers, &r->batch[i].answer);
  if (e == AVOW_OK)
    e = store_batch_commit(r->store);
  if (e != AVOW_OK)
    log_event(LOG_ERROR, "store.commit_failed", L_TEXT(error, err_name(e)), L_NUM(count, r->batch_n));
  answer_all(r, e);
  if (e == AVOW_OK)
    send_effects(r);
  for (size_t i = 0; i < r->batch_n; i++)
    if (r->batch[i].in.bytes.room > SLOT_MAX) {
      inbox_clear(&r->batch[i].in);
      inbox_init(&r->batch[i].in);
    }
  r->batch_n = 0;
  forget_answers(r);
}

/* ---- what the store says unasked -----------------------------------------------------------------------------------
 */

static void offer_jobs(struct store_role *r) {
  struct store_peer *registrar = peer_of(r, ROLE_registrar);
  if (r->ctx->stopping)
    return;
  while (registrar && registrar->ch.fd >= 0 && store_jobs_offered(r->store) < r->credit &&
         !outbox_waits(&registrar->out)) {
    struct message m;
    bool due = store_job_offer(r->store, clock_now_ms(), &r->answers, &m);
    if (due)
      send_to(r, registrar, &m);
    forget_answers(r);
    if (!due)
      return;
  }
}

static void ask_tokens(struct store_role *r) {
  struct store_peer *registrar = peer_of(r, ROLE_registrar);
  uint16_t count = store_tokens_wanted(r->store, clock_now_ms());
  int64_t mono = clock_mono_ms();
  if (!registrar || r->credit == 0 || count == 0 || (r->tokens_asked_at && mono < r->tokens_asked_at + AGAIN_MS))
    return;
  r->tokens_asked_at = mono;
  struct message m = {.type = MSG_tokens_wanted, .tokens_wanted = {.count = count}};
  send_to(r, registrar, &m);
}

/* One file after the other: the next is read when the last has left for the keeper. */
static void publish(struct store_role *r) {
  struct store_peer *keeper = peer_of(r, ROLE_keeper);
  while (keeper && keeper->ch.fd >= 0 && r->keeper_up && r->publish_due && !outbox_waits(&keeper->out)) {
    struct message m;
    r->publish_due = store_publication(r->store, r->keeper_sent, &r->answers, &m);
    if (r->publish_due) {
      r->keeper_sent = m.publish.version;
      send_to(r, keeper, &m);
    }
    forget_answers(r);
  }
}

static void tidy(struct store_role *r) {
  int64_t mono = clock_mono_ms();
  if (mono < r->tidied_at + TIDY_MS)
    return;
  r->tidied_at = mono;
  avow_err e = store_tidy(r->store, clock_now_ms());
  if (e != AVOW_OK)
    log_event(LOG_ERROR, "store.tidy_failed", L_TEXT(error, err_name(e)));
}

/* ---- the loop
 * -------------------------------------------------------------------------------------------------------- */

static int wait_ms(const struct store_role *r) {
  if (r->credit == 0 || store_jobs_offered(r->store) >= r->credit)
    return POLL_MS;
  int64_t due = store_jobs_due(r->store), now_ms = clock_now_ms();
  if (due >= now_ms + POLL_MS)
    return POLL_MS;
  return due > now_ms ? (int)(due - now_ms) : 1;
}

/* True when some peer had something to say. */
static bool wait_and_drain(struct store_role *r, int timeout_ms, avow_err *e) {
  struct pollfd fds[ROLE_CHANNELS_MAX + 1];
  size_t n = r->peers_n;
  bool said = false;
  for (size_t i = 0; i < n; i++)
    fds[i] = (struct pollfd){.fd = r->peers[i].ch.fd,
                             .events = (short)(POLLIN | (outbox_waits(&r->peers[i].out) ? POLLOUT : 0))};
  fds[n] = (struct pollfd){.fd = r->ctx->control.fd, .events = POLLIN};
  if (poll(fds, n + 1, timeout_ms) <= 0)
    return false;
  for (size_t i = 0; i < n; i++) {
    struct store_peer *p = &r->peers[i];
    avow_err sent = (fds[i].revents & POLLOUT) ? outbox_flush(&p->out, &p->ch) : AVOW_OK;
    if (sent != AVOW_OK)
      lose(r, p, sent);
    if (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) {
      said = true;
      drain(r, i);
    }
  }
  if (fds[n].revents)
    *e = role_control(r->ctx);
  return said;
}

/* A commit costs the same for one write and for many: whoever is ready to run and about to send one gets the processor
   first. With nobody ready this is two system calls. */
static void gather(struct store_role *r, avow_err *e) {
  for (int i = 0; i < GATHER && r->batch_n > 0 && r->batch_n < BATCH && *e == AVOW_OK; i++) {
    sched_yield();
    if (!wait_and_drain(r, 0, e))
      return;
  }
}

static avow_err loop(struct store_role *r) {
  avow_err e = AVOW_OK;
  while (e == AVOW_OK) {
    renew(r);
    /* Who asks has been stopped before the store: what is readable now is the last. */
    bool last = r->ctx->stopping;
    bool said = wait_and_drain(r, last ? 0 : wait_ms(r), &e);
    gather(r, &e);
    run_batch(r);
    if (last && !said)
      return AVOW_OK;
    offer_jobs(r);
    ask_tokens(r);
    publish(r);
    tidy(r);
    if (r->records_at && clock_mono_ms() >= r->records_at)
      send_records_from(r);
  }
  return e;
}

/* The database lies in a folder that this user may be unable to reach by its path: the store enters it by its
   descriptor and opens the file by its bare name. */
static avow_err open_store(struct store_role *r, struct problem *why) {
  const struct config *config = &r->ctx->config;
  const struct role_file *db = role_file(r->ctx, "db", 0);
  struct store_options options = {.path = config->memory ? ":memory:" : "avow.sqlite",
                                  .profiles = config->profiles,
                                  .profiles_n = config->profiles_n,
                                  .reuse_percent = config->kind == KIND_TEST ? config->reuse_authz : 100};
  if (!config->memory && (!db || fchdir(db->fd) != 0))
    return problem_set(why, ERR_DATABASE, "cannot enter the database's folder: %s",
                       db ? strerror(errno) : "it was not passed");
  return store_open(&options, clock_now_ms(), &r->store, why);
}

int role_store_main(struct role_context *ctx) {
  struct store_role *r = calloc(1, sizeof *r);
  if (!r)
    return 1;
  struct problem why = {0};
  r->ctx = ctx;
  arena_init(&r->answers, ANSWERS_ARENA);
  for (size_t i = 0; i < BATCH; i++)
    inbox_init(&r->batch[i].in);
  avow_err e = open_store(r, &why);
  if (e == AVOW_OK)
    e = sandbox_enter(ctx, &why);
  if (e == AVOW_OK)
    e = role_ready(ctx);
  if (e == AVOW_OK)
    e = loop(r);
  if (e != AVOW_OK && e != ERR_PEER)
    log_event(LOG_ERROR, "store.end", L_TEXT(error, err_name(e)), L_TEXT(detail, why.detail));
  for (size_t i = 0; i < r->peers_n; i++) {
    channel_close(&r->peers[i].ch);
    outbox_clear(&r->peers[i].out);
  }
  for (size_t i = 0; i < BATCH; i++)
    inbox_clear(&r->batch[i].in);
  store_close(r->store);
  arena_clear(&r->answers);
  free(r);
  return e == AVOW_OK || e == ERR_PEER ? 0 : 1;
}
