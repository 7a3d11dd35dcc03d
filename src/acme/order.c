/* Orders: the object (RFC 8555, 7.1.3) and the list of an account's (7.1.2.1). */
#include "acme/resources.h"

enum { LIST_PAGE = 100 };

static const char order_path[] = "/acme/order/";

static void put_identifiers(struct buf *b, const struct rec_order *o) {
  json_open(b, "identifiers", '[');
  for (size_t i = 0; i < o->authzs_n; i++)
    acme_put_identifier(b, NULL, &o->authzs[i].identifier, true);
  json_close(b, ']');
}

static void put_authorizations(struct acme_request *r, struct buf *b, const struct rec_order *o) {
  json_open(b, "authorizations", '[');
  for (size_t i = 0; i < o->authzs_n; i++)
    json_put_str(b, NULL, acme_url(r, "/acme/authz/", o->authzs[i].id, ""));
  json_close(b, ']');
}

void order_answer(struct acme_request *r, int status, const struct rec_order *o) {
  struct buf *b = acme_begin_json(r, status);
  /* Many clients poll what Location says after finalize, so it is on every answer with an order. */
  http_header_put(&r->x->rs, "Location", "%s", acme_url(r, order_path, o->id, ""));
  if (o->status == ORDER_PENDING || o->status == ORDER_PROCESSING)
    acme_put_retry(r);
  json_open(b, NULL, '{');
  json_put_str(b, "status", order_status_text(o->status));
  json_put_time(b, "expires", o->expires);
  put_identifiers(b, o);
  if (o->profile.n)
    json_put_text(b, "profile", o->profile);
  if (o->not_before)
    json_put_time(b, "notBefore", o->not_before);
  if (o->not_after)
    json_put_time(b, "notAfter", o->not_after);
  put_authorizations(r, b, o);
  json_put_str(b, "finalize", acme_url(r, order_path, o->id, "/finalize"));
  if (o->status == ORDER_VALID)
    json_put_str(b, "certificate", acme_url(r, "/acme/cert/", o->certificate, ""));
  if (o->status == ORDER_INVALID && o->problem.err != AVOW_OK)
    acme_put_problem(b, "error", &o->problem, o->subproblems, o->subproblems_n);
  json_close(b, '}');
}

avow_err order_post(struct acme_request *r) {
  avow_err e = acme_expect_empty(r);
  if (e != AVOW_OK)
    return e;
  struct message m = {.type = MSG_order_get, .order_get = {.account = r->account, .order = r->id}};
  e = acme_call(r, &m, MSG_order_is);
  if (e == AVOW_OK)
    order_answer(r, 200, &acme_answer(r)->order_is.order);
  return e;
}

/* "cursor=ID": the page begins with the orders before that one. */
static avow_err read_cursor(struct acme_request *r, struct id128 *before) {
  static const char name[] = "cursor=";
  struct slice query = r->x->rq.query;
  *before = (struct id128){0};
  if (query.n == 0)
    return AVOW_OK;
  if (slice_starts(query, slice_str(name)) && id_parse(slice_skip(query, sizeof name - 1), before))
    return AVOW_OK;
  return problem_set(&r->why, ERR_MALFORMED, "The cursor of the list is not one of this server");
}

avow_err account_orders_post(struct acme_request *r) {
  if (!id_eq(r->id, r->account))
    return ERR_NOT_FOUND;
  struct id128 before;
  avow_err e = acme_expect_empty(r);
  if (e == AVOW_OK)
    e = read_cursor(r, &before);
  if (e != AVOW_OK)
    return e;
  struct message m = {.type = MSG_order_list,
                      .order_list = {.account = r->account, .before = before, .most = LIST_PAGE}};
  e = acme_call(r, &m, MSG_order_ids);
  if (e != AVOW_OK)
    return e;
  const struct msg_order_ids *list = &acme_answer(r)->order_ids;
  struct buf *b = acme_begin_json(r, 200);
  json_open(b, NULL, '{');
  json_open(b, "orders", '[');
  for (size_t i = 0; i < list->orders_n; i++)
    json_put_str(b, NULL, acme_url(r, order_path, list->orders[i].id, ""));
  json_close(b, ']');
  json_close(b, '}');
  if (list->more && list->orders_n > 0) {
    char last[ID_TEXT];
    id_text(list->orders[list->orders_n - 1].id, last);
    const char *url = arena_printf(r->arena, "%s?cursor=%s", acme_url(r, "/acme/acct/", r->account, "/orders"), last);
    if (!url)
      return ERR_NO_MEMORY;
    acme_put_link(r, url, "next");
  }
  return AVOW_OK;
}
