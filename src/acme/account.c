/* Accounts: the object, its update and its end (RFC 8555, 7.1.2, 7.3.2, 7.3.6). */
#include "acme/resources.h"

static const char account_path[] = "/acme/acct/";

void account_answer(struct acme_request *r, int status, const struct rec_account *a) {
  struct buf *b = acme_begin_json(r, status);
  http_header_put(&r->x->rs, "Location", "%s", acme_url(r, account_path, a->id, ""));
  if (r->site->config->terms_url)
    acme_put_link(r, r->site->config->terms_url, "terms-of-service");
  /* Contacts are not kept, so there is no "contact". */
  json_open(b, NULL, '{');
  json_put_str(b, "status", account_status_text(a->status));
  if (a->terms_agreed)
    json_put_flag(b, "termsOfServiceAgreed", true);
  json_put_time(b, "createdAt", a->created);
  json_put_str(b, "orders", acme_url(r, account_path, a->id, "/orders"));
  json_close(b, '}');
}

static avow_err answer_account(struct acme_request *r) {
  struct message m = {.type = MSG_account_get, .account_get = {.id = r->account}};
  avow_err e = acme_call(r, &m, MSG_account_is);
  if (e == AVOW_OK)
    account_answer(r, 200, &acme_answer(r)->account_is.account);
  return e;
}

avow_err account_find(struct acme_request *r) {
  struct message m = {.type = MSG_account_find};
  memcpy(m.account_find.thumbprint.b, r->thumbprint, sizeof m.account_find.thumbprint.b);
  return acme_call(r, &m, MSG_account_is);
}

avow_err account_change(struct acme_request *r) {
  /* The signer wants to see the subscriber's own request, so the job carries it as it came. */
  struct message m = {.type = MSG_account_change, .account_change = {.account = r->account, .jws = r->x->rq.body}};
  avow_err e = acme_call(r, &m, MSG_job_made);
  if (e != AVOW_OK)
    return e;
  return acme_wait_job(r, acme_answer(r)->job_made.job, answer_account);
}

avow_err account_post(struct acme_request *r) {
  if (!id_eq(r->id, r->account))
    return ERR_NOT_FOUND;
  if (r->jws.payload.n == 0)
    return answer_account(r);
  AUTO_JSON o = NULL;
  struct slice status;
  avow_err e = payload_parse(r->jws.payload, &o, &r->why);
  if (e == AVOW_OK)
    e = payload_text(o, "status", &status, &r->why);
  if (e == AVOW_OK)
    e = contact_check(o, &r->why);
  if (e != AVOW_OK)
    return e;
  /* RFC 8555, 7.3.2: what cannot be updated is ignored, but a status other than these is a mistake. */
  if (!status.p || slice_eq_str(status, "valid"))
    return answer_account(r);
  if (!slice_eq_str(status, "deactivated"))
    return problem_set(&r->why, ERR_MALFORMED, "\"status\" can only become \"deactivated\"");
  return account_change(r);
}
