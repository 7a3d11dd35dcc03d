/* TLS of the front's listeners: certificate that can be swapped while serving, session tickets, ALPN. */
#ifndef AVOW_HTTP_TLS_H
#define AVOW_HTTP_TLS_H

#include <openssl/ssl.h>

#include "base/error.h"

struct tls;

avow_err tls_new(struct tls **out, struct problem *why) WARN_UNUSED;
void tls_free(struct tls *tls);
/* As server_set_chain() (http/server.h); safe from any thread. */
avow_err tls_set_chain(struct tls *tls, struct slice leaf, struct slice issuer, struct slice key_pem,
                       struct problem *why) WARN_UNUSED;
/* The server side of a connection on a non-blocking socket; NULL without a certificate or memory. */
SSL *tls_accept(struct tls *tls, int fd);

#endif
