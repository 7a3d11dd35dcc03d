#include "http_client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

int64_t now_ms(void) {
  return clock_mono_ms();
}

static int listening(uint16_t *port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
  assert_int_equal(listen(fd, 1024), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
  *port = ntohs(at.sin_port);
  return fd;
}

static void *run(void *argument) {
  struct harness *h = argument;
  struct problem why;
  avow_err e = server_run(h->server, &why);
  return e ? (void *)1 : NULL;
}

void harness_start(struct harness *h, struct server_config config, void (*prepare)(struct server *s)) {
  *h = (struct harness){0};
  h->plain_fd = listening(&h->plain);
  h->tls_fd = listening(&h->tls);
  config.plain_fds = &h->plain_fd;
  config.tls_fds = &h->tls_fd;
  config.plain_n = config.tls_n = 1;
  struct problem why;
  if (server_new(&h->server, &config, &why))
    fail_msg("%s", problem_text(&why));
  if (prepare)
    prepare(h->server);
  assert_int_equal(pthread_create(&h->thread, NULL, run, h), 0);
  h->running = true;
}

void harness_join(struct harness *h) {
  void *failed;
  assert_int_equal(pthread_join(h->thread, &failed), 0);
  assert_null(failed);
  h->running = false;
}

void harness_stop(struct harness *h) {
  server_stop(h->server);
  if (h->running)
    harness_join(h);
  assert_int_equal(server_counts(h->server).connections, 0);
  server_free(h->server);
  close(h->plain_fd);
  close(h->tls_fd);
}

void client_open(struct client *c, uint16_t port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  *c = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  assert_true(c->fd >= 0);
  struct timeval limit = {.tv_sec = 20};
  setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof to), 0);
  buf_init(&c->in, 64 << 20);
}

bool client_tls(struct client *c, SSL_CTX *ctx, SSL_SESSION *session) {
  c->ssl = SSL_new(ctx);
  assert_non_null(c->ssl);
  SSL_set_fd(c->ssl, c->fd);
  if (session)
    SSL_set_session(c->ssl, session);
  return SSL_connect(c->ssl) == 1;
}

void client_close(struct client *c) {
  if (c->ssl && SSL_is_init_finished(c->ssl))
    SSL_shutdown(c->ssl); /* otherwise OpenSSL holds its session for broken and does not offer the ticket again */
  SSL_free(c->ssl);
  close(c->fd);
  buf_clear(&c->in);
  *c = (struct client){.fd = -1};
}

void client_send_bytes(struct client *c, struct slice bytes) {
  while (bytes.n) {
    ssize_t n = c->ssl ? SSL_write(c->ssl, bytes.p, (int)bytes.n) : send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
    if (n <= 0)
      return; /* the answer tells why */
    bytes = slice_skip(bytes, (size_t)n);
  }
}

void client_send(struct client *c, const char *text) {
  client_send_bytes(c, slice_str(text));
}

static bool more(struct client *c) {
  uint8_t bytes[16384];
  ssize_t n = c->ssl ? SSL_read(c->ssl, bytes, sizeof bytes) : recv(c->fd, bytes, sizeof bytes, 0);
  if (n <= 0)
    return false;
  buf_put(&c->in, slice_of(bytes, (size_t)n));
  assert_false(c->in.failed);
  return true;
}

void reply_clear(struct reply *r) {
  free(r->body);
  *r = (struct reply){0};
}

const char *reply_header(const struct reply *r, const char *name) {
  static char value[1024];
  size_t n = strlen(name);
  for (const char *line = r->head; (line = strstr(line, "\r\n")) != NULL;) {
    line += 2;
    if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
      const char *end = strstr(line, "\r\n");
      snprintf(value, sizeof value, "%.*s", (int)(end - line - (ptrdiff_t)n - 2), line + n + 2);
      return value;
    }
  }
  return NULL;
}

void client_reply(struct client *c, struct reply *r, bool head_only) {
  reply_clear(r);
  uint8_t *end;
  while (!(end = c->in.n ? memmem(c->in.p, c->in.n, "\r\n\r\n", 4) : NULL))
    if (!more(c))
      return;
  size_t head = (size_t)(end - c->in.p) + 4;
  assert_true(head < sizeof r->head);
  memcpy(r->head, c->in.p, head);
  buf_consume(&c->in, head);
  assert_int_equal(sscanf(r->head, "HTTP/1.1 %d ", &r->status), 1);
  const char *length = reply_header(r, "Content-Length");
  r->n = length && !head_only ? strtoul(length, NULL, 10) : 0;
  while (c->in.n < r->n)
    if (!more(c))
      fail_msg("the answer was cut off after %zu of %zu bytes", c->in.n, r->n);
  r->body = calloc(1, r->n + 1);
  assert_non_null(r->body);
  if (r->n)
    memcpy(r->body, c->in.p, r->n);
  buf_consume(&c->in, r->n);
}

void client_ask(struct client *c, struct reply *r, const char *text) {
  client_send(c, text);
  client_reply(c, r, strncmp(text, "HEAD", 4) == 0);
}

void ask_once(uint16_t port, struct reply *r, const char *text) {
  struct client c;
  client_open(&c, port);
  client_ask(&c, r, text);
  client_close(&c);
}

bool client_ended(struct client *c, int ms) {
  struct pollfd p = {.fd = c->fd, .events = POLLIN};
  if (c->in.n > 0 || poll(&p, 1, ms) != 1)
    return false;
  uint8_t byte;
  return c->ssl ? SSL_read(c->ssl, &byte, 1) <= 0 : recv(c->fd, &byte, 1, 0) <= 0;
}
