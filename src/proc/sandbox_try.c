#include "proc/sandbox_try.h"

#ifdef AVOW_FAULTS
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

static int try_open(void) {
  return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int try_create(void) {
  return open("/tmp/avow-try", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int try_socket(void) {
  return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int try_unix_socket(void) {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int try_listen(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in any = {.sin_family = AF_INET};
  return fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) != 0 ? -1 : listen(fd, 1);
}

/* Connects without connect(): on the first of the sockets that the role holds, shut down so that it may go elsewhere.
 */
static int try_fastopen(void) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (int fd = STDERR_FILENO + 1; fd < 64; fd++) {
    int listens = 0;
    socklen_t n = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens && shutdown(fd, SHUT_RDWR) == 0)
      return (int)sendto(fd, "x", 1, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
  }
  return (int)sendto(STDERR_FILENO, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof to);
}

static int try_exec(void) {
  return execl("/bin/true", "true", (char *)NULL);
}

static int try_fork(void) {
  return (int)fork();
}

static int try_kill(void) {
  return kill(getppid(), SIGUSR1);
}

static int try_ptrace(void) {
  return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

void sandbox_try(enum role role) {
  static const struct {
    const char *name;
    int (*act)(void);
  } actions[] = {
    {"open", try_open},     {"create", try_create},     {"socket", try_socket}, {"unix_socket", try_unix_socket},
    {"listen", try_listen}, {"fastopen", try_fastopen}, {"exec", try_exec},     {"fork", try_fork},
    {"kill", try_kill},     {"ptrace", try_ptrace}};
  const char *wanted = getenv("AVOW_TRY"), *colon = wanted ? strchr(wanted, ':') : NULL;
  if (!colon || !slice_eq_str(slice_of(wanted, (size_t)(colon - wanted)), role_text(role)))
    return;
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
    if (strcmp(colon + 1, actions[i].name) == 0) {
      errno = 0;
      int result = actions[i].act();
      log_event(LOG_WARN, "sandbox.tried", L_TEXT(method, actions[i].name), L_NUM(status, result),
                L_TEXT(error, result < 0 ? strerrorname_np(errno) : "none"));
    }
}
#else
typedef int sandbox_try_nothing; /* ISO C forbids an empty translation unit */
#endif
