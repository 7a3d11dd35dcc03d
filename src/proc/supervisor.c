#include "proc/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "proc/admin.h"
#include "proc/children.h"
#include "proc/notify.h"

enum {
  CONF_MAX = 1024 * 1024,
  DIR_TEXT_MAX = 220,               /* leaves room for the longest path below it in a ctl_file message */
  DRAIN_FRONT_MS = 15 * SECOND_MS,  /* requests in flight are answered */
  DRAIN_OTHERS_MS = 10 * SECOND_MS, /* jobs are laid down, transactions end */
  POLL_MAX = 2 + 2 * CHILDREN_N + ADMIN_WAITING_MAX
};

/* Who is told to stop, one group after the other: who asks before who answers. */
enum phase {
  PHASE_START,
  PHASE_SERVE,
  PHASE_STOP_FRONT,
  PHASE_STOP_JOBS,
  PHASE_STOP_WORK,
  PHASE_STOP_STORE,
  PHASE_END
};

struct supervisor {
  char dir[DIR_TEXT_MAX + 1];
  int dir_fd, lock_fd, signal_fd;
  struct buf conf, sets;
  struct config config;
  struct children children;
  struct admin admin;
  enum phase phase;
  bool failed, hurried;
  struct problem *why;
};

static avow_err lock_dir(struct supervisor *s) {
  s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (s->lock_fd < 0)
    return problem_set(s->why, ERR_IO, "cannot lock %s: %s", s->dir, strerror(errno));
  if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
    return AVOW_OK;
  if (errno == EWOULDBLOCK)
    return problem_set(s->why, ERR_EXISTS, "the CA in %s is already served by another process", s->dir);
  return problem_set(s->why, ERR_IO, "cannot lock %s: %s", s->dir, strerror(errno));
}

/* One memory for the folder's true path, the descriptor that everything is opened by, and the lock. */
static avow_err open_dir(struct supervisor *s, const char *dir) {
  char *real = realpath(dir, NULL);
  if (!real)
    return problem_set(s->why, ERR_NOT_FOUND, "there is no CA in %s: %s; make one with: avow init --dir %s", dir,
                       strerror(errno), dir);
  size_t n = strlen(real);
  if (n <= DIR_TEXT_MAX)
    memcpy(s->dir, real, n + 1);
  free(real);
  if (n > DIR_TEXT_MAX)
    return problem_set(s->why, ERR_USAGE, "the path of the folder is longer than %d bytes", DIR_TEXT_MAX);
  s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (s->dir_fd < 0)
    return problem_set(s->why, ERR_IO, "cannot open %s: %s", s->dir, strerror(errno));
  struct stat st;
  if (fstatat(s->dir_fd, "avow.conf", &st, 0) != 0)
    return problem_set(s->why, ERR_NOT_FOUND, "%s/avow.conf: %s; make a CA with: avow init --dir %s", dir,
                       strerror(errno), dir);
  return lock_dir(s);
}

static avow_err read_config(struct supervisor *s, const char *const *sets, size_t sets_n) {
  buf_init(&s->conf, CONF_MAX);
  buf_init(&s->sets, CONF_MAX);
  avow_err e = file_read(s->dir_fd, "avow.conf", &s->conf, s->why);
  if (e != AVOW_OK)
    return e;
  for (size_t i = 0; i < sets_n; i++) {
    if (strchr(sets[i], '\n'))
      return problem_set(s->why, ERR_USAGE, "--set: a value is one line");
    buf_put_str(&s->sets, sets[i]);
    buf_put_u8(&s->sets, '\n');
  }
  char path[DIR_TEXT_MAX + 16];
  snprintf(path, sizeof path, "%s/avow.conf", s->dir);
  if (s->sets.failed)
    return problem_set(s->why, ERR_NO_MEMORY, "out of memory");
  return config_parse(buf_slice(&s->conf), path, sets, sets_n, &s->config, s->why);
}

static avow_err open_signals(struct supervisor *s) {
  sigset_t mine;
  sigemptyset(&mine);
  sigaddset(&mine, SIGTERM);
  sigaddset(&mine, SIGINT);
  sigaddset(&mine, SIGHUP);
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_BLOCK, &mine, NULL);
  s->signal_fd = signalfd(-1, &mine, SFD_CLOEXEC | SFD_NONBLOCK);
  return s->signal_fd >= 0 ? AVOW_OK : problem_set(s->why, ERR_IO, "cannot receive signals: %s", strerror(errno));
}

