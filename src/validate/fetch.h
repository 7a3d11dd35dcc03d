/* One HTTP request to one address: no redirect, no look-up, no proxy, no cookie, nothing kept. */
#ifndef AVOW_VALIDATE_FETCH_H
#define AVOW_VALIDATE_FETCH_H

#include "base/buf.h"
#include "validate/hop.h"
#include "validate/loop.h"

enum { FETCH_TIMEOUT_MS = 10 * 1000, FETCH_HEADERS_MAX = 16 * 1024 };

/* What is offered to applicants' servers. A key exchange over a finite field costs its client more than a second of CPU
   with a modulus of 10,000 bits, which is the server's choice; over a curve, a fraction of a millisecond. */
#define FETCH_CIPHERS "DEFAULT:!kDHE"
#define FETCH_GROUPS "X25519:P-256:X448:P-384:P-521"

enum fetch_end {
  FETCH_ANSWERED = 1, /* status and what was asked of the body are there */
  FETCH_NO_CONNECTION,
  FETCH_TLS_FAILED,
  FETCH_BROKEN /* connected, but no whole HTTP answer within the limits */
};

struct fetch_result {
  enum fetch_end end;
  int status;
  struct slice body;    /* of a 2xx answer; borrowed for the length of the callback */
  const char *location; /* of a redirect; NULL when there is none or more than one; borrowed */
  const char *failure;  /* when not answered: why, in words */
  bool too_large;       /* the body of a 2xx answer has more than `body_max` bytes; `body` is its beginning */
};

struct fetch {
  struct transfer transfer;
  struct loop *loop;
  CURL *easy; /* NULL when none is in flight */
  struct curl_slist *connect_to, *headers;
  struct address address;
  int port;
  struct buf body;
  size_t header_bytes;
  bool too_large, headers_too_large, body_unwanted;
  void (*done)(void *user, const struct fetch_result *result);
  void *user;
};

/* GETs `target` from `address` and from nowhere else. `connect_ms` limits the connecting, 10 s the whole. TLS is used
   without verifying the server (a redirect to https proves no more than one to http), from version 1.2 on. Of the body
   at most `body_max` bytes are kept, and of answers other than 2xx nothing is read. `done` is called once, unless
   cancelled, and never before this returns. */
avow_err fetch_start(struct fetch *f, struct loop *loop, const struct hop *target, const struct address *address,
                     int64_t connect_ms, size_t body_max, void (*done)(void *user, const struct fetch_result *result),
                     void *user) WARN_UNUSED;
void fetch_cancel(struct fetch *f);

#endif
