#include "proc/role.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

enum { CONTROL_FD = 3, CONF_MAX = 1024 * 1024, SETS_MAX = 64 };

/* Copies a message's text into a C string of `room` bytes; the table's limits leave space for the NUL. */
static void copy_text(char *out, size_t room, struct slice s) {
  size_t n = s.n < room ? s.n : room - 1;
  memcpy(out, s.p ? (const char *)s.p : "", n);
  out[n] = 0;
}

static avow_err take_file(struct role_context *ctx, struct inbox *in) {
  if (in->fd < 0 || ctx->files_n == ROLE_FILES_MAX)
    return ERR_FORBIDDEN_MESSAGE;
  struct role_file *f = &ctx->files[ctx->files_n++];
  copy_text(f->name, sizeof f->name, in->m.ctl_file.name);
  copy_text(f->detail, sizeof f->detail, in->m.ctl_file.detail);
  f->fd = in->fd;
  in->fd = -1;
  return AVOW_OK;
}

static struct role_channel *find_channel(struct role_context *ctx, enum role peer, uint16_t index) {
  for (size_t i = 0; i < ctx->channels_n; i++)
    if (ctx->channels[i].peer == peer && ctx->channels[i].index == index)
      return &ctx->channels[i];
  return NULL;
}

static avow_err take_channel(struct role_context *ctx, struct inbox *in) {
  enum role peer = (enum role)in->m.ctl_channel.peer;
  uint16_t index = in->m.ctl_channel.index;
  if (in->fd < 0 || peer == ROLE_none || peer >= ROLE_COUNT)
    return ERR_FORBIDDEN_MESSAGE;
  pthread_mutex_lock(&ctx->lock);
  struct role_channel *ch = find_channel(ctx, peer, index);
  if (!ch && ctx->channels_n < ROLE_CHANNELS_MAX) {
    ch = &ctx->channels[ctx->channels_n++];
    *ch = (struct role_channel){.peer = peer, .index = index, .new_fd = -1};
  }
  if (ch) {
    fd_close(&ch->new_fd);
    ch->new_fd = in->fd;
    in->fd = -1;
    ch->generation++;
    pthread_cond_broadcast(&ctx->renewed);
  }
  pthread_mutex_unlock(&ctx->lock);
  return ch ? AVOW_OK : ERR_FORBIDDEN_MESSAGE;
}

static avow_err receive_until_go(struct role_context *ctx, struct problem *why) {
  __attribute__((cleanup(inbox_clear))) struct inbox in;
  inbox_init(&in);
  for (;;) {
    avow_err e = channel_recv(&ctx->control, &in, -1);
    if (e == AVOW_OK && in.m.type == MSG_ctl_go) {
      ctx->control.state = STATE_READY;
      return AVOW_OK;
    }
    if (e == AVOW_OK)
      e = in.m.type == MSG_ctl_file ? take_file(ctx, &in) : take_channel(ctx, &in);
    if (e != AVOW_OK)
      return problem_set(why, e, "the supervisor's control channel: %s", err_text(e));
  }
}

/* The configuration of `ctx` from its files "conf" and "sets" (one KEY=VALUE a line). */
static avow_err read_config(struct role_context *ctx, struct problem *why) {
  struct role_file *conf = role_file(ctx, "conf", 0), *sets = role_file(ctx, "sets", 0);
  if (!conf || !sets)
    return problem_set(why, ERR_FORBIDDEN_MESSAGE, "the supervisor passed no configuration");
  AUTO_BUF text;
  AUTO_BUF lines;
  buf_init(&text, CONF_MAX);
  buf_init(&lines, CONF_MAX);
  avow_err e = file_read_fd(conf->fd, &text, why);
  if (e == AVOW_OK)
    e = file_read_fd(sets->fd, &lines, why);
  if (e != AVOW_OK)
    return e;
  buf_put_u8(&lines, 0);
  if (lines.failed)
    return ERR_NO_MEMORY;
  const char *list[SETS_MAX];
  size_t n = 0;
  char *rest = NULL;
  for (char *line = strtok_r((char *)lines.p, "\n", &rest); line && n < SETS_MAX; line = strtok_r(NULL, "\n", &rest))
    list[n++] = line;
  return config_parse(buf_slice(&text), conf->detail, list, n, &ctx->config, why);
}

avow_err role_start(struct role_context *ctx, enum role role, struct problem *why) {
  memset(ctx, 0, sizeof *ctx);
  ctx->role = role;
  pthread_mutex_init(&ctx->lock, NULL);
  /* Takers wait by the monotonic clock: a changed wall clock must not hold a role up. */
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&ctx->renewed, &attr);
  pthread_condattr_destroy(&attr);
  channel_init(&ctx->control, CONTROL_FD, role, ROLE_supervisor);
  log_setup(role_text(role), LOG_INFO);
  /* What the keeper writes is public and read by another user; nobody else's files are. */
  tzset(); /* now, while it may still look at files */
  umask(role == ROLE_keeper ? 022 : 077);
  avow_err e = receive_until_go(ctx, why);
  if (e == AVOW_OK)
    e = read_config(ctx, why);
  if (e != AVOW_OK)
    return e;
  log_setup(role_text(role), (enum log_level)ctx->config.log_level);
  if (ctx->config.clock_shift_ms != 0)
    clock_shift(ctx->config.clock_shift_ms);
  return AVOW_OK;
}

