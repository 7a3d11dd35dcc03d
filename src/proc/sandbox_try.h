/* For tests of the confinement only: a build with named fault points can be told to do what its role may not. */
#ifndef AVOW_PROC_SANDBOX_TRY_H
#define AVOW_PROC_SANDBOX_TRY_H

#include "ipc/message.h"

#ifdef AVOW_FAULTS
/* When the environment's AVOW_TRY is "ROLE:ACTION" and this is that role: does it, and logs "sandbox.tried" with what
   came of it, if there still is a process to log it. */
void sandbox_try(enum role role);
#else
#define sandbox_try(role) ((void)(role))
#endif

#endif
