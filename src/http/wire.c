/* Bytes of a connection, with TLS or without. Whoever cannot go on has said what it waits for, or closed. */
#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "http/inside.h"

/* What a read, write or handshake that cannot go on now waits for; closes when it never will. Always false. */
static bool tls_wait(struct conn *c, int result) {
  switch (SSL_get_error(c->ssl, result)) {
  case SSL_ERROR_WANT_READ:
    conn_poll(c, UV_READABLE);
    return false;
  case SSL_ERROR_WANT_WRITE:
    conn_poll(c, UV_WRITABLE);
    return false;
  default: /* close_notify, an alert, a broken socket */
    ERR_clear_error();
    conn_close(c);
    return false;
  }
}

static bool socket_wait(struct conn *c, ssize_t result, int events) {
  if (result < 0 && (errno == EAGAIN || errno == EINTR))
    conn_poll(c, events);
  else
    conn_close(c);
  return false;
}

bool wire_handshake(struct conn *c) {
  ERR_clear_error();
  int r = SSL_do_handshake(c->ssl);
  return r == 1 ? true : tls_wait(c, r);
}

void wire_end(struct conn *c) {
  if (c->ssl) {
    ERR_clear_error();
    (void)SSL_shutdown(c->ssl);
  }
  shutdown(c->fd, SHUT_WR);
}

bool wire_receive(struct conn *c, struct slice *in) {
  ssize_t n;
  c->readable = false;
  if (c->ssl) {
    ERR_clear_error();
    n = SSL_read(c->ssl, c->loop->input, sizeof c->loop->input);
    if (n <= 0)
      return tls_wait(c, (int)n);
  } else {
    n = recv(c->fd, c->loop->input, sizeof c->loop->input, 0);
    if (n <= 0)
      return socket_wait(c, n, UV_READABLE);
  }
  *in = slice_of(c->loop->input, (size_t)n);
  return true;
}

bool wire_send(struct conn *c, struct slice s, size_t *sent) {
  ssize_t n;
  if (c->ssl) {
    ERR_clear_error();
    n = SSL_write(c->ssl, s.p, (int)(s.n < HTTP_INPUT * 4 ? s.n : HTTP_INPUT * 4));
    if (n <= 0)
      return tls_wait(c, (int)n);
  } else {
    n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);
    if (n < 0)
      return socket_wait(c, n, UV_WRITABLE);
  }
  *sent += (size_t)n;
  return true;
}
