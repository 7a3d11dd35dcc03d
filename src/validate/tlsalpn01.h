/* The tls-alpn-01 challenge (RFC 8737; for addresses RFC 8738, 6). */
#ifndef AVOW_VALIDATE_TLSALPN01_H
#define AVOW_VALIDATE_TLSALPN01_H

#include <openssl/ssl.h>

#include "validate/resolve.h"

enum { ALPN_TIMEOUT_MS = 10 * 1000, ALPN_FALLBACK_MS = 4000 };

struct tlsalpn01 {
  struct probe *probe;
  struct resolution resolution;
  struct addresses addresses;
  size_t tried;
  char place[ADDRESS_TEXT + 12];
  int fd; /* -1 when closed */
  bool connected;
  SSL *ssl;
  struct watch watch;
  struct timer timer;
  outcome_fn *done;
  void *user;
};

/* The client side for all handshakes: TLS 1.2 or later, ALPN "acme-tls/1", no verification but alpn_cert_check()'s.
   NULL when OpenSSL fails. */
SSL_CTX *tlsalpn01_context(void);

/* Connects, shakes hands, checks the certificate. Outcomes: ERR_DNS, ERR_CONNECTION, ERR_TLS, ERR_UNAUTHORIZED,
   ERR_INCORRECT_RESPONSE. */
void tlsalpn01_start(struct tlsalpn01 *t, struct probe *probe, outcome_fn *done, void *user);
void tlsalpn01_cancel(struct tlsalpn01 *t);

#endif
