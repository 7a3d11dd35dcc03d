#include "validate/dns01.h"

#include "base/base64.h"

enum { SHOWN_RECORDS = 3, SHOWN_BYTES = 60, RECORDS_READ = 200 };

struct slice dns01_txt(struct slice rdata, struct arena *a) {
  uint8_t *joined = arena_alloc(a, rdata.n + 1);
  size_t n = 0;
  struct cursor c = cursor_of(rdata);
  while (joined && !c.failed && cursor_left(&c) > 0) {
    size_t length = cursor_u8(&c);
    struct slice string = cursor_take(&c, length);
    if (string.n > 0)
      memcpy(joined + n, string.p, string.n);
    n += string.n;
  }
  return joined && cursor_at_end(&c) && rdata.n > 0 ? slice_of(joined, n) : SLICE_NONE;
}

static void finish(struct dns01 *d, const struct problem *outcome) {
  d->done(d->user, outcome);
}

static void compare(struct dns01 *d, const struct dns_answer *answer, struct problem *outcome) {
  struct probe *p = d->probe;
  AUTO_BUF want;
  buf_init(&want, 64);
  base64url_put(&want, SLICE_OF(p->digest));
  AUTO_ARENA texts;
  arena_init(&texts, 1024 * 1024);
  AUTO_BUF shown;
  buf_init(&shown, PROBLEM_DETAIL);
  bool found = false;
  for (size_t i = 0; i < answer->n && i < RECORDS_READ && !found; i++) {
    struct slice text = dns01_txt(answer->data[i], &texts);
    found = text.p && slice_eq(text, buf_slice(&want));
    if (i < SHOWN_RECORDS)
      buf_printf(&shown, "%s\"%s\"", i ? ", " : "", text.p ? met_quote(&texts, text, SHOWN_BYTES) : "(malformed)");
  }
  const char *list = met_quote(&texts, buf_slice(&shown), PROBLEM_DETAIL);
  met_add(&p->met, p->loop->now_ms, "txt", d->name, "%zu records: %s%s", answer->n, found ? "the right one among " : "",
          list);
  if (answer->secure)
    met_add(&p->met, p->loop->now_ms, "dns", d->name, "DNSSEC");
  if (!found)
    (void)problem_set(outcome, ERR_INCORRECT_RESPONSE, "None of the %zu TXT records of %.253s is right: %.200s",
                      answer->n, d->name, list);
}

static void answered(void *user, const struct dns_answer *answer) {
  struct dns01 *d = user;
  struct probe *p = d->probe;
  struct problem outcome = {.err = AVOW_OK};
  switch (answer->status) {
  case DNS_DATA:
    compare(d, answer, &outcome);
    break;
  case DNS_NO_DATA:
  case DNS_NO_NAME:
    met_add(&p->met, p->loop->now_ms, "txt", d->name, "no records");
    (void)problem_set(&outcome, ERR_UNAUTHORIZED, "There is no TXT record at %.253s", d->name);
    break;
  case DNS_FAILED:
    met_add(&p->met, p->loop->now_ms, "txt", d->name, "failed: %s", answer->failure);
    (void)problem_set(&outcome, ERR_DNS, "Looking up TXT of %.253s failed: %.180s", d->name, answer->failure);
    break;
  }
  finish(d, &outcome);
}

void dns01_start(struct dns01 *d, struct probe *probe, outcome_fn *done, void *user) {
  *d = (struct dns01){.probe = probe, .done = done, .user = user};
  d->name =
    arena_printf(&probe->arena, "_acme-challenge.%.*s", (int)probe->name.text.n, (const char *)probe->name.text.p);
  if (!d->name) {
    finish(d, &(struct problem){.err = ERR_NO_MEMORY});
    return;
  }
  dns_ask(probe->dns, &d->query, d->name, DNS_TYPE_TXT, answered, d);
}

void dns01_cancel(struct dns01 *d) {
  dns_cancel(&d->query);
}
