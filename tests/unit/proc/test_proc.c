/* Roles as the supervisor starts them: this program is started again as each role, with loops that only shake hands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/key.h"
#include "proc/children.h"
#include "proc/landlock.h"
#include "proc/role.h"

enum { SOON_MS = 10000, WORKERS = 2 };

/* ---- the roles of this test ---------------------------------------------------------------------------------- */

static int idle_until_stopped(struct role_context *ctx) {
  while (!ctx->stopping) {
    struct pollfd p = {.fd = ctx->control.fd, .events = POLLIN};
    if (poll(&p, 1, SOON_MS) == 1 && role_control(ctx) != AVOW_OK)
      return 1;
  }
  return 0;
}

static int ready_and_idle(struct role_context *ctx) {
  return role_ready(ctx) == AVOW_OK ? idle_until_stopped(ctx) : 1;
}

/* Welcomes whoever says hello on any of the front's channels. */
int role_store_main(struct role_context *ctx) {
  struct channel front[WORKERS + 1];
  for (int i = 0; i <= WORKERS; i++)
    channel_init(&front[i], -1, ROLE_store, ROLE_front);
  if (role_ready(ctx) != AVOW_OK || role_channel_count(ctx, ROLE_front) != WORKERS + 1)
    return 1;
  __attribute__((cleanup(inbox_clear))) struct inbox in;
  inbox_init(&in);
  while (!ctx->stopping) {
    struct pollfd p[WORKERS + 2] = {{.fd = ctx->control.fd, .events = POLLIN}};
    for (int i = 0; i <= WORKERS; i++) {
      int fd = role_channel_take(ctx, ROLE_front, (uint16_t)i, 0);
      if (fd >= 0) {
        channel_close(&front[i]);
        channel_init(&front[i], fd, ROLE_store, ROLE_front);
      }
      p[i + 1] = (struct pollfd){.fd = front[i].fd, .events = POLLIN};
    }
    if (poll(p, WORKERS + 2, 100) < 0 || (p[0].revents != 0 && role_control(ctx) != AVOW_OK))
      return 1;
    for (int i = 0; i <= WORKERS; i++) {
      if (p[i + 1].revents == 0)
        continue;
      avow_err e = channel_recv(&front[i], &in, 0);
      front[i].state = STATE_READY;
      struct message welcome = {.type = MSG_front_welcome, .request = in.m.request};
      if (e != AVOW_OK || channel_send(&front[i], &welcome, -1) != AVOW_OK)
        channel_close(&front[i]);
    }
  }
  return 0;
}

/* Shakes hands on every channel, says "ready", waits until one breaks, and begins again. */
int role_front_main(struct role_context *ctx) {
  __attribute__((cleanup(inbox_clear))) struct inbox in;
  inbox_init(&in);
  struct channel store[WORKERS + 1];
  for (int i = 0; i <= WORKERS; i++)
    channel_init(&store[i], -1, ROLE_front, ROLE_store);
  while (!ctx->stopping) {
    for (int i = 0; i <= WORKERS && !ctx->stopping;) {
      struct pollfd p = {.fd = ctx->control.fd, .events = POLLIN};
      if (poll(&p, 1, 0) == 1 && role_control(ctx) != AVOW_OK)
        return 1;
      int fd = role_channel_take(ctx, ROLE_store, (uint16_t)i, 10);
      if (fd < 0 && store[i].fd < 0)
        continue;
      if (fd >= 0) {
        channel_close(&store[i]);
        channel_init(&store[i], fd, ROLE_front, ROLE_store);
      }
      struct message hello = {.type = MSG_front_hello, .front_hello = {.index = (uint16_t)i}};
      if (channel_call(&store[i], &hello, &in, SOON_MS, NULL) == AVOW_OK) {
        store[i].state = STATE_READY;
        i++;
      } else {
        channel_close(&store[i]);
      }
    }
    if (role_ready(ctx) != AVOW_OK)
      return 1;
    struct pollfd p[] = {{.fd = store[WORKERS].fd, .events = POLLIN}, {.fd = ctx->control.fd, .events = POLLIN}};
    while (!ctx->stopping && p[0].revents == 0)
      if (poll(p, 2, SOON_MS) < 0 || (p[1].revents != 0 && role_control(ctx) != AVOW_OK))
        return 1;
    for (int i = 0; i <= WORKERS; i++)
      channel_close(&store[i]);
  }
  return 0;
}

