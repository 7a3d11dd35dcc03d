#include "proc/users.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

/* Above the ranges of users, services and containers (systemd's UIDS-GIDS page), below 2^31. */
enum { USERS_BASE = 0x77000000, DEPTH_MAX = 8 };

struct role_user users_of(enum role role) {
  char name[32];
  snprintf(name, sizeof name, "avow-%s", role_text(role));
  const struct passwd *entry = getpwnam(name);
  if (entry && entry->pw_uid != 0)
    return (struct role_user){entry->pw_uid, entry->pw_gid};
  return (struct role_user){(uid_t)(USERS_BASE + (int)role), (gid_t)(USERS_BASE + (int)role)};
}

bool users_become(struct role_user user) {
  return setgroups(0, NULL) == 0 && setresgid(user.gid, user.gid, user.gid) == 0 &&
         setresuid(user.uid, user.uid, user.uid) == 0;
}

bool users_usable(int exe_fd, const char **why_not) {
  *why_not = NULL;
  if (geteuid() != 0)
    return false;
  struct stat st;
  if (fstat(exe_fd, &st) != 0 || (st.st_mode & S_IXOTH) == 0) {
    *why_not = "others may not execute the program file";
    return false;
  }
  /* A container may know no users but its root: a child tries. */
  pid_t pid = fork();
  if (pid == 0)
    _exit(users_become(users_of(ROLE_front)) ? 0 : 1);
  int status = 1;
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  if (pid < 0 || status != 0)
    *why_not = "root may not change user here";
  return *why_not == NULL;
}

static bool give_all(int dir_fd, const char *path, struct role_user user, int depth) {
  int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  DIR *d = fd < 0 ? NULL : fdopendir(fd);
  if (!d) {
    fd_close(&fd);
    return false;
  }
  bool ok = fchown(dirfd(d), user.uid, user.gid) == 0;
  for (struct dirent *entry; ok && (entry = readdir(d));) {
    struct stat st;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    ok = fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (ok && S_ISDIR(st.st_mode))
      ok = depth < DEPTH_MAX && give_all(dirfd(d), entry->d_name, user, depth + 1);
    else if (ok)
      ok = fchownat(dirfd(d), entry->d_name, user.uid, user.gid, AT_SYMLINK_NOFOLLOW) == 0;
  }
  closedir(d);
  return ok;
}

avow_err users_give(int dir_fd, const char *folder, struct role_user user, struct problem *why) {
  if (give_all(dir_fd, folder, user, 0))
    return AVOW_OK;
  return problem_set(why, ERR_IO, "cannot give %s to a role's user: %s", folder, strerror(errno));
}
