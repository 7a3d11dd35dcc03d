#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"

void fd_close(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

avow_err fd_write_all(int fd, struct slice s) {
  while (s.n > 0) {
    ssize_t n = write(fd, s.p, s.n);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return ERR_IO;
    s = slice_skip(s, (size_t)n);
  }
  return AVOW_OK;
}

avow_err file_read_fd(int fd, struct buf *b, struct problem *why) {
  for (;;) {
    uint8_t chunk[16384];
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return problem_set(why, ERR_IO, "cannot read: %s", strerror(errno));
    if (n == 0)
      return AVOW_OK;
    buf_put(b, slice_of(chunk, (size_t)n));
    if (b->failed)
      return problem_set(why, ERR_TOO_LARGE, "the file is larger than %zu bytes", b->cap);
  }
}

avow_err file_read(int dir_fd, const char *path, struct buf *b, struct problem *why) {
  AUTO_FD fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0)
    return problem_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %s", path, strerror(errno));
  return file_read_fd(fd, b, why);
}

avow_err file_create(int dir_fd, const char *path, struct slice bytes, mode_t mode, struct problem *why) {
  AUTO_FD fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0)
    return problem_set(why, errno == EEXIST ? ERR_EXISTS : ERR_IO, "cannot create %s: %s", path, strerror(errno));
  if (fchmod(fd, mode) != 0 || fd_write_all(fd, bytes) != AVOW_OK || fsync(fd) != 0)
    return problem_set(why, ERR_IO, "cannot write %s: %s", path, strerror(errno));
  return AVOW_OK;
}

/* The folder that holds `path`, as an open descriptor. */
static int open_parent(int dir_fd, const char *path) {
  char parent[4096] = ".";
  const char *slash = strrchr(path, '/');
  if (slash && (size_t)(slash - path) < sizeof parent) {
    size_t n = slash == path ? 1 : (size_t)(slash - path);
    memcpy(parent, path, n);
    parent[n] = 0;
  }
  return openat(dir_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

avow_err file_replace(int dir_fd, const char *path, struct slice bytes, mode_t mode, struct problem *why) {
  char beside[4096];
  int n = snprintf(beside, sizeof beside, "%s.%08x.tmp", path, (unsigned)random_u64());
  if (n < 0 || (size_t)n >= sizeof beside)
    return problem_set(why, ERR_IO, "the path %s is too long", path);
  avow_err e = file_create(dir_fd, beside, bytes, mode, why);
  if (e == AVOW_OK && renameat(dir_fd, beside, dir_fd, path) != 0)
    e = problem_set(why, ERR_IO, "cannot rename to %s: %s", path, strerror(errno));
  if (e != AVOW_OK) {
    (void)unlinkat(dir_fd, beside, 0);
    return e;
  }
  AUTO_FD parent = open_parent(dir_fd, path);
  if (parent < 0 || fsync(parent) != 0)
    return problem_set(why, ERR_IO, "cannot sync the folder of %s: %s", path, strerror(errno));
  return AVOW_OK;
}