/* Its files, as proc/role.h lists them. */
int role_signer_main(struct role_context *ctx) {
  static const char *const names[] = {"ring.validator", "ring.signer", "key.issuing.I1", "cert.issuing.I1",
                                      "cert.root",      "spki.web",    "journal"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!role_file(ctx, names[i], 0) || role_file(ctx, names[i], 1))
      return 10 + (int)i;
  if (role_file(ctx, "cert.issuing.root", 0) || role_file(ctx, "key.web", 0) || ctx->config.workers != WORKERS)
    return 9;
  return ready_and_idle(ctx);
}

int role_registrar_main(struct role_context *ctx) {
  return ready_and_idle(ctx);
}

int role_validator_main(struct role_context *ctx) {
  return ready_and_idle(ctx);
}

int role_keeper_main(struct role_context *ctx) {
  return ready_and_idle(ctx);
}

/* ---- a CA's folder, as far as the supervisor looks -------------------------------------------------------------- */

struct fixture {
  char dir[64];
  struct config config;
  struct buf conf;
  struct ca_files files;
  struct children children;
};

static void put(const struct fixture *f, const char *path, struct slice bytes) {
  assert_int_equal(file_create(f->files.dir_fd, path, bytes, 0600, NULL), AVOW_OK);
}

static void make_files(struct fixture *f) {
  static const char *const folders[] = {"keys", "ca", "db", "journal", "published"};
  static const char *const texts[] = {
    "keys/ring.signer", "keys/ring.validator", "keys/token.key", "keys/issuing-I1.key", "keys/root.key",
    "ca/root.der",      "ca/I1.der",           "ca/I1.der.bak",  "journal/journal.log", "db/avow.sqlite"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    assert_int_equal(mkdirat(f->files.dir_fd, folders[i], 0755), 0);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    put(f, texts[i], SLICE_LIT("x"));
  AUTO_PRIVATE_KEY key = NULL;
  AUTO_SECRET pem = {0};
  assert_int_equal(private_key_generate(KEY_P256, 0, &key), AVOW_OK);
  assert_int_equal(private_key_to_pem(key, &pem), AVOW_OK);
  put(f, "keys/web.key", secret_slice(&pem));
}

/* Two ports that were free a moment ago. */
static void free_ports(int ports[2]) {
  int fds[2];
  for (int i = 0; i < 2; i++) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fds[i], (struct sockaddr *)&at, n), 0);
    assert_int_equal(getsockname(fds[i], (struct sockaddr *)&at, &n), 0);
    ports[i] = ntohs(at.sin_port);
  }
  close(fds[0]);
  close(fds[1]);
}

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  *state = f;
  snprintf(f->dir, sizeof f->dir, "/tmp/avow-proc-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  int ports[2];
  free_ports(ports);
  char https[64], http[64];
  snprintf(https, sizeof https, "listen.https=127.0.0.1:%d", ports[0]);
  snprintf(http, sizeof http, "listen.http=127.0.0.1:%d", ports[1]);
  const char *sets[] = {https, http, "front.workers=2"};
  buf_init(&f->conf, 1 << 20);
  config_template_put(&f->conf, KIND_TEST, "localhost", sets, 3);
  struct problem why = {0};
  assert_int_equal(config_parse(buf_slice(&f->conf), "avow.conf", NULL, 0, &f->config, &why), AVOW_OK);
  f->files = (struct ca_files){
    .dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
    .conf_text = buf_slice(&f->conf),
    .config = &f->config,
    .memory_journal = -1,
  };
  memcpy(f->files.dir, f->dir, sizeof f->dir);
  memset(f->files.https, 0xff, sizeof f->files.https);
  memset(f->files.http, 0xff, sizeof f->files.http);
  make_files(f);
  assert_int_equal(files_open(&f->files, &why), AVOW_OK);
  assert_int_equal(children_init(&f->children, &f->files, &why), AVOW_OK);
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  for (size_t i = 0; i < CHILDREN_N; i++)
    if (child_runs(&f->children.list[i])) {
      bool by_itself;
      child_kill(&f->children.list[i]);
      child_reap(&f->children, &f->children.list[i], 0, &by_itself);
    }
  children_clear(&f->children);
  config_clear(&f->config);
  buf_clear(&f->conf);
  close(f->files.dir_fd);
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", f->dir);
  assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a name of our own */
  free(f);
  return 0;
}

static void start_all(struct fixture *f) {
  for (size_t i = 0; i < CHILDREN_N; i++) {
    struct problem why = {0};
    assert_int_equal(child_start(&f->children, &f->children.list[i], &why), AVOW_OK);
  }
}

