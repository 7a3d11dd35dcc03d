#include "proc/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/landlock.h"
#include "proc/sandbox_try.h"
#include "proc/syscalls.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_SECCOMP 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_SECCOMP 0
#endif
#endif
#ifndef WITH_SECCOMP
#define WITH_SECCOMP 1 /* AddressSanitizer's run-time uses system calls that no role needs */
#endif

avow_err sandbox_enter(struct role_context *ctx, struct problem *why) {
  const struct rlimit no_core = {0, 0};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
      setrlimit(RLIMIT_CORE, &no_core) != 0)
    return problem_set(why, ERR_IO, "cannot give up privileges: %s", strerror(errno));
  int abi = 0;
  avow_err e = landlock_enter(ctx, &abi, why);
  if (e == AVOW_OK && WITH_SECCOMP)
    e = syscalls_enter(ctx->role, why);
  if (e != AVOW_OK)
    return e;
  log_event(abi > 0 ? LOG_DEBUG : LOG_WARN, abi > 0 ? "sandbox.entered" : "sandbox.no_landlock", L_NUM(count, abi));
  sandbox_try(ctx->role);
  return AVOW_OK;
}
