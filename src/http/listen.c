#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "http/inside.h"

enum { ACCEPT_AT_ONCE = 64, PAUSE_MS = 100 };

static void on_listen(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer) {
  struct loop *loop = timer->data;
  loop_accept(loop, true);
}

void loop_accept(struct loop *loop, bool on) {
  if (loop->draining || loop->accepting == on)
    return;
  loop->accepting = on;
  for (size_t i = 0; i < loop->listeners_n; i++)
    if (on)
      uv_poll_start(&loop->listeners[i].poll, UV_READABLE, on_listen);
    else
      uv_poll_stop(&loop->listeners[i].poll);
  /* A closed connection ends the pause too, but it may be one of another loop. */
  if (on)
    uv_timer_stop(&loop->timer);
  else
    uv_timer_start(&loop->timer, on_pause_over, PAUSE_MS, 0);
}

static bool is_full(const struct server *s) {
  return atomic_load(&s->connections) >= s->config.connections_max;
}

static void admit(struct listener *listener, int fd, const struct sockaddr_storage *from) {
  struct server *s = listener->loop->server;
  struct personal_ip peer = address_of(from);
  atomic_fetch_add(&s->accepted, 1);
  if (!address_enter(s->addresses, &peer)) {
    atomic_fetch_add(&s->refused, 1);
    close(fd);
    return;
  }
  atomic_fetch_add(&s->connections, 1);
  conn_new(listener->loop, fd, listener->tls, peer);
}

static void on_listen(uv_poll_t *poll, int status, int events) {
  struct listener *listener = poll->data;
  (void)events;
  if (status < 0) {
    log_event(LOG_ERROR, "http.listen", L_TEXT(detail, "a listening socket has failed"));
    return;
  }
  for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
    if (is_full(listener->loop->server) && !listener->loop->idle_first) {
      loop_accept(listener->loop, false);
      return;
    }
    struct sockaddr_storage from = {0};
    socklen_t n = sizeof from;
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      /* The connection that has been idle for longest makes room. */
      if (is_full(listener->loop->server) && listener->loop->idle_first)
        conn_close(listener->loop->idle_first);
      admit(listener, fd, &from);
      continue;
    }
    bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (exhausted && listener->loop->idle_first) {
      conn_close(listener->loop->idle_first);
      continue;
    }
    if (exhausted) {
      log_event(LOG_WARN, "http.accept", L_TEXT(detail, "out of descriptors or memory; accepting pauses"));
      loop_accept(listener->loop, false);
      return;
    }
    if (errno == EAGAIN)
      return;
  }
}

static avow_err listener_open(struct loop *loop, struct listener *listener, int fd, bool tls, struct problem *why) {
  int r = uv_poll_init(&loop->uv, &listener->poll, fd); /* makes it non-blocking */
  if (r != 0)
    return problem_set(why, ERR_IO, "cannot listen: %s", uv_strerror(r));
  *listener = (struct listener){.poll = listener->poll, .loop = loop, .fd = fd, .tls = tls, .open = true};
  listener->poll.data = listener;
  return AVOW_OK;
}

avow_err listeners_open(struct loop *loop, struct problem *why) {
  const struct server_config *config = &loop->server->config;
  avow_err e = AVOW_OK;
  loop->timer.data = loop;
  for (size_t i = 0; i < config->tls_n + config->plain_n && !e; i++) {
    bool tls = i < config->tls_n;
    e = listener_open(loop, &loop->listeners[i], tls ? config->tls_fds[i] : config->plain_fds[i - config->tls_n], tls,
                      why);
    loop->listeners_n += !e;
  }
  return e;
}
