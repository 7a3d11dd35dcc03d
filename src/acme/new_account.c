/* newAccount (RFC 8555, 7.3, 7.3.1, 7.3.3). */
#include "acme/resources.h"

/* After the job: the account stands in the store. */
static avow_err answer_created(struct acme_request *r) {
  avow_err e = account_find(r);
  if (e == AVOW_OK)
    account_answer(r, 201, &acme_answer(r)->account_is.account);
  return e;
}

static avow_err answer_existing(struct acme_request *r) {
  const struct rec_account *a = &acme_answer(r)->account_is.account;
  if (a->status != ACCOUNT_VALID)
    return problem_set(&r->why, ERR_UNAUTHORIZED, "The account of this key is %s", account_status_text(a->status));
  account_answer(r, 200, a);
  return AVOW_OK;
}

static avow_err create(struct acme_request *r) {
  struct message m = {.type = MSG_account_create, .account_create = {.jws = r->x->rq.body}};
  memcpy(m.account_create.thumbprint.b, r->thumbprint, sizeof m.account_create.thumbprint.b);
  avow_err e = acme_call(r, &m, MSG_job_made);
  if (e != AVOW_OK)
    return e;
  return acme_wait_job(r, acme_answer(r)->job_made.job, answer_created);
}

avow_err new_account_post(struct acme_request *r) {
  AUTO_JSON o = NULL;
  bool only_existing, agreed;
  avow_err e = payload_parse(r->jws.payload, &o, &r->why);
  if (e == AVOW_OK)
    e = payload_flag(o, "onlyReturnExisting", &only_existing, &r->why);
  if (e == AVOW_OK)
    e = payload_flag(o, "termsOfServiceAgreed", &agreed, &r->why);
  if (e != AVOW_OK)
    return e;
  memcpy(r->thumbprint, r->jws.jwk.thumbprint, sizeof r->thumbprint);
  e = account_find(r);
  if (e == AVOW_OK)
    return answer_existing(r);
  if (e != ERR_NOT_FOUND && e != ERR_ACCOUNT_UNKNOWN)
    return e;
  if (only_existing)
    return problem_set(&r->why, ERR_ACCOUNT_UNKNOWN, "There is no account with this key");
  if (r->site->config->terms_url && !agreed) {
    r->terms_link = true;
    return problem_set(&r->why, ERR_USER_ACTION,
                       "The terms of service must be agreed to (\"termsOfServiceAgreed\": true)");
  }
  e = contact_check(o, &r->why);
  return e == AVOW_OK ? create(r) : e;
}
