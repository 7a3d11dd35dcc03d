/* The loop of the keeper: so far it writes what the store publishes below published/. It listens to nobody else. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "proc/sandbox.h"
#include "status/publish.h"

enum { POLL_MS = 1000, AGAIN_MS = 1000 };

struct keeper {
  struct role_context *ctx;
  struct channel store;
  struct inbox in;
  int published_fd;
  int64_t retry_at; /* the message in `in` could not be written yet; 0: none waits */
};

static void lose_store(struct keeper *k, avow_err e) {
  if (e != ERR_PEER)
    log_event(LOG_ERROR, "keeper.store_ended", L_TEXT(error, err_name(e)));
  channel_close(&k->store);
}

static void connect_store(struct keeper *k, int fd) {
  channel_close(&k->store);
  k->retry_at = 0; /* the store offers it again after this hello */
  channel_init(&k->store, fd, ROLE_keeper, ROLE_store);
  k->store.state = STATE_READY;
  struct message hello = {.type = MSG_keeper_hello, .request = channel_request_id(&k->store)};
  avow_err e = channel_send(&k->store, &hello, -1);
  if (e != AVOW_OK)
    lose_store(k, e);
}

/* A disk that is full now may not be so in a second: the file is kept and tried again, and the store waits. What may
   never be published is dropped. */
static void publish(struct keeper *k) {
  const struct msg_publish *m = &k->in.m.publish;
  struct problem why = {0};
  avow_err e = publish_file(k->published_fd, m->path, m->content, &why);
  k->retry_at = 0;
  if (e != AVOW_OK) {
    log_event(LOG_ERROR, "keeper.publish_failed", L_SLICE(file, m->path), L_TEXT(error, err_name(e)),
              L_TEXT(detail, why.detail));
    if (e != ERR_MALFORMED)
      k->retry_at = clock_mono_ms() + AGAIN_MS;
    return;
  }
  log_event(LOG_INFO, "keeper.published", L_SLICE(file, m->path), L_NUM(bytes, m->content.n));
  struct message done = {.type = MSG_published,
                         .request = channel_request_id(&k->store),
                         .published = {.path = m->path, .version = m->version}};
  e = channel_send(&k->store, &done, -1);
  if (e != AVOW_OK)
    lose_store(k, e);
}

static void receive(struct keeper *k) {
  avow_err e = channel_recv(&k->store, &k->in, 0);
  if (e == AVOW_OK && k->in.m.type == MSG_publish)
    publish(k);
  else if (e != AVOW_OK && e != ERR_UNAVAILABLE)
    lose_store(k, e);
}

static avow_err loop(struct keeper *k) {
  while (!k->ctx->stopping) {
    int fd = role_channel_take(k->ctx, ROLE_store, 0, 0);
    if (fd >= 0)
      connect_store(k, fd);
    bool waits = k->retry_at != 0;
    struct pollfd fds[2] = {{.fd = k->ctx->control.fd, .events = POLLIN},
                            {.fd = waits ? -1 : k->store.fd, .events = POLLIN}};
    if (poll(fds, 2, waits ? AGAIN_MS : POLL_MS) < 0 && errno != EINTR)
      return ERR_IO;
    avow_err e = fds[0].revents ? role_control(k->ctx) : AVOW_OK;
    if (e != AVOW_OK)
      return e;
    if (waits && clock_mono_ms() >= k->retry_at)
      publish(k);
    else if (fds[1].revents)
      receive(k);
  }
  return AVOW_OK;
}

int role_keeper_main(struct role_context *ctx) {
  struct problem why = {0};
  struct keeper k = {.ctx = ctx, .store = {.fd = -1}, .published_fd = -1};
  inbox_init(&k.in);
  const struct role_file *published = role_file(ctx, "published", 0);
  avow_err e = published ? AVOW_OK : problem_set(&why, ERR_CONFIG, "the folder published/ was not passed");
  if (e == AVOW_OK) {
    k.published_fd = published->fd;
    e = sandbox_enter(ctx, &why);
  }
  if (e == AVOW_OK)
    e = role_ready(ctx);
  if (e == AVOW_OK)
    e = loop(&k);
  if (e != AVOW_OK && e != ERR_PEER)
    log_event(LOG_ERROR, "keeper.end", L_TEXT(error, err_name(e)), L_TEXT(detail, why.detail));
  channel_close(&k.store);
  inbox_clear(&k.in);
  return e == AVOW_OK || e == ERR_PEER ? 0 : 1;
}
