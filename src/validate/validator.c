#include "validate/validator.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "validate/caa_check.h"
#include "validate/dns01.h"
#include "validate/http01.h"
#include "validate/tlsalpn01.h"
#include "validate/token.h"

enum { JOB_ARENA = 1024 * 1024, TOKENS_MAX = 1000 };

/* One request under way. The challenge and the CAA look-up run side by side. */
struct job {
  struct validator *v;
  struct job *prev, *next;
  uint64_t request;
  struct probe probe;
  uint8_t thumbprint[32];
  union {
    struct http01 http01;
    struct dns01 dns01;
    struct tlsalpn01 tlsalpn01;
  } challenge;
  struct caa_check caa;
  bool starting;                      /* outcomes that come meanwhile are handled when all is started */
  bool has_challenge, challenge_runs; /* a CAA check alone has none */
  bool caa_runs;
  uint8_t caa_verdict; /* enum caa_verdict; 0: CAA does not apply */
  struct problem challenge_outcome, caa_outcome;
};

struct validator {
  struct validator_options o;
  struct dns *dns;
  SSL_CTX *tls;
  struct job jobs; /* head of the ring */
  size_t jobs_n;
};

static void job_end(struct job *j) {
  if (j->challenge_runs)
    switch (j->probe.method) {
    case METHOD_HTTP_01:
      http01_cancel(&j->challenge.http01);
      break;
    case METHOD_DNS_01:
      dns01_cancel(&j->challenge.dns01);
      break;
    case METHOD_TLS_ALPN_01:
      tlsalpn01_cancel(&j->challenge.tlsalpn01);
      break;
    }
  if (j->caa_runs)
    caa_check_cancel(&j->caa);
  j->prev->next = j->next;
  j->next->prev = j->prev;
  j->v->jobs_n--;
  arena_clear(&j->probe.arena);
  free(j);
}

/* ---- answers ---- */

static avow_err seal_caa(struct job *j, struct buf *out, int64_t *expires_ms) {
  struct probe *p = &j->probe;
  struct caa_statement s = {.name = p->name.text,
                            .wildcard = p->name.wildcard,
                            .account = p->account,
                            .method = (uint8_t)p->method,
                            .verdict = j->caa_verdict,
                            .at_ms = p->loop->now_ms,
                            .expires_ms = p->loop->now_ms + (int64_t)CAA_HOLDS_HOURS * HOUR_MS};
  *expires_ms = s.expires_ms;
  return caa_seal(j->v->o.ring, &s, out);
}

static avow_err seal_control(struct job *j, struct buf *out) {
  struct probe *p = &j->probe;
  bool wildcard = p->method == METHOD_DNS_01 && p->name.wildcard;
  struct control_statement s = {.identifier_type = (uint8_t)p->name.type,
                                .name = p->name.text,
                                .method = (uint8_t)p->method,
                                .scope = wildcard ? SCOPE_WILDCARD : SCOPE_EXACT,
                                .account = p->account,
                                .at_ms = p->loop->now_ms};
  memcpy(s.thumbprint, j->thumbprint, sizeof s.thumbprint);
  return control_seal(j->v->o.ring, &s, out);
}

/* The first of the problems is the applicant's: the challenge before CAA. */
static struct problem verdict(const struct job *j) {
  return j->challenge_outcome.err != AVOW_OK ? j->challenge_outcome : j->caa_outcome;
}

static void answer(struct job *j) {
  struct validator *v = j->v;
  struct problem problem = verdict(j);
  AUTO_BUF control, caa;
  buf_init(&control, 16384);
  buf_init(&caa, 16384);
  int64_t expires_ms = 0;
  if (problem.err == AVOW_OK && j->has_challenge)
    problem.err = seal_control(j, &control);
  if (problem.err == AVOW_OK && j->caa_verdict != 0)
    problem.err = seal_caa(j, &caa, &expires_ms);
  bool good = problem.err == AVOW_OK;
  struct rec_blob control_blob = {buf_slice(&control)}, caa_blob = {buf_slice(&caa)};
  size_t caa_n = good && j->caa_verdict != 0 ? 1 : 0;
  struct message m = {.request = j->request};
  if (j->has_challenge) {
    m.type = MSG_validated;
    m.validated = (struct msg_validated){.valid = good,
                                         .problem = message_problem_of(&problem),
                                         .control = &control_blob,
                                         .control_n = good ? 1 : 0,
                                         .caa = &caa_blob,
                                         .caa_n = caa_n,
                                         .caa_expires = good ? expires_ms : 0,
                                         .met = j->probe.met.rows,
                                         .met_n = j->probe.met.n};
  } else {
    m.type = MSG_caa_checked;
    m.caa_checked = (struct msg_caa_checked){.permitted = good,
                                             .problem = message_problem_of(&problem),
                                             .caa = &caa_blob,
                                             .caa_n = caa_n,
                                             .caa_expires = good ? expires_ms : 0,
                                             .met = j->probe.met.rows,
                                             .met_n = j->probe.met.n};
  }
  v->o.answer(v->o.user, &m);
}

