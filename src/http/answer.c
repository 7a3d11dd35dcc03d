#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "http/inside.h"

static const char *date_text(struct loop *loop) {
  int64_t now = clock_now_ms() / SECOND_MS;
  if (now != loop->date_s || !loop->date[0]) {
    loop->date_s = now;
    http_date(now, loop->date);
  }
  return loop->date;
}

/* Without a path nothing is known but the listener; those who speak TLS are ACME clients before all. */
static bool is_acme(const struct conn *c) {
  const struct http_route *route = c->work->x.route;
  return route ? (route->flags & ROUTE_ACME) != 0 : c->tls && !c->work->parser.named;
}

static void put_text(struct http_response *rs, int status, const char *text) {
  rs->status = status;
  http_header_put(rs, "Content-Type", "text/plain; charset=utf-8");
  http_retry_put(rs);
  buf_reset(&rs->body);
  buf_printf(&rs->body, "%s\n", text);
}

static void log_answer(struct conn *c) {
  struct work *w = c->work;
  log_event(w->x.rs.status == 500 ? LOG_WARN : LOG_DEBUG, "http.answer",
            L_TEXT(method, http_method_text(w->x.rq.method)), L_TEXT(route, w->x.route ? w->x.route->pattern : "none"),
            L_NUM(status, w->x.rs.status), L_NUM(micros, (int64_t)(uv_hrtime() / 1000) - w->began_us));
}

/* Writes head and body into work->out, so that they leave in one piece. `length` is that of the whole body, of which
   `body` is what is in memory: a file follows on its own. */
static void compose(struct conn *c, struct slice body, uint64_t length) {
  struct work *w = c->work;
  struct http_response *rs = &w->x.rs;
  if (rs->headers.failed || rs->body.failed || rs->status < 200 || rs->status > 599) {
    buf_reset(&rs->headers);
    http_problem(rs, ERR_INTERNAL, NULL);
    body = buf_slice(&rs->body);
    length = body.n;
    fd_close(&c->file);
    c->file_left = 0;
  }
  c->close_after = c->close_after || rs->close || w->parser.close || c->loop->draining;
  struct buf *out = &w->out;
  buf_reset(out);
  buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", rs->status, http_status_text(rs->status), date_text(c->loop));
  buf_put(out, buf_slice(&rs->headers));
  if (is_acme(c))
    buf_put_str(out, "Access-Control-Allow-Origin: *\r\n"
                     "Access-Control-Expose-Headers: Link, Replay-Nonce, Location, Retry-After\r\n");
  /* RFC 9110, 8.6: no Content-Length with 204; with 304 and HEAD it would be that of the 200. */
  bool bodiless = rs->status == 204 || rs->status == 304;
  if (!bodiless)
    buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)length);
  if (c->close_after)
    buf_put_str(out, "Connection: close\r\n");
  buf_put_str(out, "\r\n");
  if (bodiless || w->x.rq.method == HTTP_HEAD) {
    fd_close(&c->file);
    c->file_left = 0;
  } else {
    buf_put(out, body);
  }
  c->sent = 0;
  log_answer(c);
}

static void compose_made(struct conn *c) {
  struct work *w = c->work;
  if (is_acme(c) && c->loop->server->config.decorate)
    c->loop->server->config.decorate(c->loop->server->config.decorator, &w->x.rq, &w->x.rs);
  compose(c, buf_slice(&w->x.rs.body), w->x.rs.body.n);
}

/* An error that the loop makes, in the form that the path's clients read. */
static void answer_error(struct conn *c, avow_err e, const char *detail) {
  if (is_acme(c))
    http_problem(&c->work->x.rs, e, detail);
  else
    put_text(&c->work->x.rs, err_http(e), detail ? detail : err_text(e));
  compose_made(c);
}

static void take_request(struct conn *c) {
  struct work *w = c->work;
  w->x.rq = w->parser.rq;
  w->x.rq.tls = c->tls;
  w->x.rq.peer = c->peer;
}

void answer_bad(struct conn *c, int status, const char *why) {
  struct work *w = c->work;
  take_request(c);
  if (is_acme(c))
    http_problem_status(&w->x.rs, status, "malformed", why);
  else
    put_text(&w->x.rs, status, why);
  c->close_after = true;
  compose_made(c);
}

