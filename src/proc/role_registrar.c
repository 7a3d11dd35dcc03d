/* The loop of the registrar: three channels and the supervisor's, nothing else. */
#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "jobs/registrar.h"
#include "proc/sandbox.h"

/* A channel that a peer was ended by is renewed only with a process: one that stays away makes this role start anew. */
enum { POLL_MS = 250, STOP_MS = 5000, BATCH = 64, ALONE_MS = 10000 };

static const enum role peers[] = {ROLE_store, ROLE_validator, ROLE_signer};
enum { PEERS = sizeof peers / sizeof peers[0] };

/* Takes up to BATCH messages, so that one busy peer does not starve the others. */
static void drain(struct registrar *r, enum role role, struct inbox *in) {
  struct peer *p = registrar_peer(r, role);
  for (int i = 0; i < BATCH && p->ch.fd >= 0; i++) {
    avow_err e = channel_recv(&p->ch, in, 0);
    if (e == ERR_UNAVAILABLE)
      return;
    if (e != AVOW_OK) {
      if (e != ERR_PEER)
        log_event(LOG_ERROR, "registrar.peer_ended", L_TEXT(peer, role_text(role)), L_TEXT(error, err_name(e)));
      registrar_lose(r, role);
      return;
    }
    registrar_take(r, role, in);
  }
}

static void renew(struct role_context *ctx, struct registrar *r) {
  for (int i = 0; i < PEERS; i++) {
    int fd = role_channel_take(ctx, peers[i], 0, 0);
    if (fd >= 0)
      registrar_connect(r, peers[i], fd);
  }
}

static void wait_and_take(struct role_context *ctx, struct registrar *r, struct inbox *in) {
  struct pollfd fds[PEERS + 1];
  for (int i = 0; i < PEERS; i++) {
    struct peer *p = registrar_peer(r, peers[i]);
    fds[i] = (struct pollfd){.fd = p->ch.fd, .events = (short)(POLLIN | (outbox_waits(&p->out) ? POLLOUT : 0))};
  }
  fds[PEERS] = (struct pollfd){.fd = ctx->control.fd, .events = POLLIN};
  if (poll(fds, PEERS + 1, POLL_MS) <= 0)
    return;
  for (int i = 0; i < PEERS; i++) {
    struct peer *p = registrar_peer(r, peers[i]);
    if ((fds[i].revents & POLLOUT) && outbox_flush(&p->out, &p->ch) != AVOW_OK)
      registrar_lose(r, peers[i]);
    if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
      drain(r, peers[i], in);
  }
}

static bool is_connected(struct registrar *r) {
  for (int i = 0; i < PEERS; i++)
    if (registrar_peer(r, peers[i])->ch.fd < 0)
      return false;
  return true;
}

int role_registrar_main(struct role_context *ctx) {
  struct registrar r;
  registrar_init(&r, &ctx->config);
  struct inbox in;
  inbox_init(&in);
  struct problem why = {0};
  avow_err e = sandbox_enter(ctx, &why);
  if (e == AVOW_OK)
    e = role_ready(ctx);
  int64_t stop_at = 0, connected_at = clock_mono_ms();
  while (e == AVOW_OK) {
    renew(ctx, &r);
    if (is_connected(&r))
      connected_at = clock_mono_ms();
    else if (!ctx->stopping && clock_mono_ms() - connected_at > ALONE_MS)
      e = problem_set(&why, ERR_PEER, "a channel was not renewed for %d s", ALONE_MS / SECOND_MS);
    registrar_tick(&r, clock_mono_ms());
    wait_and_take(ctx, &r, &in);
    struct pollfd control = {.fd = ctx->control.fd, .events = POLLIN};
    if (poll(&control, 1, 0) > 0)
      e = role_control(ctx);
    if (ctx->stopping && stop_at == 0)
      stop_at = clock_mono_ms() + STOP_MS;
    if (ctx->stopping && (r.works_n == 0 || clock_mono_ms() >= stop_at))
      break;
  }
  if (e != AVOW_OK)
    log_event(LOG_ERROR, "registrar.end", L_TEXT(error, err_name(e)), L_TEXT(detail, why.detail));
  inbox_clear(&in);
  registrar_clear(&r);
  return e == AVOW_OK ? 0 : 1;
}
