#include "http/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "http/server.h"

enum { BUCKETS = 4096 };

struct http_worker {
  struct pool *pool;
  void *context;
  pthread_t thread;
  bool running;
};

struct pool {
  pthread_mutex_t lock;
  pthread_cond_t filled;
  struct work *first, *last; /* the queue */
  size_t fresh, fresh_max;   /* those in it that no worker has seen yet; resumed ones were let in before */
  size_t parked;
  bool stopping;
  uint64_t seed;
  struct park_wait *buckets[BUCKETS];
  struct work **inboxes;
  size_t loops;
  void (*wake)(void *user, size_t loop);
  void *user;
  size_t workers_n;
  struct http_worker workers[];
};

static struct park_wait **bucket_of(struct pool *pool, struct id128 id) {
  uint64_t a, b;
  memcpy(&a, id.b, 8);
  memcpy(&b, id.b + 8, 8);
  return &pool->buckets[((a ^ pool->seed) * 0x9e3779b97f4a7c15u ^ (b + pool->seed) * 0xc2b2ae3d27d4eb4fu) >> 52];
}

static void waits_drop(struct work *w) {
  for (size_t i = 0; i < w->x.park_n; i++) {
    struct park_wait *wait = &w->waits[i];
    *wait->at = wait->next;
    if (wait->next)
      wait->next->at = wait->at;
    wait->at = NULL;
  }
  w->x.park_n = 0;
  w->event = false;
}

static void queue_put(struct pool *pool, struct work *w) {
  w->state = WORK_QUEUED;
  w->next_queued = NULL;
  if (pool->last)
    pool->last->next_queued = w;
  else
    pool->first = w;
  pool->last = w;
  pthread_cond_signal(&pool->filled);
}

static void resume(struct pool *pool, struct work *w) {
  if (w->state == WORK_PARKED)
    pool->parked--;
  waits_drop(w);
  w->x.resumed = true;
  queue_put(pool, w);
}

/* Puts `w` in its loop's inbox; true when the loop must be woken. */
static bool post(struct pool *pool, struct work *w) {
  if (w->posted)
    return false;
  w->posted = true;
  w->next_posted = pool->inboxes[w->loop];
  pool->inboxes[w->loop] = w;
  return !w->next_posted;
}

void http_park(struct http_worker *worker, struct http_exchange *x, struct id128 id, int ms) {
  struct work *w = (struct work *)(void *)((char *)x - offsetof(struct work, x));
  assert(worker && x->park_n < PARK_IDS);
  pthread_mutex_lock(&worker->pool->lock);
  struct park_wait **bucket = bucket_of(worker->pool, id), *wait = &w->waits[x->park_n];
  *wait = (struct park_wait){.work = w, .next = *bucket, .at = bucket};
  if (wait->next)
    wait->next->at = &wait->next;
  *bucket = wait;
  x->park[x->park_n++] = id;
  x->park_ms = ms;
  pthread_mutex_unlock(&worker->pool->lock);
}

/* After the handler returned; under the lock. True when the loop must be woken. */
static bool settle(struct pool *pool, struct work *w, enum http_verdict verdict) {
  if (verdict == HTTP_PARK && w->event) {
    resume(pool, w);
    return false;
  }
  if (verdict == HTTP_PARK) {
    w->state = WORK_PARKED;
    w->park_until = clock_mono_ms() + (w->x.park_ms > 0 ? w->x.park_ms : 0);
    pool->parked++;
  } else {
    waits_drop(w);
    w->state = WORK_DONE;
  }
  return post(pool, w);
}

