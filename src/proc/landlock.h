/* Landlock, by the ABI that the kernel has: which files and TCP ports a role may still reach by name. */
#ifndef AVOW_PROC_LANDLOCK_H
#define AVOW_PROC_LANDLOCK_H

#include "proc/role.h"

/* Confines this thread and those it will start. `*abi` is the kernel's Landlock ABI, 0 when it has none: seccomp, users
   and passed descriptors then stand alone. */
avow_err landlock_enter(struct role_context *ctx, int *abi, struct problem *why) WARN_UNUSED;

#endif
