#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "http/inside.h"

/* ---- events and time ----------------------------------------------------------------------------------------------
 */

static void conn_run(struct conn *c);
static void on_poll(uv_poll_t *poll, int status, int events);

void conn_poll(struct conn *c, int events) {
  if (c->polled == events)
    return;
  c->polled = events;
  if (events)
    uv_poll_start(&c->poll, events, on_poll);
  else
    uv_poll_stop(&c->poll);
}

static void on_timer(uv_timer_t *timer);

/* The timer is moved only when it would be late; one that comes early is set again. So a busy connection hardly touches
 * it. */
static void conn_deadline(struct conn *c, int64_t ms) {
  uint64_t now = uv_now(&c->loop->uv), in = ms > 0 ? (uint64_t)ms : 1;
  c->deadline = now + in;
  if (!uv_is_active((uv_handle_t *)&c->timer) || uv_timer_get_due_in(&c->timer) > in)
    uv_timer_start(&c->timer, on_timer, in, 0);
}

static void idle_enter(struct conn *c) {
  struct loop *loop = c->loop;
  c->in_idle = true;
  c->idle_before = loop->idle_last;
  c->idle_after = NULL;
  *(loop->idle_last ? &loop->idle_last->idle_after : &loop->idle_first) = c;
  loop->idle_last = c;
}

static void idle_leave(struct conn *c) {
  if (!c->in_idle)
    return;
  struct loop *loop = c->loop;
  c->in_idle = false;
  *(c->idle_before ? &c->idle_before->idle_after : &loop->idle_first) = c->idle_after;
  *(c->idle_after ? &c->idle_after->idle_before : &loop->idle_last) = c->idle_before;
}

/* ---- end ----------------------------------------------------------------------------------------------------------
 */

static void conn_free_if_done(struct conn *c) {
  if (c->handles > 0 || c->work)
    return;
  struct loop *loop = c->loop;
  *c->at_conn = c->next_conn;
  if (c->next_conn)
    c->next_conn->at_conn = c->at_conn;
  buf_clear(&c->rest);
  free(c);
  if (--loop->conns_n == 0 && loop->draining)
    uv_stop(&loop->uv);
}

static void on_closed(uv_handle_t *handle) {
  struct conn *c = handle->data;
  c->handles--;
  conn_free_if_done(c);
}

void conn_close(struct conn *c) {
  if (c->state == CONN_CLOSED)
    return;
  bool busy = c->state == CONN_BUSY;
  c->state = CONN_CLOSED;
  idle_leave(c);
  if (c->work && !busy) {
    work_put(c->loop, c->work);
    c->work = NULL;
  }
  if (c->ssl)
    SSL_free(c->ssl);
  c->ssl = NULL;
  uv_close((uv_handle_t *)&c->poll, on_closed); /* takes the descriptor out of the loop at once */
  uv_close((uv_handle_t *)&c->timer, on_closed);
  fd_close(&c->fd);
  fd_close(&c->file);
  address_leave(c->loop->server->addresses, &c->peer);
  atomic_fetch_sub(&c->loop->server->connections, 1);
  loop_accept(c->loop, true);
}

/* Says that nothing follows, and waits for the client to say the same (RFC 9112, 9.6): closing with unread bytes would
   make the kernel reset the connection, and the client might never see the answer. */
static void linger_begin(struct conn *c) {
  wire_end(c);
  c->state = CONN_LINGER;
  conn_deadline(c, HTTP_LINGER_MS);
}

