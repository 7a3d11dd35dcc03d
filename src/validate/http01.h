/* The http-01 challenge (RFC 8555, 8.3; RFC 8738, 4). */
#ifndef AVOW_VALIDATE_HTTP01_H
#define AVOW_VALIDATE_HTTP01_H

#include "validate/fetch.h"
#include "validate/resolve.h"

enum { HTTP01_REDIRECTS = 10, HTTP01_TOTAL_MS = 30 * 1000, HTTP01_FALLBACK_MS = 4000, HTTP01_EXTRA_BODY = 1024 };

struct http01 {
  struct probe *probe;
  struct hop target;
  struct addresses addresses;
  size_t tried; /* of them */
  const char *visited[HTTP01_REDIRECTS + 1];
  size_t hops; /* requests made, not counting second addresses */
  struct resolution resolution;
  struct fetch fetch;
  struct timer timer;
  outcome_fn *done;
  void *user;
};

/* Asks http://NAME/.well-known/acme-challenge/TOKEN, over IPv6 first and IPv4 once if that gives no connection, and
   follows at most ten redirects, each resolved, checked and pinned anew. Outcomes: ERR_CONNECTION, ERR_DNS, ERR_TLS,
   ERR_UNAUTHORIZED (no such resource, a refused redirect), ERR_INCORRECT_RESPONSE (other content). */
void http01_start(struct http01 *h, struct probe *probe, outcome_fn *done, void *user);
void http01_cancel(struct http01 *h);

/* Is this body the key authorization, but for white space at its end (RFC 8555, 8.3)? ERR_INCORRECT_RESPONSE with what
   it is instead: the content itself is not repeated, it is not ours to publish. */
avow_err http01_compare(struct slice body, bool too_large, const char *key_authorization,
                        struct problem *why) WARN_UNUSED;

#endif
