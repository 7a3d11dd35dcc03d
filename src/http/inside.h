/* What the parts of the server share: loops, connections, and the answers between them. */
#ifndef AVOW_HTTP_INSIDE_H
#define AVOW_HTTP_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "http/address.h"
#include "http/pool.h"
#include "http/route.h"
#include "http/static.h"
#include "http/tls.h"

enum {
  HTTP_INPUT = 16384,         /* read at once; also the largest TLS record */
  HTTP_OUTPUT = 65536,        /* of a file, held in memory at once */
  HTTP_ANSWER_MAX = 16 << 20, /* body made by a handler */
  HTTP_HEADERS_OUT = 16384,   /* headers made by a handler */
  HTTP_ARENA_MAX = 8 << 20,   /* memory of a handler's arena */
  HTTP_LINGER_MS = 1000,      /* how long the client's last bytes are waited for */
  HTTP_LINGER_MAX = 4 << 20,  /* and how many of them */
  HTTP_WORK_KEPT = 64,        /* request memories kept for the next one, a loop */
  HTTP_TURNS = 16             /* steps of one connection before others get theirs */
};

struct server {
  struct server_config config; /* defaults filled in; arrays owned */
  struct static_answer *statics;
  size_t statics_n;
  struct tls *tls;
  struct pool *pool;
  struct address_counts *addresses;
  struct loop *loops;
  atomic_bool stopping, ran;
  atomic_size_t connections;
  atomic_uint_fast64_t accepted, refused, requests, overflowed;
};

struct listener {
  uv_poll_t poll;
  struct loop *loop;
  int fd;
  bool tls, open;
};

struct loop {
  struct server *server;
  size_t index;
  pthread_t thread;
  uv_loop_t uv;
  uv_async_t wake;
  uv_timer_t timer; /* while accepting is paused, and for the end of draining */
  struct listener *listeners;
  size_t listeners_n;
  bool accepting, draining;
  struct conn *conns;                  /* all, linked by next_conn */
  size_t conns_n;                      /* until their handles are closed */
  struct conn *idle_first, *idle_last; /* without a request, longest first */
  struct work *free;
  size_t free_n;
  int64_t date_s;
  char date[HTTP_DATE_TEXT];
  uint8_t input[HTTP_INPUT];
};

enum conn_state {
  CONN_HANDSHAKE,
  CONN_READ,   /* a request, or for one */
  CONN_BUSY,   /* the pool has the request */
  CONN_WRITE,  /* the answer */
  CONN_LINGER, /* said the last; reads away what the client still sends, lest the kernel resets the answer */
  CONN_CLOSED
};

struct conn {
  struct loop *loop;
  int fd;
  SSL *ssl;
  enum conn_state state;
  struct personal_ip peer;
  bool tls, readable;
  bool gone; /* the client went away while the pool had its request */
  bool in_idle;
  int polled;  /* what `poll` waits for now */
  int handles; /* not yet closed */
  uv_poll_t poll;
  uv_timer_t timer;
  uint64_t deadline; /* by uv_now; 0: none */
  struct work *work;
  const struct static_answer *page; /* the static that the request names */
  struct buf rest;                  /* bytes of the next requests, read with the current one */
  size_t sent;                      /* of work->out */
  int file;
  uint64_t file_at, file_left;
  bool close_after;
  size_t lingered;
  struct conn *idle_before, *idle_after;
  struct conn *next_conn, **at_conn;
};

/* ---- conn.c: bytes in and out ---- */
void conn_new(struct loop *loop, int fd, bool tls, struct personal_ip peer);
void conn_close(struct conn *c);
/* Goes on after the pool finished or parked the request. */
void conn_worked(struct conn *c);
/* The server stops: idle connections end now, others after their answer. */
void conn_drain(struct conn *c);
/* The time to drain is over. */
void conn_abandon(struct conn *c);
/* Waits for these events of the socket and no others. */
void conn_poll(struct conn *c, int events);

/* ---- wire.c: false when it cannot go on now, or the connection is closed ---- */
bool wire_handshake(struct conn *c);
/* Reads into the loop's input. */
bool wire_receive(struct conn *c, struct slice *in);
/* Sends from the front of `s` and adds to *sent. */
bool wire_send(struct conn *c, struct slice s, size_t *sent);
/* Says that nothing follows. */
void wire_end(struct conn *c);

/* ---- work.c ---- */
struct work *work_get(struct loop *loop);
void work_put(struct loop *loop, struct work *w);
void work_free(struct work *w);

/* ---- answer.c: what to say ---- */
/* Finds the route of what the parser could name. */
void answer_find(struct conn *c);
/* After answer_find, of a complete head: true when the request is answered before its body is read. */
bool answer_head(struct conn *c);
/* Answers a complete request, or gives it to the pool and returns false. */
bool answer_request(struct conn *c);
/* What the handler left in work->x.rs. */
void answer_handled(struct conn *c);
/* An answer to something that is not a request, or not in time; closes afterwards. */
void answer_bad(struct conn *c, int status, const char *why);

/* ---- listen.c: connections to be ---- */
avow_err listeners_open(struct loop *loop, struct problem *why) WARN_UNUSED;
/* Pauses accepting, or goes on with it; nothing while draining. */
void loop_accept(struct loop *loop, bool on);

#endif
