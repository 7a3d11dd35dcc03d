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

/* Sends and receives once. Answers to requests that timed out earlier may still come: ids rise, so they are known and
 * dropped. */
static avow_err exchange(struct store_link *l, struct message *m, int timeout_ms, bool *sent) {
  *sent = false;
  m->request = channel_request_id(&l->ch);
  avow_err e = channel_send(&l->ch, m, -1);
  if (e != AVOW_OK)
    return e;
  *sent = true;
  int64_t until = clock_mono_ms() + timeout_ms;
  for (;;) {
    int64_t left = until - clock_mono_ms();
    if (left <= 0)
      return ERR_UNAVAILABLE;
    e = channel_recv(&l->ch, &l->in, (int)left);
    if (e != AVOW_OK)
      return e;
    if (l->in.m.request == m->request)
      return AVOW_OK;
    if (l->in.m.request > m->request)
      return ERR_FORBIDDEN_MESSAGE;
  }
}

avow_err link_open(struct store_link *l, struct problem *why) {
  if (l->ch.fd >= 0)
    return AVOW_OK;
  int fd = l->take(l->owner, l->index, RENEW_MS);
  if (fd < 0)
    return problem_set(why, ERR_UNAVAILABLE, "the store is restarting");
  channel_init(&l->ch, fd, ROLE_front, ROLE_store);
  struct message m = {.type = MSG_front_hello, .front_hello = {.index = l->index}};
  bool sent;
  avow_err e = exchange(l, &m, HELLO_MS, &sent);
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

avow_err link_call(struct store_link *l, struct message *m, enum message_type expect, struct problem *why) {
  for (int attempt = 0; attempt < 2; attempt++) {
    avow_err e = link_open(l, why);
    if (e != AVOW_OK)
      return e;
    bool sent;
    e = exchange(l, m, ANSWER_MS, &sent);
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
