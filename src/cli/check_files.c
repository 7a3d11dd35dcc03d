#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/check.h"
#include "proc/users.h"

/* As `avow init` makes them; whoever else could read a secret or change a file would be part of the CA. */
struct made {
  const char *path;
  mode_t mode;
  enum role other; /* may own it too, when the CA was started as root */
  bool optional;
};

static const struct made made[] = {
  {".", 0700, ROLE_none, false},
  {"avow.conf", 0600, ROLE_none, false},
  {"policy.conf", 0600, ROLE_none, true},
  {"root.pem", 0644, ROLE_none, false},
  {"keys", 0700, ROLE_none, false},
  {"keys/root.key", 0400, ROLE_none, true},
  {"keys/issuing-I1.key", 0600, ROLE_none, false},
  {"keys/web.key", 0600, ROLE_none, false},
  {"keys/ring.signer", 0600, ROLE_none, false},
  {"keys/ring.validator", 0600, ROLE_none, false},
  {"keys/token.key", 0600, ROLE_none, false},
  {"ca", 0700, ROLE_none, false},
  {"ca/root.der", 0644, ROLE_none, false},
  {"ca/I1.der", 0644, ROLE_none, false},
  {"journal", 0700, ROLE_none, false},
  {"journal/journal.log", 0600, ROLE_none, false},
  {"db", 0700, ROLE_store, false},
  {"db/avow.sqlite", 0600, ROLE_store, false},
  {"published", 0755, ROLE_keeper, false},
  {"published/ca", 0755, ROLE_keeper, false},
  {"published/ca/root.cer", 0644, ROLE_keeper, false},
  {"published/ca/I1.cer", 0644, ROLE_keeper, false},
  {"published/crl", 0755, ROLE_keeper, false},
};

/* True when all is well with one path. */
static bool check_one(struct check *c, const struct made *m, uid_t owner) {
  struct stat st;
  char thing[80], advice[160];
  snprintf(thing, sizeof thing, "file %s", m->path);
  if (fstatat(c->dir_fd, m->path, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (m->optional && errno == ENOENT)
      return true;
    check_tell(c, CHECK_FAIL, thing, errno == ENOENT ? "restore it from a backup" : "run this as the CA's user or root",
               "%s", strerror(errno));
    return false;
  }
  bool folder = (m->mode & 0100) != 0;
  if (folder ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
    check_tell(c, CHECK_FAIL, thing, "put back what avow init made", "it is no %s", folder ? "folder" : "regular file");
    return false;
  }
  bool ok = true;
  if (st.st_uid != owner && (m->other == ROLE_none || st.st_uid != users_of(m->other).uid)) {
    snprintf(advice, sizeof advice, "chown %u %s", (unsigned)owner, m->path);
    check_tell(c, CHECK_FAIL, thing, advice, "it belongs to user %u", (unsigned)st.st_uid);
    ok = false;
  }
  mode_t mode = st.st_mode & 07777;
  if ((mode & ~m->mode) != 0) {
    snprintf(advice, sizeof advice, "chmod %04o %s", (unsigned)m->mode, m->path);
    check_tell(c, CHECK_FAIL, thing, advice, "mode %04o opens it further than %04o", (unsigned)mode, (unsigned)m->mode);
    ok = false;
  } else if ((m->mode & ~mode & 0500) != 0) {
    snprintf(advice, sizeof advice, "chmod %04o %s", (unsigned)m->mode, m->path);
    check_tell(c, CHECK_WARN, thing, advice, "mode %04o closes it to its owner", (unsigned)mode);
    ok = false;
  }
  return ok;
}

void check_files(struct check *c) {
  struct stat st;
  if (fstat(c->dir_fd, &st) != 0) {
    check_tell(c, CHECK_FAIL, "files", "run this as the CA's user or root", "%s", strerror(errno));
    return;
  }
  bool ok = true;
  for (size_t i = 0; i < sizeof made / sizeof *made; i++)
    ok &= check_one(c, &made[i], st.st_uid);
  if (ok)
    check_tell(c, CHECK_OK, "files", NULL, "all there, with their owners and modes");
  if (faccessat(c->dir_fd, "keys/root.key", F_OK, 0) == 0)
    check_tell(c, CHECK_OK, "root key", NULL, "on this machine; no role opens it, a copy offline is enough");
  else
    check_tell(c, CHECK_OK, "root key", NULL, "not on this machine");
}
