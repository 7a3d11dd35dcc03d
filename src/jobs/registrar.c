#include "jobs/registrar.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

enum { WORK_ARENA = 8 * 1024 * 1024, TICK_MS = 1000, AGAIN_MS = 1000 };

static const struct work_kind *const job_kinds[] = {&work_account, &work_account_change, &work_validate, &work_issue,
                                                    &work_revoke};

void registrar_init(struct registrar *r, const struct config *config) {
  *r = (struct registrar){.config = config};
  r->store.ch.fd = r->validator.ch.fd = r->signer.ch.fd = -1;
}

struct peer *registrar_peer(struct registrar *r, enum role peer) {
  return peer == ROLE_store ? &r->store : peer == ROLE_validator ? &r->validator : &r->signer;
}

/* ---- works ------------------------------------------------------------------------------------------- */

struct work *work_new(struct registrar *r, const struct work_kind *kind) {
  struct work *w = calloc(1, sizeof *w);
  if (!w)
    return NULL;
  w->kind = kind;
  arena_init(&w->arena, WORK_ARENA);
  buf_init(&w->bytes, MESSAGE_MAX);
  w->next = r->works;
  if (w->next)
    w->next->prev = w;
  r->works = w;
  r->works_n++;
  return w;
}

static void work_drop(struct registrar *r, struct work *w) {
  if (w->prev)
    w->prev->next = w->next;
  else
    r->works = w->next;
  if (w->next)
    w->next->prev = w->prev;
  r->works_n--;
  arena_clear(&w->arena);
  buf_clear(&w->bytes);
  free(w);
}

/* A message that cannot be sent now is not lost: a dead peer's channel is renewed and the work asked again. */
static void send_to(struct registrar *r, enum role peer, const struct message *m) {
  struct peer *p = registrar_peer(r, peer);
  avow_err e = outbox_send(&p->out, &p->ch, m);
  if (e == ERR_PEER)
    registrar_lose(r, peer);
  else if (e != AVOW_OK)
    log_event(LOG_ERROR, "registrar.send", L_TEXT(peer, role_text(peer)), L_TEXT(message, message_text(m->type)),
              L_TEXT(error, err_name(e)));
}

void work_ask(struct registrar *r, struct work *w, enum role peer, struct message *m) {
  struct peer *p = registrar_peer(r, peer);
  w->waits_for = peer;
  w->request = m->request = channel_request_id(&p->ch);
  if (p->ch.fd >= 0)
    send_to(r, peer, m);
}

void work_end(struct registrar *r, struct work *w, struct message *to_store) {
  if (to_store && r->store.ch.fd >= 0)
    send_to(r, ROLE_store, to_store);
  work_drop(r, w);
}

bool error_passes(avow_err e) {
  return e == ERR_CLOCK || e == ERR_UNAVAILABLE || e == ERR_PEER || e == ERR_IO || e == ERR_NO_MEMORY;
}

void work_refuse(struct registrar *r, struct work *w, const struct message *refused) {
  struct problem why = message_problem(&refused->refused.problem);
  if (id_is_zero(w->id)) {
    log_event(LOG_WARN, "registrar.scheduled_refused", L_TEXT(error, err_name(why.err)), L_TEXT(detail, problem_text(&why)));
    work_end(r, w, NULL);
    return;
  }
  struct message m;
  if (error_passes(why.err)) {
    m = (struct message){.type = MSG_job_again,
                         .job_again = {.job = w->id, .delay_ms = AGAIN_MS, .problem = refused->refused.problem}};
  } else {
    m = (struct message){.type = MSG_job_refused,
                         .job_refused = {.job = w->id,
                                         .problem = refused->refused.problem,
                                         .subproblems = refused->refused.subproblems,
                                         .subproblems_n = refused->refused.subproblems_n}};
  }
  log_event((enum log_level)err_level(why.err), "job.refused", L_ID(job, w->id), L_TEXT(error, err_name(why.err)),
            L_TEXT(detail, problem_text(&why)));
  work_end(r, w, &m);
}

void work_answer_signer(struct registrar *r, struct work *w, const struct message *m) {
  if (m->type == MSG_refused) {
    work_refuse(r, w, m);
    return;
  }
  struct message end = {.type = MSG_job_signed, .job_signed = {.job = w->id, .record = m->journalled.record}};
  work_end(r, w, id_is_zero(w->id) ? NULL : &end);
}

/* ---- channels -------------------------------------------------------------------------------------------- */

void registrar_lose(struct registrar *r, enum role peer) {
  struct peer *p = registrar_peer(r, peer);
  if (p->ch.fd >= 0)
    log_event(LOG_WARN, "registrar.peer_lost", L_TEXT(peer, role_text(peer)));
  channel_close(&p->ch);
  outbox_clear(&p->out);
  if (peer == ROLE_validator)
    r->tokens_asked = 0;
  if (peer != ROLE_store)
    return;
  /* The store offers unfinished jobs again; answers that still come find no work and are dropped. */
  r->schedule_asked = false;
  for (struct work *w = r->works, *next; w; w = next) {
    next = w->next;
    work_drop(r, w);
  }
}

