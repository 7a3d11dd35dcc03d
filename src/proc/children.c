#include "proc/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

enum { CONTROL_FD = 3, BACKOFF_FIRST_MS = 100, BACKOFF_MOST_MS = 2000, HEALTHY_MS = 10 * SECOND_MS, ENV_MAX = 32 };

extern char **environ;

static const enum role start_order[CHILDREN_N] = {ROLE_store,     ROLE_signer, ROLE_validator,
                                                  ROLE_registrar, ROLE_keeper, ROLE_front};

static avow_err add_link(struct children *c, enum role a, enum role b, uint16_t index) {
  if (c->links_n == LINKS_MAX)
    return ERR_CONFIG;
  c->links[c->links_n++] = (struct link){{a, b}, index, {-1, -1}};
  return AVOW_OK;
}

/* The folders that a role changes become its user's; front must be able to read what keeper publishes, which it does by
   a descriptor, so that only the modes below it count. */
static avow_err set_users(struct children *c, struct problem *why) {
  const char *why_not;
  c->own_users = users_usable(c->exe_fd, &why_not);
  if (!c->own_users) {
    if (why_not)
      log_event(LOG_WARN, "roles.one_user", L_TEXT(detail, why_not));
    return AVOW_OK;
  }
  avow_err e = users_give(c->files.dir_fd, "db", users_of(ROLE_store), why);
  return e == AVOW_OK ? users_give(c->files.dir_fd, "published", users_of(ROLE_keeper), why) : e;
}

avow_err children_init(struct children *c, const struct ca_files *files, struct problem *why) {
  memset(c, 0, sizeof *c);
  c->files = *files;
  c->self = getpid();
  for (size_t i = 0; i < CHILDREN_N; i++) {
    c->list[i].role = start_order[i];
    c->list[i].pidfd = -1;
    channel_init(&c->list[i].control, -1, ROLE_supervisor, start_order[i]);
  }
  c->exe_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (c->exe_fd < 0)
    return problem_set(why, ERR_IO, "cannot open the program itself: %s", strerror(errno));
  avow_err e = set_users(c, why);
  if (e != AVOW_OK)
    return e;
  static const enum role pairs[][2] = {{ROLE_store, ROLE_registrar},
                                       {ROLE_store, ROLE_signer},
                                       {ROLE_store, ROLE_keeper},
                                       {ROLE_registrar, ROLE_validator},
                                       {ROLE_registrar, ROLE_signer}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs && e == AVOW_OK; i++)
    e = add_link(c, pairs[i][0], pairs[i][1], 0);
  /* Index 0 carries events, the others belong to one worker each. */
  for (int i = 0; i <= files->config->workers && e == AVOW_OK; i++)
    e = add_link(c, ROLE_front, ROLE_store, (uint16_t)i);
  return e == AVOW_OK ? e : problem_set(why, e, "front.workers: too many");
}

void children_clear(struct children *c) {
  for (size_t i = 0; i < CHILDREN_N; i++) {
    channel_close(&c->list[i].control);
    fd_close(&c->list[i].pidfd);
  }
  for (size_t i = 0; i < c->links_n; i++) {
    fd_close(&c->links[i].held[0]);
    fd_close(&c->links[i].held[1]);
  }
  fd_close(&c->exe_fd);
  files_close(&c->files);
}

struct child *children_find(struct children *c, enum role role) {
  for (size_t i = 0; i < CHILDREN_N; i++)
    if (c->list[i].role == role)
      return &c->list[i];
  return NULL;
}

/* The few variables a role may see: how the loader and the sanitizers work, never what an operator's shell holds. */
static size_t child_environment(enum role role, bool first_start, char name[32], const char *env[ENV_MAX]) {
  static const char *const kept[] = {
    "LD_",           "FAKETIME",           "DONT_FAKE_", "ASAN_OPTIONS=", "UBSAN_OPTIONS=",
    "LSAN_OPTIONS=", "LLVM_PROFILE_FILE=", "MALLOC_"};
  size_t n = 0;
  snprintf(name, 32, "AVOW_ROLE=%s", role_text(role));
  env[n++] = name;
  env[n++] = "TZ=UTC0"; /* or gmtime_r() would look for /etc/localtime at its first use */
  for (char **v = environ; *v && n < ENV_MAX - 1; v++)
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
      if (strncmp(*v, kept[i], strlen(kept[i])) == 0) {
        env[n++] = *v;
        break;
      }
#ifdef AVOW_FAULTS
  for (char **v = environ; first_start && *v && n < ENV_MAX - 1; v++)
    if (strncmp(*v, "AVOW_FAULT=", strlen("AVOW_FAULT=")) == 0 || strncmp(*v, "AVOW_TRY=", strlen("AVOW_TRY=")) == 0)
      env[n++] = *v;
#else
  (void)first_start;
#endif
  env[n] = NULL;
  return n;
}

