#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "cli/check.h"

enum { NET_TIMEOUT_S = 5, ANSWER_MAX = 256 * 1024, DNS_TRIES = 3, DNS_TIMEOUT_MS = 1000, WEB_WARN_DAYS = 7 };

static void ssl_ctx_cleanup(SSL_CTX **p) {
  SSL_CTX_free(*p);
}

static void ssl_cleanup(SSL **p) {
  SSL_free(*p);
}

static void x509_cleanup(X509 **p) {
  X509_free(*p);
}

#define AUTO_SSL_CTX __attribute__((cleanup(ssl_ctx_cleanup))) SSL_CTX *
#define AUTO_SSL __attribute__((cleanup(ssl_cleanup))) SSL *
#define AUTO_X509 __attribute__((cleanup(x509_cleanup))) X509 *

/* A connection to where `at` listens: on this machine, when it listens everywhere. -1 with errno set. */
static int connect_to(const struct endpoint *at) {
  struct sockaddr_storage to = at->address;
  if (to.ss_family == AF_INET && ((struct sockaddr_in *)&to)->sin_addr.s_addr == htonl(INADDR_ANY))
    ((struct sockaddr_in *)&to)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (to.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)&to)->sin6_addr))
    ((struct sockaddr_in6 *)&to)->sin6_addr = in6addr_loopback;
  const struct timeval limit = {.tv_sec = NET_TIMEOUT_S};
  AUTO_FD fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
      connect(fd, (const struct sockaddr *)&to, at->n) != 0)
    return -1;
  return fd_take(&fd);
}

/* Trusts the root of this CA and nothing else, at the time of its clock. */
static SSL_CTX *trust_root(struct check *c) {
  AUTO_SSL_CTX ctx = SSL_CTX_new(TLS_client_method());
  const unsigned char *p = c->root.der.p;
  AUTO_X509 root = d2i_X509(NULL, &p, (long)c->root.der.n);
  if (!ctx || !root || X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root) != 1)
    return NULL;
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(ctx), (time_t)(c->now_ms / SECOND_MS));
  SSL_CTX *made = ctx;
  ctx = NULL;
  return made;
}

static bool set_host(SSL *ssl, const char *host) {
  uint8_t ip[16];
  if (inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1)
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
  return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* The host as it stands in a URL: IPv6 in brackets. */
static void put_get(struct buf *b, const char *host, const char *path) {
  bool v6 = strchr(host, ':') != NULL;
  buf_printf(b, "GET %s HTTP/1.1\r\nHost: %s%s%s\r\nConnection: close\r\n\r\n", path, v6 ? "[" : "", host,
             v6 ? "]" : "");
}

static bool answered(const struct buf *b) {
  return slice_starts(buf_slice(b), SLICE_LIT("HTTP/1.1 200 "));
}

static bool ask_tls(SSL *ssl, const struct buf *request, struct buf *answer) {
  if (SSL_write(ssl, request->p, (int)request->n) != (int)request->n)
    return false;
  for (;;) {
    uint8_t room[4096];
    int n = SSL_read(ssl, room, sizeof room);
    if (n <= 0)
      return answered(answer);
    buf_put(answer, slice_of(room, (size_t)n));
  }
}

static bool time_of(const ASN1_TIME *t, int64_t *seconds) {
  struct tm tm;
  if (ASN1_TIME_to_tm(t, &tm) != 1)
    return false;
  *seconds = timegm(&tm);
  return true;
}

static void check_web_certificate(struct check *c, SSL *ssl) {
  AUTO_X509 leaf = SSL_get1_peer_certificate(ssl);
  int64_t from, to;
  if (leaf && time_of(X509_get0_notBefore(leaf), &from) && time_of(X509_get0_notAfter(leaf), &to))
    /* It is renewed after two thirds of its life: a short one is not late with a week left. */
    check_expiry(c, "web certificate", "see the log of the registrar: it renews it", from, to,
                 (to - from) / 86400 > 4 * WEB_WARN_DAYS ? WEB_WARN_DAYS : 1);
}

static void check_https(struct check *c, const char *thing, int fd, bool first) {
  const char *host = c->config.hosts[0];
  AUTO_SSL_CTX ctx = trust_root(c);
  AUTO_SSL ssl = ctx ? SSL_new(ctx) : NULL;
  if (!ssl || !set_host(ssl, host) || SSL_set_fd(ssl, fd) != 1) {
    check_tell(c, CHECK_FAIL, thing, NULL, "out of memory");
    return;
  }
  if (SSL_connect(ssl) != 1) {
    long verdict = SSL_get_verify_result(ssl);
    check_tell(c, CHECK_FAIL, thing, "see the log of the CA", "TLS as %s fails: %s", host,
               verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : "no handshake");
    return;
  }
  AUTO_BUF request, answer;
  buf_init(&request, 1024);
  buf_init(&answer, ANSWER_MAX);
  put_get(&request, host, "/directory");
  bool ok = ask_tls(ssl, &request, &answer) && memmem(answer.p, answer.n, "\"newNonce\"", 10);
  check_tell(c, ok ? CHECK_OK : CHECK_FAIL, thing, ok ? NULL : "see the log of the CA", "%s",
             ok ? "the directory answers over TLS, trusted by the root" : "the directory does not answer");
  if (first)
    check_web_certificate(c, ssl);
}

static void check_http(struct check *c, const char *thing, int fd) {
  AUTO_BUF request, answer;
  buf_init(&request, 1024);
  buf_init(&answer, ANSWER_MAX);
  put_get(&request, c->config.hosts[0], "/ca/root.cer");
  bool ok = fd_write_all(fd, buf_slice(&request)) == AVOW_OK;
  for (ssize_t n = 1; ok && n > 0;) {
    uint8_t room[4096];
    n = read(fd, room, sizeof room);
    if (n > 0)
      buf_put(&answer, slice_of(room, (size_t)n));
  }
  ok = ok && answered(&answer);
  check_tell(c, ok ? CHECK_OK : CHECK_FAIL, thing, ok ? NULL : "see the log of the CA", "%s",
             ok ? "serves the root certificate" : "does not serve the root certificate");
}

static void check_listener(struct check *c, const char *key, const struct endpoint *at, bool tls, bool first) {
  char thing[120];
  snprintf(thing, sizeof thing, "%s %s", key, at->text);
  AUTO_FD fd = connect_to(at);
  if (!c->running) {
    if (fd >= 0)
      check_tell(c, CHECK_FAIL, thing, "stop what listens there, or configure another port",
                 "another program listens there");
    else
      check_tell(c, CHECK_OK, thing, NULL, "free");
  } else if (fd < 0) {
    check_tell(c, CHECK_FAIL, thing, "if the CA was started with --set, give check the same; else see its log",
               "cannot connect: %s", strerror(errno));
  } else if (!tls) {
    check_http(c, thing, fd);
  } else if (c->has_root) {
    check_https(c, thing, fd, first);
  }
}

void check_listeners(struct check *c) {
  /* A server that closes while we write is an answer, not our end. */
  signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < c->config.https_n; i++)
    check_listener(c, "listen.https", &c->config.https[i], true, i == 0);
  for (size_t i = 0; i < c->config.http_n; i++)
    check_listener(c, "listen.http", &c->config.http[i], false, false);
}

