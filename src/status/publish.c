#include "status/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

enum { PATH_ROOM = 256 };

/* Drops one or more characters of a name (or only digits) from the front; false when there are none. */
static bool take_name(struct slice *s, bool digits) {
  size_t n = 0;
  for (; n < s->n; n++) {
    uint8_t c = s->p[n];
    bool digit = c >= '0' && c <= '9';
    bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
    if (!digit && (digits || !letter))
      break;
  }
  *s = slice_skip(*s, n);
  return n > 0 && n <= 64;
}

static bool take_text(struct slice *s, const char *text) {
  if (!slice_starts(*s, slice_str(text)))
    return false;
  *s = slice_skip(*s, strlen(text));
  return true;
}

bool publish_path_ok(struct slice path) {
  struct slice s = path;
  if (path.n >= PATH_ROOM)
    return false;
  if (take_text(&s, "ca/"))
    return take_name(&s, false) && slice_eq_str(s, ".cer");
  return take_text(&s, "crl/") && take_name(&s, false) && take_text(&s, "/") && take_name(&s, true) &&
         slice_eq_str(s, ".crl");
}

/* Makes the folder unless it is there; what only leads to a folder elsewhere is refused. The front reads it under its
   own user, so the mode of a new one is set whatever the umask is. */
static avow_err make_folder(int dir_fd, const char *path, struct problem *why) {
  bool made = mkdirat(dir_fd, path, 0755) == 0;
  if (!made && errno != EEXIST)
    return problem_set(why, ERR_IO, "cannot make the folder %s: %s", path, strerror(errno));
  AUTO_FD fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 || (made && fchmod(fd, 0755) != 0))
    return problem_set(why, ERR_IO, "cannot open the folder %s: %s", path, strerror(errno));
  return AVOW_OK;
}

avow_err publish_file(int dir_fd, struct slice path, struct slice content, struct problem *why) {
  char name[PATH_ROOM];
  if (!publish_path_ok(path))
    return problem_set(why, ERR_MALFORMED, "this is no path below published/");
  memcpy(name, path.p, path.n);
  name[path.n] = 0;
  for (char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    avow_err e = make_folder(dir_fd, name, why);
    *slash = '/';
    if (e != AVOW_OK)
      return e;
  }
  return file_replace(dir_fd, name, content, 0644, why);
}
