/* What the supervisor opens and hands to each role: configuration, keys, certificates, folders, the journal, listeners.
   A role gets only what the table in proc/role.h gives it. */
#ifndef AVOW_PROC_FILES_H
#define AVOW_PROC_FILES_H

#include "conf/conf.h"
#include "ipc/channel.h"

enum { LISTENERS_MAX = 16 };

struct ca_files {
  char dir[256]; /* absolute */
  int dir_fd;
  struct slice conf_text;
  struct slice sets; /* KEY=VALUE lines */
  const struct config *config;
  int https[LISTENERS_MAX], http[LISTENERS_MAX], metrics[1]; /* bound and listening, in the configuration's order */
  int memory_journal; /* test.memory: the journal as it was at the start; -1 otherwise */
};

/* Opens the listeners (and the journal's copy, for test.memory). ERR_CONFIG or ERR_IO with `why`. */
avow_err files_open(struct ca_files *f, struct problem *why) WARN_UNUSED;
void files_close(struct ca_files *f);
/* Sends the files of the role at the other end of `control`, each by one ctl_file message. */
avow_err files_send(const struct ca_files *f, struct channel *control, enum role role, struct problem *why) WARN_UNUSED;

#endif