/* ---- resolvers ---- */

enum { DNS_HEAD = 12, DNS_ANSWER_MAX = 4096, DNS_SERVFAIL = 2, DNS_REFUSED = 5 };

/* "ADDRESS@PORT" as the validator's library takes it. */
static bool resolver_address(const char *text, struct sockaddr_storage *to, socklen_t *n) {
  char host[64];
  const char *at = strchr(text, '@');
  if (!at || (size_t)(at - text) >= sizeof host)
    return false;
  memcpy(host, text, (size_t)(at - text));
  host[at - text] = 0;
  uint16_t port = htons((uint16_t)strtoul(at + 1, NULL, 10));
  struct sockaddr_in *v4 = (struct sockaddr_in *)to;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
  memset(to, 0, sizeof *to);
  if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = port;
    *n = sizeof *v4;
    return true;
  }
  v6->sin6_family = AF_INET6;
  v6->sin6_port = port;
  *n = sizeof *v6;
  return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
}

/* Asks for the root's name servers (RFC 1035, 4.1); the answer's RCODE, or -1 when none comes. */
static int ask_resolver(const struct sockaddr_storage *to, socklen_t n) {
  AUTO_FD fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr *)to, n) != 0)
    return -1;
  for (int i = 0; i < DNS_TRIES; i++) {
    uint8_t query[DNS_HEAD + 5] = {0, 0, 1 /* RD */, 0,         0, 1,          0, 0, 0,
                                   0, 0, 0,          0 /* . */, 0, 2 /* NS */, 0, 1 /* IN */};
    uint8_t answer[DNS_ANSWER_MAX];
    random_bytes(query, 2);
    if (send(fd, query, sizeof query, MSG_NOSIGNAL) != sizeof query)
      continue;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, DNS_TIMEOUT_MS) != 1)
      continue;
    ssize_t got = recv(fd, answer, sizeof answer, 0);
    if (got >= DNS_HEAD && memcmp(answer, query, 2) == 0 && (answer[2] & 0x80) != 0)
      return answer[3] & 15;
  }
  return -1;
}

void check_resolvers(struct check *c) {
  if (c->config.resolvers_n == 0)
    check_tell(c, CHECK_OK, "validation.resolvers", NULL, "none: the validator resolves by itself");
  for (size_t i = 0; i < c->config.resolvers_n; i++) {
    char thing[120];
    snprintf(thing, sizeof thing, "resolver %s", c->config.resolvers[i]);
    struct sockaddr_storage to;
    socklen_t n;
    int rcode = resolver_address(c->config.resolvers[i], &to, &n) ? ask_resolver(&to, n) : -1;
    if (rcode < 0)
      check_tell(c, CHECK_FAIL, thing, "start it, or configure another in validation.resolvers", "it does not answer");
    else if (rcode == DNS_SERVFAIL || rcode == DNS_REFUSED)
      check_tell(c, CHECK_WARN, thing, "let it recurse for this machine", "it answers, but not who serves the root");
    else
      check_tell(c, CHECK_OK, thing, NULL, "it answers");
  }
}
