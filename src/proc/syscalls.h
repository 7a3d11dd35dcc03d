/* The system calls that a role may make, by libseccomp: everything else writes one line and ends the process. */
#ifndef AVOW_PROC_SYSCALLS_H
#define AVOW_PROC_SYSCALLS_H

#include "ipc/message.h"

/* Installs the role's allow-list for all threads of the process. A denied call writes "avow: ROLE: denied system call N
   (NAME)" on standard error and exits with status 1. */
avow_err syscalls_enter(enum role role, struct problem *why) WARN_UNUSED;

#endif
