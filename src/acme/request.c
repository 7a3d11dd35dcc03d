#include "acme/request.h"

#include "acme/authenticate.h"
#include "base/log.h"

/* A job's event may be lost with the channel that would bring it: its outcome is asked for each second. */
enum { JOB_WAIT_MS = 10 * SECOND_MS, JOB_ASK_MS = SECOND_MS };

/* What lives only during the first step; a parked request holds nothing that a lost connection could leak. */
static void drop_credentials(struct acme_request *r) {
  jws_clear(&r->jws);
  public_key_free(r->key);
  r->key = NULL;
}

/* "PREFIX ID SUFFIX": false when the middle is no id. */
static bool read_id(struct acme_request *r) {
  struct slice path = r->x->rq.path;
  size_t before = strlen(r->resource->prefix), after = strlen(r->resource->suffix);
  if (path.n < before + after)
    return false;
  return id_parse(slice_of(path.p + before, path.n - before - after), &r->id);
}

static avow_err first_step(struct acme_request *r) {
  bool named = !r->resource->has_id || read_id(r);
  if (r->resource->signer != SIGNER_NOBODY) {
    avow_err e = acme_authenticate(r);
    if (e != AVOW_OK)
      return e;
  }
  /* What is no id names nothing: the same answer as for an unknown one. */
  if (!named)
    return ERR_NOT_FOUND;
  return r->resource->step(r);
}

static struct acme_request *request_of(struct http_worker *w, void *context, struct http_exchange *x,
                                       const struct acme_resource *resource) {
  struct acme_worker *worker = context;
  struct acme_request *r = x->resumed ? x->state : arena_alloc(x->arena, sizeof *r);
  if (!r)
    return NULL;
  if (!x->resumed) {
    r->resource = resource;
    r->site = worker->site;
    r->x = x;
    r->arena = x->arena;
    r->began = clock_mono_ms();
    x->state = r;
  }
  /* A request may wake on another worker. */
  r->http = w;
  r->store = &worker->link;
  r->now = clock_now_ms();
  return r;
}

static void put_algorithms(struct buf *b) {
  json_open(b, "algorithms", '[');
  for (size_t i = 0; i < jose_algorithms_n; i++)
    json_put_str(b, NULL, jose_algorithms[i]);
  json_close(b, ']');
}

static void put_subproblems(struct buf *b, const struct rec_subproblem *subs, size_t n) {
  json_open(b, "subproblems", '[');
  for (size_t i = 0; i < n; i++) {
    AUTO_BUF identifier;
    buf_init(&identifier, 2048);
    if (subs[i].identifier.type != 0) /* of a type that we know; RFC 8555, 6.7.1: it may be absent */
      acme_put_identifier(&identifier, "identifier", &subs[i].identifier, true);
    buf_put_u8(&identifier, 0);
    struct problem p = message_problem(&subs[i].problem);
    json_name(b, NULL);
    problem_json_put(b, p.err, problem_text(&p), identifier.n > 1 ? (const char *)identifier.p : NULL);
  }
  json_close(b, ']');
}

void acme_put_problem(struct buf *b, const char *name, const struct rec_problem *problem,
                      const struct rec_subproblem *subs, size_t subs_n) {
  AUTO_BUF members;
  buf_init(&members, 1024 * 1024);
  if (subs_n > 0) {
    put_subproblems(&members, subs, subs_n);
    buf_put_u8(&members, 0);
  }
  struct problem p = message_problem(problem);
  json_name(b, name);
  problem_json_put(b, p.err, problem_text(&p), subs_n > 0 ? (const char *)members.p : NULL);
}

/* Where a limited client's operator may read on. */
static const char *help_url(const struct acme_request *r) {
  const struct config *c = r->site->config;
  const char *home = c->website ? c->website : arena_printf(r->arena, "%s/", c->https_url);
  return home ? home : "";
}

