/* Keys and passwords: locked in memory, kept out of core dumps, wiped, compared in constant time. */
#ifndef AVOW_BASE_SECRET_H
#define AVOW_BASE_SECRET_H

#include "base/error.h"

struct secret {
  uint8_t *p;
  size_t n, mapped;
};

/* `n` zeroed bytes on pages of their own. */
avow_err secret_new(struct secret *s, size_t n) WARN_UNUSED;
avow_err secret_copy(struct secret *s, struct slice from) WARN_UNUSED;
/* Wipes and unmaps. Safe on a zeroed struct. */
void secret_clear(struct secret *s);
/* Constant-time equality of two runs of the same length; false when lengths differ. */
bool secret_equal(struct slice a, struct slice b);
/* Overwrites memory in a way the compiler keeps. */
void secret_wipe(void *p, size_t n);

static inline struct slice secret_slice(const struct secret *s) {
  return slice_of(s->p, s->n);
}

#define AUTO_SECRET __attribute__((cleanup(secret_clear))) struct secret

#endif
