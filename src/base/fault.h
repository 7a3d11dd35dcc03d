/* Named points at which a test build dies as by kill -9. In other builds they cost nothing and do nothing. */
#ifndef AVOW_BASE_FAULT_H
#define AVOW_BASE_FAULT_H

#ifdef AVOW_FAULTS
/* Kills this process with SIGKILL when the environment's AVOW_FAULT is `name`, or `name:N` at the N-th passage.
   The supervisor gives AVOW_FAULT only to the first start of each role, so that the restarted one lives. */
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif

#endif