static void answer_error(struct acme_request *r, avow_err e) {
  struct http_response *rs = &r->x->rs;
  if (err_http(e) >= 500)
    log_event(err_level(e), "acme.error", L_TEXT(route, r->resource->name), L_TEXT(error, err_name(e)),
              L_TEXT(detail, r->why.err == e ? problem_text(&r->why) : err_text(e)));
  AUTO_BUF members;
  buf_init(&members, 1024 * 1024);
  if (e == ERR_BAD_ALGORITHM) /* RFC 8555, 6.2 */
    put_algorithms(&members);
  if (r->subproblems_n > 0)
    put_subproblems(&members, r->subproblems, r->subproblems_n);
  buf_put_u8(&members, 0);
  /* A detail belongs to the error it was set for. Unknown and foreign objects get the same bytes. */
  const char *detail = r->why.err == e && e != ERR_NOT_FOUND && r->why.detail[0] ? r->why.detail : NULL;
  if (e == ERR_RATE_LIMITED) {
    http_header_put(rs, "Retry-After", "%lld", (long long)((r->retry_ms + SECOND_MS - 1) / SECOND_MS));
    acme_put_link(r, help_url(r), "help"); /* RFC 8555, 6.6 */
  }
  http_problem_with(rs, e, detail, members.n > 1 && !members.failed ? (const char *)members.p : NULL);
  if (r->terms_link)
    acme_put_link(r, r->site->config->terms_url, "terms-of-service");
}

static void put_common(struct acme_site *site, const struct http_request *rq, bool spared, struct http_response *rs) {
  http_header_put(rs, "Link", "%s", site->index_link);
  /* With a method that is on no route, or could not be read, it may have been a POST. */
  bool posted = !(rq->method & (HTTP_GET | HTTP_HEAD | HTTP_OPTIONS));
  char nonce[NONCE_TEXT];
  if (posted && nonce_make(&site->nonces, spared, nonce) == AVOW_OK)
    http_header_put(rs, "Replay-Nonce", "%s", nonce);
}

void acme_decorate(void *site, const struct http_request *rq, struct http_response *rs) {
  put_common(site, rq, false, rs);
  http_header_put(rs, "Cache-Control", "no-store");
}

enum http_verdict acme_run(struct http_worker *w, void *context, struct http_exchange *x,
                           const struct acme_resource *resource) {
  struct acme_request *r = request_of(w, context, x, resource);
  if (!r) {
    http_problem(&x->rs, ERR_NO_MEMORY, NULL);
    return HTTP_ANSWER;
  }
  acme_step step = r->resume ? r->resume : first_step;
  r->resume = NULL;
  avow_err e = step(r);
  drop_credentials(r);
  if (e == AVOW_OK && r->resume)
    return HTTP_PARK;
  if (e == AVOW_OK && x->rs.body.failed)
    e = ERR_NO_MEMORY;
  if (e != AVOW_OK)
    answer_error(r, e);
  put_common(r->site, &x->rq, e == ERR_BAD_NONCE, &x->rs);
  http_header_put(&x->rs, "Cache-Control", "no-store");
  metrics_count(&r->site->metrics, resource->name, x->rs.status, clock_mono_ms() - r->began);
  return HTTP_ANSWER;
}

/* ---- waiting ---- */

bool acme_waited(const struct acme_request *r) {
  return clock_mono_ms() >= r->until;
}

/* Once a step: a wait ends with the step that comes after it. */
static void park(struct acme_request *r, struct id128 id, int64_t most_ms, acme_step next) {
  int64_t left = r->until - clock_mono_ms();
  int64_t ms = left < most_ms ? left : most_ms;
  http_park(r->http, r->x, id, ms > 0 ? (int)ms : 1);
  r->resume = next;
}

void acme_wait(struct acme_request *r, struct id128 id, int64_t ms, acme_step next) {
  if (r->until == 0)
    r->until = clock_mono_ms() + ms;
  park(r, id, ms, next);
}

void acme_sleep(struct acme_request *r, int64_t ms, acme_step next) {
  r->x->park_ms = (int)ms;
  r->resume = next;
}

