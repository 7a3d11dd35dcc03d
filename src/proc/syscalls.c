#include "proc/syscalls.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the C library, OpenSSL and the channels need in every role. Descriptors that a role was given may be read,
   written and waited for; new ones come only from the roles' own lists. */
static const char *const common[] = {
  /* descriptors */
  "read", "write", "readv", "writev", "close", "fcntl", "dup", "lseek", "fstat", "newfstatat", "poll", "ppoll",
  "select", "pselect6", "epoll_create1", "epoll_create", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
  "eventfd2", "pipe2", "timerfd_create", "timerfd_settime", "timerfd_gettime", "memfd_create",
  /* channels; what sends is narrowed below */
  "recvmsg", "recvfrom", "shutdown", "getsockopt", "setsockopt", "getsockname", "getpeername",
  /* memory */
  "mmap", "munmap", "mremap", "mprotect", "madvise", "brk", "mlock", "mlock2", "munlock",
  /* threads and signals of its own */
  "futex", "futex_time64", "set_robust_list", "get_robust_list", "rseq", "sched_yield", "sched_getaffinity", "getcpu",
  "membarrier", "set_tid_address", "gettid", "getpid", "exit", "exit_group", "restart_syscall", "rt_sigaction",
  "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
  /* time and chance */
  "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrandom",
  /* about itself */
  "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo", "getrusage", "times", NULL};

/* The front accepts, and reads static files below published/ (Landlock sees to "below" and "reads"). */
static const char *const front[] = {"accept",  "accept4",  "openat",     "openat2",        "statx",
                                    "pread64", "sendfile", "getdents64", "ioctl_nonblock", NULL};
/* SQLite's own needs, in its folder. */
static const char *const store[] = {
  "open",      "openat", "unlink",    "unlinkat",   "pread64", "pwrite64", "fsync", "fdatasync", "ftruncate",
  "fallocate", "access", "faccessat", "faccessat2", "stat",    "lstat",    "statx", "readlink",  "readlinkat",
  "getcwd",    "fchmod", "fchown",    "getdents64", "preadv",  "pwritev",  NULL};
/* Sockets are narrowed to IPv4 and IPv6 below; libunbound and libcurl look for files that Landlock would hide: they get
 * EACCES. */
static const char *const validator[] = {"connect",    "bind",    "sendmsg", "sendto",         "sendmmsg",   "recvmmsg",
                                        "socketpair", "pread64", "statx",   "ioctl_nonblock", "getdents64", NULL};
/* The journal is all that the signer writes. */
static const char *const signer[] = {"pread64", "pwrite64",  "preadv",    "pwritev", "fdatasync",
                                     "fsync",   "ftruncate", "fallocate", NULL};
static const char *const keeper[] = {"openat",   "unlinkat",  "renameat",  "renameat2",  "mkdirat",
                                     "fsync",    "fdatasync", "fchmod",    "statx",      "pread64",
                                     "pwrite64", "rename",    "ftruncate", "getdents64", NULL};
static const char *const nothing[] = {NULL};

static const char *const *list_of(enum role role) {
  static const char *const *const lists[ROLE_COUNT] = {
    [ROLE_front] = front,   [ROLE_store] = store,   [ROLE_validator] = validator,
    [ROLE_signer] = signer, [ROLE_keeper] = keeper, [ROLE_registrar] = nothing,
  };
  return role < ROLE_COUNT && lists[role] ? lists[role] : nothing;
}

enum { NAMES_MAX = 512 };
static char *names[NAMES_MAX]; /* resolved beforehand: a signal handler must not allocate */
static const char *own_name;

static void put(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0)
    return;
}

static void denied(int signal_number, siginfo_t *info, void *context) {
  (void)signal_number;
  (void)context;
  char digits[12];
  size_t at = sizeof digits;
  unsigned number = (unsigned)info->si_syscall;
  digits[--at] = 0;
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  number = (unsigned)info->si_syscall;
  put("avow: ");
  put(own_name);
  put(": denied system call ");
  put(digits + at);
  put(" (");
  put(number < NAMES_MAX && names[number] ? names[number] : "?");
  put(")\n");
  _exit(1);
}

static avow_err install_handler(enum role role, struct problem *why) {
  own_name = role_text(role);
  for (int i = 0; i < NAMES_MAX; i++)
    names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
  struct sigaction act = {.sa_sigaction = denied, .sa_flags = SA_SIGINFO};
  if (sigaction(SIGSYS, &act, NULL) != 0)
    return problem_set(why, ERR_IO, "cannot handle SIGSYS: %s", strerror(errno));
  return AVOW_OK;
}

