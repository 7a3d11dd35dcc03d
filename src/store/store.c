#include "store/store.h"

#include <assert.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/log.h"
#include "store/inner.h"
#include "store/migrate.h"

/* ---- what each message does -------------------------------------------------------------------------------- */

static avow_err take_hello(struct call *c) {
  struct msg_front_welcome *out = &c->out->front_welcome;
  c->out->type = MSG_front_welcome;
  out->epoch = c->s->nonces.epoch;
  memcpy(out->key.b, c->s->nonces.key, sizeof out->key.b);
  return nonces_base(&c->s->nonces, &out->base);
}

static avow_err take_tokens(struct call *c) {
  const struct msg_token_stock *m = &c->in->token_stock;
  for (size_t i = 0; i < m->tokens_n; i++)
    tokens_add(&c->s->tokens, m->tokens[i].text, c->now_ms);
  return AVOW_OK;
}

/* Messages of the store that are not here belong to the loop: the hellos of registrar, keeper and admin. */
static const struct handler {
  enum message_type type;
  bool writes, answers;
  avow_err (*handle)(struct call *c);
} handlers[] = {
  {MSG_request_begin, false, true, accounts_request_begin},
  {MSG_account_get, false, true, accounts_get},
  {MSG_order_get, false, true, orders_get},
  {MSG_authz_get, false, true, authzs_get},
  {MSG_order_new, true, true, orders_new},
  {MSG_challenge_respond, true, true, challenges_respond},
  {MSG_order_finalize, true, true, orders_finalize},
  {MSG_authz_deactivate, true, true, authzs_deactivate},
  {MSG_certificate_get, false, true, certificates_get},
  {MSG_challenge_get, false, true, challenges_get},
  {MSG_job_validated, true, false, jobs_validated},
  {MSG_job_signed, true, false, jobs_signed},
  {MSG_record_certificate, true, false, records_certificate},
  {MSG_record_account, true, false, records_account},
  {MSG_record_revocation, true, false, records_revocation},
  {MSG_record_crl, true, false, records_crl},
  {MSG_record_issuer, true, false, records_issuer},
  {MSG_account_find, false, true, accounts_find},
  {MSG_account_create, true, true, accounts_create},
  {MSG_account_change, true, true, accounts_change},
  {MSG_job_outcome, false, true, jobs_outcome},
  {MSG_order_list, false, true, orders_list},
  {MSG_certificate_find, false, true, certificates_find},
  {MSG_revoke, true, true, certificates_revoke},
  {MSG_web_chain_get, false, true, certificates_web_chain},
  {MSG_job_refused, true, false, jobs_refused},
  {MSG_job_again, true, false, jobs_again},
  {MSG_token_stock, false, false, take_tokens},
  {MSG_schedule_get, false, true, issuers_schedule},
  {MSG_published, true, false, publication_published},
  {MSG_front_hello, false, true, take_hello},
  {MSG_admin_certificates, false, true, admin_certificates},
  {MSG_admin_certificate, false, true, admin_certificate},
  {MSG_admin_accounts, false, true, admin_accounts},
  {MSG_admin_account, false, true, admin_account},
};

static const struct handler *handler_of(enum message_type type) {
  for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
    if (handlers[i].type == type)
      return &handlers[i];
  return NULL;
}

bool store_writes(enum message_type type) {
  const struct handler *h = handler_of(type);
  return h && h->writes;
}

