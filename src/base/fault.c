#include "base/fault.h"

#ifdef AVOW_FAULTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fault_point(const char *name) {
  static int left;
  const char *wanted = getenv("AVOW_FAULT");
  size_t n = strlen(name);
  if (!wanted || strncmp(wanted, name, n) != 0 || (wanted[n] != 0 && wanted[n] != ':'))
    return;
  if (left == 0)
    left = wanted[n] == ':' ? atoi(wanted + n + 1) : 1;
  if (--left == 0)
    kill(getpid(), SIGKILL);
}
#else
typedef int fault_nothing; /* ISO C forbids an empty translation unit */
#endif
