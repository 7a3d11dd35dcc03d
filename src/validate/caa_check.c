#include "validate/caa_check.h"

bool caa_is_internal(const struct config *config, const struct name *name) {
  /* RFC 6761, RFC 7686, RFC 8375, RFC 9476; ICANN's reservation of .internal. */
  static const char *const reserved[] = {"test",     "localhost", "invalid",   "example", "local",
                                         "internal", "onion",     "home.arpa", "alt"};
  switch (config->kind) {
  case KIND_PUBLIC:
    return false;
  case KIND_PRIVATE:
    for (size_t i = 0; i < config->suffixes_n; i++)
      if (name_below(name, config->suffixes[i]))
        return true;
    return false;
  case KIND_TEST:
    if (config->resolvers_n == 0 || !memchr(name->text.p, '.', name->text.n))
      return true;
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
      if (name_below(name, slice_str(reserved[i])))
        return true;
    return false;
  }
  return false;
}

static void finish(struct caa_check *c, const struct problem *outcome) {
  c->done(c->user, outcome);
}

static void ask(struct caa_check *c);

static void judge(struct caa_check *c, const struct dns_answer *answer) {
  struct probe *p = c->probe;
  struct caa_question q = {.wildcard = p->name.wildcard,
                           .identities = p->config->caa_identities,
                           .identities_n = p->config->caa_identities_n,
                           .account_uri = slice_str(c->account_uri),
                           .method = slice_str(challenge_method_text(p->method))};
  met_add(&p->met, p->loop->now_ms, "caa", c->at, "%s%s", caa_text(answer->data, answer->n, &p->arena),
          answer->secure ? " (DNSSEC)" : "");
  struct problem outcome = {.err = AVOW_OK};
  outcome.err = caa_evaluate(answer->data, answer->n, c->at, &q, &outcome);
  finish(c, &outcome);
}

static void answered(void *user, const struct dns_answer *answer) {
  struct caa_check *c = user;
  struct probe *p = c->probe;
  struct problem outcome = {.err = AVOW_OK};
  const char *dot = strchr(c->at, '.');
  switch (answer->status) {
  case DNS_DATA:
    judge(c, answer);
    return;
  case DNS_FAILED:
    met_add(&p->met, p->loop->now_ms, "caa", c->at, "failed: %s", answer->failure);
    (void)problem_set(&outcome, ERR_DNS, "Looking up CAA of %.253s failed: %.180s", c->at, answer->failure);
    finish(c, &outcome);
    return;
  case DNS_NO_DATA:
  case DNS_NO_NAME:
    met_add(&p->met, p->loop->now_ms, "caa", c->at, "no records");
    /* RFC 8659, 3: up to, and without, the root. Aliases were followed by the resolver; the climb goes on from the name
       itself and not from an alias's target. */
    if (!dot) {
      finish(c, &outcome);
      return;
    }
    c->at = dot + 1;
    ask(c);
    return;
  }
}

static void ask(struct caa_check *c) {
  dns_ask(c->probe->dns, &c->query, c->at, DNS_TYPE_CAA, answered, c);
}

void caa_check_start(struct caa_check *c, struct probe *probe, outcome_fn *done, void *user) {
  char id[ID_TEXT];
  *c = (struct caa_check){.probe = probe, .done = done, .user = user};
  c->at = arena_str(&probe->arena, probe->name.text);
  c->account_uri =
    arena_printf(&probe->arena, "%s/acme/acct/%s", probe->config->https_url, id_text(probe->account, id));
  if (!c->at || !c->account_uri) {
    finish(c, &(struct problem){.err = ERR_NO_MEMORY});
    return;
  }
  ask(c);
}

void caa_check_cancel(struct caa_check *c) {
  if (c->probe)
    dns_cancel(&c->query);
}
