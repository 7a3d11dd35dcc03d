/* The validator's one loop: libcurl's transfers, descriptors, and timers. It is the only reader of the clocks here;
   everybody else takes the time from it. */
#ifndef AVOW_VALIDATE_LOOP_H
#define AVOW_VALIDATE_LOOP_H

#include <curl/curl.h>

#include "base/error.h"

struct loop;
struct polled;

/* A descriptor somebody waits for. Embedded in its owner, who keeps the descriptor. */
struct watch {
  int fd;
  short events; /* POLLIN, POLLOUT; may be changed at any time */
  void (*ready)(void *user, short events);
  void *user;
  struct watch *prev, *next; /* NULL when not watched */
  size_t polled_at;
};

struct timer {
  int64_t at; /* monotonic milliseconds */
  void (*fire)(void *user);
  void *user;
  struct timer *prev, *next; /* NULL when not set */
};

/* A transfer of libcurl: the easy handle's CURLOPT_PRIVATE points to one. */
struct transfer {
  void (*ended)(struct transfer *t, CURLcode code);
};

struct loop {
  CURLM *multi;
  struct watch watches; /* heads of rings */
  struct timer timers;
  size_t watches_n;
  struct polled *polled;
  struct curl_waitfd *fds;
  size_t polled_n, room;
  int64_t now_ms, mono_ms; /* of the current step */
};

/* curl_global_init() comes before. */
avow_err loop_init(struct loop *l) WARN_UNUSED;
/* All watches, timers and transfers must be gone. Safe on a zeroed struct. */
void loop_clear(struct loop *l);

void loop_watch(struct loop *l, struct watch *w, int fd, short events, void (*ready)(void *user, short events),
                void *user);
/* Does nothing when it is not watched. */
void loop_unwatch(struct loop *l, struct watch *w);
/* Calls `fire` once, `delay_ms` after the start of the current step; sets anew when set already. */
void loop_timer(struct loop *l, struct timer *t, int64_t delay_ms, void (*fire)(void *user), void *user);
/* Does nothing when it is not set. */
void loop_untimer(struct timer *t);
/* Waits until something happens, at most `most_ms`, and handles it. */
avow_err loop_step(struct loop *l, int most_ms) WARN_UNUSED;

#endif