/* Answers and ends the job when its outcome is known: at a failed challenge, or when both are done. */
static void settle(struct job *j) {
  bool failed = j->has_challenge && !j->challenge_runs && j->challenge_outcome.err != AVOW_OK;
  if (j->starting || (!failed && (j->challenge_runs || j->caa_runs)))
    return;
  answer(j);
  job_end(j);
}

static void challenge_done(void *user, const struct problem *outcome) {
  struct job *j = user;
  j->challenge_outcome = *outcome;
  j->challenge_runs = false;
  settle(j);
}

static void caa_done(void *user, const struct problem *outcome) {
  struct job *j = user;
  j->caa_outcome = *outcome;
  j->caa_runs = false;
  settle(j);
}

/* ---- requests ---- */

static void refuse(struct validator *v, uint64_t request, avow_err e, const char *detail) {
  struct message m = message_refused(request, e, detail);
  v->o.answer(v->o.user, &m);
}

static avow_err read_name(struct job *j, const struct rec_identifier *id, struct problem *why) {
  struct probe *p = &j->probe;
  avow_err e = ERR_MALFORMED;
  if (id->type == IDENTIFIER_DNS)
    e = name_parse_dns(id->value, &p->arena, &p->name, why);
  else if (id->type == IDENTIFIER_IP)
    e = name_parse_ip(id->value, &p->arena, &p->name, why);
  if (e != AVOW_OK)
    return e;
  if (p->name.wildcard || !slice_eq(p->name.text, id->value) || (id->wildcard && id->type != IDENTIFIER_DNS))
    return problem_set(why, ERR_MALFORMED, "identifier: not in its canonical form");
  p->name.wildcard = id->wildcard;
  return AVOW_OK;
}

static avow_err read_method(const struct probe *p, struct problem *why) {
  if (!challenge_method_text(p->method))
    return problem_set(why, ERR_MALFORMED, "method: unknown");
  if (p->name.wildcard && p->method != METHOD_DNS_01)
    return problem_set(why, ERR_MALFORMED, "method: a wildcard is validated by dns-01 only");
  if (p->name.type == NAME_IP && p->method == METHOD_DNS_01)
    return problem_set(why, ERR_MALFORMED, "method: an address is not validated by dns-01");
  return AVOW_OK;
}

/* RFC 8555, 8.1: token "." base64url(thumbprint). */
static avow_err read_token(struct job *j, struct slice token, struct problem *why) {
  struct probe *p = &j->probe;
  avow_err e = token_check(j->v->o.token_key, token, p->loop->now_ms, why);
  if (e != AVOW_OK)
    return e;
  AUTO_BUF text;
  buf_init(&text, 128);
  buf_put(&text, token);
  buf_put_u8(&text, '.');
  base64url_put(&text, SLICE_OF(j->thumbprint));
  p->token = arena_str(&p->arena, token);
  p->key_authorization = arena_str(&p->arena, buf_slice(&text));
  if (text.failed || !p->token || !p->key_authorization)
    return ERR_NO_MEMORY;
  sha256(buf_slice(&text), p->digest);
  return AVOW_OK;
}

static struct job *job_new(struct validator *v, uint64_t request, int method, struct id128 account) {
  struct job *j = calloc(1, sizeof *j);
  if (!j)
    return NULL;
  j->v = v;
  j->next = &v->jobs;
  j->prev = v->jobs.prev;
  j->prev->next = j->next->prev = j;
  v->jobs_n++;
  j->request = request;
  j->probe = (struct probe){
    .loop = v->o.loop, .dns = v->dns, .config = v->o.config, .tls = v->tls, .method = method, .account = account};
  arena_init(&j->probe.arena, JOB_ARENA);
  j->probe.met.arena = &j->probe.arena;
  return j;
}

static void start_challenge(struct job *j) {
  switch (j->probe.method) {
  case METHOD_HTTP_01:
    http01_start(&j->challenge.http01, &j->probe, challenge_done, j);
    break;
  case METHOD_DNS_01:
    dns01_start(&j->challenge.dns01, &j->probe, challenge_done, j);
    break;
  case METHOD_TLS_ALPN_01:
    tlsalpn01_start(&j->challenge.tlsalpn01, &j->probe, challenge_done, j);
    break;
  }
}