/* Serves the control channels until `child` is ready. */
static void await_ready(struct fixture *f, struct child *child) {
  int64_t end = clock_mono_ms() + SOON_MS;
  while (!child->ready && clock_mono_ms() < end) {
    struct pollfd p[CHILDREN_N];
    for (size_t i = 0; i < CHILDREN_N; i++)
      p[i] = (struct pollfd){.fd = f->children.list[i].control.fd, .events = POLLIN};
    assert_true(poll(p, CHILDREN_N, SOON_MS) > 0);
    for (size_t i = 0; i < CHILDREN_N; i++)
      if (p[i].revents != 0)
        child_control(&f->children.list[i]);
  }
  assert_true(child->ready);
}

/* Kills and reaps; the reaping is told that `age_ms` have passed since the start. Returns the planned delay. */
static int64_t kill_at_age(struct fixture *f, struct child *child, int64_t age_ms) {
  bool by_itself = true;
  child_kill(child);
  child_reap(&f->children, child, child->started_ms + age_ms, &by_itself);
  assert_false(by_itself);
  assert_false(child_runs(child));
  return child->restart_at_ms - child->started_ms - age_ms;
}

/* ---- tests ----------------------------------------------------------------------------------------------------------
 */

static void test_roles_start_and_stop(void **state) {
  struct fixture *f = *state;
  start_all(f);
  for (size_t i = 0; i < CHILDREN_N; i++)
    await_ready(f, &f->children.list[i]);
  for (size_t i = 0; i < CHILDREN_N; i++) {
    struct child *child = &f->children.list[i];
    bool by_itself = false;
    child_stop(child, clock_mono_ms() + SOON_MS);
    child_reap(&f->children, child, clock_mono_ms(), &by_itself);
    assert_true(by_itself);
    assert_int_equal(child->restart_at_ms, 0);
  }
}

static void test_channels_are_renewed(void **state) {
  struct fixture *f = *state;
  start_all(f);
  struct child *front = children_find(&f->children, ROLE_front), *store = children_find(&f->children, ROLE_store);
  await_ready(f, front);
  /* The store dies: the front shakes hands with the new one over new channels. */
  front->ready = false;
  kill_at_age(f, store, 1);
  assert_int_equal(child_start(&f->children, store, NULL), AVOW_OK);
  await_ready(f, front);
  /* The front dies. */
  kill_at_age(f, front, 1);
  assert_int_equal(child_start(&f->children, front, NULL), AVOW_OK);
  await_ready(f, front);
  /* Both die; whichever comes first waits for the other. */
  for (int first = 0; first < 2; first++) {
    struct child *pair[] = {front, store};
    kill_at_age(f, front, 1);
    kill_at_age(f, store, 1);
    assert_int_equal(child_start(&f->children, pair[first], NULL), AVOW_OK);
    assert_int_equal(child_start(&f->children, pair[1 - first], NULL), AVOW_OK);
    await_ready(f, front);
  }
  /* One that waited for its peer and died meanwhile leaves nothing behind that the peer would take for a channel. */
  kill_at_age(f, front, 1);
  kill_at_age(f, store, 1);
  assert_int_equal(child_start(&f->children, front, NULL), AVOW_OK);
  kill_at_age(f, front, 1);
  for (size_t i = 0; i < f->children.links_n; i++) {
    const struct link *l = &f->children.links[i];
    if (l->ends[0] == ROLE_front)
      assert_true(l->held[0] == -1 && l->held[1] == -1);
  }
}

static void test_back_off(void **state) {
  struct fixture *f = *state;
  struct child *child = children_find(&f->children, ROLE_keeper);
  static const int64_t young[] = {0, 100, 200, 400, 800, 1600, 2000, 2000, 2000};
  for (size_t i = 0; i < sizeof young / sizeof *young; i++) {
    assert_int_equal(child_start(&f->children, child, NULL), AVOW_OK);
    assert_int_equal(kill_at_age(f, child, 50), young[i]);
  }
  /* It lived long enough: forgiven. */
  assert_int_equal(child_start(&f->children, child, NULL), AVOW_OK);
  assert_int_equal(kill_at_age(f, child, 60000), 0);
  assert_int_equal(child_start(&f->children, child, NULL), AVOW_OK);
  assert_int_equal(kill_at_age(f, child, 50), 100);
}

static void test_admin_channels(void **state) {
  struct fixture *f = *state;
  struct child *store = children_find(&f->children, ROLE_store);
  assert_int_equal(child_admin_channel(&f->children, store), -1);
  assert_int_equal(child_start(&f->children, store, NULL), AVOW_OK);
  /* Not before it serves. */
  assert_int_equal(child_admin_channel(&f->children, store), -1);
  await_ready(f, store);
  for (int i = 0; i < 3 * ADMIN_INDEXES; i++) {
    int fd = child_admin_channel(&f->children, store);
    assert_true(fd >= 0);
    close(fd);
  }
}

