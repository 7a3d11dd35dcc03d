/* Authorizations and their challenges (RFC 8555, 7.1.4, 7.1.5, 7.5, 8). */
#include "acme/resources.h"

static bool challenge_is_over(const struct rec_challenge *c) {
  return c->status == CHALLENGE_VALID || c->status == CHALLENGE_INVALID;
}

static void put_challenge(struct acme_request *r, struct buf *b, const struct rec_authz *a,
                          const struct rec_challenge *c) {
  json_open(b, NULL, '{');
  json_put_str(b, "type", challenge_method_text(c->method));
  json_put_str(b, "url", acme_url(r, "/acme/chall/", c->id, ""));
  json_put_str(b, "status", challenge_status_text(c->status));
  json_put_text(b, "token", a->token);
  if (c->status == CHALLENGE_VALID)
    json_put_time(b, "validated", c->validated);
  if (c->status == CHALLENGE_INVALID && c->problem.err != AVOW_OK)
    acme_put_problem(b, "error", &c->problem, NULL, 0);
  json_close(b, '}');
}

/* RFC 8555, 7.1.4: while it is pending, all that can be fulfilled; afterwards the one that was tried. */
static bool is_shown(const struct rec_authz *a, const struct rec_challenge *c) {
  return a->status == AUTHZ_PENDING || challenge_is_over(c);
}

static void authz_answer(struct acme_request *r, const struct rec_authz *a) {
  struct buf *b = acme_begin_json(r, 200);
  if (a->status == AUTHZ_PENDING)
    acme_put_retry(r);
  json_open(b, NULL, '{');
  acme_put_identifier(b, "identifier", &a->identifier, false);
  json_put_str(b, "status", authz_status_text(a->status));
  json_put_time(b, "expires", a->expires);
  json_open(b, "challenges", '[');
  for (size_t i = 0; i < a->challenges_n; i++)
    if (is_shown(a, &a->challenges[i]))
      put_challenge(r, b, a, &a->challenges[i]);
  json_close(b, ']');
  if (a->identifier.wildcard)
    json_put_flag(b, "wildcard", true);
  json_close(b, '}');
}

/* RFC 8555, 7.5.2: the only change that a client may ask for. */
static avow_err expect_deactivation(struct acme_request *r) {
  AUTO_JSON o = NULL;
  struct slice status;
  avow_err e = payload_parse(r->jws.payload, &o, &r->why);
  if (e == AVOW_OK)
    e = payload_text(o, "status", &status, &r->why);
  if (e == AVOW_OK && (!status.p || !slice_eq_str(status, "deactivated")))
    return problem_set(&r->why, ERR_MALFORMED, "An authorization's \"status\" can only become \"deactivated\"");
  return e;
}

avow_err authz_post(struct acme_request *r) {
  struct message m = {.type = MSG_authz_get, .authz_get = {.account = r->account, .authz = r->id}};
  avow_err e = AVOW_OK;
  if (r->jws.payload.n > 0) {
    e = expect_deactivation(r);
    m = (struct message){.type = MSG_authz_deactivate, .authz_deactivate = {.account = r->account, .authz = r->id}};
  }
  if (e == AVOW_OK)
    e = acme_call(r, &m, MSG_authz_is);
  if (e == AVOW_OK)
    authz_answer(r, &acme_answer(r)->authz_is.authz);
  return e;
}

static const struct rec_challenge *find_challenge(const struct acme_request *r, const struct rec_authz *a) {
  for (size_t i = 0; i < a->challenges_n; i++)
    if (id_eq(a->challenges[i].id, r->id))
      return &a->challenges[i];
  return NULL;
}

static avow_err challenge_answer(struct acme_request *r) {
  const struct rec_authz *a = &acme_answer(r)->authz_is.authz;
  const struct rec_challenge *c = find_challenge(r, a);
  if (!c)
    return problem_set(&r->why, ERR_FORBIDDEN_MESSAGE, "the store answered with another challenge");
  struct buf *b = acme_begin_json(r, 200);
  acme_put_link(r, acme_url(r, "/acme/authz/", a->id, ""), "up");
  if (!challenge_is_over(c))
    acme_put_retry(r);
  put_challenge(r, b, a, c);
  return AVOW_OK;
}

static avow_err get_challenge(struct acme_request *r) {
  struct message m = {.type = MSG_challenge_get, .challenge_get = {.account = r->account, .challenge = r->id}};
  return acme_call(r, &m, MSG_authz_is);
}

/* Whether validation goes on and is worth waiting for. */
static bool is_running(const struct acme_request *r) {
  const struct rec_authz *a = &r->store->in.m.authz_is.authz;
  const struct rec_challenge *c = find_challenge(r, a);
  return c && a->status == AUTHZ_PENDING && !challenge_is_over(c);
}

static avow_err challenge_resume(struct acme_request *r) {
  avow_err e = get_challenge(r);
  if (e != AVOW_OK)
    return e;
  if (is_running(r) && !acme_waited(r)) {
    acme_wait(r, acme_answer(r)->authz_is.authz.id, HOLD_MS, challenge_resume);
    return AVOW_OK;
  }
  return challenge_answer(r);
}

avow_err challenge_post(struct acme_request *r) {
  /* First a read: an unknown challenge is 404 whatever the payload, and the authorization to wait for becomes known
     before validation starts, so that its event cannot be missed. */
  avow_err e = get_challenge(r);
  if (e != AVOW_OK)
    return e;
  if (r->jws.payload.n == 0)
    return challenge_answer(r);
  AUTO_JSON o = NULL;
  e = payload_parse(r->jws.payload, &o, &r->why);
  if (e != AVOW_OK)
    return e;
  struct id128 authz = acme_answer(r)->authz_is.authz.id;
  acme_wait(r, authz, HOLD_MS, challenge_resume);
  struct message m = {.type = MSG_challenge_respond, .challenge_respond = {.account = r->account, .challenge = r->id}};
  e = acme_call(r, &m, MSG_authz_is);
  if (e == AVOW_OK && is_running(r))
    return AVOW_OK;
  r->resume = NULL;
  return e == AVOW_OK ? challenge_answer(r) : e;
}
