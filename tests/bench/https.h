/* A small HTTPS client for the load generator: one connection, kept alive, blocking. */
#ifndef AVOW_BENCH_HTTPS_H
#define AVOW_BENCH_HTTPS_H

#include <openssl/ssl.h>

#include "base/buf.h"

struct https {
  SSL_CTX *ctx;
  SSL *ssl;
  int fd, port;
  char host[128];
  struct buf in; /* the last answer: head and body */
  int status;
  struct slice body;
  char nonce[256], location[512];
  int retry_after;
};

void https_init(struct https *h, SSL_CTX *ctx, const char *host, int port);
void https_close(struct https *h);
/* Sends one request and reads its answer; connects when needed. False when the connection breaks. */
bool https_do(struct https *h, const char *method, const char *path, const char *type, struct slice body);

#endif