static avow_err set_up(struct supervisor *s, const char *dir, const char *const *sets, size_t sets_n) {
  avow_err e = open_dir(s, dir);
  if (e == AVOW_OK)
    e = read_config(s, sets, sets_n);
  if (e != AVOW_OK)
    return e;
  log_setup("supervisor", (enum log_level)s->config.log_level);
  struct ca_files files = {.dir_fd = s->dir_fd,
                           .conf_text = buf_slice(&s->conf),
                           .sets = buf_slice(&s->sets),
                           .config = &s->config,
                           .memory_journal = -1};
  memcpy(files.dir, s->dir, sizeof s->dir);
  memset(files.https, 0xff, sizeof files.https);
  memset(files.http, 0xff, sizeof files.http);
  memset(files.metrics, 0xff, sizeof files.metrics);
  e = files_open(&files, s->why);
  if (e == AVOW_OK)
    e = children_init(&s->children, &files, s->why);
  else
    files_close(&files);
  if (e == AVOW_OK)
    e = admin_open(&s->admin, s->dir_fd, s->why);
  if (e == AVOW_OK)
    e = open_signals(s);
  /* From here on nobody attaches to the process that can open every file of the CA. */
  prctl(PR_SET_DUMPABLE, 0);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return e;
}

static void tell_ready(struct supervisor *s) {
  s->phase = PHASE_SERVE;
  printf("ready %s/directory\n", s->config.https_url);
  fflush(stdout);
  notify("READY=1");
  log_event(LOG_INFO, "ca.ready", L_TEXT(url, s->config.https_url));
}

static bool in_group(enum phase phase, enum role role) {
  switch (phase) {
  case PHASE_STOP_FRONT:
    return role == ROLE_front;
  case PHASE_STOP_JOBS:
    return role == ROLE_registrar || role == ROLE_keeper;
  case PHASE_STOP_WORK:
    return role == ROLE_validator || role == ROLE_signer;
  case PHASE_STOP_STORE:
    return role == ROLE_store;
  case PHASE_START:
  case PHASE_SERVE:
  case PHASE_END:
    break;
  }
  return false;
}

/* Goes on to the next group as soon as all of the one before have ended. */
static void stop_further(struct supervisor *s) {
  while (s->phase >= PHASE_STOP_FRONT && s->phase < PHASE_END) {
    int64_t grace = s->hurried ? 0 : s->phase == PHASE_STOP_FRONT ? DRAIN_FRONT_MS : DRAIN_OTHERS_MS;
    bool running = false;
    for (size_t i = 0; i < CHILDREN_N; i++) {
      struct child *child = &s->children.list[i];
      if (!in_group(s->phase, child->role))
        continue;
      child_stop(child, clock_mono_ms() + grace);
      running |= child_runs(child);
    }
    if (running)
      return;
    s->phase++;
  }
}

static void begin_stop(struct supervisor *s) {
  if (s->phase >= PHASE_STOP_FRONT) {
    /* Asked a second time: no more patience. */
    s->hurried = true;
    for (size_t i = 0; i < CHILDREN_N; i++)
      child_kill(&s->children.list[i]);
    return;
  }
  log_event(LOG_INFO, "ca.stopping");
  notify("STOPPING=1");
  /* A role that never served has nothing to finish and may not yet listen to its control channel. */
  for (size_t i = 0; i < CHILDREN_N; i++) {
    s->children.list[i].restart_at_ms = 0;
    if (s->children.list[i].ready)
      continue;
    s->children.list[i].told_to_stop = true;
    child_kill(&s->children.list[i]);
  }
  s->phase = PHASE_STOP_FRONT;
  stop_further(s);
}

static void take_death(struct supervisor *s, struct child *child) {
  bool by_itself = false;
  child_reap(&s->children, child, clock_mono_ms(), &by_itself);
  if (child_runs(child))
    return;
  if (s->phase >= PHASE_STOP_FRONT) {
    child->restart_at_ms = 0;
    stop_further(s);
  } else if (s->phase == PHASE_START && by_itself && !child->ever_ready) {
    /* It said why in its log line. What a role cannot do at the first start, it will not do at the second. */
    s->failed = true;
    problem_set(s->why, ERR_UNAVAILABLE, "the %s could not start; see the log line above", role_text(child->role));
    begin_stop(s);
  }
}

static void start_due(struct supervisor *s) {
  int64_t now = clock_mono_ms();
  for (size_t i = 0; i < CHILDREN_N; i++) {
    struct child *child = &s->children.list[i];
    if (child_runs(child) && child->kill_at_ms != 0 && now >= child->kill_at_ms) {
      log_event(LOG_WARN, "role.overdue", L_TEXT(peer, role_text(child->role)), L_NUM(pid, child->pid));
      child->kill_at_ms = 0;
      child_kill(child);
    }
    if (child_runs(child) || child->restart_at_ms == 0 || now < child->restart_at_ms || s->phase > PHASE_SERVE)
      continue;
    child->restart_at_ms = 0;
    struct problem why = {0};
    avow_err e = child_start(&s->children, child, &why);
    if (e == AVOW_OK)
      log_event(LOG_INFO, "role.restarted", L_TEXT(peer, role_text(child->role)), L_NUM(count, child->starts));
    else
      log_event(LOG_ERROR, "role.restart_failed", L_TEXT(peer, role_text(child->role)),
                L_TEXT(detail, problem_text(&why)));
    /* Without a process there is no death to wait for. */
    if (e != AVOW_OK && !child_runs(child))
      child->restart_at_ms = now + SECOND_MS;
  }
}