static void *worker_main(void *argument) {
  struct http_worker *worker = argument;
  struct pool *pool = worker->pool;
  pthread_mutex_lock(&pool->lock);
  for (;;) {
    struct work *w = pool->first;
    if (!w && pool->stopping)
      break;
    if (!w) {
      pthread_cond_wait(&pool->filled, &pool->lock);
      continue;
    }
    pool->first = w->next_queued;
    if (!pool->first)
      pool->last = NULL;
    if (!w->x.resumed)
      pool->fresh--;
    w->state = WORK_RUNNING;
    size_t loop = w->loop;
    pthread_mutex_unlock(&pool->lock);
    enum http_verdict verdict = w->x.route->handler(worker, worker->context, &w->x);
    pthread_mutex_lock(&pool->lock);
    /* Woken under the lock: once it is free the loop may take `w`, be done with all and close what wakes it. */
    if (settle(pool, w, verdict))
      pool->wake(pool->user, loop);
  }
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

avow_err pool_new(struct pool **out, size_t workers, void *const *contexts, size_t loops, size_t queue_max,
                  void (*wake)(void *user, size_t loop), void *user, struct problem *why) {
  struct pool *pool = calloc(1, sizeof *pool + workers * sizeof *pool->workers);
  // NOLINTNEXTLINE(bugprone-sizeof-expression): these are pointers, one list a loop
  struct work **inboxes = calloc(loops, sizeof *inboxes);
  if (!pool || !inboxes) {
    free(pool);
    free(inboxes);
    return problem_set(why, ERR_NO_MEMORY, "no memory for %zu workers", workers);
  }
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->filled, NULL);
  pool->fresh_max = queue_max;
  pool->seed = random_u64();
  pool->inboxes = inboxes;
  pool->loops = loops;
  pool->wake = wake;
  pool->user = user;
  pool->workers_n = workers;
  for (size_t i = 0; i < workers; i++)
    pool->workers[i] = (struct http_worker){.pool = pool, .context = contexts ? contexts[i] : NULL};
  *out = pool;
  return AVOW_OK;
}

void pool_free(struct pool *pool) {
  if (!pool)
    return;
  pthread_cond_destroy(&pool->filled);
  pthread_mutex_destroy(&pool->lock);
  free(pool->inboxes);
  free(pool);
}

avow_err pool_start(struct pool *pool, struct problem *why) {
  /* Signals are the main thread's. */
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  bool failed = false;
  for (size_t i = 0; i < pool->workers_n && !failed; i++) {
    struct http_worker *worker = &pool->workers[i];
    failed = pthread_create(&worker->thread, NULL, worker_main, worker) != 0;
    worker->running = !failed;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (!failed)
    return AVOW_OK;
  pool_stop(pool);
  return problem_set(why, ERR_IO, "cannot start %zu worker threads", pool->workers_n);
}

void pool_stop(struct pool *pool) {
  pthread_mutex_lock(&pool->lock);
  pool->stopping = true;
  pthread_cond_broadcast(&pool->filled);
  pthread_mutex_unlock(&pool->lock);
  for (size_t i = 0; i < pool->workers_n; i++)
    if (pool->workers[i].running) {
      pthread_join(pool->workers[i].thread, NULL);
      pool->workers[i].running = false;
    }
  pool->stopping = false;
}

bool pool_submit(struct pool *pool, struct work *w) {
  pthread_mutex_lock(&pool->lock);
  bool room = pool->fresh < pool->fresh_max;
  if (room) {
    pool->fresh++;
    queue_put(pool, w);
  }
  pthread_mutex_unlock(&pool->lock);
  return room;
}

int64_t pool_expire(struct pool *pool, struct work *w, bool now) {
  pthread_mutex_lock(&pool->lock);
  int64_t left = 0;
  if (w->state == WORK_PARKED) {
    left = now ? 0 : w->park_until - clock_mono_ms();
    if (left <= 0)
      resume(pool, w);
  }
  pthread_mutex_unlock(&pool->lock);
  return left > 0 ? left : 0;
}

void pool_event(struct pool *pool, struct id128 id) {
  pthread_mutex_lock(&pool->lock);
  struct park_wait **bucket = bucket_of(pool, id), *wait = *bucket;
  while (wait) {
    struct work *w = wait->work;
    if (!id_eq(w->x.park[wait - w->waits], id)) {
      wait = wait->next;
      continue;
    }
    w->event = true;
    if (w->state == WORK_PARKED) {
      resume(pool, w); /* takes its waits out of the bucket: begin again */
      wait = *bucket;
    } else {
      wait = wait->next; /* its handler still runs; settle() sees the event */
    }
  }
  pthread_mutex_unlock(&pool->lock);
}

struct work *pool_take(struct pool *pool, size_t loop) {
  struct work *list = NULL;
  pthread_mutex_lock(&pool->lock);
  for (struct work *w = pool->inboxes[loop]; w; w = w->next_posted) {
    w->posted = false;
    if (w->state != WORK_PARKED && w->state != WORK_DONE)
      continue; /* resumed since; it will be posted again */
    w->taken = w->state;
    w->left_ms = w->park_until - clock_mono_ms();
    if (w->state == WORK_DONE)
      w->state = WORK_IDLE;
    w->next = list;
    list = w;
  }
  pool->inboxes[loop] = NULL;
  pthread_mutex_unlock(&pool->lock);
  return list;
}

size_t pool_parked(struct pool *pool) {
  pthread_mutex_lock(&pool->lock);
  size_t n = pool->parked;
  pthread_mutex_unlock(&pool->lock);
  return n;
}