/* libseccomp's rules, with the first failure kept. */
struct filter {
  scmp_filter_ctx ctx;
  int failed;
};

static void rule(struct filter *f, uint32_t action, const char *call, unsigned n, const struct scmp_arg_cmp *args) {
  int number = seccomp_syscall_resolve_name(call);
  /* Not every architecture has every call of the lists. */
  if (number < 0 || f->failed != 0)
    return;
  f->failed = seccomp_rule_add_array(f->ctx, action, number, n, args);
}

static struct scmp_arg_cmp argument_is(unsigned arg, scmp_datum_t value) {
  return (struct scmp_arg_cmp){.arg = arg, .op = SCMP_CMP_EQ, .datum_a = value};
}

static void allow_if(struct filter *f, const char *call, struct scmp_arg_cmp arg) {
  rule(f, SCMP_ACT_ALLOW, call, 1, &arg);
}

static void allow_list(struct filter *f, const char *const *list) {
  for (; *list; list++) {
    if (strcmp(*list, "ioctl_nonblock") == 0) {
      allow_if(f, "ioctl", argument_is(1, FIONBIO));
      allow_if(f, "ioctl", argument_is(1, FIONREAD));
    } else {
      rule(f, SCMP_ACT_ALLOW, *list, 0, NULL);
    }
  }
}

/* Calls that are right only with certain arguments. */
static void allow_narrowed(struct filter *f, enum role role) {
  const pid_t self = getpid();
  const scmp_datum_t shared = CLONE_THREAD | CLONE_VM;
  const struct scmp_arg_cmp thread = {.arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = shared, .datum_b = shared};
  /* Threads, never processes. clone3 hides its flags in memory that a filter cannot read; the C library goes back to
   * clone. */
  rule(f, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);
  allow_if(f, "clone", thread);
  /* abort() and raise(). */
  allow_if(f, "tgkill", argument_is(0, (scmp_datum_t)self));
  allow_if(f, "prctl", argument_is(0, PR_SET_NAME));
  /* Reading its own limits. */
  rule(f, SCMP_ACT_ALLOW, "prlimit64", 2, (struct scmp_arg_cmp[]){argument_is(0, 0), argument_is(2, 0)});
  /* Whether standard error is a terminal. */
  allow_if(f, "ioctl", argument_is(1, TCGETS));
#ifdef AVOW_FAULTS
  allow_if(f, "kill", argument_is(0, (scmp_datum_t)self));
#endif
  if (role != ROLE_validator) {
    /* MSG_FASTOPEN connects: a listening socket that was shut down would do for it. */
    const struct scmp_arg_cmp to_sendto = {.arg = 3, .op = SCMP_CMP_MASKED_EQ, .datum_a = MSG_FASTOPEN, .datum_b = 0},
                              to_sendmsg = {.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = MSG_FASTOPEN, .datum_b = 0};
    allow_if(f, "sendto", to_sendto);
    allow_if(f, "sendmsg", to_sendmsg);
    return;
  }
  allow_if(f, "socket", argument_is(0, AF_INET));
  allow_if(f, "socket", argument_is(0, AF_INET6));
  /* Name service and interface look-ups of libraries fail softly, as they do on a machine without them. */
  const struct scmp_arg_cmp unix_socket = argument_is(0, AF_UNIX), netlink_socket = argument_is(0, AF_NETLINK);
  rule(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", 1, &unix_socket);
  rule(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", 1, &netlink_socket);
  static const char *const hidden[] = {"open",       "openat", "access", "faccessat",
                                       "faccessat2", "stat",   "lstat",  "readlink"};
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
    rule(f, SCMP_ACT_ERRNO(EACCES), hidden[i], 0, NULL);
}

avow_err syscalls_enter(enum role role, struct problem *why) {
  avow_err e = install_handler(role, why);
  if (e != AVOW_OK)
    return e;
  struct filter f = {.ctx = seccomp_init(SCMP_ACT_TRAP)};
  if (!f.ctx)
    return problem_set(why, ERR_NO_MEMORY, "cannot make a system call filter");
  f.failed = seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_TSYNC, 1);
  if (f.failed == 0)
    f.failed = seccomp_attr_set(f.ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (f.failed == 0)
    f.failed = seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  allow_list(&f, common);
  allow_list(&f, list_of(role));
  allow_narrowed(&f, role);
  if (f.failed == 0)
    f.failed = seccomp_load(f.ctx);
  seccomp_release(f.ctx);
  if (f.failed != 0)
    return problem_set(why, ERR_IO, "cannot filter system calls: %s", strerror(-f.failed));
  return AVOW_OK;
}
