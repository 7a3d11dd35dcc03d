#include <stdlib.h>

#include "store/jobs.h"

avow_err job_queue_add(struct job_queue *q, int64_t key, struct id128 id, int64_t account, int64_t not_before_ms) {
  if (q->n == q->room) {
    size_t room = q->room ? 2 * q->room : 256;
    struct job_entry *entries = reallocarray(q->entries, room, sizeof *entries);
    if (!entries)
      return ERR_NO_MEMORY;
    q->entries = entries;
    q->room = room;
  }
  q->entries[q->n++] = (struct job_entry){.key = key, .id = id, .account = account, .not_before_ms = not_before_ms};
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

/* Where the account stands in the list of those with running validations, or the list's end. */
static size_t place_of(const struct job_queue *q, int64_t account) {
  size_t i = 0;
  while (i < q->accounts_n && q->accounts[i].account != account)
    i++;
  return i;
}

/* Whether one more validation of the account may run. */
static bool has_room(const struct job_queue *q, int64_t account) {
  size_t left = JOB_VALIDATIONS_MOST - q->validations, at = place_of(q, account);
  return left > 0 && (at == q->accounts_n || q->accounts[at].n <= left / 2);
}

static void count_offered(struct job_queue *q, const struct job_entry *e) {
  q->offered++;
  if (e->account == 0)
    return;
  size_t at = place_of(q, e->account);
  if (at == q->accounts_n)
    q->accounts[q->accounts_n++] = (struct job_account){.account = e->account};
  q->accounts[at].n++;
  q->validations++;
}

static void uncount_offered(struct job_queue *q, const struct job_entry *e) {
  q->offered--;
  if (e->account == 0)
    return;
  size_t at = place_of(q, e->account);
  if (--q->accounts[at].n == 0)
    q->accounts[at] = q->accounts[--q->accounts_n];
  q->validations--;
}

static void free_lease(struct job_queue *q, struct job_entry *e) {
  if (e->lease_until_ms && !e->signed_record)
    uncount_offered(q, e);
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
  uncount_offered(q, e);
  e->signed_record = record;
}

struct job_entry *job_queue_take(struct job_queue *q, int64_t now_ms) {
  int64_t full = 0; /* the account that was last found to have no room: its jobs often stand in a row */
  for (size_t i = 0; i < q->n; i++) {
    struct job_entry *e = &q->entries[i];
    if (e->ended || e->not_before_ms > now_ms || e->lease_until_ms > now_ms)
      continue;
    free_lease(q, e);
    if (e->account != 0 && (e->account == full || !has_room(q, e->account))) {
      full = e->account;
      continue;
    }
    e->lease_until_ms = now_ms + JOB_LEASE_MS;
    count_offered(q, e);
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
  int64_t due = INT64_MAX, full = 0;
  for (size_t i = 0; i < q->n; i++) {
    const struct job_entry *e = &q->entries[i];
    int64_t at = e->lease_until_ms > e->not_before_ms ? e->lease_until_ms : e->not_before_ms;
    if (e->ended || at >= due)
      continue;
    if (e->lease_until_ms == 0 && e->account != 0 && (e->account == full || !has_room(q, e->account)))
      full = e->account;
    else
      due = at;
  }
  return due;
}

void job_queue_clear(struct job_queue *q) {
  free(q->entries);
  *q = (struct job_queue){0};
}