/* A child that says what it may not, or "ready" again and again, is killed. */
static void test_wrong_message(void **state) {
  struct fixture *f = *state;
  struct child *child = children_find(&f->children, ROLE_keeper);
  static const enum message_type wrong[] = {MSG_ctl_stop, MSG_ctl_ready, MSG_done};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_equal(child_start(&f->children, child, NULL), AVOW_OK);
    await_ready(f, child);
    int pair[2];
    assert_int_equal(channel_pair(pair), AVOW_OK);
    channel_close(&child->control);
    channel_init(&child->control, pair[0], ROLE_supervisor, ROLE_keeper);
    child->control.state = STATE_READY;
    struct channel keeper;
    channel_init(&keeper, pair[1], ROLE_keeper, ROLE_supervisor);
    struct message m = {.type = wrong[i]};
    assert_int_equal(channel_send(&keeper, &m, -1), AVOW_OK);
    child_control(child);
    assert_int_equal(child->control.fd, -1);
    channel_close(&keeper);
    bool by_itself = true;
    child_reap(&f->children, child, clock_mono_ms(), &by_itself);
    assert_false(child_runs(child));
  }
}

static void test_missing_file(void **state) {
  struct fixture *f = *state;
  assert_int_equal(unlinkat(f->files.dir_fd, "keys/ring.signer", 0), 0);
  struct problem why = {0};
  struct child *signer = children_find(&f->children, ROLE_signer);
  assert_int_equal(child_start(&f->children, signer, &why), ERR_IO);
  assert_non_null(strstr(why.detail, "keys/ring.signer"));
}

/* What a role still reaches by name, tried in a process of its own: exit status 0 when it is exactly that. */
static int try_landlock(enum role role, const char *dir, bool may_read, bool may_write) {
  struct role_context *ctx = calloc(1, sizeof *ctx);
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), abi;
  ctx->role = role;
  ctx->files[0] = (struct role_file){.name = "published", .fd = fd};
  ctx->files[1] = (struct role_file){.name = "db", .fd = fd};
  ctx->files_n = 2;
  struct problem why = {0};
  if (landlock_enter(ctx, &abi, &why) != AVOW_OK)
    return 1;
  if (abi == 0)
    return 77;
  bool outside = open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
  bool reads = openat(fd, "file", O_RDONLY | O_CLOEXEC) >= 0;
  bool writes = openat(fd, "file", O_WRONLY | O_CLOEXEC) >= 0;
  bool creates = openat(fd, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
  bool removes = unlinkat(fd, "file", 0) == 0;
  return !outside && reads == may_read && writes == may_write && creates == may_write && removes == may_write ? 0 : 2;
}

static void test_landlock(void **state) {
  (void)state;
  static const struct {
    enum role role;
    bool reads, writes;
  } rows[] = {{ROLE_front, true, false},      {ROLE_store, true, true},    {ROLE_keeper, true, true},
              {ROLE_registrar, false, false}, {ROLE_signer, false, false}, {ROLE_validator, false, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char dir[] = "/tmp/avow-landlock-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
    assert_int_equal(file_create(AT_FDCWD, path, SLICE_LIT("x"), 0600, NULL), AVOW_OK);
    pid_t pid = fork();
    if (pid == 0)
      _exit(try_landlock(rows[i].role, dir, rows[i].reads, rows[i].writes));
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)unlink(path);
    snprintf(path, sizeof path, "%s/new", dir);
    (void)unlink(path);
    assert_int_equal(rmdir(dir), 0);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
      skip(); /* a kernel without Landlock */
    assert_int_equal(WEXITSTATUS(status), 0);
  }
}

int main(int argc, char **argv) {
  static const char prefix[] = "avow: ";
  if (argc == 1 && strncmp(argv[0], prefix, strlen(prefix)) == 0)
    return role_run(role_from_text(slice_str(argv[0] + strlen(prefix))));
  signal(SIGPIPE, SIG_IGN);
  log_setup("test", (enum log_level)(LOG_ERROR + 1));
#define WITH_CA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    WITH_CA(test_roles_start_and_stop), WITH_CA(test_channels_are_renewed), WITH_CA(test_back_off),
    WITH_CA(test_admin_channels),       WITH_CA(test_wrong_message),        WITH_CA(test_missing_file),
    cmocka_unit_test(test_landlock),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
