#include "validate/tlsalpn01.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "validate/alpn_cert.h"
#include "validate/fetch.h"

static const uint8_t acme_protocol[] = {10, 'a', 'c', 'm', 'e', '-', 't', 'l', 's', '/', '1'};

SSL_CTX *tlsalpn01_context(void) {
  SSL_CTX *c = SSL_CTX_new(TLS_client_method());
  if (!c)
    return NULL;
  SSL_CTX_set_verify(c, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  /* SSL_CTX_set_alpn_protos() returns 0 on success. */
  if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(c, FETCH_CIPHERS) != 1 ||
      SSL_CTX_set1_groups_list(c, FETCH_GROUPS) != 1 ||
      SSL_CTX_set_alpn_protos(c, acme_protocol, sizeof acme_protocol) != 0) {
    SSL_CTX_free(c);
    return NULL;
  }
  return c;
}

static void connect_next(struct tlsalpn01 *t);
static void out_of_time(void *user);

static void hang_up(struct tlsalpn01 *t) {
  loop_unwatch(t->probe->loop, &t->watch);
  loop_untimer(&t->timer);
  SSL_free(t->ssl);
  t->ssl = NULL;
  fd_close(&t->fd);
}

static void finish(struct tlsalpn01 *t, const struct problem *outcome) {
  hang_up(t);
  t->done(t->user, outcome);
}

static void fail_connect(struct tlsalpn01 *t, const char *reason) {
  struct probe *p = t->probe;
  met_add(&p->met, p->loop->now_ms, "connect", t->place, "%s", reason);
  hang_up(t);
  if (t->tried < t->addresses.n) {
    connect_next(t);
    return;
  }
  struct problem outcome = {.err = AVOW_OK};
  (void)problem_set(&outcome, ERR_CONNECTION, "Connecting to %s for tls-alpn-01: %s", t->place, reason);
  finish(t, &outcome);
}

static void fail_handshake(struct tlsalpn01 *t, avow_err e, const char *reason) {
  struct problem outcome = {.err = AVOW_OK};
  met_add(&t->probe->met, t->probe->loop->now_ms, "tls", t->place, "%s", reason);
  (void)problem_set(&outcome, e, "The tls-alpn-01 handshake with %s failed: %s", t->place, reason);
  finish(t, &outcome);
}

static void check_server(struct tlsalpn01 *t) {
  struct probe *p = t->probe;
  const uint8_t *protocol = NULL;
  unsigned n = 0;
  SSL_get0_alpn_selected(t->ssl, &protocol, &n);
  if (!slice_eq(slice_of(protocol, n), slice_skip(SLICE_OF(acme_protocol), 1))) {
    fail_handshake(t, ERR_UNAUTHORIZED, "the server did not choose the protocol acme-tls/1");
    return;
  }
  X509 *cert = SSL_get1_peer_certificate(t->ssl);
  if (!cert) {
    fail_handshake(t, ERR_TLS, "the server showed no certificate");
    return;
  }
  struct problem outcome = {.err = AVOW_OK};
  outcome.err = alpn_cert_check(cert, &p->name, p->digest, &outcome);
  X509_free(cert);
  met_add(&p->met, p->loop->now_ms, "tls", t->place, "%s, acme-tls/1: %s", SSL_get_version(t->ssl),
          outcome.err == AVOW_OK ? "the right certificate" : outcome.detail);
  finish(t, &outcome);
}

static void shake_hands(struct tlsalpn01 *t) {
  ERR_clear_error();
  int r = SSL_connect(t->ssl);
  if (r == 1) {
    check_server(t);
    return;
  }
  switch (SSL_get_error(t->ssl, r)) {
  case SSL_ERROR_WANT_READ:
    t->watch.events = POLLIN;
    return;
  case SSL_ERROR_WANT_WRITE:
    t->watch.events = POLLOUT;
    return;
  case SSL_ERROR_SSL: {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    fail_handshake(t, ERR_TLS, reason ? reason : "a TLS error");
    ERR_clear_error();
    return;
  }
  default:
    fail_handshake(t, ERR_TLS, "the server closed the connection");
    return;
  }
}

