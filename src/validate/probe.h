/* One examination of one name: what its steps share. */
#ifndef AVOW_VALIDATE_PROBE_H
#define AVOW_VALIDATE_PROBE_H

#include "pki/name.h"
#include "validate/dns.h"
#include "validate/met.h"

struct probe {
  struct loop *loop;
  struct dns *dns;
  const struct config *config;
  void *tls; /* SSL_CTX of tls-alpn-01 */
  struct arena arena;
  struct met_log met;
  struct name name; /* of the authorization, in `arena` */
  int method;       /* enum challenge_method */
  struct id128 account;
  const char *token;             /* NULL for a CAA check alone */
  const char *key_authorization; /* RFC 8555, 8.1 */
  uint8_t digest[32];            /* its SHA-256 */
};

/* How an examination ended: err AVOW_OK when it found what it should. The last thing a step does: it may free the step.
 */
typedef void outcome_fn(void *user, const struct problem *outcome);

#endif
