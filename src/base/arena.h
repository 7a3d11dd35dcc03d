/* An arena: memory that lives as long as one request or one message and is freed at once. */
#ifndef AVOW_BASE_ARENA_H
#define AVOW_BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;

struct arena {
  struct arena_block *blocks;
  size_t used, cap; /* bytes handed out, and the most that may be */
};

/* An empty arena that hands out at most `cap` bytes. */
void arena_init(struct arena *a, size_t cap);
/* Frees everything. Safe on a zeroed struct. */
void arena_clear(struct arena *a);
/* Keeps one block for the next round, frees the rest. */
void arena_reset(struct arena *a);
/* `n` zeroed bytes aligned for any type; NULL when out of memory or over the cap. */
void *arena_alloc(struct arena *a, size_t n) WARN_UNUSED;
/* `count` zeroed elements of `size` bytes; NULL also when the product overflows. */
void *arena_array(struct arena *a, size_t count, size_t size) WARN_UNUSED;
/* A copy of `s`; its `p` is NULL on failure (never for an empty slice). */
struct slice arena_dup(struct arena *a, struct slice s);
/* A copy of `s` as a C string; NULL on failure or when `s` holds a NUL. */
char *arena_str(struct arena *a, struct slice s) WARN_UNUSED;
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define AUTO_ARENA __attribute__((cleanup(arena_clear))) struct arena

#endif