/* SNI: the name, or for an address its reverse name (RFC 8738, 6). */
static bool begin_tls(struct tlsalpn01 *t) {
  struct probe *p = t->probe;
  char reverse[ADDRESS_REVERSE];
  const char *sni = arena_str(&p->arena, p->name.text);
  if (p->name.type == NAME_IP) {
    struct address a = {.n = p->name.ip_n};
    memcpy(a.b, p->name.ip, sizeof a.b);
    sni = address_reverse(&a, reverse);
  }
  t->ssl = SSL_new(p->tls);
  return sni && t->ssl && SSL_set_tlsext_host_name(t->ssl, sni) == 1 && SSL_set_fd(t->ssl, t->fd) == 1;
}

static void socket_ready(void *user, short events) {
  (void)events;
  struct tlsalpn01 *t = user;
  if (!t->connected) {
    int error = 0;
    socklen_t n = sizeof error;
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
      fail_connect(t, "the connection was refused or unreachable");
      return;
    }
    t->connected = true;
    loop_timer(t->probe->loop, &t->timer, ALPN_TIMEOUT_MS, out_of_time, t);
    met_add(&t->probe->met, t->probe->loop->now_ms, "connect", t->place, "connected");
    if (!begin_tls(t)) {
      finish(t, &(struct problem){.err = ERR_CRYPTO});
      return;
    }
  }
  shake_hands(t);
}

static void out_of_time(void *user) {
  struct tlsalpn01 *t = user;
  if (t->connected)
    fail_handshake(t, ERR_CONNECTION, "not finished within 10 s");
  else
    fail_connect(t, "no connection in time");
}

static void connect_next(struct tlsalpn01 *t) {
  const struct address *a = &t->addresses.list[t->tried++];
  int port = t->probe->config->tls_port;
  char text[ADDRESS_TEXT];
  (void)snprintf(t->place, sizeof t->place, "%s port %d", address_text(a, text), port);
  struct sockaddr_storage to;
  socklen_t n = address_socket(a, port, &to);
  t->connected = false;
  t->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (t->fd < 0 || (connect(t->fd, (struct sockaddr *)&to, n) != 0 && errno != EINPROGRESS)) {
    fail_connect(t, "the connection was refused or unreachable");
    return;
  }
  bool last = t->tried == t->addresses.n;
  loop_watch(t->probe->loop, &t->watch, t->fd, POLLOUT, socket_ready, t);
  loop_timer(t->probe->loop, &t->timer, last ? ALPN_TIMEOUT_MS : ALPN_FALLBACK_MS, out_of_time, t);
}

static void resolved(void *user, const struct addresses *found, const struct problem *why) {
  struct tlsalpn01 *t = user;
  if (why) {
    finish(t, why);
    return;
  }
  t->addresses = *found;
  connect_next(t);
}

void tlsalpn01_start(struct tlsalpn01 *t, struct probe *probe, outcome_fn *done, void *user) {
  *t = (struct tlsalpn01){.probe = probe, .fd = -1, .done = done, .user = user};
  if (probe->name.type == NAME_DNS) {
    const char *name = arena_str(&probe->arena, probe->name.text);
    if (name)
      resolve_start(&t->resolution, probe, name, resolved, t);
    else
      finish(t, &(struct problem){.err = ERR_NO_MEMORY});
    return;
  }
  struct address a = {.n = probe->name.ip_n};
  memcpy(a.b, probe->name.ip, sizeof a.b);
  struct addresses found = {.n = 0};
  struct problem why = {.err = AVOW_OK};
  bool refused = resolve_literal(probe, &a, &found, &why) != AVOW_OK;
  resolved(t, &found, refused ? &why : NULL);
}

void tlsalpn01_cancel(struct tlsalpn01 *t) {
  resolve_cancel(&t->resolution);
  hang_up(t);
}
