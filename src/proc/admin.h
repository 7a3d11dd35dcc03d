/* The admin socket, DIR/admin.sock: an operator's command asks here for a channel to a role. */
#ifndef AVOW_PROC_ADMIN_H
#define AVOW_PROC_ADMIN_H

#include "proc/children.h"

enum { ADMIN_WAITING_MAX = 8 };

struct admin_waiting {
  struct channel ch; /* fd -1: free */
  int64_t until_ms;  /* monotonic */
};

struct admin {
  int listener;
  struct admin_waiting waiting[ADMIN_WAITING_MAX];
};

/* Listens on `dir_fd`/admin.sock, mode 0600; a socket that a dead supervisor left is replaced. */
avow_err admin_open(struct admin *a, int dir_fd, struct problem *why) WARN_UNUSED;
void admin_close(struct admin *a, int dir_fd);
/* To be called when the listener is readable: lets in root and the CA's own user, nobody else. */
void admin_accept(struct admin *a, int64_t now_ms);
/* To be called when a waiting command is readable: answers its admin_connect and is done with it. */
void admin_answer(struct admin *a, struct admin_waiting *w, struct children *c);
/* Ends commands that said nothing in time. */
void admin_expire(struct admin *a, int64_t now_ms);

/* The command's side: connects to the CA that runs in `dir` and asks for a channel to `role`. ERR_NOT_RUNNING when
   nothing answers there. The channel's state is FRESH. */
avow_err admin_connect(const char *dir, enum role role, struct channel *out, struct problem *why) WARN_UNUSED;

#endif
