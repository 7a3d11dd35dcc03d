#include "validate/http01.h"

#include <stdio.h>

static void finish(struct http01 *h, const struct problem *outcome) {
  loop_untimer(&h->timer);
  h->done(h->user, outcome);
}

static void connect_next(struct http01 *h);

static bool is_space(uint8_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

avow_err http01_compare(struct slice body, bool too_large, const char *key_authorization, struct problem *why) {
  struct slice want = slice_str(key_authorization);
  if (too_large)
    return problem_set(why, ERR_INCORRECT_RESPONSE, "The answer is longer than a key authorization can be");
  while (body.n > 0 && is_space(body.p[body.n - 1]))
    body.n--;
  if (slice_eq(body, want))
    return AVOW_OK;
  size_t token = strcspn(key_authorization, ".") + 1;
  if (body.n == want.n && memcmp(body.p, want.p, token) == 0)
    return problem_set(why, ERR_INCORRECT_RESPONSE,
                       "The answer is the key authorization of this token for another account's key");
  return problem_set(why, ERR_INCORRECT_RESPONSE, "The answer (%zu bytes) is not the key authorization", body.n);
}

static bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 307 || status == 308;
}

static void resolved(void *user, const struct addresses *found, const struct problem *why) {
  struct http01 *h = user;
  if (why) {
    finish(h, why);
    return;
  }
  h->addresses = *found;
  h->tried = 0;
  connect_next(h);
}

/* Goes to h->target: one hop. */
static void visit(struct http01 *h) {
  struct problem why = {.err = AVOW_OK};
  for (size_t i = 0; i < h->hops; i++)
    if (strcmp(h->visited[i], h->target.url) == 0) {
      (void)problem_set(&why, ERR_UNAUTHORIZED, "The redirects go in a circle");
      finish(h, &why);
      return;
    }
  h->visited[h->hops++] = h->target.url;
  if (!h->target.literal) {
    resolve_start(&h->resolution, h->probe, h->target.host, resolved, h);
    return;
  }
  struct addresses found = {.n = 0};
  bool refused = resolve_literal(h->probe, &h->target.address, &found, &why) != AVOW_OK;
  resolved(h, &found, refused ? &why : NULL);
}

static void redirect(struct http01 *h, const struct fetch_result *r) {
  struct probe *p = h->probe;
  struct problem why = {.err = AVOW_OK};
  met_add(&p->met, p->loop->now_ms, "redirect", h->target.url, "%d to %s", r->status,
          r->location ? met_quote(&p->arena, slice_str(r->location), HOP_URL_MAX) : "nowhere");
  struct hop next;
  if (!r->location)
    (void)problem_set(&why, ERR_UNAUTHORIZED, "The redirect (%d) has not exactly one Location", r->status);
  else if (h->hops > HTTP01_REDIRECTS)
    (void)problem_set(&why, ERR_UNAUTHORIZED, "There are more than %d redirects", HTTP01_REDIRECTS);
  else
    why.err = hop_parse(h->target.url, slice_str(r->location), p->config, &p->arena, &next, &why);
  if (why.err != AVOW_OK) {
    finish(h, &why);
    return;
  }
  h->target = next;
  visit(h);
}

static void judge(struct http01 *h, const struct fetch_result *r) {
  struct probe *p = h->probe;
  struct problem outcome = {.err = AVOW_OK};
  if (is_redirect(r->status)) {
    redirect(h, r);
    return;
  }
  bool good = r->status >= 200 && r->status <= 299;
  met_add(&p->met, p->loop->now_ms, "http", h->target.url, good ? "%d, %zu bytes%s" : "%d", r->status, r->body.n,
          r->too_large ? " and more" : "");
  if (!good)
    (void)problem_set(&outcome, ERR_UNAUTHORIZED, "%.300s was answered with status %d", h->target.url, r->status);
  else
    outcome.err = http01_compare(r->body, r->too_large, p->key_authorization, &outcome);
  finish(h, &outcome);
}

static void fetched(void *user, const struct fetch_result *r) {
  struct http01 *h = user;
  struct probe *p = h->probe;
  char address[ADDRESS_TEXT], place[ADDRESS_TEXT + 12];
  (void)snprintf(place, sizeof place, "%s port %d", address_text(&h->fetch.address, address), h->target.port);
  if (r->end == FETCH_ANSWERED) {
    met_add(&p->met, p->loop->now_ms, "connect", place, "connected");
    judge(h, r);
    return;
  }
  met_add(&p->met, p->loop->now_ms, "connect", place, "%s", r->failure);
  /* One fall-back from IPv6 to IPv4, and only when there was no connection: a server that answers wrongly is an answer.
   */
  if (r->end == FETCH_NO_CONNECTION && h->tried < h->addresses.n) {
    connect_next(h);
    return;
  }
  struct problem outcome = {.err = AVOW_OK};
  (void)problem_set(&outcome, r->end == FETCH_TLS_FAILED ? ERR_TLS : ERR_CONNECTION, "Fetching %.250s from %s: %s",
                    h->target.url, place, r->failure);
  finish(h, &outcome);
}

static void connect_next(struct http01 *h) {
  const struct address *a = &h->addresses.list[h->tried++];
  bool last = h->tried == h->addresses.n;
  size_t most = strlen(h->probe->key_authorization) + HTTP01_EXTRA_BODY;
  avow_err e = fetch_start(&h->fetch, h->probe->loop, &h->target, a, last ? FETCH_TIMEOUT_MS : HTTP01_FALLBACK_MS, most,
                           fetched, h);
  if (e != AVOW_OK)
    finish(h, &(struct problem){.err = e});
}

static void out_of_time(void *user) {
  struct http01 *h = user;
  struct problem outcome = {.err = AVOW_OK};
  http01_cancel(h);
  (void)problem_set(&outcome, ERR_CONNECTION, "The whole http-01 check took longer than 30 s");
  finish(h, &outcome);
}

/* The first URL by the rules of the challenge; the host of an IPv6 identifier is bracketed (RFC 3986, 3.2.2). */
static avow_err first_hop(struct http01 *h, struct problem *why) {
  struct probe *p = h->probe;
  bool v6 = p->name.type == NAME_IP && p->name.ip_n == 16;
  char port[16] = "";
  if (p->config->http_port != 80)
    (void)snprintf(port, sizeof port, ":%d", p->config->http_port);
  const char *url = arena_printf(&p->arena, "http://%s%.*s%s%s/.well-known/acme-challenge/%s", v6 ? "[" : "",
                                 (int)p->name.text.n, (const char *)p->name.text.p, v6 ? "]" : "", port, p->token);
  if (!url)
    return problem_set(why, ERR_NO_MEMORY, "no memory for a URL");
  return hop_parse(NULL, slice_str(url), p->config, &p->arena, &h->target, why);
}

void http01_start(struct http01 *h, struct probe *probe, outcome_fn *done, void *user) {
  *h = (struct http01){.probe = probe, .done = done, .user = user};
  struct problem why = {.err = AVOW_OK};
  if (first_hop(h, &why) != AVOW_OK) {
    finish(h, &why);
    return;
  }
  loop_timer(probe->loop, &h->timer, HTTP01_TOTAL_MS, out_of_time, h);
  visit(h);
}

void http01_cancel(struct http01 *h) {
  loop_untimer(&h->timer);
  fetch_cancel(&h->fetch);
  resolve_cancel(&h->resolution);
}