/* Statics before routes: both are looked up by the path as it was sent. */
void answer_find(struct conn *c) {
  struct server *s = c->loop->server;
  struct http_exchange *x = &c->work->x;
  take_request(c);
  c->page = NULL;
  for (size_t i = 0; i < s->statics_n && !c->page; i++)
    if (slice_eq_str(x->rq.path, s->statics[i].route.pattern))
      c->page = &s->statics[i];
  x->route = c->page ? &c->page->route : route_find(s->config.routes, s->config.routes_n, x->rq.path, x->param);
}

/* Answers what has no resource behind it; true when it did. */
static bool answer_unroutable(struct conn *c) {
  struct http_exchange *x = &c->work->x;
  const struct http_route *route = x->route;
  if (slice_eq_str(x->rq.path, "*")) {
    x->rs.status = 204;
    http_header_put(&x->rs, "Allow", "GET, HEAD, POST, OPTIONS");
    compose_made(c);
    return true;
  }
  if (route && !(route->flags & (c->tls ? ROUTE_TLS : ROUTE_PLAIN))) {
    x->route = NULL;
    answer_error(c, ERR_NOT_FOUND, c->tls ? NULL : "This address exists only with https.");
    return true;
  }
  if (!route || (!c->page && route->kind == ROUTE_NOT_FOUND)) {
    answer_error(c, ERR_NOT_FOUND, NULL);
    return true;
  }
  if (x->rq.method != HTTP_OPTIONS && !route_takes(route, x->rq.method)) {
    char allow[ALLOW_TEXT];
    http_header_put(&x->rs, "Allow", "%s", route_allow(route->methods, allow));
    answer_error(c, ERR_METHOD, NULL);
    return true;
  }
  return false;
}

bool answer_head(struct conn *c) {
  struct work *w = c->work;
  /* A client that waits for 100 (Continue) hears the refusal instead; the body of a method that is never served is not
     worth reading. Otherwise the body is read first, so that the connection can be kept. */
  if (!w->parser.has_content || (!w->parser.expect_continue && w->x.rq.method != 0))
    return false;
  c->close_after = true;
  if (answer_unroutable(c))
    return true;
  c->close_after = false;
  return false;
}

/* OPTIONS: RFC 9110, 9.3.7, and the preflight of the Fetch standard, for ACME clients in browsers. */
static void answer_options(struct conn *c) {
  struct http_exchange *x = &c->work->x;
  char allow[ALLOW_TEXT];
  route_allow(x->route->methods, allow);
  x->rs.status = 204;
  http_header_put(&x->rs, "Allow", "%s", allow);
  if (is_acme(c)) {
    http_header_put(&x->rs, "Access-Control-Allow-Methods", "%s", allow);
    http_header_put(&x->rs, "Access-Control-Allow-Headers", "Content-Type");
    http_header_put(&x->rs, "Access-Control-Max-Age", "86400");
  }
  compose(c, SLICE_NONE, 0);
}

static void answer_file(struct conn *c) {
  struct http_exchange *x = &c->work->x;
  uint64_t size = 0;
  if (!file_answer_put(c->loop->server->config.published, x->route, &x->rq, &x->rs, &c->file, &size)) {
    answer_error(c, ERR_NOT_FOUND, NULL);
    return;
  }
  c->file_at = 0;
  c->file_left = c->file >= 0 ? size : 0;
  compose(c, SLICE_NONE, size);
}

static bool answer_by_worker(struct conn *c) {
  struct work *w = c->work;
  w->owner = c;
  if (pool_submit(c->loop->server->pool, w))
    return false;
  atomic_fetch_add(&c->loop->server->overflowed, 1);
  answer_error(c, ERR_UNAVAILABLE, NULL);
  return true;
}

bool answer_request(struct conn *c) {
  struct work *w = c->work;
  atomic_fetch_add(&c->loop->server->requests, 1);
  take_request(c);
  if (answer_unroutable(c))
    return true;
  if (w->x.rq.method == HTTP_OPTIONS) {
    answer_options(c);
    return true;
  }
  if (c->page) {
    static_answer_put(c->page, &w->x.rq, &w->x.rs);
    compose(c, c->page->content, c->page->content.n);
    return true;
  }
  switch (w->x.route->kind) {
  case ROUTE_WORKER:
    return answer_by_worker(c);
  case ROUTE_LOOP:
    (void)w->x.route->handler(NULL, NULL, &w->x);
    answer_handled(c);
    return true;
  case ROUTE_FILE:
    answer_file(c);
    return true;
  case ROUTE_NOT_FOUND:
    break; /* answer_unroutable() did */
  }
  return true;
}

void answer_handled(struct conn *c) {
  compose(c, buf_slice(&c->work->x.rs.body), c->work->x.rs.body.n);
}
