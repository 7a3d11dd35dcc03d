/* Confinement of a role: no new privileges, undumpable, Landlock by the ABI found, then a seccomp allow-list whose trap
   handler writes the number of the denied call and exits. */
#ifndef AVOW_PROC_SANDBOX_H
#define AVOW_PROC_SANDBOX_H

#include "proc/role.h"

/* Confines this process for its role; called once, before the first byte from outside is read and after everything was
   opened. Threads must not exist yet, or be started before with the same filter (SECCOMP_FILTER_FLAG_TSYNC is used). */
avow_err sandbox_enter(struct role_context *ctx, struct problem *why) WARN_UNUSED;

#endif
