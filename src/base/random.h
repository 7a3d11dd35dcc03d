/* Random bytes from the kernel. */
#ifndef AVOW_BASE_RANDOM_H
#define AVOW_BASE_RANDOM_H

#include "base/bytes.h"

/* Fills `n` bytes at `out` with getrandom(2); aborts the process when the kernel gives none. */
void random_bytes(void *out, size_t n);
uint64_t random_u64(void);

#endif