/* CAA speaks of names only (TLS BR 3.2.2.8), and of public ones. */
static void start_caa(struct job *j) {
  struct probe *p = &j->probe;
  if (p->name.type != NAME_DNS)
    return;
  if (caa_is_internal(p->config, &p->name)) {
    j->caa_verdict = CAA_INTERNAL;
    return;
  }
  j->caa_verdict = CAA_PERMITTED;
  j->caa_runs = true;
  caa_check_start(&j->caa, p, caa_done, j);
}

static void job_start(struct job *j) {
  j->starting = true;
  j->challenge_runs = j->has_challenge;
  if (j->has_challenge)
    start_challenge(j);
  start_caa(j);
  j->starting = false;
  settle(j);
}

static void take_job(struct validator *v, const struct message *m) {
  bool validate = m->type == MSG_validate;
  const struct rec_identifier *id = validate ? &m->validate.identifier : &m->caa_check.identifier;
  struct job *j = v->jobs_n < VALIDATOR_JOBS_MAX
                    ? job_new(v, m->request, validate ? m->validate.method : m->caa_check.method,
                              validate ? m->validate.account : m->caa_check.account)
                    : NULL;
  if (!j) {
    refuse(v, m->request, ERR_UNAVAILABLE, "too many validations at once");
    return;
  }
  struct problem why = {.err = AVOW_OK};
  avow_err e = read_name(j, id, &why);
  if (e == AVOW_OK)
    e = read_method(&j->probe, &why);
  if (e == AVOW_OK && validate) {
    j->has_challenge = true;
    memcpy(j->thumbprint, m->validate.thumbprint.b, sizeof j->thumbprint);
    e = read_token(j, m->validate.token, &why);
  }
  if (e != AVOW_OK) {
    refuse(v, m->request, e, problem_text(&why));
    job_end(j);
    return;
  }
  job_start(j);
}

static void take_mint(struct validator *v, const struct message *m) {
  size_t n = m->tokens_mint.count < TOKENS_MAX ? m->tokens_mint.count : TOKENS_MAX;
  AUTO_ARENA a;
  arena_init(&a, JOB_ARENA);
  struct rec_token *tokens = arena_array(&a, n + 1, sizeof *tokens);
  for (size_t i = 0; tokens && i < n; i++) {
    char *text = arena_alloc(&a, TOKEN_TEXT + 1);
    if (!text) {
      n = i;
      break;
    }
    token_mint(v->o.token_key, v->o.loop->now_ms, text);
    tokens[i].text = slice_str(text);
  }
  struct message out = {.type = MSG_tokens_minted, .request = m->request};
  out.tokens_minted = (struct msg_tokens_minted){.tokens = tokens, .tokens_n = tokens ? n : 0};
  v->o.answer(v->o.user, &out);
}

avow_err validator_take(struct validator *v, const struct message *m) {
  if (m->type == MSG_validate || m->type == MSG_caa_check)
    take_job(v, m);
  else if (m->type == MSG_tokens_mint)
    take_mint(v, m);
  else
    return ERR_FORBIDDEN_MESSAGE;
  return AVOW_OK;
}

/* ---- life ---- */

avow_err validator_new(const struct validator_options *options, struct validator **out, struct problem *why) {
  if (options->token_key.n != TOKEN_KEY)
    return problem_set(why, ERR_CONFIG, "key.token: expected 32 bytes");
  struct validator *v = calloc(1, sizeof *v);
  if (!v)
    return problem_set(why, ERR_NO_MEMORY, "no memory for the validator");
  v->o = *options;
  v->jobs.prev = v->jobs.next = &v->jobs;
  v->tls = tlsalpn01_context();
  avow_err e = v->tls ? dns_new(options->config, options->loop, &v->dns, why)
                      : problem_set(why, ERR_CRYPTO, "OpenSSL: no TLS context");
  if (e != AVOW_OK) {
    validator_free(v);
    return e;
  }
  *out = v;
  return AVOW_OK;
}

void validator_cancel_all(struct validator *v) {
  for (struct job *j = v->jobs.next, *next; j != &v->jobs; j = next) {
    next = j->next;
    job_end(j);
  }
}

void validator_free(struct validator *v) {
  if (!v)
    return;
  validator_cancel_all(v);
  dns_free(v->dns);
  SSL_CTX_free(v->tls);
  free(v);
}

size_t validator_busy(const struct validator *v) {
  return v->jobs_n;
}
