#include "proc/landlock.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

/* Debian 12's headers know ABI 2; the numbers are the kernel's (include/uapi/linux/landlock.h) and do not change. */
enum { LL_CREATE_VERSION = 1, LL_RULE_PATH_BENEATH = 1 };
#define LL_EXECUTE (1ULL << 0)
#define LL_WRITE_FILE (1ULL << 1)
#define LL_READ_FILE (1ULL << 2)
#define LL_READ_DIR (1ULL << 3)
#define LL_REMOVE_DIR (1ULL << 4)
#define LL_REMOVE_FILE (1ULL << 5)
#define LL_MAKE_DIR (1ULL << 7)
#define LL_MAKE_REG (1ULL << 8)
#define LL_ALL_ABI1 ((1ULL << 13) - 1)
#define LL_REFER (1ULL << 13)     /* ABI 2 */
#define LL_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define LL_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define LL_NET_BIND (1ULL << 0)   /* ABI 4 */
#define LL_NET_CONNECT (1ULL << 1)
#define LL_SCOPE_ABSTRACT_UNIX (1ULL << 0) /* ABI 6 */
#define LL_SCOPE_SIGNAL (1ULL << 1)

struct ll_ruleset {
  uint64_t fs, net, scoped;
};

struct ll_path_beneath {
  uint64_t allowed;
  int32_t parent_fd;
} __attribute__((packed));

/* The kernel's struct grew with its ABI; an older one refuses a longer size with anything but zeros in it. */
static struct ll_ruleset rules_for(enum role role, int abi) {
  struct ll_ruleset r = {.fs = LL_ALL_ABI1};
  if (abi >= 2)
    r.fs |= LL_REFER;
  if (abi >= 3)
    r.fs |= LL_TRUNCATE;
  /* Validation connects to applicants, the keeper to mail servers and logs; nobody listens on a port of its own. */
  if (abi >= 4)
    r.net = role == ROLE_validator || role == ROLE_keeper ? LL_NET_BIND : LL_NET_BIND | LL_NET_CONNECT;
  if (abi >= 5)
    r.fs |= LL_IOCTL_DEV;
  if (abi >= 6)
    r.scoped = LL_SCOPE_ABSTRACT_UNIX | LL_SCOPE_SIGNAL;
  return r;
}

/* The one folder a role still opens files in, and what it may do there. */
struct own_folder {
  const char *file; /* its name among the role's files; NULL: none */
  uint64_t allowed;
};

static struct own_folder folder_of(enum role role) {
  const uint64_t read = LL_READ_FILE | LL_READ_DIR;
  const uint64_t change = LL_WRITE_FILE | LL_MAKE_REG | LL_REMOVE_FILE | LL_TRUNCATE;
  if (role == ROLE_store)
    return (struct own_folder){"db", read | change};
  if (role == ROLE_keeper)
    return (struct own_folder){"published", read | change | LL_MAKE_DIR | LL_REMOVE_DIR | LL_REFER};
  if (role == ROLE_front)
    return (struct own_folder){"published", read};
  return (struct own_folder){NULL, 0};
}

static avow_err allow_folder(struct role_context *ctx, int ruleset, uint64_t handled, struct problem *why) {
  struct own_folder folder = folder_of(ctx->role);
  const struct role_file *file = folder.file ? role_file(ctx, folder.file, 0) : NULL;
  if (!file)
    return AVOW_OK;
  struct ll_path_beneath rule = {.allowed = folder.allowed & handled, .parent_fd = file->fd};
  if (syscall(SYS_landlock_add_rule, ruleset, LL_RULE_PATH_BENEATH, &rule, 0) != 0)
    return problem_set(why, ERR_IO, "cannot allow the folder %s: %s", folder.file, strerror(errno));
  return AVOW_OK;
}

avow_err landlock_enter(struct role_context *ctx, int *abi, struct problem *why) {
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LL_CREATE_VERSION);
  *abi = version > 0 ? (int)version : 0;
  if (version <= 0)
    return AVOW_OK;
  struct ll_ruleset rules = rules_for(ctx->role, *abi);
  size_t size = *abi >= 6 ? sizeof rules : *abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
  AUTO_FD ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
  if (ruleset < 0)
    return problem_set(why, ERR_IO, "cannot make a Landlock ruleset: %s", strerror(errno));
  avow_err e = allow_folder(ctx, ruleset, rules.fs, why);
  if (e == AVOW_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
    e = problem_set(why, ERR_IO, "Landlock refused: %s", strerror(errno));
  return e;
}