static void linger(struct conn *c) {
  for (int i = 0; i < HTTP_TURNS; i++) {
    ssize_t n = recv(c->fd, c->loop->input, sizeof c->loop->input, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      break;
    c->lingered += n > 0 ? (size_t)n : 0;
    if (n <= 0 || c->lingered > HTTP_LINGER_MAX) {
      conn_close(c);
      return;
    }
  }
  conn_poll(c, UV_READABLE);
}

/* ---- requests -----------------------------------------------------------------------------------------------------
 */

static bool handshake(struct conn *c) {
  if (!wire_handshake(c))
    return false;
  c->state = CONN_READ;
  idle_enter(c);
  conn_deadline(c, c->loop->server->config.header_ms);
  return true;
}

static void answer_ready(struct conn *c) {
  c->state = CONN_WRITE;
  conn_deadline(c, c->loop->server->config.write_ms);
}

/* RFC 9110, 10.1.1. When the socket takes no 25 bytes, the client has not read its former answers: it may wait. */
static void send_continue(struct conn *c) {
  struct slice text = SLICE_LIT("HTTP/1.1 100 Continue\r\n\r\n");
  size_t sent = 0;
  if (!wire_send(c, text, &sent) || sent < text.n)
    conn_close(c);
}

/* The head is complete: false when the request needs no more bytes. */
static bool head_complete(struct conn *c, struct slice rest) {
  answer_find(c);
  if (answer_head(c)) {
    answer_ready(c);
    return false;
  }
  if (c->work->parser.has_content)
    conn_deadline(c, c->loop->server->config.body_ms);
  if (c->work->parser.expect_continue && rest.n == 0)
    send_continue(c);
  return c->state == CONN_READ;
}

static void parse(struct conn *c, struct slice *in) {
  struct work *w = c->work;
  for (;;) {
    switch (http_parser_feed(&w->parser, in)) {
    case HTTP_PARSE_MORE:
      return;
    case HTTP_PARSE_HEAD:
      if (!head_complete(c, *in))
        return;
      break;
    case HTTP_PARSE_DONE:
      /* The state first: a worker may be done before answer_request returns, but only this thread looks. */
      c->state = CONN_BUSY;
      c->deadline = 0;
      if (answer_request(c))
        answer_ready(c);
      return;
    case HTTP_PARSE_BAD:
      if (w->parser.named)
        answer_find(c); /* for the form of the answer */
      answer_bad(c, w->parser.status, w->parser.why);
      answer_ready(c);
      return;
    }
  }
}

static bool request_begin(struct conn *c) {
  c->work = work_get(c->loop);
  if (!c->work) {
    conn_close(c);
    return false;
  }
  c->work->began_us = (int64_t)(uv_hrtime() / 1000);
  c->work->owner = c;
  idle_leave(c);
  conn_deadline(c, c->loop->server->config.header_ms);
  return true;
}

/* One read, or what an earlier one left; false when the connection waits. */
static bool read_request(struct conn *c) {
  bool kept = c->rest.n > 0;
  struct slice in = buf_slice(&c->rest);
  if (!kept && !c->readable && !(c->ssl && SSL_has_pending(c->ssl))) {
    conn_poll(c, UV_READABLE);
    return false;
  }
  if (!kept && !wire_receive(c, &in)) {
    if (c->state == CONN_READ && !c->work && c->loop->draining)
      conn_close(c);
    return false;
  }
  if (!c->work && !request_begin(c))
    return false;
  parse(c, &in);
  if (c->state == CONN_CLOSED)
    return false;
  if (kept)
    buf_consume(&c->rest, c->rest.n - in.n);
  else if (in.n && !c->close_after)
    buf_put(&c->rest, in);
  c->close_after = c->close_after || c->rest.failed;
  return true;
}

/* The answer is out. */
static void request_end(struct conn *c) {
  work_put(c->loop, c->work);
  c->work = NULL;
  if (c->close_after || (c->loop->draining && c->rest.n == 0)) {
    linger_begin(c);
    return;
  }
  c->state = CONN_READ;
  if (c->rest.n > 0)
    return;
  buf_clear(&c->rest);
  idle_enter(c);
  conn_deadline(c, c->loop->server->config.idle_ms);
}

/* The next piece of a file answer; the time to write begins anew with each. */
static bool refill(struct conn *c) {
  struct buf *out = &c->work->out;
  size_t n = c->file_left < HTTP_OUTPUT ? (size_t)c->file_left : HTTP_OUTPUT;
  uint8_t *at = buf_extend(out, n);
  ssize_t got = at ? pread(c->file, at, n, (off_t)c->file_at) : -1;
  /* Published files are replaced, never changed; one that is short all the same can only be cut off. */
  if (got <= 0)
    return false;
  out->n -= n - (size_t)got;
  c->file_at += (uint64_t)got;
  c->file_left -= (uint64_t)got;
  if (c->file_left == 0)
    fd_close(&c->file);
  conn_deadline(c, c->loop->server->config.write_ms);
  return true;
}

static bool write_answer(struct conn *c) {
  struct buf *out = &c->work->out;
  if (out->failed) {
    conn_close(c);
    return false;
  }
  if (c->sent == out->n && c->sent > 0) {
    buf_reset(out);
    c->sent = 0;
  }
  if (c->file_left > 0 && out->n < HTTP_OUTPUT / 2 && c->sent == 0 && !refill(c)) {
    conn_close(c);
    return false;
  }
  if (!wire_send(c, slice_skip(buf_slice(out), c->sent), &c->sent))
    return false;
  if (c->sent == out->n && c->file_left == 0)
    request_end(c);
  return true;
}

/* ---- the machine --------------------------------------------------------------------------------------------------
 */

static void conn_run(struct conn *c) {
  for (int turn = 0; turn < HTTP_TURNS; turn++)
    switch (c->state) {
    case CONN_HANDSHAKE:
      if (!handshake(c))
        return;
      break;
    case CONN_READ:
      if (!read_request(c))
        return;
      break;
    case CONN_WRITE:
      if (!write_answer(c))
        return;
      break;
    case CONN_LINGER:
      linger(c);
      return;
    case CONN_BUSY:
    case CONN_CLOSED:
      return;
    }
  /* It could go on, but others want their turn: a socket that can be written is an event at once. */
  if (c->state != CONN_BUSY && c->state != CONN_CLOSED)
    conn_poll(c, UV_WRITABLE);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  struct conn *c = poll->data;
  if (status < 0)
    c->polled = 0; /* the loop has stopped it */
  if (c->state == CONN_BUSY) {
    /* Further requests stay in the socket until this one is answered. */
    c->gone = c->gone || status < 0;
    conn_poll(c, 0);
    return;
  }
  if (status < 0) {
    conn_close(c);
    return;
  }
  (void)events; /* TLS may want to read what it asked to write, and the reverse */
  c->readable = true;
  conn_run(c);
}

static void timed_out(struct conn *c) {
  switch (c->state) {
  case CONN_READ:
    if (c->work) {
      answer_bad(c, 408, "The request did not arrive in time.");
      answer_ready(c);
      conn_run(c);
      return;
    }
    conn_close(c);
    return;
  case CONN_BUSY: {
    int64_t left = pool_expire(c->loop->server->pool, c->work, false);
    if (left > 0)
      conn_deadline(c, left);
    return;
  }
  case CONN_HANDSHAKE:
  case CONN_WRITE:
  case CONN_LINGER:
    conn_close(c);
    return;
  case CONN_CLOSED:
    return;
  }
}

static void on_timer(uv_timer_t *timer) {
  struct conn *c = timer->data;
  if (c->deadline == 0)
    return;
  uint64_t now = uv_now(&c->loop->uv);
  if (c->deadline > now) {
    uv_timer_start(timer, on_timer, c->deadline - now, 0);
    return;
  }
  c->deadline = 0;
  timed_out(c);
}

void conn_worked(struct conn *c) {
  struct work *w = c->work;
  if (w->taken == WORK_PARKED) {
    if (c->state == CONN_BUSY)
      conn_deadline(c, w->left_ms);
    return;
  }
  if (c->state == CONN_CLOSED) {
    c->work = NULL;
    work_put(c->loop, w);
    conn_free_if_done(c);
    return;
  }
  assert(c->state == CONN_BUSY);
  answer_handled(c);
  if (c->gone) {
    c->state = CONN_WRITE; /* so that closing gives the work back */
    conn_close(c);
    return;
  }
  answer_ready(c);
  conn_run(c);
}

void conn_drain(struct conn *c) {
  if (c->state == CONN_HANDSHAKE) {
    conn_close(c);
    return;
  }
  if (c->state != CONN_READ || c->work)
    return;
  /* A request that has just arrived is still answered. */
  c->readable = true;
  conn_run(c);
}

void conn_abandon(struct conn *c) {
  if (c->state == CONN_BUSY)
    (void)pool_expire(c->loop->server->pool, c->work, true);
  conn_close(c);
}

void conn_new(struct loop *loop, int fd, bool tls, struct personal_ip peer) {
  struct server *s = loop->server;
  struct conn *c = calloc(1, sizeof *c);
  SSL *ssl = c && tls ? tls_accept(s->tls, fd) : NULL;
  if (!c || (tls && !ssl) || uv_poll_init(&loop->uv, &c->poll, fd) != 0) {
    SSL_free(ssl);
    free(c);
    close(fd);
    address_leave(s->addresses, &peer);
    atomic_fetch_sub(&s->connections, 1);
    return;
  }
  uv_timer_init(&loop->uv, &c->timer);
  c->loop = loop;
  c->fd = fd;
  c->file = -1;
  c->ssl = ssl;
  c->tls = tls;
  c->peer = peer;
  c->handles = 2;
  c->poll.data = c->timer.data = c;
  buf_init(&c->rest, HTTP_INPUT);
  c->next_conn = loop->conns;
  c->at_conn = &loop->conns;
  if (c->next_conn)
    c->next_conn->at_conn = &c->next_conn;
  loop->conns = c;
  loop->conns_n++;
  /* Answers leave in one write each: waiting to fill a segment (Nagle) would only delay the end of a long one. */
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  c->state = tls ? CONN_HANDSHAKE : CONN_READ;
  if (!tls)
    idle_enter(c);
  conn_deadline(c, tls ? s->config.handshake_ms : s->config.header_ms);
  conn_poll(c, UV_READABLE);
}
