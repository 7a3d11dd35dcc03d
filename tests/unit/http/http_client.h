/* What the server's tests share: a server on loopback in a thread of this process, and a blocking client. */
#ifndef AVOW_TESTS_HTTP_CLIENT_H
#define AVOW_TESTS_HTTP_CLIENT_H

#include <openssl/ssl.h>
#include <pthread.h>

#include "http/server.h"

struct harness {
  struct server *server;
  pthread_t thread;
  int plain_fd, tls_fd;
  uint16_t plain, tls; /* ports */
  bool running;
};

/* Starts `config` with one plain and one TLS listener of its own; `prepare` (may be NULL) runs before server_run. */
void harness_start(struct harness *h, struct server_config config, void (*prepare)(struct server *s));
/* Waits for server_run after somebody called server_stop. */
void harness_join(struct harness *h);
void harness_stop(struct harness *h);

struct client {
  int fd;
  SSL *ssl;
  struct buf in;
};

void client_open(struct client *c, uint16_t port);
/* Over an open connection; false when the handshake fails. */
bool client_tls(struct client *c, SSL_CTX *ctx, SSL_SESSION *session);
void client_close(struct client *c);
void client_send(struct client *c, const char *text);
void client_send_bytes(struct client *c, struct slice bytes);

struct reply {
  int status; /* 0: the connection ended without one */
  char head[4096];
  char *body; /* NUL-terminated, owned */
  size_t n;
};

/* Reads one answer; `head_only` for HEAD. The former body of `r` is freed. */
void client_reply(struct client *c, struct reply *r, bool head_only);
/* A request, its answer. */
void client_ask(struct client *c, struct reply *r, const char *text);
/* On a connection of its own. */
void ask_once(uint16_t port, struct reply *r, const char *text);
void reply_clear(struct reply *r);
/* The value of a header, NULL when absent; in a static buffer. */
const char *reply_header(const struct reply *r, const char *name);
/* True if the server closes within `ms` and sends nothing more. */
bool client_ended(struct client *c, int ms);
int64_t now_ms(void);

#endif
