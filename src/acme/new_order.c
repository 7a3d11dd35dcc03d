/* newOrder (RFC 8555, 7.4) with profiles (draft-ietf-acme-profiles). */
#include "acme/resources.h"
#include "pki/dates.h"

enum { TOKEN_WAIT_MS = 3000, TOKEN_ASK_MS = 100 };

static avow_err read_time(const json_t *o, const char *name, int64_t *out, struct problem *why) {
  struct slice text;
  *out = 0;
  avow_err e = payload_text(o, name, &text, why);
  if (e != AVOW_OK || !text.p)
    return e;
  if (!time_rfc3339_parse(text, out) || *out <= 0)
    return problem_set(why, ERR_MALFORMED, "\"%s\" is no RFC 3339 time", name);
  return AVOW_OK;
}

/* Dates that the profile has no room for are refused before anybody proves a name for them. */
static avow_err read_times(struct acme_request *r, const json_t *o, const struct profile *profile,
                           struct msg_order_new *order) {
  struct dates dates;
  avow_err e = read_time(o, "notBefore", &order->not_before, &r->why);
  if (e == AVOW_OK)
    e = read_time(o, "notAfter", &order->not_after, &r->why);
  if (e != AVOW_OK)
    return e;
  return profile_dates(profile, r->now / SECOND_MS, profile->backdate_s, order->not_before, order->not_after, &dates,
                       &r->why);
}

static avow_err read_profile(struct acme_request *r, const json_t *o, const struct profile **out) {
  struct slice name;
  avow_err e = payload_text(o, "profile", &name, &r->why);
  if (e != AVOW_OK)
    return e;
  *out = name.p && name.n == 0 ? NULL : config_profile(r->site->config, name);
  if (!*out)
    return problem_set(&r->why, ERR_INVALID_PROFILE, "There is no such profile; the directory lists them");
  return AVOW_OK;
}

/* The store may be out of challenge tokens for a moment, most likely just after a start: better a slow answer than an
   error that clients take as final. */
static avow_err create_order(struct acme_request *r) {
  struct message m = {.type = MSG_order_new, .order_new = *(struct msg_order_new *)r->kept};
  avow_err e = acme_call(r, &m, MSG_order_is);
  if (e == AVOW_OK)
    order_answer(r, 201, &acme_answer(r)->order_is.order);
  if (e != ERR_UNAVAILABLE || acme_waited(r))
    return e;
  acme_sleep(r, TOKEN_ASK_MS, create_order);
  return AVOW_OK;
}

avow_err new_order_post(struct acme_request *r) {
  AUTO_JSON o = NULL;
  const struct profile *profile;
  struct msg_order_new *order = arena_alloc(r->arena, sizeof *order);
  if (!order)
    return ERR_NO_MEMORY;
  avow_err e = payload_parse(r->jws.payload, &o, &r->why);
  if (e == AVOW_OK)
    e = read_profile(r, o, &profile);
  if (e == AVOW_OK)
    e = read_times(r, o, profile, order);
  if (e != AVOW_OK)
    return e;
  struct identifier_list list;
  e = identifiers_parse(o, &r->site->policy, profile, r->arena, &list, &r->why);
  if (e != AVOW_OK) {
    r->subproblems = list.bad;
    r->subproblems_n = list.bad_n;
    return e;
  }
  order->account = r->account;
  order->profile = slice_str(profile->name);
  order->identifiers = list.items;
  order->identifiers_n = list.n;
  r->kept = order;
  r->until = clock_mono_ms() + TOKEN_WAIT_MS;
  return create_order(r);
}
