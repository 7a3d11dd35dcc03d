#include "validate/loop.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"

/* Who is meant by an element of the array that is polled; NULL when it went away meanwhile. */
struct polled {
  struct watch *watch;
};

static void read_clocks(struct loop *l) {
  l->now_ms = clock_now_ms();
  l->mono_ms = clock_mono_ms();
}

avow_err loop_init(struct loop *l) {
  memset(l, 0, sizeof *l);
  l->watches.prev = l->watches.next = &l->watches;
  l->timers.prev = l->timers.next = &l->timers;
  l->multi = curl_multi_init();
  read_clocks(l);
  return l->multi ? AVOW_OK : ERR_NO_MEMORY;
}

void loop_clear(struct loop *l) {
  if (l->multi)
    curl_multi_cleanup(l->multi);
  free(l->polled);
  free(l->fds);
  memset(l, 0, sizeof *l);
}

void loop_watch(struct loop *l, struct watch *w, int fd, short events, void (*ready)(void *user, short events),
                void *user) {
  *w = (struct watch){.fd = fd, .events = events, .ready = ready, .user = user, .polled_at = SIZE_MAX};
  w->next = &l->watches;
  w->prev = l->watches.prev;
  w->prev->next = w->next->prev = w;
  l->watches_n++;
}

void loop_unwatch(struct loop *l, struct watch *w) {
  if (!w->next)
    return;
  w->prev->next = w->next;
  w->next->prev = w->prev;
  w->prev = w->next = NULL;
  l->watches_n--;
  if (w->polled_at < l->polled_n)
    l->polled[w->polled_at].watch = NULL;
}

void loop_timer(struct loop *l, struct timer *t, int64_t delay_ms, void (*fire)(void *user), void *user) {
  loop_untimer(t);
  *t = (struct timer){.at = l->mono_ms + delay_ms, .fire = fire, .user = user};
  t->next = &l->timers;
  t->prev = l->timers.prev;
  t->prev->next = t->next->prev = t;
}

void loop_untimer(struct timer *t) {
  if (!t->next)
    return;
  t->prev->next = t->next;
  t->next->prev = t->prev;
  t->prev = t->next = NULL;
}

/* The timer that is due first; NULL without any. There are hundreds at most, so a walk is cheaper than a heap. */
static struct timer *first_timer(struct loop *l) {
  struct timer *first = NULL;
  for (struct timer *t = l->timers.next; t != &l->timers; t = t->next) {
    assert(t);
    if (!first || t->at < first->at)
      first = t;
  }
  return first;
}

static bool list_watches(struct loop *l) {
  if (l->watches_n > l->room) {
    size_t room = l->watches_n * 2;
    struct polled *polled = realloc(l->polled, room * sizeof *polled);
    if (!polled)
      return false;
    l->polled = polled;
    struct curl_waitfd *fds = realloc(l->fds, room * sizeof *fds);
    if (!fds)
      return false;
    l->fds = fds;
    l->room = room;
  }
  l->polled_n = 0;
  for (struct watch *w = l->watches.next; w != &l->watches; w = w->next) {
    w->polled_at = l->polled_n;
    l->polled[l->polled_n].watch = w;
    /* CURL_WAIT_POLLIN and the others have the values of poll(2) here; see the assertions below. */
    l->fds[l->polled_n++] = (struct curl_waitfd){.fd = w->fd, .events = w->events};
  }
  return true;
}

_Static_assert(CURL_WAIT_POLLIN == POLLIN && CURL_WAIT_POLLOUT == POLLOUT, "curl's event bits are those of poll(2)");

static void handle_transfers(struct loop *l) {
  int left = 0;
  (void)curl_multi_perform(l->multi, &left);
  for (CURLMsg *m; (m = curl_multi_info_read(l->multi, &left));) {
    if (m->msg != CURLMSG_DONE)
      continue;
    CURL *easy = m->easy_handle;
    CURLcode code = m->data.result;
    char *owner = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
    (void)curl_multi_remove_handle(l->multi, easy);
    struct transfer *t = (struct transfer *)(void *)owner;
    t->ended(t, code);
  }
}

static void handle_timers(struct loop *l) {
  for (struct timer *t; (t = first_timer(l)) && t->at <= l->mono_ms;) {
    loop_untimer(t);
    t->fire(t->user);
  }
}

avow_err loop_step(struct loop *l, int most_ms) {
  if (!list_watches(l))
    return ERR_NO_MEMORY;
  struct timer *first = first_timer(l);
  int64_t wait = most_ms;
  if (first && first->at - clock_mono_ms() < wait)
    wait = first->at - clock_mono_ms();
  if (wait < 0)
    wait = 0;
  int ready = 0;
  if (curl_multi_poll(l->multi, l->fds, (unsigned)l->polled_n, (int)wait, &ready) != CURLM_OK)
    return ERR_IO;
  read_clocks(l);
  for (size_t i = 0; i < l->polled_n; i++)
    if (l->polled[i].watch && l->fds[i].revents)
      l->polled[i].watch->ready(l->polled[i].watch->user, l->fds[i].revents);
  l->polled_n = 0;
  handle_transfers(l);
  handle_timers(l);
  return AVOW_OK;
}
