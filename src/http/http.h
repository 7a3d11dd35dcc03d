/* HTTP/1.1 for the front: what a handler sees. One or more event loops own the sockets; a handler runs on a worker
   thread that has a blocking channel to the store, so that it reads top to bottom. */
#ifndef AVOW_HTTP_HTTP_H
#define AVOW_HTTP_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "base/personal.h"

enum http_method { HTTP_GET = 1, HTTP_HEAD = 2, HTTP_POST = 4, HTTP_OPTIONS = 8 };

struct http_header {
  struct slice name, value; /* as sent; names compare without case */
};

struct http_request {
  enum http_method method;
  struct slice target; /* origin-form as sent */
  struct slice path;   /* without the query; never percent-decoded for ACME routes */
  struct slice query;  /* without '?'; empty when absent */
  struct slice host;
  struct http_header *headers;
  size_t headers_n;
  struct slice body; /* whole, de-chunked */
  bool tls;          /* came by a listen.https socket */
  struct personal_ip peer;
};
/* The value of the only header of that name; p NULL when absent, or when there are several. */
struct slice http_header_get(const struct http_request *rq, const char *name);

enum { HTTP_BODY_MAX = 50000, HTTP_HEAD_MAX = 16384, HTTP_HEADERS_MAX = 64, HTTP_TARGET_MAX = 2048 };

struct http_response {
  int status;
  struct buf headers; /* complete "Name: value\r\n" lines written by http_header_put() */
  struct buf body;
  bool close; /* end the connection after it */
};
/* Appends a header line; a value with CR, LF or NUL is an error and sends 500. */
void http_header_put(struct http_response *rs, const char *name, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

/* What a handler returns. */
enum http_verdict {
  HTTP_ANSWER, /* `rs` is complete */
  HTTP_PARK    /* wait for an event on `park`, then call again with `resumed` set, at the latest after 250 ms */
};

struct http_route;

/* One request being handled. */
struct http_exchange {
  struct http_request rq;
  struct http_response rs;
  struct arena *arena;  /* lives until the answer is sent */
  bool resumed;         /* this is the call after HTTP_PARK */
  void *state;          /* the handler's own, in the arena, kept over a park */
  struct id128 park[4]; /* ids of event_changed to wait for; set with http_park() before the store is told */
  size_t park_n;
  int park_ms;
  const struct http_route *route; /* the row of the route table (http/server.h) that matched */
  struct slice param[2];          /* what its first two "*" or "**" stand for */
};

struct http_worker; /* http/server.h */

/* Registers the wait for `id` so that an event between now and HTTP_PARK is not lost. At most four ids a park; `ms` of
   the last call counts. Waits end with the park: one that resumes and parks again registers again. */
void http_park(struct http_worker *w, struct http_exchange *x, struct id128 id, int ms);

/* The handler of everything that event loops do not answer by themselves. `context` is the worker's own. */
typedef enum http_verdict (*http_handler)(struct http_worker *w, void *context, struct http_exchange *x);

#endif
