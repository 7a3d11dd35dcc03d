#include "http/server.h"

#include <signal.h>
#include <stdlib.h>

#include "http/inside.h"

static void on_wake(uv_async_t *wake);

/* ---- making and freeing -------------------------------------------------------------------------------------------
 */

static void *copy(const void *from, size_t n) {
  void *p = malloc(n ? n : 1);
  if (p && n)
    memcpy(p, from, n);
  return p;
}

static void or_default(int *value, int otherwise) {
  if (*value <= 0)
    *value = otherwise;
}

static void or_default_n(size_t *value, size_t otherwise) {
  if (*value == 0)
    *value = otherwise;
}

static bool config_take(struct server_config *mine, const struct server_config *given) {
  *mine = *given;
  or_default_n(&mine->workers, 1);
  or_default_n(&mine->loops, 1);
  or_default_n(&mine->queue_max, 256);
  or_default_n(&mine->connections_max, 4096);
  or_default_n(&mine->address_max, 256);
  or_default(&mine->handshake_ms, 10 * 1000);
  or_default(&mine->header_ms, 10 * 1000);
  or_default(&mine->body_ms, 20 * 1000);
  or_default(&mine->idle_ms, 60 * 1000);
  or_default(&mine->write_ms, 20 * 1000);
  or_default(&mine->drain_ms, 15 * 1000);
  mine->contexts = NULL; /* the pool has them */
  mine->tls_fds = copy(given->tls_fds, given->tls_n * sizeof *given->tls_fds);
  mine->plain_fds = copy(given->plain_fds, given->plain_n * sizeof *given->plain_fds);
  mine->routes = copy(given->routes, given->routes_n * sizeof *given->routes);
  return mine->tls_fds && mine->plain_fds && mine->routes;
}

static void wake_loop(void *user, size_t loop) {
  struct server *s = user;
  uv_async_send(&s->loops[loop].wake);
}

static avow_err loop_make(struct server *s, struct loop *loop, size_t index, struct problem *why) {
  loop->server = s;
  loop->index = index;
  loop->listeners = calloc(s->config.tls_n + s->config.plain_n + 1, sizeof *loop->listeners);
  if (!loop->listeners)
    return problem_set(why, ERR_NO_MEMORY, "no memory for the listeners");
  int r = uv_loop_init(&loop->uv);
  if (r != 0)
    return problem_set(why, ERR_IO, "cannot make an event loop: %s", uv_strerror(r));
  loop->uv.data = loop; /* says that it was made */
  uv_timer_init(&loop->uv, &loop->timer);
  r = uv_async_init(&loop->uv, &loop->wake, on_wake);
  if (r != 0)
    return problem_set(why, ERR_IO, "cannot make an event loop: %s", uv_strerror(r));
  loop->wake.data = loop;
  return listeners_open(loop, why);
}

static void close_handle(uv_handle_t *handle, void *user) {
  (void)user;
  if (!uv_is_closing(handle))
    uv_close(handle, NULL);
}

