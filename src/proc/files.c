#include "proc/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/key.h"

enum { KEY_FILE_MAX = 64 * 1024, JOURNAL_COPY_MAX = 256 * 1024 * 1024 };

/* A bound, listening, non-blocking TCP socket; -1 with errno set. */
static int listen_on(const struct endpoint *at) {
  int on = 1;
  AUTO_FD fd = socket(at->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return -1;
  /* "[::]:443" and "0.0.0.0:443" may stand beside each other. */
  if (at->address.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
    return -1;
  if (bind(fd, (const struct sockaddr *)&at->address, at->n) != 0 || listen(fd, SOMAXCONN) != 0)
    return -1;
  return fd_take(&fd);
}

static avow_err open_listeners(const char *key, const struct endpoint *list, size_t n, int *fds, struct problem *why) {
  if (n > LISTENERS_MAX)
    return problem_set(why, ERR_CONFIG, "%s: at most %d addresses", key, LISTENERS_MAX);
  for (size_t i = 0; i < n; i++) {
    fds[i] = listen_on(&list[i]);
    if (fds[i] < 0)
      return problem_set(why, ERR_IO, "%s: cannot listen on %s: %s", key, list[i].text, strerror(errno));
  }
  return AVOW_OK;
}

/* A memfd with these bytes, at its beginning. */
static int memfd_with(const char *name, struct slice bytes) {
  AUTO_FD fd = memfd_create(name, MFD_CLOEXEC);
  if (fd < 0 || fd_write_all(fd, bytes) != AVOW_OK || lseek(fd, 0, SEEK_SET) != 0)
    return -1;
  return fd_take(&fd);
}

static avow_err copy_journal(struct ca_files *f, struct problem *why) {
  AUTO_BUF bytes;
  buf_init(&bytes, JOURNAL_COPY_MAX);
  avow_err e = file_read(f->dir_fd, "journal/journal.log", &bytes, why);
  if (e != AVOW_OK)
    return e;
  f->memory_journal = memfd_with("journal", buf_slice(&bytes));
  return f->memory_journal >= 0 ? AVOW_OK : problem_set(why, ERR_NO_MEMORY, "cannot keep the journal in memory");
}

avow_err files_open(struct ca_files *f, struct problem *why) {
  const struct config *c = f->config;
  avow_err e = open_listeners("listen.https", c->https, c->https_n, f->https, why);
  if (e == AVOW_OK)
    e = open_listeners("listen.http", c->http, c->http_n, f->http, why);
  if (e == AVOW_OK)
    e = open_listeners("metrics", c->metrics, c->metrics_n, f->metrics, why);
  if (e == AVOW_OK && c->memory)
    e = copy_journal(f, why);
  return e;
}

void files_close(struct ca_files *f) {
  for (size_t i = 0; i < LISTENERS_MAX; i++) {
    fd_close(&f->https[i]);
    fd_close(&f->http[i]);
  }
  fd_close(&f->metrics[0]);
  fd_close(&f->memory_journal);
}

/* One hand-over: what is sent, to whom, and the first failure. */
struct sender {
  const struct ca_files *f;
  struct channel *control;
  struct problem *why;
  avow_err e;
};

static void send_fd(struct sender *s, const char *name, const char *detail, int fd) {
  if (s->e != AVOW_OK)
    return;
  struct message m = {.type = MSG_ctl_file, .ctl_file = {.name = slice_str(name), .detail = slice_str(detail)}};
  s->e = channel_send(s->control, &m, fd);
  if (s->e != AVOW_OK)
    problem_set(s->why, s->e, "cannot pass %s to a role: %s", name, err_text(s->e));
}

static void send_path(struct sender *s, const char *name, const char *detail, const char *path, int flags) {
  if (s->e != AVOW_OK)
    return;
  AUTO_FD fd = openat(s->f->dir_fd, path, flags | O_CLOEXEC | O_NOCTTY);
  if (fd < 0)
    s->e = problem_set(s->why, ERR_IO, "cannot open %s/%s: %s", s->f->dir, path, strerror(errno));
  send_fd(s, name, detail, fd);
}

static void send_bytes(struct sender *s, const char *name, const char *detail, struct slice bytes) {
  if (s->e != AVOW_OK)
    return;
  AUTO_FD fd = memfd_with(name, bytes);
  if (fd < 0)
    s->e = problem_set(s->why, ERR_NO_MEMORY, "cannot make a memory file for %s", name);
  send_fd(s, name, detail, fd);
}

/* Every file `folder`/PREFIX…SUFFIX, as NAME…, with the part between as its detail: "keys/issuing-I1.key" is
   "key.issuing.I1" with detail "I1". */
static void send_matching(struct sender *s, const char *folder, const char *prefix, const char *suffix,
                          const char *name) {
  if (s->e != AVOW_OK)
    return;
  int fd = openat(s->f->dir_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = fd < 0 ? NULL : fdopendir(fd);
  if (!d) {
    s->e = problem_set(s->why, ERR_IO, "cannot list %s/%s: %s", s->f->dir, folder, strerror(errno));
    fd_close(&fd);
    return;
  }
  size_t pre = strlen(prefix), suf = strlen(suffix);
  for (struct dirent *entry; (entry = readdir(d));) {
    size_t n = strlen(entry->d_name);
    if (n <= pre + suf || n - pre - suf > 32 || strncmp(entry->d_name, prefix, pre) != 0 ||
        strcmp(entry->d_name + n - suf, suffix) != 0)
      continue;
    char path[512], id[33], full[65];
    snprintf(id, sizeof id, "%.*s", (int)(n - pre - suf), entry->d_name + pre);
    /* The root is "cert.root", not one of the issuing CAs. */
    if (strcmp(id, "root") == 0)
      continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    snprintf(full, sizeof full, "%s%s", name, id);
    send_path(s, full, id, path, O_RDONLY);
  }
  closedir(d);
}

/* The signer certifies the web key without ever seeing it: the supervisor derives the public half. */
static void send_web_spki(struct sender *s) {
  if (s->e != AVOW_OK)
    return;
  AUTO_FD fd = openat(s->f->dir_fd, "keys/web.key", O_RDONLY | O_CLOEXEC | O_NOCTTY);
  struct stat st;
  AUTO_SECRET pem = {0};
  if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0 || st.st_size > KEY_FILE_MAX)
    s->e = problem_set(s->why, ERR_IO, "cannot read %s/keys/web.key", s->f->dir);
  else
    s->e = secret_new(&pem, (size_t)st.st_size);
  if (s->e == AVOW_OK && read(fd, pem.p, pem.n) != (ssize_t)pem.n)
    s->e = problem_set(s->why, ERR_IO, "cannot read %s/keys/web.key", s->f->dir);
  AUTO_PRIVATE_KEY key = NULL;
  if (s->e == AVOW_OK)
    s->e = private_key_from_pem(secret_slice(&pem), &key, s->why);
  if (s->e == AVOW_OK)
    send_bytes(s, "spki.web", "", public_key_spki(private_key_public(key)));
}

static void send_listeners(struct sender *s) {
  const struct config *c = s->f->config;
  for (size_t i = 0; i < c->https_n; i++)
    send_fd(s, "listen.https", c->https[i].text, s->f->https[i]);
  for (size_t i = 0; i < c->http_n; i++)
    send_fd(s, "listen.http", c->http[i].text, s->f->http[i]);
  for (size_t i = 0; i < c->metrics_n; i++)
    send_fd(s, "listen.metrics", c->metrics[i].text, s->f->metrics[i]);
}

static void send_journal(struct sender *s) {
  if (s->f->memory_journal < 0) {
    send_path(s, "journal", "journal/journal.log", "journal/journal.log", O_RDWR);
    return;
  }
  /* Opened anew each time: the position belongs to the open file, and a restarted signer reads from the beginning. */
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", s->f->memory_journal);
  send_path(s, "journal", "journal/journal.log", path, O_RDWR);
}

/* Opened anew for each start of a role, which then has the list as it is now. */
static void send_blocklists(struct sender *s) {
  for (size_t i = 0; i < s->f->config->blocklists_n; i++)
    send_path(s, "keys.blocklist", s->f->config->blocklists[i], s->f->config->blocklists[i], O_RDONLY);
}

avow_err files_send(const struct ca_files *f, struct channel *control, enum role role, struct problem *why) {
  struct sender s = {f, control, why, AVOW_OK};
  char conf_path[300], db_path[300];
  snprintf(conf_path, sizeof conf_path, "%s/avow.conf", f->dir);
  snprintf(db_path, sizeof db_path, "%s/db", f->dir);
  send_bytes(&s, "conf", conf_path, f->conf_text);
  send_bytes(&s, "sets", "", f->sets);
  switch (role) {
  case ROLE_front:
    send_path(&s, "key.web", "keys/web.key", "keys/web.key", O_RDONLY);
    send_listeners(&s);
    send_path(&s, "published", "published", "published", O_RDONLY | O_DIRECTORY);
    send_blocklists(&s);
    break;
  case ROLE_store:
    send_path(&s, "db", db_path, "db", O_RDONLY | O_DIRECTORY);
    send_path(&s, "cert.root", "root", "ca/root.der", O_RDONLY);
    send_matching(&s, "ca", "", ".der", "cert.issuing.");
    break;
  case ROLE_validator:
    send_path(&s, "ring.validator", "keys/ring.validator", "keys/ring.validator", O_RDONLY);
    send_path(&s, "key.token", "keys/token.key", "keys/token.key", O_RDONLY);
    break;
  case ROLE_signer:
    send_path(&s, "ring.validator", "keys/ring.validator", "keys/ring.validator", O_RDONLY);
    send_path(&s, "ring.signer", "keys/ring.signer", "keys/ring.signer", O_RDONLY);
    send_matching(&s, "keys", "issuing-", ".key", "key.issuing.");
    send_matching(&s, "ca", "", ".der", "cert.issuing.");
    send_path(&s, "cert.root", "root", "ca/root.der", O_RDONLY);
    send_web_spki(&s);
    send_blocklists(&s);
    send_journal(&s);
    break;
  case ROLE_keeper:
    send_path(&s, "published", "published", "published", O_RDONLY | O_DIRECTORY);
    break;
  case ROLE_registrar:
  case ROLE_supervisor:
  case ROLE_responder:
  case ROLE_token:
  case ROLE_gate:
  case ROLE_admin:
  case ROLE_none:
  case ROLE_COUNT:
    break;
  }
  return s.e;
}
