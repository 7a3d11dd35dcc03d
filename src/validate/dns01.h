/* The dns-01 challenge (RFC 8555, 8.4). */
#ifndef AVOW_VALIDATE_DNS01_H
#define AVOW_VALIDATE_DNS01_H

#include "validate/probe.h"

struct dns01 {
  struct probe *probe;
  struct dns_query query;
  const char *name; /* _acme-challenge.NAME */
  outcome_fn *done;
  void *user;
};

/* Looks for base64url(SHA-256(key authorization)) among the TXT records. Outcomes: ERR_DNS, ERR_UNAUTHORIZED (no
   records), ERR_INCORRECT_RESPONSE (others). */
void dns01_start(struct dns01 *d, struct probe *probe, outcome_fn *done, void *user);
void dns01_cancel(struct dns01 *d);

/* The character strings of one TXT record joined (RFC 1035, 3.3.14), in `a`; `p` NULL when malformed. */
struct slice dns01_txt(struct slice rdata, struct arena *a);

#endif
