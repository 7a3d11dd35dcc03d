/* The supervisor's children: one process a role, the channels between them, and what happens when one dies. */
#ifndef AVOW_PROC_CHILDREN_H
#define AVOW_PROC_CHILDREN_H

#include "proc/files.h"
#include "proc/users.h"

enum { CHILDREN_N = 6, LINKS_MAX = 96, ADMIN_INDEXES = 8 };

struct child {
  enum role role;
  int pidfd; /* -1: no process */
  pid_t pid;
  struct channel control;
  bool ready, ever_ready, told_to_stop;
  unsigned starts, failures; /* failures: deaths in a row within HEALTHY_MS of a start */
  int64_t started_ms;        /* monotonic */
  int64_t restart_at_ms;     /* monotonic; 0: none planned */
  int64_t kill_at_ms;        /* monotonic; 0: not */
};

/* A channel between two roles. An end is held here while its role is not running and has yet to be started. */
struct link {
  enum role ends[2];
  uint16_t index;
  int held[2];
};

struct children {
  struct ca_files files;
  int exe_fd;
  pid_t self;
  bool own_users;                /* started as root: each role gets its user */
  struct child list[CHILDREN_N]; /* in the order in which they start */
  struct link links[LINKS_MAX];
  size_t links_n;
  uint16_t admin_next;
};

/* Plans the roles and the channels between them for this configuration; starts nothing. Takes over `files`. */
avow_err children_init(struct children *c, const struct ca_files *files, struct problem *why) WARN_UNUSED;
void children_clear(struct children *c);
struct child *children_find(struct children *c, enum role role);

/* Starts the process of one role and hands it its files and channels; the living peers get their new ends. */
avow_err child_start(struct children *c, struct child *child, struct problem *why) WARN_UNUSED;
/* To be called when the pidfd is readable: reaps, logs, closes, and plans the restart at `now_ms` (monotonic) or a
   little later: at once the first time, then after 100 ms, doubled up to 2 s, while it keeps dying young. `*by_itself`
   says whether it exited on its own, without a signal. */
void child_reap(struct children *c, struct child *child, int64_t now_ms, bool *by_itself);
/* To be called when the control channel is readable. A child that breaks the protocol is killed. */
void child_control(struct child *child);
/* Asks it to finish and end; it is killed at `kill_at_ms` (monotonic) if it has not. */
void child_stop(struct child *child, int64_t kill_at_ms);
void child_kill(struct child *child);
/* A fresh channel between `child` and an operator's command: the command's end, or -1. */
int child_admin_channel(struct children *c, struct child *child);

static inline bool child_runs(const struct child *child) {
  return child->pidfd >= 0;
}

#endif
