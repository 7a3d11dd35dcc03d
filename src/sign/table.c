#include "sign/table.h"

#include <stdlib.h>

#include "base/random.h"

enum { LEAST_ROOM = 64 };

void table_init(struct table *t, size_t key_n, size_t entry_n) {
  *t = (struct table){.key_n = key_n, .entry_n = entry_n, .seed = random_u64() | 1};
}

void table_clear(struct table *t) {
  free(t->entries);
  free(t->used);
  t->entries = NULL;
  t->used = NULL;
  t->n = t->room = 0;
}

static size_t slot_of(const struct table *t, const uint8_t *key) {
  uint64_t h = t->seed;
  for (size_t i = 0; i < t->key_n; i++) {
    h = (h ^ key[i]) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  }
  return (size_t)h & (t->room - 1);
}

static uint8_t *entry_at(const struct table *t, size_t slot) {
  return t->entries + slot * t->entry_n;
}

/* The slot that holds the key, or the free one where it belongs. There always is a free one. */
static size_t seek(const struct table *t, const void *key) {
  size_t slot = slot_of(t, key);
  while (t->used[slot] && memcmp(entry_at(t, slot), key, t->key_n) != 0)
    slot = (slot + 1) & (t->room - 1);
  return slot;
}

static bool grow(struct table *t) {
  struct table bigger = *t;
  bigger.room = t->room ? 2 * t->room : LEAST_ROOM;
  bigger.entries = calloc(bigger.room, t->entry_n);
  bigger.used = calloc(bigger.room, sizeof *bigger.used);
  if (!bigger.entries || !bigger.used) {
    free(bigger.entries);
    free(bigger.used);
    return false;
  }
  for (size_t i = 0; i < t->room; i++)
    if (t->used[i]) {
      size_t slot = seek(&bigger, entry_at(t, i));
      memcpy(entry_at(&bigger, slot), entry_at(t, i), t->entry_n);
      bigger.used[slot] = true;
    }
  free(t->entries);
  free(t->used);
  t->entries = bigger.entries;
  t->used = bigger.used;
  t->room = bigger.room;
  return true;
}

void *table_find(const struct table *t, const void *key) {
  if (t->n == 0)
    return NULL;
  size_t slot = seek(t, key);
  return t->used[slot] ? entry_at(t, slot) : NULL;
}

void *table_add(struct table *t, const void *key) {
  if (4 * (t->n + 1) > 3 * t->room && !grow(t))
    return NULL;
  size_t slot = seek(t, key);
  if (!t->used[slot]) {
    memset(entry_at(t, slot), 0, t->entry_n);
    memcpy(entry_at(t, slot), key, t->key_n);
    t->used[slot] = true;
    t->n++;
  }
  return entry_at(t, slot);
}

void *table_next(const struct table *t, size_t *at) {
  while (*at < t->room) {
    size_t slot = (*at)++;
    if (t->used[slot])
      return entry_at(t, slot);
  }
  return NULL;
}

/* Empties `slot` and moves back the entries behind it that would otherwise no longer be found. */
static void drop(struct table *t, size_t slot) {
  size_t hole = slot;
  t->used[hole] = false;
  t->n--;
  for (size_t i = (slot + 1) & (t->room - 1); t->used[i]; i = (i + 1) & (t->room - 1)) {
    size_t home = slot_of(t, entry_at(t, i));
    /* An entry may stay when its home lies cyclically in (hole, i]. */
    bool stays = hole < i ? home > hole && home <= i : home > hole || home <= i;
    if (stays)
      continue;
    memcpy(entry_at(t, hole), entry_at(t, i), t->entry_n);
    t->used[hole] = true;
    t->used[i] = false;
    hole = i;
  }
}

void table_prune(struct table *t, bool (*keep)(const void *entry, void *context), void *context) {
  for (size_t i = 0; i < t->room;) {
    if (t->used[i] && !keep(entry_at(t, i), context))
      drop(t, i); /* and look at the same slot again: another entry may have moved into it */
    else
      i++;
  }
}
