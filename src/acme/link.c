#include "acme/link.h"

#include "base/clock.h"
#include "base/log.h"

/* How long a worker waits for a renewed channel, for a starting store's welcome, and for an answer. */
enum { RENEW_MS = 2000, HELLO_MS = 5000, ANSWER_MS = 10000 };

void link_init(struct store_link *l, uint16_t index, link_take take, void *owner, struct nonce_maker *nonces) {
  *l = (struct store_link){.index = index, .take = take, .owner = owner, .nonces = nonces};
  channel_init(&l->ch, -1, ROLE_front, ROLE_store);
  inbox_init(&l->in);
}

void link_clear(struct store_link *l) {
  channel_close(&l->ch);
  inbox_clear(&l->in);
}

static avow_err post(struct store_link *l, struct message *m) {
  m->request = channel_request_id(&l->ch);
  return channel_send(&l->ch, m, -1);
}

/* Answers to requests that timed out earlier, or that were asked ahead in vain, may still come: ids rise, so they are
   known and dropped. */
static avow_err await(struct store_link *l, const struct message *m, int timeout_ms) {
  int64_t until = clock_mono_ms() + timeout_ms;
  for (;;) {
    avow_err e = channel_await(&l->ch, &l->in, timeout_ms);
    if (e != AVOW_OK)
      return e;
    if (l->in.m.request == m->request)
      return AVOW_OK;
    if (l->in.m.request > m->request)
      return ERR_FORBIDDEN_MESSAGE;
    if (clock_mono_ms() >= until)
      return ERR_UNAVAILABLE;
  }
}

avow_err link_open(struct store_link *l, struct problem *why) {
  if (l->ch.fd >= 0)
    return AVOW_OK;
  int fd = l->take(l->owner, l->index, RENEW_MS);
  if (fd < 0)
    return problem_set(why, ERR_UNAVAILABLE, "the store is restarting");
  channel_init(&l->ch, fd, ROLE_front, ROLE_store);
  l->asked = 0;
  struct message m = {.type = MSG_front_hello, .front_hello = {.index = l->index}};
  avow_err e = post(l, &m);
  if (e == AVOW_OK)
    e = await(l, &m, HELLO_MS);
  if (e == AVOW_OK && l->in.m.type == MSG_front_welcome) {
    l->ch.state = STATE_READY;
    const struct msg_front_welcome *w = &l->in.m.front_welcome;
    nonce_maker_welcome(l->nonces, w->epoch, digest_slice(&w->key), w->base);
    return AVOW_OK;
  }
  channel_close(&l->ch);
  return problem_set(why, ERR_UNAVAILABLE, "the store is restarting");
}

static avow_err read_answer(struct store_link *l, enum message_type expect, struct problem *why) {
  if (l->in.m.type == expect)
    return AVOW_OK;
  if (l->in.m.type != MSG_refused)
    return problem_set(why, ERR_FORBIDDEN_MESSAGE, "the store answered %s", message_text(l->in.m.type));
  struct problem p = message_problem(&l->in.m.refused.problem);
  if (p.err == AVOW_OK)
    return problem_set(why, ERR_FORBIDDEN_MESSAGE, "the store refused without a reason");
  *why = p;
  return p.err;
}

void link_ahead(struct store_link *l, struct message *m) {
  l->ahead = m;
  l->asked = 0;
}

/* Sends `m`, unless it was sent ahead, and what is to go along with it. */
static avow_err ask(struct store_link *l, struct message *m) {
  if (l->asked != 0 && m->request == l->asked) {
    l->asked = 0;
    return AVOW_OK;
  }
  avow_err e = post(l, m);
  /* When it does not leave now, link_call() sends it in its turn. */
  if (e == AVOW_OK && l->ahead && post(l, l->ahead) == AVOW_OK)
    l->asked = l->ahead->request;
  l->ahead = NULL;
  return e;
}

avow_err link_call(struct store_link *l, struct message *m, enum message_type expect, struct problem *why) {
  for (int attempt = 0; attempt < 2; attempt++) {
    avow_err e = link_open(l, why);
    if (e != AVOW_OK) {
      l->ahead = NULL;
      return e;
    }
    e = ask(l, m);
    bool sent = e == AVOW_OK;
    if (sent)
      e = await(l, m, ANSWER_MS);
    if (e == AVOW_OK)
      return read_answer(l, expect, why);
    if (!sent && (e == ERR_FORBIDDEN_MESSAGE || e == ERR_NO_MEMORY)) /* not encodable: nothing was sent */
      return problem_set(why, e, "%s", err_text(e));
    if (e == ERR_UNAVAILABLE)
      return problem_set(why, e, "the store did not answer in time");
    log_event(LOG_INFO, "front.channel_lost", L_TEXT(message, message_text(m->type)), L_TEXT(error, err_name(e)));
    channel_close(&l->ch);
  }
  return problem_set(why, ERR_UNAVAILABLE, "the store is restarting");
}
