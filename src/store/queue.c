#include <stdlib.h>

#include "store/jobs.h"

avow_err job_queue_add(struct job_queue *q, int64_t key, struct id128 id, int64_t not_before_ms) {
  if (q->n == q->room) {
    size_t room = q->room ? 2 * q->room : 256;
    struct job_entry *entries = reallocarray(q->entries, room, sizeof *entries);
    if (!entries)
      return ERR_NO_MEMORY;
    q->entries = entries;
    q->room = room;
  }
  q->entries[q->n++] = (struct job_entry){.key = key, .id = id, .not_before_ms = not_before_ms};
  return AVOW_OK;
}

struct job_entry *job_queue_find(struct job_queue *q, int64_t key) {
  size_t low = 0, high = q->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (q->entries[middle].key < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low < q->n && q->entries[low].key == key && !q->entries[low].ended ? &q->entries[low] : NULL;
}

static void free_lease(struct job_queue *q, struct job_entry *e) {
  if (e->lease_until_ms && !e->signed_record)
    q->offered--;
  e->lease_until_ms = 0;
  e->signed_record = 0;
}

static void compact(struct job_queue *q) {
  if (q->dead < 64 || q->dead * 2 < q->n)
    return;
  size_t kept = 0;
  for (size_t i = 0; i < q->n; i++)
    if (!q->entries[i].ended)
      q->entries[kept++] = q->entries[i];
  q->n = kept;
  q->dead = 0;
}

void job_queue_end(struct job_queue *q, int64_t key) {
  struct job_entry *e = job_queue_find(q, key);
  if (!e)
    return;
  free_lease(q, e);
  e->ended = true;
  q->dead++;
  compact(q);
}

void job_queue_free(struct job_queue *q, int64_t key, int64_t not_before_ms) {
  struct job_entry *e = job_queue_find(q, key);
  if (!e)
    return;
  free_lease(q, e);
  e->not_before_ms = not_before_ms;
}

void job_queue_signed(struct job_queue *q, int64_t key, uint64_t record) {
  struct job_entry *e = job_queue_find(q, key);
  if (!e || !e->lease_until_ms || e->signed_record)
    return;
  q->offered--;
  e->signed_record = record;
}

struct job_entry *job_queue_take(struct job_queue *q, int64_t now_ms) {
  for (size_t i = 0; i < q->n; i++) {
    struct job_entry *e = &q->entries[i];
    if (e->ended || e->not_before_ms > now_ms || e->lease_until_ms > now_ms)
      continue;
    free_lease(q, e);
    e->lease_until_ms = now_ms + JOB_LEASE_MS;
    q->offered++;
    return e;
  }
  return NULL;
}

void job_queue_release(struct job_queue *q) {
  for (size_t i = 0; i < q->n; i++)
    if (!q->entries[i].ended && !q->entries[i].signed_record)
      free_lease(q, &q->entries[i]);
}

int64_t job_queue_due(const struct job_queue *q) {
  int64_t due = INT64_MAX;
  for (size_t i = 0; i < q->n; i++) {
    const struct job_entry *e = &q->entries[i];
    int64_t at = e->lease_until_ms > e->not_before_ms ? e->lease_until_ms : e->not_before_ms;
    if (!e->ended && at < due)
      due = at;
  }
  return due;
}

void job_queue_clear(struct job_queue *q) {
  free(q->entries);
  *q = (struct job_queue){0};
}