/* Milliseconds until the next thing that happens without an event; -1: nothing. */
static int next_timer(const struct supervisor *s) {
  int64_t first = INT64_MAX;
  for (size_t i = 0; i < CHILDREN_N; i++) {
    const struct child *child = &s->children.list[i];
    if (child->kill_at_ms != 0 && child->kill_at_ms < first)
      first = child->kill_at_ms;
    if (child->restart_at_ms != 0 && child->restart_at_ms < first)
      first = child->restart_at_ms;
  }
  for (size_t i = 0; i < ADMIN_WAITING_MAX; i++)
    if (s->admin.waiting[i].ch.fd >= 0 && s->admin.waiting[i].until_ms < first)
      first = s->admin.waiting[i].until_ms;
  if (first == INT64_MAX)
    return -1;
  int64_t left = first - clock_mono_ms();
  return left < 0 ? 0 : (int)left;
}

static bool all_ready(const struct supervisor *s) {
  for (size_t i = 0; i < CHILDREN_N; i++)
    if (!s->children.list[i].ready)
      return false;
  return true;
}

/* One round: waits, then handles what came. The places in `p` are fixed; a closed descriptor is -1, which poll(2)
 * skips. */
static void one_round(struct supervisor *s) {
  struct pollfd p[POLL_MAX] = {{.fd = s->signal_fd, .events = POLLIN}, {.fd = s->admin.listener, .events = POLLIN}};
  struct pollfd *processes = p + 2, *controls = processes + CHILDREN_N, *commands = controls + CHILDREN_N;
  for (size_t i = 0; i < CHILDREN_N; i++) {
    processes[i] = (struct pollfd){.fd = s->children.list[i].pidfd, .events = POLLIN};
    controls[i] = (struct pollfd){.fd = s->children.list[i].control.fd, .events = POLLIN};
  }
  for (size_t i = 0; i < ADMIN_WAITING_MAX; i++)
    commands[i] = (struct pollfd){.fd = s->admin.waiting[i].ch.fd, .events = POLLIN};
  if (poll(p, POLL_MAX, next_timer(s)) < 0 && errno != EINTR) {
    log_event(LOG_ERROR, "supervisor.poll_failed", L_TEXT(detail, strerror(errno)));
    return;
  }
  struct signalfd_siginfo signal_info;
  if ((p[0].revents & POLLIN) && read(s->signal_fd, &signal_info, sizeof signal_info) == sizeof signal_info)
    begin_stop(s);
  /* Control first: a "ready" sent just before a death still counts as a start that worked. */
  for (size_t i = 0; i < CHILDREN_N; i++)
    if (controls[i].revents != 0 && controls[i].fd == s->children.list[i].control.fd)
      child_control(&s->children.list[i]);
  for (size_t i = 0; i < CHILDREN_N; i++)
    if (processes[i].revents != 0 && processes[i].fd == s->children.list[i].pidfd)
      take_death(s, &s->children.list[i]);
  for (size_t i = 0; i < ADMIN_WAITING_MAX; i++)
    if (commands[i].revents != 0)
      admin_answer(&s->admin, &s->admin.waiting[i], &s->children);
  if (p[1].revents != 0)
    admin_accept(&s->admin, clock_mono_ms());
  admin_expire(&s->admin, clock_mono_ms());
  start_due(s);
  if (s->phase == PHASE_START && all_ready(s))
    tell_ready(s);
}

static avow_err serve(struct supervisor *s) {
  for (size_t i = 0; i < CHILDREN_N; i++) {
    avow_err e = child_start(&s->children, &s->children.list[i], s->why);
    if (e != AVOW_OK) {
      s->failed = true;
      begin_stop(s);
      break;
    }
  }
  while (s->phase != PHASE_END)
    one_round(s);
  return s->failed ? (s->why && s->why->err != AVOW_OK ? s->why->err : ERR_UNAVAILABLE) : AVOW_OK;
}

avow_err supervisor_run(const char *dir, const char *const *sets, size_t sets_n, struct problem *why) {
  struct supervisor *s = calloc(1, sizeof *s);
  if (!s)
    return problem_set(why, ERR_NO_MEMORY, "out of memory");
  s->dir_fd = s->lock_fd = s->signal_fd = s->admin.listener = s->children.exe_fd = -1;
  s->why = why;
  log_setup("supervisor", LOG_INFO);
  avow_err e = set_up(s, dir, sets, sets_n);
  if (e == AVOW_OK)
    e = serve(s);
  if (s->admin.listener >= 0)
    admin_close(&s->admin, s->dir_fd);
  if (s->children.exe_fd >= 0)
    children_clear(&s->children);
  config_clear(&s->config);
  buf_clear(&s->conf);
  buf_clear(&s->sets);
  fd_close(&s->signal_fd);
  fd_close(&s->lock_fd);
  fd_close(&s->dir_fd);
  free(s);
  return e;
}
