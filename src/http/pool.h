/* Worker threads, the queue to them, and the table of parked exchanges. One lock guards all of it, so that an event can
   never fall between the moment a handler asks to wait and the moment it is put aside. */
#ifndef AVOW_HTTP_POOL_H
#define AVOW_HTTP_POOL_H

#include "http/parser.h"

struct pool;
struct work;

/* Transitions: IDLE → QUEUED → RUNNING → DONE → IDLE, and RUNNING → PARKED → QUEUED; RUNNING → QUEUED when the event
   came before the park. Only the pool moves a work out of QUEUED, RUNNING and PARKED. */
enum work_state { WORK_IDLE, WORK_QUEUED, WORK_RUNNING, WORK_PARKED, WORK_DONE };

enum { PARK_IDS = sizeof((struct http_exchange *)0)->park / sizeof(struct id128) };

struct park_wait {
  struct work *work;
  struct park_wait *next, **at; /* in its bucket; `at` NULL when not registered */
};

/* The memory of one request, from its first byte to the last of its answer. */
struct work {
  struct http_exchange x;
  struct http_parser parser;
  struct arena arena;
  struct buf out;    /* the answer as it goes out */
  void *owner;       /* the connection */
  size_t loop;       /* whose inbox takes it */
  int64_t began_us;  /* monotonic, for the log */
  struct work *next; /* in a free list, or of what pool_take returned */

  /* Guarded by the pool's lock from pool_submit until pool_take gave it back as WORK_DONE. */
  enum work_state state;
  enum work_state taken; /* the state at pool_take: WORK_PARKED or WORK_DONE */
  int64_t left_ms;       /* and how long a parked one still waits */
  bool event, posted;
  int64_t park_until; /* monotonic */
  struct park_wait waits[PARK_IDS];
  struct work *next_queued, *next_posted;
};

/* `wake(user, loop)` is called from any thread, under the lock, when that loop's inbox is not empty any more. */
avow_err pool_new(struct pool **out, size_t workers, void *const *contexts, size_t loops, size_t queue_max,
                  void (*wake)(void *user, size_t loop), void *user, struct problem *why) WARN_UNUSED;
void pool_free(struct pool *pool);
avow_err pool_start(struct pool *pool, struct problem *why) WARN_UNUSED;
/* Ends and joins the threads; no work may be out. */
void pool_stop(struct pool *pool);

/* Hands `w` to the handler of its route on a worker; false when the queue is full. */
bool pool_submit(struct pool *pool, struct work *w) WARN_UNUSED;
/* Handles a parked work again when its time is up, or at once when `now` is set. Returns the milliseconds still to
   wait, 0 when it is not parked (any more). */
int64_t pool_expire(struct pool *pool, struct work *w, bool now);
void pool_event(struct pool *pool, struct id128 id);
/* The works of that loop that were parked or finished since the last call, linked by `next`. */
struct work *pool_take(struct pool *pool, size_t loop);
size_t pool_parked(struct pool *pool);

#endif