void registrar_connect(struct registrar *r, enum role peer, int fd) {
  static const enum message_type hello[] = {[ROLE_store] = MSG_registrar_hello,
                                            [ROLE_validator] = MSG_validator_hello,
                                            [ROLE_signer] = MSG_signer_hello};
  registrar_lose(r, peer);
  struct peer *p = registrar_peer(r, peer);
  uint64_t next = p->ch.next_request ? p->ch.next_request : 1;
  channel_init(&p->ch, fd, ROLE_registrar, peer);
  p->ch.next_request = next; /* ids stay unique over a renewal: late answers match nothing */
  p->ch.state = STATE_READY;
  struct message m = {.type = hello[peer], .request = channel_request_id(&p->ch)};
  if (peer == ROLE_store)
    m.registrar_hello.credit = REGISTRAR_CREDIT;
  send_to(r, peer, &m);
  if (peer == ROLE_store)
    r->next_tick_ms = 0;
  for (struct work *w = r->works, *following; w; w = following) {
    following = w->next;
    if (w->waits_for == peer)
      w->kind->start(r, w);
  }
}

/* ---- messages ---------------------------------------------------------------------------------------------- */

/* The job's id is the first field of every job_* message of the store. */
static struct id128 job_id(const struct message *m) {
  switch ((int)m->type) {
  case MSG_job_account:
    return m->job_account.job;
  case MSG_job_account_change:
    return m->job_account_change.job;
  case MSG_job_validate:
    return m->job_validate.job;
  case MSG_job_issue:
    return m->job_issue.job;
  default:
    return m->job_revoke.job;
  }
}

static void take_job(struct registrar *r, const struct work_kind *kind, struct inbox *in) {
  struct work *w = work_new(r, kind);
  if (!w)
    return; /* the lease runs out and the store offers it again */
  buf_put(&w->bytes, buf_slice(&in->bytes));
  if (w->bytes.failed || message_decode(buf_slice(&w->bytes), &w->arena, &w->job) != AVOW_OK) {
    work_drop(r, w);
    return;
  }
  w->id = job_id(&w->job);
  kind->start(r, w);
}

static void want_tokens(struct registrar *r, uint16_t count) {
  if (r->validator.ch.fd < 0 || r->tokens_asked || count == 0)
    return;
  r->tokens_asked = count > 1000 ? 1000 : count;
  struct message m = {.type = MSG_tokens_mint,
                      .request = channel_request_id(&r->validator.ch),
                      .tokens_mint = {.count = r->tokens_asked}};
  send_to(r, ROLE_validator, &m);
}

static void take_from_store(struct registrar *r, struct inbox *in) {
  for (size_t i = 0; i < sizeof job_kinds / sizeof job_kinds[0]; i++)
    if (in->m.type == job_kinds[i]->job) {
      take_job(r, job_kinds[i], in);
      return;
    }
  if (in->m.type == MSG_tokens_wanted)
    want_tokens(r, in->m.tokens_wanted.count);
  else if (in->m.type == MSG_schedule) {
    r->schedule_asked = false;
    schedule_run(r, &in->m.schedule, clock_now_ms());
  } else if (in->m.type == MSG_refused) {
    struct problem why = message_problem(&in->m.refused.problem);
    r->schedule_asked = false;
    log_event(LOG_WARN, "registrar.store_refused", L_TEXT(error, err_name(why.err)), L_TEXT(detail, problem_text(&why)));
  }
}

/* Whether a message of this type answers what `w` asked: the fields of any other would be read as what they are not. */
static bool is_answer(const struct work *w, enum message_type type) {
  if (type == MSG_refused)
    return true;
  if (w->waits_for == ROLE_signer)
    return type == MSG_journalled;
  return type == (w->kind == &work_validate ? MSG_validated : MSG_caa_checked);
}

static void take_answer(struct registrar *r, enum role peer, const struct message *m) {
  for (struct work *w = r->works; w; w = w->next) {
    if (w->waits_for != peer || w->request != m->request)
      continue;
    if (!is_answer(w, m->type)) {
      log_event(LOG_ERROR, "registrar.peer_ended", L_TEXT(peer, role_text(peer)),
                L_TEXT(error, err_name(ERR_FORBIDDEN_MESSAGE)), L_TEXT(message, message_text(m->type)));
      registrar_lose(r, peer);
      return;
    }
    w->waits_for = ROLE_none;
    w->kind->answer(r, w, m);
    return;
  }
}

void registrar_take(struct registrar *r, enum role peer, struct inbox *in) {
  if (peer == ROLE_store) {
    take_from_store(r, in);
  } else if (in->m.type == MSG_tokens_minted) {
    r->tokens_asked = 0;
    struct message m = {.type = MSG_token_stock,
                        .token_stock = {.tokens = in->m.tokens_minted.tokens, .tokens_n = in->m.tokens_minted.tokens_n}};
    if (r->store.ch.fd >= 0)
      send_to(r, ROLE_store, &m);
  } else {
    take_answer(r, peer, &in->m);
  }
}

void registrar_tick(struct registrar *r, int64_t mono_ms) {
  if (r->store.ch.fd < 0 || mono_ms < r->next_tick_ms || r->schedule_asked)
    return;
  r->next_tick_ms = mono_ms + TICK_MS;
  r->schedule_asked = true;
  struct message m = {.type = MSG_schedule_get, .request = channel_request_id(&r->store.ch)};
  send_to(r, ROLE_store, &m);
}

void registrar_clear(struct registrar *r) {
  static const enum role peers[] = {ROLE_store, ROLE_validator, ROLE_signer};
  for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
    channel_close(&registrar_peer(r, peers[i])->ch); /* we end, and no peer is lost */
    registrar_lose(r, peers[i]);
  }
}
