/* The validator's process: one channel to the registrar, the supervisor's, and the validations between them, all in one
   loop. */
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "ipc/outbox.h"
#include "proc/role.h"
#include "proc/sandbox.h"
#include "validate/validator.h"

enum { TURN_MS = 1000, STOP_MS = 5000, BATCH = 64, RING_MAX = 64 * 1024, TOKEN_KEY_BYTES = 32, DESCRIPTORS = 8192 };

struct process {
  struct role_context *ctx;
  struct loop loop;
  struct validator *validator;
  struct channel registrar;
  struct outbox out;
  struct watch control_watch, registrar_watch;
  struct inbox in;
  struct seal_ring ring;
  struct secret token_key;
  avow_err end; /* set when the process must end */
};

static avow_err read_role_file(struct role_context *ctx, const char *name, struct buf *out, struct problem *why) {
  struct role_file *f = role_file(ctx, name, 0);
  return f ? file_read_fd(f->fd, out, why) : problem_set(why, ERR_CONFIG, "%s: not given to this role", name);
}

static avow_err read_ring(struct process *p, struct problem *why) {
  AUTO_BUF text;
  buf_init(&text, RING_MAX);
  avow_err e = read_role_file(p->ctx, "ring.validator", &text, why);
  if (e == AVOW_OK)
    e = seal_ring_parse(buf_slice(&text), (uint8_t)p->ctx->config.kind, &p->ring, why);
  secret_wipe(text.p, text.n);
  return e;
}

/* key.token: 32 bytes in hexadecimal, perhaps with a newline. */
static avow_err read_token_key(struct process *p, struct problem *why) {
  AUTO_BUF text;
  buf_init(&text, RING_MAX);
  avow_err e = read_role_file(p->ctx, "key.token", &text, why);
  if (e == AVOW_OK)
    e = secret_new(&p->token_key, TOKEN_KEY_BYTES);
  struct slice hex = buf_slice(&text);
  if (hex.n > 0 && hex.p[hex.n - 1] == '\n')
    hex.n--;
  if (e == AVOW_OK && !hex_decode(hex, p->token_key.p, TOKEN_KEY_BYTES))
    e = problem_set(why, ERR_CONFIG, "key.token: expected 64 lower-case hexadecimal digits");
  secret_wipe(text.p, text.n);
  return e;
}

/* Who asked is gone: nobody waits for what runs, and its durable jobs come back over the next channel. */
static void lose_registrar(struct process *p) {
  loop_unwatch(&p->loop, &p->registrar_watch);
  channel_close(&p->registrar);
  outbox_clear(&p->out);
  validator_cancel_all(p->validator);
}

static void send_answer(void *user, const struct message *m) {
  struct process *p = user;
  if (p->registrar.fd < 0)
    return;
  avow_err e = outbox_send(&p->out, &p->registrar, m);
  if (e == AVOW_OK) {
    p->registrar_watch.events = (short)(POLLIN | (outbox_waits(&p->out) ? POLLOUT : 0));
    return;
  }
  /* Not lost from here: this runs inside a validation. The socket tells the loop. */
  log_event(LOG_WARN, "validator.answer_lost", L_TEXT(error, err_name(e)));
  (void)shutdown(p->registrar.fd, SHUT_RDWR);
}

static void take_message(struct process *p) {
  const struct message *m = &p->in.m;
  if (m->type == MSG_validator_hello)
    p->registrar.state = STATE_READY;
  else if (validator_take(p->validator, m) != AVOW_OK)
    lose_registrar(p);
}

static void registrar_ready(void *user, short events) {
  struct process *p = user;
  if ((events & POLLOUT) && outbox_flush(&p->out, &p->registrar) != AVOW_OK) {
    lose_registrar(p);
    return;
  }
  p->registrar_watch.events = (short)(POLLIN | (outbox_waits(&p->out) ? POLLOUT : 0));
  for (int i = 0; i < BATCH && p->registrar.fd >= 0; i++) {
    avow_err e = channel_recv(&p->registrar, &p->in, 0);
    if (e == ERR_UNAVAILABLE)
      return;
    if (e == AVOW_OK) {
      take_message(p);
      continue;
    }
    if (e != ERR_PEER)
      log_event(LOG_ERROR, "validator.peer_ended", L_TEXT(peer, role_text(ROLE_registrar)), L_TEXT(error, err_name(e)));
    lose_registrar(p);
  }
}

static void renew_registrar(struct process *p) {
  int fd = role_channel_take(p->ctx, ROLE_registrar, 0, 0);
  if (fd < 0)
    return;
  lose_registrar(p);
  channel_init(&p->registrar, fd, ROLE_validator, ROLE_registrar);
  loop_watch(&p->loop, &p->registrar_watch, fd, POLLIN, registrar_ready, p);
}

static void control_ready(void *user, short events) {
  (void)events;
  struct process *p = user;
  p->end = role_control(p->ctx);
  renew_registrar(p);
}

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS)
    return;
  limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static avow_err prepare(struct process *p, struct problem *why) {
  /* OpenSSL and libcurl write to sockets that applicants close. */
  (void)signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return problem_set(why, ERR_INTERNAL, "libcurl does not start");
  avow_err e = loop_init(&p->loop);
  if (e == AVOW_OK)
    e = read_ring(p, why);
  if (e == AVOW_OK)
    e = read_token_key(p, why);
  struct validator_options options = {.config = &p->ctx->config,
                                      .ring = &p->ring,
                                      .token_key = secret_slice(&p->token_key),
                                      .loop = &p->loop,
                                      .answer = send_answer,
                                      .user = p};
  return e == AVOW_OK ? validator_new(&options, &p->validator, why) : e;
}

static avow_err run(struct process *p) {
  loop_watch(&p->loop, &p->control_watch, p->ctx->control.fd, POLLIN, control_ready, p);
  renew_registrar(p);
  int64_t stop_at = 0;
  avow_err e = AVOW_OK;
  while (e == AVOW_OK && p->end == AVOW_OK) {
    if (p->ctx->stopping && stop_at == 0)
      stop_at = clock_mono_ms() + STOP_MS;
    if (stop_at > 0 && (validator_busy(p->validator) == 0 || clock_mono_ms() >= stop_at))
      break;
    e = loop_step(&p->loop, TURN_MS);
  }
  lose_registrar(p);
  loop_unwatch(&p->loop, &p->control_watch);
  return e != AVOW_OK ? e : p->end;
}

int role_validator_main(struct role_context *ctx) {
  struct process p = {.ctx = ctx, .registrar = {.fd = -1}};
  inbox_init(&p.in);
  struct problem why = {0};
  avow_err e = prepare(&p, &why);
  if (e == AVOW_OK)
    e = sandbox_enter(ctx, &why);
  if (e == AVOW_OK)
    e = role_ready(ctx);
  if (e == AVOW_OK)
    e = run(&p);
  if (e != AVOW_OK)
    log_event(LOG_ERROR, "validator.end", L_TEXT(error, err_name(e)), L_TEXT(detail, why.detail));
  validator_free(p.validator);
  inbox_clear(&p.in);
  seal_ring_clear(&p.ring);
  secret_clear(&p.token_key);
  loop_clear(&p.loop);
  curl_global_cleanup();
  return e == AVOW_OK ? 0 : 1;
}