bool store_answers(enum message_type type) {
  const struct handler *h = handler_of(type);
  return h && h->answers;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

avow_err store_open(const struct store_options *options, int64_t now_ms, struct store **out, struct problem *why) {
  *out = NULL;
  struct store *s = calloc(1, sizeof *s);
  if (!s)
    return problem_set(why, ERR_NO_MEMORY, "out of memory for the store");
  s->options = *options;
  nonces_init(&s->nonces);
  avow_err e = db_open(options->path, &s->db, why);
  if (e == AVOW_OK)
    e = store_migrate(s->db, now_ms, why);
  if (e == AVOW_OK && (records_load(s) != AVOW_OK || jobs_load(s) != AVOW_OK))
    e = problem_set(why, ERR_DATABASE, "cannot read the database: %s", db_error(s->db));
  if (e != AVOW_OK) {
    store_close(s);
    return e;
  }
  *out = s;
  return AVOW_OK;
}

void store_close(struct store *s) {
  if (!s)
    return;
  db_close(s->db);
  nonces_clear(&s->nonces);
  job_queue_clear(&s->queue);
  free(s->effects);
  free(s);
}

/* ---- helpers of the handlers --------------------------------------------------------------------------------------
 */

void effect_add(struct store *s, struct effect effect) {
  if (s->effects_n == s->effects_room) {
    size_t room = s->effects_room ? 2 * s->effects_room : 64;
    struct effect *effects = reallocarray(s->effects, room, sizeof *effects);
    if (!effects) {
      s->effects_failed = true;
      return;
    }
    s->effects = effects;
    s->effects_room = room;
  }
  s->effects[s->effects_n++] = effect;
}

struct id128 call_id(const struct call *c) {
  return id_make(c->now_ms, STORE_ORIGIN);
}

const struct profile *call_profile(const struct call *c, struct slice name) {
  for (size_t i = 0; i < c->s->options.profiles_n; i++)
    if (slice_eq_str(name, c->s->options.profiles[i].name))
      return &c->s->options.profiles[i];
  return NULL;
}

/* ---- handling -------------------------------------------------------------------------------------------------------
 */

static void refuse(const struct message *in, avow_err e, const struct problem *why, struct arena *a,
                   struct message *out) {
  struct slice detail = why->detail[0] ? arena_dup(a, slice_str(why->detail)) : SLICE_NONE;
  *out = message_refused(in->request, e, NULL);
  out->refused.problem.detail = detail;
  if (err_level(e) >= LOG_ERROR)
    log_event(LOG_ERROR, "store.failed", L_TEXT(message, message_text(in->type)), L_TEXT(error, err_name(e)),
              L_TEXT(detail, why->detail));
}

static avow_err handle(struct store *s, const struct message *in, int64_t now_ms, struct arena *a, struct message *out,
                       struct problem *why) {
  const struct handler *h = handler_of(in->type);
  struct call c = {.s = s, .db = s->db, .in = in, .out = out, .a = a, .now_ms = now_ms, .why = why};
  *out = (struct message){.type = MSG_none, .request = in->request};
  return h ? h->handle(&c) : ERR_FORBIDDEN_MESSAGE;
}

void store_read(struct store *s, const struct message *in, int64_t now_ms, struct arena *a, struct message *out) {
  struct problem why = {0};
  assert(!store_writes(in->type));
  avow_err e = handle(s, in, now_ms, a, out, &why);
  if (e != AVOW_OK)
    refuse(in, e, &why, a, out);
}

avow_err store_batch_begin(struct store *s) {
  assert(!s->in_batch);
  s->effects_n = 0;
  s->effects_failed = false;
  avow_err e = db_begin(s->db);
  s->in_batch = e == AVOW_OK;
  return e;
}

void store_write(struct store *s, const struct message *in, int64_t now_ms, struct arena *a, struct message *out) {
  struct problem why = {0};
  size_t effects_n = s->effects_n;
  uint64_t next_record = s->next_record;
  assert(s->in_batch && store_writes(in->type));
  /* After an error that ended the whole transaction nothing may run outside of it. */
  avow_err e = db_in_transaction(s->db) ? db_savepoint(s->db) : ERR_DATABASE;
  if (e == AVOW_OK) {
    e = handle(s, in, now_ms, a, out, &why);
    if (e == AVOW_OK && s->effects_failed)
      e = ERR_NO_MEMORY;
    if (e == AVOW_OK)
      e = db_release(s->db);
    else
      db_undo(s->db);
  }
  if (e == AVOW_OK)
    return;
  s->effects_n = effects_n;
  s->effects_failed = false;
  s->next_record = next_record;
  refuse(in, e, &why, a, out);
}

/* What the queue must know, once it is certain. */
static void apply_effects(struct store *s) {
  for (size_t i = 0; i < s->effects_n; i++) {
    const struct effect *effect = &s->effects[i];
    if (effect->kind == EFFECT_JOB_NEW &&
        job_queue_add(&s->queue, effect->number, effect->id, effect->account, effect->time) != AVOW_OK)
      log_event(LOG_ERROR, "store.job_waits_for_restart", L_ID(job, effect->id));
    else if (effect->kind == EFFECT_JOB_END)
      job_queue_end(&s->queue, effect->number);
    else if (effect->kind == EFFECT_JOB_AGAIN)
      job_queue_free(&s->queue, effect->number, effect->time);
  }
}

avow_err store_batch_commit(struct store *s) {
  assert(s->in_batch);
  s->in_batch = false;
  avow_err e = db_in_transaction(s->db) ? records_save(s) : ERR_DATABASE;
  fault_point("store.before_commit");
  if (e == AVOW_OK)
    e = db_commit(s->db);
  if (e != AVOW_OK) {
    db_rollback(s->db);
    s->effects_n = 0;
    s->next_record = s->committed_record;
    return e;
  }
  fault_point("store.after_commit");
  s->committed_record = s->next_record;
  apply_effects(s);
  return AVOW_OK;
}

const struct effect *store_effects(const struct store *s, size_t *n) {
  *n = s->effects_n;
  return s->effects;
}

uint16_t store_tokens_wanted(struct store *s, int64_t now_ms) {
  return tokens_wanted(&s->tokens, now_ms);
}

avow_err store_tidy(struct store *s, int64_t now_ms) {
  struct query q = db_query(s->db, "DELETE FROM jobs WHERE state <> 1 AND ended < ?1");
  query_int(&q, now_ms - JOB_OUTCOME_MS);
  return query_run(&q);
}
