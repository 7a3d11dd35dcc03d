/* One user a role, when the CA is started as root: then no role can signal another or touch what belongs to it. */
#ifndef AVOW_PROC_USERS_H
#define AVOW_PROC_USERS_H

#include <sys/types.h>

#include "ipc/message.h"

struct role_user {
  uid_t uid;
  gid_t gid;
};

/* Whether roles can have users of their own: we are root, may change user, and others may execute the program at
   `exe_fd`. `*why_not` says in words what is missing; NULL when the answer is yes or when we are not root. */
bool users_usable(int exe_fd, const char **why_not);
/* The user "avow-ROLE" (as the Debian package makes it); without one, a number of its own far above all that are given
 * out. */
struct role_user users_of(enum role role);
/* Becomes it for good, without any group of the caller. False with errno set. */
bool users_become(struct role_user user);
/* Gives `folder` below `dir_fd` and all in it to `user`. */
avow_err users_give(int dir_fd, const char *folder, struct role_user user, struct problem *why) WARN_UNUSED;

#endif
