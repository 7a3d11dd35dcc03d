#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BLOCK = 4096, ARENA_ALIGN = 16 };

struct arena_block {
  struct arena_block *next;
  size_t used, room;
  _Alignas(16) uint8_t bytes[];
};

void arena_init(struct arena *a, size_t cap) {
  *a = (struct arena){.cap = cap};
}

void arena_clear(struct arena *a) {
  struct arena_block *b = a->blocks;
  while (b) {
    struct arena_block *next = b->next;
    free(b);
    b = next;
  }
  *a = (struct arena){.cap = a->cap};
}

void arena_reset(struct arena *a) {
  struct arena_block *keep = a->blocks;
  if (!keep)
    return;
  struct arena rest = {.blocks = keep->next};
  arena_clear(&rest);
  keep->next = NULL;
  keep->used = 0;
  a->used = 0;
}

void *arena_alloc(struct arena *a, size_t n) {
  if (n > a->cap || a->used > a->cap - n)
    return NULL;
  size_t need = (n + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
  if (need == 0)
    need = ARENA_ALIGN;
  struct arena_block *b = a->blocks;
  if (!b || b->room - b->used < need) {
    size_t room = need > ARENA_BLOCK ? need : ARENA_BLOCK;
    b = malloc(sizeof *b + room);
    if (!b)
      return NULL;
    *b = (struct arena_block){.next = a->blocks, .room = room};
    a->blocks = b;
  }
  void *p = b->bytes + b->used;
  b->used += need;
  a->used += n;
  memset(p, 0, need);
  return p;
}

void *arena_array(struct arena *a, size_t count, size_t size) {
  size_t n;
  if (__builtin_mul_overflow(count, size, &n))
    return NULL;
  return arena_alloc(a, n);
}

struct slice arena_dup(struct arena *a, struct slice s) {
  uint8_t *p = arena_alloc(a, s.n);
  if (!p)
    return SLICE_NONE;
  if (s.n)
    memcpy(p, s.p, s.n);
  return slice_of(p, s.n);
}

char *arena_str(struct arena *a, struct slice s) {
  if (s.n && memchr(s.p, 0, s.n))
    return NULL;
  char *p = arena_alloc(a, s.n + 1);
  if (p && s.n)
    memcpy(p, s.p, s.n);
  return p;
}

char *arena_printf(struct arena *a, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
  if (p)
    vsnprintf(p, (size_t)n + 1, format, again);
  va_end(again);
  return p;
}
