#include "validate/resolve.h"

#include <stdio.h>

static avow_err refuse_address(struct probe *probe, const char *name, const struct address *a, struct problem *why) {
  char text[ADDRESS_TEXT];
  const char *special = address_special(a);
  met_add(&probe->met, probe->loop->now_ms, "connect", address_text(a, text), "refused: %s", special);
  return problem_set(why, ERR_CONNECTION, "%.253s leads to %s (%s), which this CA does not contact", name, text,
                     special);
}

/* Keeps the first allowed address of each family. */
static void add_address(struct resolution *r, const struct address *a) {
  for (size_t i = 0; i < r->found.n; i++)
    if (r->found.list[i].n == a->n)
      return;
  if (!address_allowed(r->probe->config, a)) {
    (void)refuse_address(r->probe, r->name, a, &r->refused);
    return;
  }
  r->found.list[r->found.n++] = *a;
}

static void finish(struct resolution *r) {
  if (r->found.n == 2 && r->found.list[0].n == 4) {
    struct address v4 = r->found.list[0];
    r->found.list[0] = r->found.list[1];
    r->found.list[1] = v4;
  }
  struct problem why = r->refused.err != AVOW_OK ? r->refused : r->failed;
  if (r->found.n == 0 && why.err == AVOW_OK)
    (void)problem_set(&why, ERR_DNS, "%.253s has no A and no AAAA record", r->name);
  struct addresses found = r->found;
  r->done(r->user, &found, found.n > 0 ? NULL : &why);
}

static void take_answer(struct resolution *r, int type, const struct dns_answer *answer) {
  char subject[DNS_NAME_ROOM], list[RESOLVE_MAX * (ADDRESS_TEXT + 2) + 1] = "";
  (void)snprintf(subject, sizeof subject, "%.253s %s", r->name, dns_type_text(type));
  size_t bytes = type == DNS_TYPE_A ? 4 : 16, at = 0;
  switch (answer->status) {
  case DNS_DATA:
    for (size_t i = 0; i < answer->n && i < RESOLVE_MAX; i++) {
      struct address a = {.n = (uint8_t)bytes};
      if (answer->data[i].n != bytes)
        continue;
      memcpy(a.b, answer->data[i].p, bytes);
      char text[ADDRESS_TEXT];
      at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", address_text(&a, text));
    }
    met_add(&r->probe->met, r->probe->loop->now_ms, "dns", subject, "%s%s", list, answer->secure ? " (DNSSEC)" : "");
    for (size_t i = 0; i < answer->n && i < RESOLVE_MAX; i++) {
      struct address a = {.n = (uint8_t)bytes};
      if (answer->data[i].n != bytes)
        continue;
      memcpy(a.b, answer->data[i].p, bytes);
      add_address(r, &a);
    }
    break;
  case DNS_NO_DATA:
    met_add(&r->probe->met, r->probe->loop->now_ms, "dns", subject, "no such records");
    break;
  case DNS_NO_NAME:
    met_add(&r->probe->met, r->probe->loop->now_ms, "dns", subject, "no such name");
    if (r->failed.err == AVOW_OK)
      (void)problem_set(&r->failed, ERR_DNS, "The name %.253s does not exist (NXDOMAIN for %s)", r->name,
                        dns_type_text(type));
    break;
  case DNS_FAILED:
    met_add(&r->probe->met, r->probe->loop->now_ms, "dns", subject, "failed: %s", answer->failure);
    (void)problem_set(&r->failed, ERR_DNS, "Looking up %s of %.253s failed: %.180s", dns_type_text(type), r->name,
                      answer->failure);
    break;
  }
}

static void aaaa_answered(void *user, const struct dns_answer *answer) {
  struct resolution *r = user;
  r->asking_aaaa = false;
  take_answer(r, DNS_TYPE_AAAA, answer);
  if (!r->asking_a)
    finish(r);
}

static void a_answered(void *user, const struct dns_answer *answer) {
  struct resolution *r = user;
  r->asking_a = false;
  take_answer(r, DNS_TYPE_A, answer);
  if (!r->asking_aaaa)
    finish(r);
}

/* RFC 6761, 6.3: names of localhost need no resolver and must not be sent to one. */
static void resolve_localhost(struct resolution *r) {
  static const struct address loopback[] = {{16, {[15] = 1}}, {4, {127, 0, 0, 1}}};
  met_add(&r->probe->met, r->probe->loop->now_ms, "dns", r->name, "loopback (RFC 6761)");
  for (size_t i = 0; i < 2; i++)
    add_address(r, &loopback[i]);
  finish(r);
}

void resolve_start(struct resolution *r, struct probe *probe, const char *name,
                   void (*done)(void *user, const struct addresses *found, const struct problem *why), void *user) {
  *r = (struct resolution){.probe = probe, .name = name, .done = done, .user = user};
  struct name parsed = {.type = NAME_DNS, .text = slice_str(name)};
  if (name_below(&parsed, SLICE_LIT("localhost"))) {
    resolve_localhost(r);
    return;
  }
  r->asking_aaaa = r->asking_a = true;
  dns_ask(probe->dns, &r->aaaa, name, DNS_TYPE_AAAA, aaaa_answered, r);
  dns_ask(probe->dns, &r->a, name, DNS_TYPE_A, a_answered, r);
}

void resolve_cancel(struct resolution *r) {
  dns_cancel(&r->aaaa);
  dns_cancel(&r->a);
}

avow_err resolve_literal(struct probe *probe, const struct address *a, struct addresses *found, struct problem *why) {
  char text[ADDRESS_TEXT];
  if (!address_allowed(probe->config, a))
    return refuse_address(probe, address_text(a, text), a, why);
  found->list[0] = *a;
  found->n = 1;
  return AVOW_OK;
}
