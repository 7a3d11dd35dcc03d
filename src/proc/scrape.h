/* A listener that answers GET /metrics, one client at a time, without ever waiting for it. */
#ifndef AVOW_PROC_SCRAPE_H
#define AVOW_PROC_SCRAPE_H

#include "base/buf.h"

enum { SCRAPE_IN = 4096 };

struct scrape {
  int listener, fd; /* -1: none */
  int64_t until_ms; /* monotonic */
  size_t n;
  char in[SCRAPE_IN];
};

/* `listener` is bound, listening and non-blocking; the caller keeps it. -1: nothing is ever answered. */
void scrape_init(struct scrape *s, int listener);
void scrape_clear(struct scrape *s);
/* What to wait for: the client while there is one, else the listener; -1 when off. */
int scrape_fd(const struct scrape *s);
/* To be called when that is readable. True when a request for the metrics is complete: scrape_answer() comes next. */
bool scrape_read(struct scrape *s);
void scrape_answer(struct scrape *s, struct slice text);
/* Lets go of a client that said nothing in time. */
void scrape_expire(struct scrape *s);

#endif