static void loop_free(struct loop *loop) {
  if (loop->uv.data) {
    uv_walk(&loop->uv, close_handle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_loop_close(&loop->uv);
  }
  while (loop->free) {
    struct work *w = loop->free;
    loop->free = w->next;
    work_free(w);
  }
  free(loop->listeners);
}

avow_err server_new(struct server **out, const struct server_config *config, struct problem *why) {
  struct server *s = calloc(1, sizeof *s);
  if (!s)
    return problem_set(why, ERR_NO_MEMORY, "no memory for the HTTP server");
  /* A client that goes away is an error of one write, not a signal. OpenSSL writes without MSG_NOSIGNAL. */
  signal(SIGPIPE, SIG_IGN);
  avow_err e = AVOW_OK;
  if (!config_take(&s->config, config) || !(s->loops = calloc(s->config.loops, sizeof *s->loops)) ||
      address_counts_new(&s->addresses, s->config.address_max) != AVOW_OK)
    e = problem_set(why, ERR_NO_MEMORY, "no memory for the HTTP server");
  if (!e)
    e = tls_new(&s->tls, why);
  if (!e)
    e =
      pool_new(&s->pool, s->config.workers, config->contexts, s->config.loops, s->config.queue_max, wake_loop, s, why);
  for (size_t i = 0; i < s->config.loops && !e; i++)
    e = loop_make(s, &s->loops[i], i, why);
  if (e) {
    server_free(s);
    return e;
  }
  *out = s;
  return AVOW_OK;
}

void server_free(struct server *s) {
  if (!s)
    return;
  for (size_t i = 0; s->loops && i < s->config.loops; i++)
    loop_free(&s->loops[i]);
  for (size_t i = 0; i < s->statics_n; i++)
    static_clear(&s->statics[i]);
  pool_free(s->pool);
  tls_free(s->tls);
  address_counts_free(s->addresses);
  free(s->loops);
  free(s->statics);
  free((int *)(uintptr_t)s->config.tls_fds);
  free((int *)(uintptr_t)s->config.plain_fds);
  free((struct http_route *)(uintptr_t)s->config.routes);
  free(s);
}

avow_err server_static(struct server *s, const char *path, unsigned flags, struct slice content, const char *media_type,
                       const char *headers, struct problem *why) {
  struct static_answer *statics = realloc(s->statics, (s->statics_n + 1) * sizeof *statics);
  if (!statics)
    return problem_set(why, ERR_NO_MEMORY, "no memory for the page %s", path);
  s->statics = statics;
  avow_err e = static_make(&statics[s->statics_n], path, flags, content, media_type, headers, why);
  s->statics_n += !e;
  return e;
}

avow_err server_set_chain(struct server *s, struct slice leaf, struct slice issuer, struct slice key_pem,
                          struct problem *why) {
  return tls_set_chain(s->tls, leaf, issuer, key_pem, why);
}

/* ---- running ------------------------------------------------------------------------------------------------------
 */

static void on_drain_over(uv_timer_t *timer) {
  struct loop *loop = timer->data;
  for (struct conn *c = loop->conns, *next; c; c = next) {
    next = c->next_conn;
    conn_abandon(c);
  }
}

static void drain(struct loop *loop) {
  loop_accept(loop, false);
  loop->draining = true;
  uv_timer_start(&loop->timer, on_drain_over, (uint64_t)loop->server->config.drain_ms, 0);
  for (struct conn *c = loop->conns, *next; c; c = next) {
    next = c->next_conn; /* connections are freed by later events only */
    conn_drain(c);
  }
  if (loop->conns_n == 0)
    uv_stop(&loop->uv);
}

static void on_wake(uv_async_t *wake) {
  struct loop *loop = wake->data;
  for (struct work *w = pool_take(loop->server->pool, loop->index), *next; w; w = next) {
    next = w->next;
    conn_worked(w->owner);
  }
  if (atomic_load(&loop->server->stopping) && !loop->draining)
    drain(loop);
}

static void *loop_main(void *argument) {
  struct loop *loop = argument;
  loop_accept(loop, true);
  uv_run(&loop->uv, UV_RUN_DEFAULT);
  return NULL;
}

avow_err server_run(struct server *s, struct problem *why) {
  if (atomic_exchange(&s->ran, true))
    return problem_set(why, ERR_USAGE, "a server runs once");
  avow_err e = pool_start(s->pool, why);
  if (e)
    return e;
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  size_t started = 1;
  while (started < s->config.loops && !e) {
    struct loop *loop = &s->loops[started];
    if (pthread_create(&loop->thread, NULL, loop_main, loop) != 0)
      e = problem_set(why, ERR_IO, "cannot start %zu event loops", s->config.loops);
    else
      started++;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (e)
    server_stop(s);
  else
    loop_main(&s->loops[0]);
  for (size_t i = 1; i < started; i++)
    pthread_join(s->loops[i].thread, NULL);
  pool_stop(s->pool);
  return e;
}

void server_stop(struct server *s) {
  atomic_store(&s->stopping, true);
  for (size_t i = 0; i < s->config.loops; i++)
    uv_async_send(&s->loops[i].wake);
}

void server_event(struct server *s, struct id128 id) {
  pool_event(s->pool, id);
}

struct server_counts server_counts(struct server *s) {
  return (struct server_counts){.connections = atomic_load(&s->connections),
                                .accepted = atomic_load(&s->accepted),
                                .refused = atomic_load(&s->refused),
                                .requests = atomic_load(&s->requests),
                                .overflowed = atomic_load(&s->overflowed),
                                .parked = pool_parked(s->pool)};
}
