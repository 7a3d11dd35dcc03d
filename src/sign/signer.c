#include "sign/signer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "sign/internal.h"
#include "sign/open.h"

enum { REFUSAL_MAX = 1024, RECORD_ARENA = 1024 * 1024 };

/* ---- one request ------------------------------------------------------------------------------------------------ */

static avow_err plan(struct signer *s, struct work *w, struct problem *why) {
  /* Evidence 6: what a wrong clock says is fresh may be stale. */
  if (w->now_ms + CLOCK_TOLERANCE_MS < s->journal.time_ms)
    return problem_set(why, ERR_CLOCK, "the clock is %lld s behind the journal",
                       (long long)((s->journal.time_ms - w->now_ms) / SECOND_MS));
  switch ((int)w->request->type) {
  case MSG_sign_account:
    return plan_account(s, w, why);
  case MSG_sign_account_change:
    return plan_account_change(s, w, why);
  case MSG_sign_issue:
    return plan_issue(s, w, why);
  case MSG_sign_revoke:
    return plan_revoke(s, w, why);
  case MSG_sign_crl:
    return plan_crl(s, w, why);
  case MSG_sign_service:
    return plan_service(s, w, why);
  default:
    return problem_set(why, ERR_FORBIDDEN_MESSAGE, "the signer does not take this message");
  }
}

static struct id128 job_of(const struct message *m) {
  switch ((int)m->type) {
  case MSG_sign_account:
    return m->sign_account.job;
  case MSG_sign_account_change:
    return m->sign_account_change.job;
  case MSG_sign_issue:
    return m->sign_issue.job;
  case MSG_sign_revoke:
    return m->sign_revoke.job;
  default:
    return (struct id128){{0}};
  }
}

static void refuse(struct work *w, avow_err e, const struct problem *why) {
  w->state = WORK_ANSWERED;
  w->answer->problem = why->err == e ? *why : (struct problem){.err = e};
  if (w->answer->has_subproblem)
    w->answer->subproblem.problem = message_problem_of(&w->answer->problem);
}

/* Which refusals are worth a frame: all but "come again", which says nothing about the evidence. */
static bool is_journalled(avow_err e) {
  return e != AVOW_OK && e != ERR_UNAVAILABLE;
}

static avow_err append_refusal(struct signer *s, const struct work *w) {
  AUTO_BUF request, frame;
  buf_init(&request, MESSAGE_MAX);
  buf_init(&frame, REFUSAL_MAX);
  avow_err e = message_encode(w->request, &request);
  if (e != AVOW_OK)
    return e;
  struct refusal r = {.job = job_of(w->request),
                      .message = (uint16_t)w->request->type,
                      .err = (uint16_t)w->answer->problem.err,
                      .request = digest_of(buf_slice(&request)),
                      .detail = slice_str(problem_text(&w->answer->problem))};
  e = refusal_put(&r, &frame);
  return e == AVOW_OK ? journal_append(&s->journal, FRAME_REFUSAL, buf_slice(&frame), w->now_ms, NULL) : e;
}

static avow_err append_intent(struct signer *s, struct work *w) {
  AUTO_BUF frame;
  buf_init(&frame, FRAME_PAYLOAD_MAX);
  avow_err e = intent_put(&w->intent, &frame);
  return e == AVOW_OK ? journal_append(&s->journal, FRAME_INTENT, buf_slice(&frame), w->now_ms, &w->intent_frame) : e;
}

avow_err append_orphan(struct signer *s, uint64_t intent_frame, int64_t now_ms) {
  AUTO_BUF frame;
  buf_init(&frame, REFUSAL_MAX);
  avow_err e = orphan_put(&(struct orphan){.intent = intent_frame}, &frame);
  return e == AVOW_OK ? journal_append(&s->journal, FRAME_ORPHAN, buf_slice(&frame), now_ms, NULL) : e;
}

avow_err append_record(struct signer *s, const struct entry *entry, int64_t now_ms) {
  AUTO_BUF frame;
  buf_init(&frame, FRAME_PAYLOAD_MAX);
  avow_err e = entry_put(entry, &frame);
  return e == AVOW_OK ? journal_append(&s->journal, FRAME_RECORD, buf_slice(&frame), now_ms, NULL) : e;
}

/* ---- a batch --------------------------------------------------------------------------------------------------------
 */

static avow_err commit_intents(struct signer *s, struct work *works, size_t n, struct problem *why) {
  avow_err e = AVOW_OK;
  for (size_t i = 0; i < n && e == AVOW_OK; i++)
    if (works[i].state == WORK_CERTIFICATE)
      e = append_intent(s, &works[i]);
  return e == AVOW_OK ? journal_commit(&s->journal, STAGE_INTENT, why) : e;
}

/* Signs or seals one work as record `number`; an intent that leads to nothing is journalled as an orphan. */
static avow_err finish(struct signer *s, struct work *w, uint64_t *number) {
  struct problem why = {0};
  bool certificate = w->state == WORK_CERTIFICATE;
  avow_err e = certificate ? finish_certificate(s, w, *number, &why) : finish_record(s, w, *number, &why);
  if (e == AVOW_OK) {
    w->answer->record = (*number)++;
    return append_record(s, &w->entry, w->now_ms);
  }
  refuse(w, e, &why);
  return certificate ? append_orphan(s, w->intent_frame, w->now_ms) : AVOW_OK;
}