/* In the child, between fork and exec: only the control channel and stderr go along. */
__attribute__((noreturn)) static void become_role(const struct children *c, enum role role, int control,
                                                  const char *const *env) {
  char name[32];
  snprintf(name, sizeof name, "avow: %s", role_text(role));
  const char *argv[] = {name, NULL};
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  /* The terminal's and the service manager's signals are the supervisor's: roles stop when it tells them to. */
  static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
    signal(ignored[i], SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (c->own_users && !users_become(users_of(role))) {
    log_event(LOG_ERROR, "role.user_failed", L_TEXT(peer, role_text(role)), L_TEXT(detail, strerror(errno)));
    _exit(1);
  }
  /* After the change of user, which would forget it. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != c->self)
    _exit(1);
  /* A descriptor that already is CONTROL_FD would keep its close-on-exec flag. */
  int exe = fcntl(c->exe_fd, F_DUPFD_CLOEXEC, CONTROL_FD + 1), mine = fcntl(control, F_DUPFD_CLOEXEC, CONTROL_FD + 1);
  if (null < 0 || exe < 0 || mine < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
      dup2(mine, CONTROL_FD) < 0)
    _exit(1);
  fexecve(exe, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
  log_event(LOG_ERROR, "role.exec_failed", L_TEXT(peer, role_text(role)), L_TEXT(detail, strerror(errno)));
  _exit(1);
}

static avow_err fork_child(struct children *c, struct child *child, struct problem *why) {
  int pair[2];
  if (channel_pair(pair) != AVOW_OK)
    return problem_set(why, ERR_IO, "cannot make a control channel: %s", strerror(errno));
  char role_variable[32];
  const char *env[ENV_MAX];
  child_environment(child->role, child->starts == 0, role_variable, env);
  pid_t pid = fork();
  if (pid == 0)
    become_role(c, child->role, pair[1], env);
  close(pair[1]);
  child->pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
  if (child->pidfd < 0) {
    close(pair[0]);
    if (pid > 0) {
      kill(pid, SIGKILL);
      waitpid(pid, NULL, 0);
    }
    return problem_set(why, ERR_IO, "cannot start a process: %s", strerror(errno));
  }
  /* A role that does not read must not hold up the supervisor: its channel then fills and it is killed. */
  fcntl(pair[0], F_SETFL, O_NONBLOCK);
  channel_init(&child->control, pair[0], ROLE_supervisor, child->role);
  child->control.state = STATE_READY;
  child->pid = pid;
  child->starts++;
  child->ready = child->told_to_stop = false;
  child->started_ms = clock_mono_ms();
  child->restart_at_ms = child->kill_at_ms = 0;
  return AVOW_OK;
}

static avow_err send_channel(struct child *child, enum role peer, uint16_t index, int fd) {
  struct message m = {.type = MSG_ctl_channel, .ctl_channel = {.peer = (uint8_t)peer, .index = index}};
  return channel_send(&child->control, &m, fd);
}

/* Gives the child its end of one link, from a pair that its peer already waits on or from a new one. */
static avow_err give_link(struct children *c, struct child *child, struct link *link) {
  int mine = link->ends[0] == child->role ? 0 : 1, other = 1 - mine;
  AUTO_FD end = link->held[mine];
  link->held[mine] = -1;
  if (end < 0) {
    int pair[2];
    if (channel_pair(pair) != AVOW_OK)
      return ERR_IO;
    end = pair[0];
    struct child *peer = children_find(c, link->ends[other]);
    fd_close(&link->held[other]);
    if (child_runs(peer)) {
      if (send_channel(peer, child->role, link->index, pair[1]) != AVOW_OK)
        child_kill(peer);
      close(pair[1]);
    } else {
      link->held[other] = pair[1];
    }
  }
  return send_channel(child, link->ends[other], link->index, end);
}

avow_err child_start(struct children *c, struct child *child, struct problem *why) {
  avow_err e = fork_child(c, child, why);
  if (e != AVOW_OK)
    return e;
  e = files_send(&c->files, &child->control, child->role, why);
  for (size_t i = 0; i < c->links_n && e == AVOW_OK; i++)
    if (c->links[i].ends[0] == child->role || c->links[i].ends[1] == child->role) {
      e = give_link(c, child, &c->links[i]);
      if (e != AVOW_OK)
        problem_set(why, e, "cannot pass a channel to %s", role_text(child->role));
    }
  if (e == AVOW_OK) {
    struct message go = {.type = MSG_ctl_go};
    e = channel_send(&child->control, &go, -1);
  }
  /* A child that died at once is no failure of ours: it is reaped and started again. */
  if (e == ERR_PEER)
    return AVOW_OK;
  if (e != AVOW_OK)
    child_kill(child);
  return e;
}

static void plan_restart(struct child *child, int64_t now_ms) {
  if (now_ms - child->started_ms >= HEALTHY_MS)
    child->failures = 0;
  int64_t delay = 0;
  if (child->failures > 0) {
    unsigned doublings = child->failures - 1 > 8 ? 8 : child->failures - 1;
    delay = (int64_t)BACKOFF_FIRST_MS << doublings;
  }
  if (delay > BACKOFF_MOST_MS)
    delay = BACKOFF_MOST_MS;
  child->failures++;
  child->restart_at_ms = now_ms + delay;
}

void child_reap(struct children *c, struct child *child, int64_t now_ms, bool *by_itself) {
  siginfo_t info = {0};
  if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED) != 0)
    return;
  *by_itself = info.si_code == CLD_EXITED;
  fd_close(&child->pidfd);
  channel_close(&child->control);
  /* Ends of channels whose other end went with the process. */
  for (size_t i = 0; i < c->links_n; i++)
    for (int side = 0; side < 2; side++)
      if (c->links[i].ends[side] == child->role)
        fd_close(&c->links[i].held[1 - side]);
  bool wanted = child->told_to_stop;
  if (wanted && (!*by_itself || info.si_status == 0))
    log_event(LOG_INFO, "role.stopped", L_TEXT(peer, role_text(child->role)), L_NUM(pid, child->pid));
  else if (*by_itself)
    log_event(LOG_ERROR, "role.exited", L_TEXT(peer, role_text(child->role)), L_NUM(pid, child->pid),
              L_NUM(status, info.si_status));
  else
    log_event(LOG_ERROR, "role.died", L_TEXT(peer, role_text(child->role)), L_NUM(pid, child->pid),
              L_NUM(signal, info.si_status));
  child->ready = false;
  child->kill_at_ms = 0;
  if (!wanted)
    plan_restart(child, now_ms);
}

