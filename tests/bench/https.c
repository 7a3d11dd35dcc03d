#include "https.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

void https_init(struct https *h, SSL_CTX *ctx, const char *host, int port) {
  *h = (struct https){.ctx = ctx, .fd = -1, .port = port};
  snprintf(h->host, sizeof h->host, "%s", host);
  buf_init(&h->in, 1 << 20);
}

void https_close(struct https *h) {
  if (h->ssl) {
    SSL_shutdown(h->ssl);
    SSL_free(h->ssl);
  }
  if (h->fd >= 0)
    close(h->fd);
  h->ssl = NULL;
  h->fd = -1;
}

static bool https_connect(struct https *h) {
  struct sockaddr_in to = {
    .sin_family = AF_INET, .sin_port = htons((uint16_t)h->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int on = 1;
  h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(h->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct timeval patience = {.tv_sec = 20};
  setsockopt(h->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(h->fd, (struct sockaddr *)&to, sizeof to) != 0)
    return false;
  h->ssl = SSL_new(h->ctx);
  SSL_set_fd(h->ssl, h->fd);
  SSL_set_tlsext_host_name(h->ssl, h->host);
  SSL_set1_host(h->ssl, h->host);
  return SSL_connect(h->ssl) == 1;
}

/* The value of a header in the head (NUL-terminated lines), copied; empty when absent. */
static void header(const char *head, const char *name, char *out, size_t room) {
  out[0] = 0;
  size_t n = strlen(name);
  for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
    if (strncasecmp(line + 2, name, n) == 0 && line[2 + n] == ':') {
      const char *v = line + 3 + n;
      v += strspn(v, " ");
      snprintf(out, room, "%.*s", (int)strcspn(v, "\r"), v);
      return;
    }
}

bool https_do(struct https *h, const char *method, const char *path, const char *type, struct slice body) {
  if (h->fd < 0 && !https_connect(h)) {
    https_close(h);
    return false;
  }
  AUTO_BUF out;
  buf_init(&out, 1 << 20);
  buf_printf(&out, "%s %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: avow-load\r\n", method, path, h->host, h->port);
  if (body.p)
    buf_printf(&out, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, body.n);
  buf_put_str(&out, "\r\n");
  buf_put(&out, body);
  if (SSL_write(h->ssl, out.p, (int)out.n) <= 0) {
    https_close(h);
    return false;
  }
  buf_reset(&h->in);
  size_t head_n = 0, want = 0;
  bool chunked = false;
  while (head_n == 0 || h->in.n < head_n + want ||
         (chunked && !slice_ends(buf_slice(&h->in), SLICE_LIT("\r\n0\r\n\r\n")))) {
    uint8_t chunk[16384];
    int got = SSL_read(h->ssl, chunk, sizeof chunk);
    if (got <= 0) {
      https_close(h);
      return false;
    }
    buf_put(&h->in, slice_of(chunk, (size_t)got));
    uint8_t *end = head_n ? NULL : memmem(h->in.p, h->in.n, "\r\n\r\n", 4);
    if (end) {
      char length[32];
      head_n = (size_t)(end - h->in.p) + 4;
      char *head = strndup((char *)h->in.p, head_n);
      h->status = atoi(head + 9);
      header(head, "Content-Length", length, sizeof length);
      want = strcmp(method, "HEAD") == 0 ? 0 : (size_t)atol(length);
      char nonce[256], retry[16], coding[16];
      header(head, "Transfer-Encoding", coding, sizeof coding);
      chunked = coding[0] != 0;
      header(head, "Replay-Nonce", nonce, sizeof nonce);
      if (nonce[0])
        memcpy(h->nonce, nonce, sizeof nonce);
      header(head, "Location", h->location, sizeof h->location);
      header(head, "Retry-After", retry, sizeof retry);
      h->retry_after = atoi(retry);
      free(head);
    }
  }
  /* A chunked body stays as it came: the load generator only looks for what is in it. */
  h->body = slice_of(h->in.p + head_n, chunked ? h->in.n - head_n : want);
  return true;
}
