/* Whole files: read with a cap, write so that a crash leaves the old or the new contents. */
#ifndef AVOW_BASE_FILE_H
#define AVOW_BASE_FILE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends all of the file to `b`; ERR_NOT_FOUND when it does not exist, ERR_TOO_LARGE over the buffer's cap. */
avow_err file_read(int dir_fd, const char *path, struct buf *b, struct problem *why) WARN_UNUSED;
/* The same from an open descriptor, from its current position. */
avow_err file_read_fd(int fd, struct buf *b, struct problem *why) WARN_UNUSED;
/* Writes beside `path`, syncs, renames over it and syncs the folder. */
avow_err file_replace(int dir_fd, const char *path, struct slice bytes, mode_t mode, struct problem *why) WARN_UNUSED;
/* Creates `path`, which must not exist, and syncs it. */
avow_err file_create(int dir_fd, const char *path, struct slice bytes, mode_t mode, struct problem *why) WARN_UNUSED;
/* All bytes, over short writes and EINTR. */
avow_err fd_write_all(int fd, struct slice bytes) WARN_UNUSED;
/* Closes *fd if it is open and sets it to -1. */
void fd_close(int *fd);
/* The descriptor in *fd, which is set to -1: it leaves the scope that would close it. */
static inline int fd_take(int *fd) {
  int taken = *fd;
  *fd = -1;
  return taken;
}

#define AUTO_FD __attribute__((cleanup(fd_close))) int

#endif