static avow_err commit_outcomes(struct signer *s, struct work *works, size_t n, struct problem *why) {
  avow_err e = AVOW_OK;
  uint64_t number = s->state.next_record;
  for (size_t i = 0; i < n && e == AVOW_OK; i++) {
    if (works[i].state != WORK_ANSWERED)
      e = finish(s, &works[i], &number);
    if (e == AVOW_OK && is_journalled(works[i].answer->problem.err))
      e = append_refusal(s, &works[i]);
  }
  return e == AVOW_OK ? journal_commit(&s->journal, STAGE_OUTCOME, why) : e;
}

static avow_err run(struct signer *s, struct work *works, size_t n, struct problem *why) {
  for (size_t i = 0; i < n; i++) {
    struct problem refused = {0};
    avow_err e = plan(s, &works[i], &refused);
    if (e != AVOW_OK)
      refuse(&works[i], e, &refused);
  }
  avow_err e = commit_intents(s, works, n, why);
  return e == AVOW_OK ? commit_outcomes(s, works, n, why) : e;
}

avow_err signer_handle_batch(struct signer *s, const struct message *const *requests, size_t n, int64_t now_ms,
                             struct signer_answer *answers) {
  assert(n <= SIGNER_BATCH_MAX);
  struct work *works = calloc(n ? n : 1, sizeof *works);
  if (!works)
    return ERR_NO_MEMORY;
  arena_reset(&s->batch);
  s->claims_n = 0;
  if (now_ms - s->pruned_ms > HOUR_MS) {
    state_forget_orders(&s->state, now_ms - s->order_most_ms - ORDER_SLACK_MS - CLOCK_TOLERANCE_MS);
    s->pruned_ms = now_ms;
  }
  /* CRLs after all else: a CRL lists every revocation with a lower record number. */
  struct problem why = {0};
  avow_err e = AVOW_OK;
  for (int crls = 0; crls < 2 && e == AVOW_OK; crls++) {
    size_t some = 0;
    for (size_t i = 0; i < n; i++)
      if ((requests[i]->type == MSG_sign_crl) == (crls == 1)) {
        answers[i] = (struct signer_answer){.record = 0};
        works[some++] =
          (struct work){.request = requests[i], .answer = &answers[i], .now_ms = now_ms, .state = WORK_ANSWERED};
      }
    e = run(s, works, some, &why);
  }
  free(works);
  return e;
}

struct message signer_answer_message(struct signer_answer *answer, uint64_t request) {
  if (answer->problem.err == AVOW_OK)
    return (struct message){.type = MSG_journalled, .request = request, .journalled = {.record = answer->record}};
  struct message m = {.type = MSG_refused, .request = request};
  m.refused.problem = message_problem_of(&answer->problem);
  if (answer->has_subproblem) {
    answer->subproblem.problem = m.refused.problem;
    m.refused.subproblems = &answer->subproblem;
    m.refused.subproblems_n = 1;
  }
  return m;
}

/* ---- records for the store
 * ---------------------------------------------------------------------------------------------- */

uint64_t signer_next_record(const struct signer *s) {
  return s->state.next_record;
}

/* Reads forward from `offset` to the frame of record `number`. */
static avow_err seek_record(struct signer *s, uint64_t offset, uint64_t number, struct buf *bytes, struct arena *a,
                            struct entry *out, struct problem *why) {
  for (;;) {
    struct frame f;
    avow_err e = journal_read(&s->journal, offset, bytes, &f, why);
    if (e != AVOW_OK)
      return e;
    offset = frame_end(&f);
    if (f.type != FRAME_RECORD)
      continue;
    arena_reset(a);
    e = entry_get(f.payload, a, out, why);
    if (e != AVOW_OK)
      return e;
    if (entry_number(out) == number) {
      s->read_record = number + 1;
      s->read_offset = offset;
      return AVOW_OK;
    }
  }
}

static avow_err read_record(struct signer *s, uint64_t number, struct buf *bytes, struct arena *a, struct entry *out,
                            struct problem *why) {
  if (number == 0 || number >= s->state.next_record)
    return problem_set(why, ERR_NOT_FOUND, "there is no record %llu", (unsigned long long)number);
  uint64_t offset = s->state.record_offsets[(number - 1) / RECORDS_STRIDE];
  /* The usual case: the one after the last. */
  if (s->read_record == number && s->read_offset > offset)
    offset = s->read_offset;
  return seek_record(s, offset, number, bytes, a, out, why);
}

avow_err read_account(struct signer *s, uint64_t number, struct buf *bytes, struct entry *out, struct problem *why) {
  AUTO_ARENA lists;
  arena_init(&lists, RECORD_ARENA);
  avow_err e = read_record(s, number, bytes, &lists, out, why);
  if (e == AVOW_OK && out->m.type != MSG_record_account)
    e = problem_set(why, ERR_INTERNAL, "record %llu is no account", (unsigned long long)number);
  return e;
}

avow_err signer_record(struct signer *s, uint64_t number, struct buf *bytes, struct arena *a, struct message *out,
                       struct problem *why) {
  struct entry entry;
  avow_err e = read_record(s, number, bytes, a, &entry, why);
  if (e == AVOW_OK)
    *out = entry.m;
  return e;
}