avow_err role_key_list(struct role_context *ctx, struct key_list *out, struct problem *why) {
  key_list_init(out);
  struct role_file *f;
  for (size_t i = 0; (f = role_file(ctx, "keys.blocklist", i)); i++) {
    AUTO_BUF text;
    buf_init(&text, KEY_LIST_TEXT_MAX);
    avow_err e = file_read_fd(f->fd, &text, why);
    fd_close(&f->fd);
    if (e != AVOW_OK)
      return problem_set(why, e, "%s: cannot be read: %s", f->detail, err_text(e));
    e = key_list_add(out, buf_slice(&text), f->detail, why);
    if (e != AVOW_OK)
      return e;
  }
  key_list_sort(out);
  if (key_list_count(out) > 0)
    log_event(LOG_INFO, "role.key_list", L_NUM(count, (int64_t)key_list_count(out)));
  return AVOW_OK;
}

struct role_file *role_file(struct role_context *ctx, const char *name, size_t n) {
  for (size_t i = 0; i < ctx->files_n; i++)
    if (strcmp(ctx->files[i].name, name) == 0 && n-- == 0)
      return &ctx->files[i];
  return NULL;
}

int role_channel_take(struct role_context *ctx, enum role peer, uint16_t index, int timeout_ms) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += timeout_ms / 1000;
  until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_nsec -= 1000000000;
    until.tv_sec++;
  }
  int fd = -1;
  pthread_mutex_lock(&ctx->lock);
  for (;;) {
    struct role_channel *ch = find_channel(ctx, peer, index);
    if (ch && ch->new_fd >= 0) {
      fd = ch->new_fd;
      ch->new_fd = -1;
      break;
    }
    if (timeout_ms <= 0 || ctx->stopping || pthread_cond_timedwait(&ctx->renewed, &ctx->lock, &until) == ETIMEDOUT)
      break;
  }
  pthread_mutex_unlock(&ctx->lock);
  return fd;
}

size_t role_channel_count(struct role_context *ctx, enum role peer) {
  size_t n = 0;
  pthread_mutex_lock(&ctx->lock);
  for (size_t i = 0; i < ctx->channels_n; i++)
    n += ctx->channels[i].peer == peer;
  pthread_mutex_unlock(&ctx->lock);
  return n;
}

avow_err role_ready(struct role_context *ctx) {
  struct message m = {.type = MSG_ctl_ready};
  return channel_send(&ctx->control, &m, -1);
}

avow_err role_control(struct role_context *ctx) {
  __attribute__((cleanup(inbox_clear))) struct inbox in;
  inbox_init(&in);
  for (;;) {
    avow_err e = channel_recv(&ctx->control, &in, 0);
    if (e == ERR_UNAVAILABLE)
      return AVOW_OK;
    if (e != AVOW_OK)
      return e;
    if (in.m.type == MSG_ctl_channel) {
      e = take_channel(ctx, &in);
      if (e != AVOW_OK)
        return e;
    } else if (in.m.type == MSG_ctl_stop) {
      pthread_mutex_lock(&ctx->lock);
      ctx->stopping = true;
      ctx->control.state = STATE_DRAINING;
      pthread_cond_broadcast(&ctx->renewed);
      pthread_mutex_unlock(&ctx->lock);
    }
  }
}

static int (*loop_of(enum role role))(struct role_context *) {
  static int (*const loops[ROLE_COUNT])(struct role_context *) = {
    [ROLE_front] = role_front_main,   [ROLE_store] = role_store_main,         [ROLE_registrar] = role_registrar_main,
    [ROLE_signer] = role_signer_main, [ROLE_validator] = role_validator_main, [ROLE_keeper] = role_keeper_main,
  };
  return role < ROLE_COUNT ? loops[role] : NULL;
}

/* The context outlives main()'s frame: threads of a role may still wait in it while the process exits. */
static struct role_context the_context;

int role_run(enum role role) {
  char name[16]; /* what PR_SET_NAME keeps; "avow: registrar" just fits */
  snprintf(name, sizeof name, "avow: %s", role_text(role));
  prctl(PR_SET_NAME, name);
  struct problem why = {0};
  int (*loop)(struct role_context *) = loop_of(role);
  if (!loop) {
    log_event(LOG_ERROR, "role.unknown", L_TEXT(role, role_text(role)));
    return 1;
  }
  avow_err e = role_start(&the_context, role, &why);
  /* The supervisor may go before it said "go": it is stopping, and nothing is wrong here. */
  if (e == ERR_PEER)
    return 0;
  if (e != AVOW_OK) {
    log_event(LOG_ERROR, "role.start_failed", L_TEXT(error, err_name(e)), L_TEXT(detail, problem_text(&why)));
    return 1;
  }
  return loop(&the_context);
}
