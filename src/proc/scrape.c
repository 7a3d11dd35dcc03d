#include "proc/scrape.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"

enum { SCRAPE_MS = 2000, SCRAPE_ANSWER_MAX = 256 * 1024 };

void scrape_init(struct scrape *s, int listener) {
  *s = (struct scrape){.listener = listener, .fd = -1};
}

void scrape_clear(struct scrape *s) {
  fd_close(&s->fd);
}

int scrape_fd(const struct scrape *s) {
  return s->fd >= 0 ? s->fd : s->listener;
}

static void answer(struct scrape *s, const char *status, struct slice text) {
  AUTO_BUF out;
  buf_init(&out, SCRAPE_ANSWER_MAX);
  buf_printf(&out,
             "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: %zu\r\n"
             "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
             status, text.n);
  buf_put(&out, text);
  /* It fits into a fresh socket's buffer; a client for which it does not gets less than it was told. */
  if (!out.failed)
    (void)!send(s->fd, out.p, out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
  fd_close(&s->fd);
}

static void let_in(struct scrape *s) {
  s->fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  s->n = 0;
  s->until_ms = clock_mono_ms() + SCRAPE_MS;
}

bool scrape_read(struct scrape *s) {
  if (s->fd < 0) {
    let_in(s);
    return false;
  }
  ssize_t n = recv(s->fd, s->in + s->n, SCRAPE_IN - s->n, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  if (n <= 0) {
    fd_close(&s->fd);
    return false;
  }
  s->n += (size_t)n;
  struct slice in = slice_of(s->in, s->n);
  if (!memmem(in.p, in.n, "\r\n\r\n", 4)) {
    if (s->n == SCRAPE_IN)
      answer(s, "431 Request Header Fields Too Large", SLICE_NONE);
    return false;
  }
  if (slice_starts(in, SLICE_LIT("GET /metrics HTTP/1.")))
    return true;
  answer(s, "404 Not Found", SLICE_LIT("only GET /metrics is here\n"));
  return false;
}

void scrape_answer(struct scrape *s, struct slice text) {
  answer(s, "200 OK", text);
}

void scrape_expire(struct scrape *s) {
  if (s->fd >= 0 && clock_mono_ms() >= s->until_ms)
    fd_close(&s->fd);
}