void child_kill(struct child *child) {
  if (child_runs(child))
    (void)pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
}

void child_control(struct child *child) {
  __attribute__((cleanup(inbox_clear))) struct inbox in;
  inbox_init(&in);
  for (;;) {
    avow_err e = channel_recv(&child->control, &in, 0);
    if (e == ERR_UNAVAILABLE)
      return;
    /* Once: one that never stops saying it would keep the supervisor from everything else. */
    if (e == AVOW_OK && (in.m.type != MSG_ctl_ready || child->ready))
      e = ERR_FORBIDDEN_MESSAGE;
    if (e != AVOW_OK) {
      /* It closed its control channel, by dying or against the rules: either way nothing can be told to it any more. */
      channel_close(&child->control);
      child_kill(child);
      return;
    }
    child->ready = child->ever_ready = true;
    log_event(LOG_INFO, "role.ready", L_TEXT(peer, role_text(child->role)), L_NUM(pid, child->pid));
  }
}

void child_stop(struct child *child, int64_t kill_at_ms) {
  child->restart_at_ms = 0;
  if (!child_runs(child) || child->told_to_stop)
    return;
  child->told_to_stop = true;
  child->kill_at_ms = kill_at_ms;
  struct message m = {.type = MSG_ctl_stop};
  if (channel_send(&child->control, &m, -1) != AVOW_OK)
    child_kill(child);
}

int child_admin_channel(struct children *c, struct child *child) {
  int pair[2];
  if (!child_runs(child) || !child->ready || channel_pair(pair) != AVOW_OK)
    return -1;
  /* Indexes go round: by the time one is used again, the role has long taken the channel that had it. */
  uint16_t index = c->admin_next;
  c->admin_next = (uint16_t)((c->admin_next + 1) % ADMIN_INDEXES);
  avow_err e = send_channel(child, ROLE_admin, index, pair[0]);
  close(pair[0]);
  if (e == AVOW_OK)
    return pair[1];
  close(pair[1]);
  return -1;
}
