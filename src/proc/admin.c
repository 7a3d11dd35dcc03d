#include "proc/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

enum { ADMIN_TIMEOUT_MS = 5000, ADMIN_BACKLOG = 8 };

/* A path of a Unix socket has room for 107 bytes, a CA's folder may have a longer one: so it is named by its
 * descriptor. */
static struct sockaddr_un address_in(int dir_fd) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/admin.sock", dir_fd);
  return at;
}

avow_err admin_open(struct admin *a, int dir_fd, struct problem *why) {
  memset(a, 0, sizeof *a);
  a->listener = -1;
  for (size_t i = 0; i < ADMIN_WAITING_MAX; i++)
    a->waiting[i].ch.fd = -1;
  /* DIR is locked by us, so whatever stands here belongs to no living supervisor. */
  (void)unlinkat(dir_fd, "admin.sock", 0);
  struct sockaddr_un at = address_in(dir_fd);
  AUTO_FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  mode_t before = umask(0177);
  bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
  umask(before);
  if (!bound || listen(fd, ADMIN_BACKLOG) != 0)
    return problem_set(why, ERR_IO, "cannot make the admin socket: %s", strerror(errno));
  a->listener = fd_take(&fd);
  return AVOW_OK;
}

void admin_close(struct admin *a, int dir_fd) {
  for (size_t i = 0; i < ADMIN_WAITING_MAX; i++)
    channel_close(&a->waiting[i].ch);
  if (a->listener >= 0)
    (void)unlinkat(dir_fd, "admin.sock", 0);
  fd_close(&a->listener);
}

void admin_accept(struct admin *a, int64_t now_ms) {
  AUTO_FD fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  struct ucred who;
  socklen_t n = sizeof who;
  if (fd < 0)
    return;
  /* The mode of the socket says the same; the kernel's word on the peer does not depend on it. */
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 || (who.uid != 0 && who.uid != geteuid())) {
    log_event(LOG_WARN, "admin.refused", L_TEXT(error, "the command runs under another user than the CA"));
    return;
  }
  for (size_t i = 0; i < ADMIN_WAITING_MAX; i++) {
    struct admin_waiting *w = &a->waiting[i];
    if (w->ch.fd >= 0)
      continue;
    channel_init(&w->ch, fd_take(&fd), ROLE_supervisor, ROLE_admin);
    w->until_ms = now_ms + ADMIN_TIMEOUT_MS;
    return;
  }
}

void admin_answer(struct admin *a, struct admin_waiting *w, struct children *c) {
  (void)a;
  __attribute__((cleanup(inbox_clear))) struct inbox in;
  inbox_init(&in);
  avow_err e = channel_recv(&w->ch, &in, 0);
  if (e == ERR_UNAVAILABLE)
    return;
  if (e == AVOW_OK) {
    enum role role = (enum role)in.m.admin_connect.role;
    struct child *child = children_find(c, role);
    AUTO_FD end = child ? child_admin_channel(c, child) : -1;
    struct message answer = {.type = MSG_done, .request = in.m.request};
    if (end < 0)
      answer = message_refused(in.m.request, child ? ERR_UNAVAILABLE : ERR_NOT_FOUND,
                               child ? "the role is starting; try again" : "there is no such role");
    e = channel_send(&w->ch, &answer, end);
  }
  if (e != AVOW_OK)
    log_event(LOG_WARN, "admin.failed", L_TEXT(error, err_name(e)));
  channel_close(&w->ch);
}

void admin_expire(struct admin *a, int64_t now_ms) {
  for (size_t i = 0; i < ADMIN_WAITING_MAX; i++)
    if (a->waiting[i].ch.fd >= 0 && now_ms >= a->waiting[i].until_ms)
      channel_close(&a->waiting[i].ch);
}

avow_err admin_connect(const char *dir, enum role role, struct channel *out, struct problem *why) {
  AUTO_FD dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir_fd < 0)
    return problem_set(why, ERR_NOT_FOUND, "there is no CA in %s: %s", dir, strerror(errno));
  struct sockaddr_un at = address_in(dir_fd);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
    int error = errno;
    fd_close(&fd);
    if (error == EACCES || error == EPERM)
      return problem_set(why, ERR_UNAUTHORIZED, "you may not speak to the CA in %s; run this as its user or root", dir);
    return problem_set(why, ERR_NOT_RUNNING, "the CA in %s is not running; start it with: avow serve --dir %s", dir,
                       dir);
  }
  struct channel supervisor;
  channel_init(&supervisor, fd, ROLE_admin, ROLE_supervisor);
  supervisor.state = STATE_READY;
  __attribute__((cleanup(inbox_clear))) struct inbox in;
  inbox_init(&in);
  struct message ask = {.type = MSG_admin_connect, .admin_connect = {.role = (uint8_t)role}};
  avow_err e = channel_call(&supervisor, &ask, &in, ADMIN_TIMEOUT_MS, why);
  channel_close(&supervisor);
  if (e == AVOW_OK && (in.m.type != MSG_done || in.fd < 0))
    e = problem_set(why, ERR_FORBIDDEN_MESSAGE, "the supervisor answered something else");
  if (e != AVOW_OK)
    return e;
  channel_init(out, in.fd, ROLE_admin, role);
  in.fd = -1;
  return AVOW_OK;
}
