/* From a name to the addresses this CA may contact. */
#ifndef AVOW_VALIDATE_RESOLVE_H
#define AVOW_VALIDATE_RESOLVE_H

#include "validate/address.h"
#include "validate/probe.h"

enum { RESOLVE_MAX = 16 };

/* The addresses to try, the first IPv6 one and then the first IPv4 one: one fall-back, as other CAs do. */
struct addresses {
  struct address list[2];
  size_t n;
};

struct resolution {
  struct probe *probe;
  const char *name; /* borrowed */
  struct dns_query aaaa, a;
  bool asking_aaaa, asking_a;
  struct addresses found;
  struct problem failed;  /* of a look-up */
  struct problem refused; /* an address that may not be contacted */
  void (*done)(void *user, const struct addresses *found, const struct problem *why);
  void *user;
};

/* Asks for AAAA and A at once; localhost and the names below it are loopback without a question (RFC 6761, 6.3). `done`
   is called exactly once, perhaps before this returns; `found` has at least one address, or `why` says why not: ERR_DNS
   (failed, or no address) or ERR_CONNECTION (only addresses that may not be contacted). */
void resolve_start(struct resolution *r, struct probe *probe, const char *name,
                   void (*done)(void *user, const struct addresses *found, const struct problem *why), void *user);
void resolve_cancel(struct resolution *r);

/* The same for an address that is written out in a URL or is the identifier itself: ERR_CONNECTION when it may not be
   contacted. */
avow_err resolve_literal(struct probe *probe, const struct address *a, struct addresses *found,
                         struct problem *why) WARN_UNUSED;

#endif
