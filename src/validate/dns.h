/* DNS with DNSSEC by libunbound, asynchronously: a thread of libunbound's resolves, the loop gets the answers. */
#ifndef AVOW_VALIDATE_DNS_H
#define AVOW_VALIDATE_DNS_H

#include "conf/conf.h"
#include "validate/loop.h"

enum { DNS_TYPE_A = 1, DNS_TYPE_TXT = 16, DNS_TYPE_AAAA = 28, DNS_TYPE_CAA = 257 };
enum { DNS_TIMEOUT_MS = 10 * 1000, DNS_NAME_ROOM = 320 };

struct dns;

enum dns_status {
  DNS_DATA = 1,
  DNS_NO_DATA, /* the name exists, or an alias of it does, without such records */
  DNS_NO_NAME, /* NXDOMAIN */
  DNS_FAILED   /* SERVFAIL, DNSSEC-bogus, no answer in time: never permission for anything */
};

struct dns_answer {
  enum dns_status status;
  struct slice *data; /* rdata, borrowed for the length of the callback */
  size_t n;
  bool secure;         /* DNSSEC-validated */
  const char *failure; /* set when failed: "SERVFAIL", "DNSSEC: …", "no answer within 10 s" */
};

/* One question in flight. Embedded in its owner. */
struct dns_query {
  struct dns *dns; /* NULL when none is in flight */
  int id;
  struct timer timer;
  void (*done)(void *user, const struct dns_answer *answer);
  void *user;
};

/* Makes the context and reads everything it will ever read from files; to be called in the process that uses it, before
   it is confined. Resolvers, trust anchor and kind come from the configuration:
   resolvers  set: forwarders. None in kind public: own recursion from the root. None in kind test: those of
              /etc/resolv.conf. (Kind private always has some: the configuration fills in the system's.)
   anchor     set: DS or DNSKEY records, one a line. None in kind public: the root's (data/root-anchors).
   Nothing is cached between questions when forwarding: an applicant who corrected a record need not wait. */
avow_err dns_new(const struct config *config, struct loop *loop, struct dns **out, struct problem *why) WARN_UNUSED;
/* All questions must be gone. */
void dns_free(struct dns *dns);

/* Asks; calls `done` exactly once, perhaps before it returns, unless cancelled. */
void dns_ask(struct dns *dns, struct dns_query *q, const char *name, int type,
             void (*done)(void *user, const struct dns_answer *answer), void *user);
/* Does nothing when none is in flight. */
void dns_cancel(struct dns_query *q);

const char *dns_type_text(int type);

#endif
