/* avow check: is this CA in order? It changes nothing, needs no running CA, and says what to do. */
#include "cli/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "privacy/policy.h"

enum { SETS_MAX = 64, CONF_MAX = 1024 * 1024, OUT_MAX = 1024 * 1024, ARENA_MAX = 8 * 1024 * 1024 };

static const char *const results[] = {[CHECK_OK] = "ok", [CHECK_WARN] = "warn", [CHECK_FAIL] = "fail"};

void check_tell(struct check *c, enum check_result result, const char *thing, const char *advice, const char *format,
                ...) {
  char about[600];
  va_list args;
  va_start(args, format);
  vsnprintf(about, sizeof about, format, args);
  va_end(args);
  c->warned += result == CHECK_WARN;
  c->failed += result == CHECK_FAIL;
  if (c->json) {
    buf_put_str(&c->out, "{\"check\": ");
    json_put_string(&c->out, slice_str(thing));
    buf_printf(&c->out, ", \"result\": \"%s\", \"about\": ", results[result]);
    json_put_string(&c->out, slice_str(about));
    if (advice) {
      buf_put_str(&c->out, ", \"advice\": ");
      json_put_string(&c->out, slice_str(advice));
    }
    buf_put_str(&c->out, "}\n");
    return;
  }
  static const char *const colours[] = {[CHECK_OK] = "\033[32m", [CHECK_WARN] = "\033[33m", [CHECK_FAIL] = "\033[31m"};
  bool colour = cli_colour(stdout);
  buf_printf(&c->out, "%s%-4s%s  %-28s  %s%s%s\n", colour ? colours[result] : "", results[result],
             colour ? "\033[0m" : "", thing, about, advice ? ": " : "", advice ? advice : "");
}

bool check_read(struct check *c, const char *path, const char *advice, struct buf *b) {
  struct problem why = {0};
  if (file_read(c->dir_fd, path, b, &why) == AVOW_OK)
    return true;
  check_tell(c, CHECK_FAIL, path, advice, "%s", problem_text(&why));
  return false;
}

void check_expiry(struct check *c, const char *thing, const char *advice, int64_t not_before_s, int64_t not_after_s,
                  int warn_days) {
  char text[TIME_TEXT];
  int64_t now = c->now_ms / SECOND_MS;
  if (now < not_before_s)
    check_tell(c, CHECK_FAIL, thing, "set the clock right", "not valid before %s",
               time_rfc3339(not_before_s * SECOND_MS, text));
  else if (now > not_after_s)
    check_tell(c, CHECK_FAIL, thing, advice, "expired on %s", time_rfc3339(not_after_s * SECOND_MS, text));
  else if (not_after_s - now < (int64_t)warn_days * 86400)
    check_tell(c, CHECK_WARN, thing, advice, "expires on %s", time_rfc3339(not_after_s * SECOND_MS, text));
  else
    check_tell(c, CHECK_OK, thing, NULL, "valid until %s", time_rfc3339(not_after_s * SECOND_MS, text));
}

/* Held by the running CA. One that is stopped cannot be started while its database is being read. */
static int lock_dir(struct check *c) {
  AUTO_FD fd = openat(c->dir_fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    c->running = false;
    return -1;
  }
  c->running = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  return fd_take(&fd);
}

static void check_config(struct check *c, const char *const *sets, size_t sets_n) {
  AUTO_BUF text, policy_text;
  buf_init(&text, CONF_MAX);
  buf_init(&policy_text, CONF_MAX);
  struct problem why = {0};
  if (check_read(c, "avow.conf", "restore it from a backup", &text)) {
    c->configured = config_parse(buf_slice(&text), "avow.conf", sets, sets_n, &c->config, &why) == AVOW_OK;
    check_tell(c, c->configured ? CHECK_OK : CHECK_FAIL, "avow.conf", c->configured ? NULL : "correct that line", "%s",
               c->configured ? "every key is valid" : problem_text(&why));
  }
  struct policy policy = {0};
  if (file_read(c->dir_fd, "policy.conf", &policy_text, &why) != AVOW_OK)
    check_tell(c, CHECK_WARN, "policy.conf", "copy the one that this version ships", "%s", problem_text(&why));
  else if (policy_parse(buf_slice(&policy_text), "policy.conf", &policy, &why) != AVOW_OK)
    check_tell(c, CHECK_FAIL, "policy.conf", "correct that line", "%s", problem_text(&why));
  else
    check_tell(c, CHECK_OK, "policy.conf", NULL, "every statement is valid");
  policy_clear(&policy);
}

static void check_all(struct check *c, const char *const *sets, size_t sets_n) {
  AUTO_FD lock = lock_dir(c);
  check_config(c, sets, sets_n);
  if (c->configured)
    clock_shift(c->config.clock_shift_ms);
  c->now_ms = clock_now_ms();
  check_files(c);
  check_keys(c);
  check_journal(c);
  check_database(c);
  check_crls(c);
  fd_close(&lock);
  if (!c->configured)
    return;
  check_listeners(c);
  check_resolvers(c);
}

int cli_check(const struct command *self, int argc, char **argv) {
  const char *sets[SETS_MAX];
  struct check c = {.dir_fd = -1};
  size_t sets_n = 0, words_n;
  int status;
  const struct cli_option options[] = {{.name = "dir", .value = &c.dir},
                                       {.name = "json", .flag = &c.json},
                                       {.name = "set", .list = sets, .list_n = &sets_n, .list_max = SETS_MAX},
                                       {0}};
  if (!cli_options(self, argc, argv, options, NULL, 0, &words_n, &status))
    return status;
  if (!c.dir)
    return cli_usage(self, "--dir is missing");
  for (size_t i = 0; i < sets_n; i++)
    if (!strchr(sets[i], '=') || sets[i][0] == '=')
      return cli_usage(self, "--set %s: expected KEY=VALUE", sets[i]);
  struct problem why = {0};
  AUTO_FD dir_fd = open(c.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir_fd < 0) {
    avow_err e = problem_set(&why, ERR_NOT_FOUND, "there is no CA in %s: %s", c.dir, strerror(errno));
    return cli_failed(self, e, &why);
  }
  c.dir_fd = dir_fd;
  /* What goes wrong is told by its line; what libraries log on its way would stand beside it. */
  log_setup("check", (enum log_level)(LOG_ERROR + 1));
  arena_init(&c.arena, ARENA_MAX);
  buf_init(&c.out, OUT_MAX);
  check_all(&c, sets, sets_n);
  if (!c.json)
    buf_printf(&c.out, "%zu failed, %zu warned; the CA is %s\n", c.failed, c.warned, c.running ? "running" : "stopped");
  (void)cli_flush(&c.out);
  buf_clear(&c.out);
  arena_clear(&c.arena);
  config_clear(&c.config);
  return c.failed > 0 ? EXIT_FAILED : EXIT_DONE;
}
