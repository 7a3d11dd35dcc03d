/* The supervisor: the process that `avow serve` becomes. It starts the roles, restarts those that die, stops them in
   order, and reads no byte from the network. */
#ifndef AVOW_PROC_SUPERVISOR_H
#define AVOW_PROC_SUPERVISOR_H

#include "base/error.h"

/* Serves the CA in `dir` with the KEY=VALUE lines of --set until SIGTERM or SIGINT. Prints "ready URL" on standard
   output once every role serves. AVOW_OK after a clean stop; otherwise `why` says what to do. */
avow_err supervisor_run(const char *dir, const char *const *sets, size_t sets_n, struct problem *why) WARN_UNUSED;

#endif