/* AVOW_OK when the job is done, ERR_UNAVAILABLE while it runs (or the store does not answer). */
static avow_err ask_job(struct acme_request *r) {
  struct message m = {.type = MSG_job_outcome, .job_outcome = {.job = r->job}};
  return acme_call(r, &m, MSG_done);
}

static avow_err job_resume(struct acme_request *r) {
  avow_err e = ask_job(r);
  if (e == AVOW_OK)
    return r->done(r);
  if (e != ERR_UNAVAILABLE)
    return e;
  if (acme_waited(r))
    return problem_set(&r->why, ERR_UNAVAILABLE, "The request is recorded but not done yet; ask again in a minute");
  park(r, r->job, JOB_ASK_MS, job_resume);
  return AVOW_OK;
}

avow_err acme_wait_job(struct acme_request *r, struct id128 job, acme_step done) {
  r->job = job;
  r->done = done;
  r->until = clock_mono_ms() + JOB_WAIT_MS;
  /* The job may have ended before its id came: the wait is registered first, then the outcome is asked for, so that its
     event is either waited for or already told by the outcome. */
  park(r, job, JOB_ASK_MS, job_resume);
  avow_err e = ask_job(r);
  if (e == ERR_UNAVAILABLE)
    return AVOW_OK;
  r->resume = NULL;
  return e == AVOW_OK ? done(r) : e;
}

avow_err acme_call(struct acme_request *r, struct message *m, enum message_type expect) {
  /* Those of an earlier refusal lie where this answer will. */
  r->subproblems_n = 0;
  /* Only the first question may use what was asked ahead: after another one, the answer may be out of date. */
  if (r->ahead && r->ahead->type == m->type)
    m->request = r->ahead->request;
  if (m->type != MSG_request_begin)
    r->ahead = NULL;
  avow_err e = link_call(r->store, m, expect, &r->why);
  struct message *a = &r->store->in.m;
  if (e == AVOW_OK || a->type != MSG_refused || a->request != m->request || a->refused.subproblems_n == 0)
    return e;
  /* They borrow from the inbox, which no later call of this request reuses: a refusal ends it. */
  r->subproblems = a->refused.subproblems;
  r->subproblems_n = a->refused.subproblems_n;
  return e;
}

avow_err acme_expect_empty(struct acme_request *r) {
  if (r->jws.payload.n != 0)
    return problem_set(&r->why, ERR_MALFORMED, "This URL takes a POST-as-GET: the payload must be the empty string");
  return AVOW_OK;
}

/* ---- answers ---- */

const char *acme_url(const struct acme_request *r, const char *path, struct id128 id, const char *suffix) {
  char text[ID_TEXT];
  const char *url = arena_printf(r->arena, "%s%s%s%s", r->site->config->https_url, path, id_text(id, text), suffix);
  return url ? url : "";
}

struct buf *acme_begin_answer(struct acme_request *r, int status, const char *media_type) {
  r->x->rs.status = status;
  if (media_type)
    http_header_put(&r->x->rs, "Content-Type", "%s", media_type);
  return &r->x->rs.body;
}

struct buf *acme_begin_json(struct acme_request *r, int status) {
  return acme_begin_answer(r, status, "application/json");
}

void acme_put_link(struct acme_request *r, const char *url, const char *relation) {
  http_header_put(&r->x->rs, "Link", "<%s>;rel=\"%s\"", url, relation);
}

void acme_put_retry(struct acme_request *r) {
  http_header_put(&r->x->rs, "Retry-After", "1");
}

void acme_put_identifier(struct buf *b, const char *name, const struct rec_identifier *i, bool with_wildcard) {
  json_open(b, name, '{');
  json_put_str(b, "type", i->type == IDENTIFIER_IP ? "ip" : "dns");
  char value[2 + NAME_MAX_TEXT + 1];
  snprintf(value, sizeof value, "%s%.*s", with_wildcard && i->wildcard ? "*." : "", (int)i->value.n,
           (const char *)i->value.p);
  json_put_str(b, "value", value);
  json_close(b, '}');
}
