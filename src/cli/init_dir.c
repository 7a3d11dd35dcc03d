#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/init.h"

/* Says that a folder was made by us, so that what a killed init left may be removed, and nothing else. */
static const char marker[] = ".avow-init";
enum { DEPTH_MAX = 8 };

/* Calls `each` for every entry of the folder but "." and ".."; false at the first that fails. */
static bool for_entries(int dir_fd, const char *path, bool (*each)(int fd, const struct dirent *entry, int depth),
                        int depth) {
  int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  DIR *d = fd < 0 ? NULL : fdopendir(fd);
  if (!d) {
    fd_close(&fd);
    return false;
  }
  bool ok = true;
  for (struct dirent *entry; ok && (entry = readdir(d));)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      ok = each(dirfd(d), entry, depth);
  closedir(d);
  return ok;
}

static bool is_folder(int fd, const char *name) {
  struct stat st;
  return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool remove_entry(int fd, const struct dirent *entry, int depth) {
  if (!is_folder(fd, entry->d_name))
    return unlinkat(fd, entry->d_name, 0) == 0;
  return depth < DEPTH_MAX && for_entries(fd, entry->d_name, remove_entry, depth + 1) &&
         unlinkat(fd, entry->d_name, AT_REMOVEDIR) == 0;
}

static bool remove_tree(const char *path) {
  return for_entries(AT_FDCWD, path, remove_entry, 0) && rmdir(path) == 0;
}

static bool sync_entry(int fd, const struct dirent *entry, int depth) {
  bool folder = is_folder(fd, entry->d_name);
  if (folder && (depth >= DEPTH_MAX || !for_entries(fd, entry->d_name, sync_entry, depth + 1)))
    return false;
  AUTO_FD file = openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  return file >= 0 && fsync(file) == 0;
}

static bool found_entry(int fd, const struct dirent *entry, int depth) {
  (void)fd;
  (void)entry;
  (void)depth;
  return false;
}

static avow_err check_target(const char *target, struct problem *why) {
  struct stat st;
  if (lstat(target, &st) != 0) {
    if (errno == ENOENT)
      return AVOW_OK;
    return problem_set(why, ERR_IO, "cannot look at %s: %s", target, strerror(errno));
  }
  if (!S_ISDIR(st.st_mode))
    return problem_set(why, ERR_EXISTS, "%s exists and is not a folder; give another --dir", target);
  if (!for_entries(AT_FDCWD, target, found_entry, 0))
    return problem_set(why, ERR_EXISTS, "%s is not empty; give an empty or a new --dir", target);
  return AVOW_OK;
}

/* What stands where DIR.tmp is to be made: ours and abandoned, or none of our business. */
static avow_err clear_leftover(const char *beside, struct problem *why) {
  AUTO_FD fd = open(beside, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 || faccessat(fd, marker, F_OK, 0) != 0)
    return problem_set(why, ERR_EXISTS, "%s is in the way: remove it or give another --dir", beside);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0)
    return problem_set(why, ERR_EXISTS, "another avow init is at work in %s", beside);
  if (!remove_tree(beside))
    return problem_set(why, ERR_IO, "cannot remove %s, which a killed avow init left: %s", beside, strerror(errno));
  return AVOW_OK;
}

avow_err init_dir_open(struct init_dir *d, const char *dir, struct problem *why) {
  *d = (struct init_dir){.fd = -1};
  size_t n = strlen(dir);
  while (n > 1 && dir[n - 1] == '/')
    n--;
  d->target = strndup(dir, n);
  if (!d->target || asprintf(&d->beside, "%s.tmp", d->target) < 0) {
    d->beside = NULL;
    return ERR_NO_MEMORY;
  }
  avow_err e = check_target(d->target, why);
  if (e != AVOW_OK)
    return e;
  if (mkdir(d->beside, 0700) != 0) {
    if (errno != EEXIST)
      return problem_set(why, ERR_IO, "cannot make %s: %s", d->beside, strerror(errno));
    e = clear_leftover(d->beside, why);
    if (e == AVOW_OK && mkdir(d->beside, 0700) != 0)
      e = problem_set(why, ERR_IO, "cannot make %s: %s", d->beside, strerror(errno));
    if (e != AVOW_OK)
      return e;
  }
  d->fd = open(d->beside, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (d->fd < 0 || flock(d->fd, LOCK_EX | LOCK_NB) != 0)
    return problem_set(why, ERR_IO, "cannot lock %s: %s", d->beside, strerror(errno));
  return file_create(d->fd, marker, SLICE_NONE, 0600, why);
}

avow_err init_dir_commit(struct init_dir *d, struct problem *why) {
  if (unlinkat(d->fd, marker, 0) != 0 || !for_entries(d->fd, ".", sync_entry, 0) || fsync(d->fd) != 0)
    return problem_set(why, ERR_IO, "cannot sync %s: %s", d->beside, strerror(errno));
  /* rename(2) takes an empty folder's place and no other's: nobody's files are lost to a race. */
  if (rename(d->beside, d->target) != 0)
    return problem_set(why, ERR_IO, "cannot rename %s to %s: %s", d->beside, d->target, strerror(errno));
  fd_close(&d->fd);
  char *slash = strrchr(d->target, '/');
  if (slash)
    *slash = 0;
  AUTO_FD parent = open(!slash ? "." : slash == d->target ? "/" : d->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (slash)
    *slash = '/';
  if (parent < 0 || fsync(parent) != 0)
    return problem_set(why, ERR_IO, "cannot sync the folder above %s: %s", d->target, strerror(errno));
  return AVOW_OK;
}

void init_dir_clear(struct init_dir *d) {
  /* An open descriptor means that DIR.tmp is ours and not yet DIR. */
  if (d->fd >= 0)
    (void)remove_tree(d->beside);
  fd_close(&d->fd);
  free(d->target);
  free(d->beside);
  *d = (struct init_dir){.fd = -1};
}
