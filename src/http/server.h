/* The HTTP server of the front: event loops that own the sockets, TLS and everything that can be answered from memory
   or from published/, and worker threads that run handlers with a blocking channel of their own.

   Life: server_new, server_static and server_set_chain, (the role confines itself), server_run on any thread until
   server_stop, server_free. server_run starts its threads itself, so that they inherit the confinement of the caller.
   server_event, server_stop, server_set_chain and server_counts may be called from any thread at any time between
   server_new and server_free. SIGPIPE is ignored in the process from server_new on.

   What confinement must allow after server_new, as traced: accept4, close, epoll_ctl, epoll_pwait, epoll_wait, futex,
   ioctl (FIONBIO), read, write, recvfrom, sendto, shutdown, setsockopt, getrandom, getpid, sched_yield, mmap, munmap,
   mprotect, madvise, rt_sigprocmask; for threads clone3, rseq, set_robust_list, exit; for ROUTE_FILE openat beneath
   `published`, newfstatat, pread64. */
#ifndef AVOW_HTTP_SERVER_H
#define AVOW_HTTP_SERVER_H

#include "http/http.h"
#include "http/problem.h"

/* ---- routes -------------------------------------------------------------------------------------------------------
 */

enum http_route_kind {
  ROUTE_WORKER,   /* `handler` on a worker thread */
  ROUTE_LOOP,     /* `handler` on the loop itself, with a NULL worker and context: it must neither block nor park */
  ROUTE_FILE,     /* the file of the same path beneath config.published, its name ending in `suffix`, as `media_type` */
  ROUTE_NOT_FOUND /* 404 whatever the method: gives a whole prefix the error form of its flags */
};

enum http_route_flag {
  ROUTE_TLS = 1, /* exists on TLS listeners */
  ROUTE_PLAIN =
    2, /* exists on plain listeners; a path that exists only by TLS is answered there with a 404 that says so */
  ROUTE_ACME = 4 /* CORS headers on every answer; errors made by the loop are problem documents and pass `decorate` */
};

/* One row of the route table. The first row whose pattern matches the path decides; then its methods: others are
   answered 405 with Allow by the loop. GET brings HEAD with it (the handler answers it as GET and the server drops the
   body), and OPTIONS is always answered by the loop. */
struct http_route {
  const char *pattern; /* of whole segments: a literal, "*" for one non-empty segment, or a last "**" for any rest,
                          the empty one too: "/acme/order/" "*" "/finalize". Never percent-decoded */
  unsigned methods;    /* of enum http_method */
  unsigned flags;      /* of enum http_route_flag */
  enum http_route_kind kind;
  http_handler handler;   /* ROUTE_WORKER and ROUTE_LOOP */
  const char *media_type; /* ROUTE_FILE */
  const char *suffix;     /* ROUTE_FILE: ".crl" */
  int max_age_s;          /* ROUTE_FILE: Cache-Control */
};

/* ---- the server ---------------------------------------------------------------------------------------------------
 */

/* Zero in a number means its default, given in brackets. Arrays are copied; what handlers, contexts and strings point
   to must outlive the server. */
struct server_config {
  const int *tls_fds; /* bound and listening; the server makes them non-blocking, the caller keeps and closes them */
  size_t tls_n;
  const int *plain_fds;
  size_t plain_n;
  int published; /* a directory descriptor for ROUTE_FILE, or -1; the caller keeps it */

  const struct http_route *routes;
  size_t routes_n;

  size_t workers;         /* [1] */
  void **contexts;        /* `workers` of them: contexts[i] is given to the handlers that worker i runs */
  size_t loops;           /* [1] */
  size_t queue_max;       /* requests that wait for a worker; more are answered 503 [256] */
  size_t connections_max; /* accepting pauses there; the longest idle connection is closed for a new one [4096] */
  size_t address_max;     /* connections of one IPv4 address or IPv6 /64; more are closed at once [256] */

  int handshake_ms; /* TCP accept to the end of the TLS handshake [10 s] */
  int header_ms;    /* first byte of a request to the end of its head [10 s]; then 408 */
  int body_ms;      /* end of the head to the end of the body [20 s]; then 408 */
  int idle_ms;      /* kept alive without a request [60 s] */
  int write_ms;     /* for each 64 KiB of an answer [20 s] */
  int drain_ms;     /* after server_stop, for all requests in flight [15 s] */

  /* Adds headers (a Replay-Nonce, a Link) to an answer that the loop made on a ROUTE_ACME path, errors too; runs on the
     loop, so it must not block. May be NULL. Statics and preflights do not pass it. */
  void (*decorate)(void *decorator, const struct http_request *rq, struct http_response *rs);
  void *decorator;
};

struct server;

/* Makes loops, TLS state and queues; nothing runs yet. */
avow_err server_new(struct server **out, const struct server_config *config, struct problem *why) WARN_UNUSED;
/* Waits for nothing: only after server_run has returned, or when it was never called. Safe on NULL. */
void server_free(struct server *s);

/* An immutable answer to GET and HEAD of exactly `path`, given by the loop with an ETag, 304 to If-None-Match. Before
   server_run. `flags` as for routes; `headers` are complete lines ("Cache-Control: no-cache\r\n") or NULL. The content
   is copied. Statics come before routes. */
avow_err server_static(struct server *s, const char *path, unsigned flags, struct slice content, const char *media_type,
                       const char *headers, struct problem *why) WARN_UNUSED;

/* The certificate for all handshakes from now on: DER of the leaf and of its issuer (may be empty), PEM of the leaf's
   private key. Refuses a key that is not the leaf's. Until the first call TLS connections are closed at once. */
avow_err server_set_chain(struct server *s, struct slice leaf, struct slice issuer, struct slice key_pem,
                          struct problem *why) WARN_UNUSED;

/* Serves until server_stop; returns when the last answer is sent and the threads have ended. */
avow_err server_run(struct server *s, struct problem *why) WARN_UNUSED;

/* Something happened to `id`: every exchange that waits for it (http_park) is handled again. Cheap when none does. */
void server_event(struct server *s, struct id128 id);

/* Stops accepting, closes idle connections, finishes requests in flight (parked ones too) for at most drain_ms. */
void server_stop(struct server *s);

struct server_counts {
  uint64_t connections;                                     /* open now */
  uint64_t accepted, refused, requests, overflowed, parked; /* since the start; parked: now */
};
struct server_counts server_counts(struct server *s);

#endif
