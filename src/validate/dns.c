#include "validate/dns.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound.h>

enum { DNS_RECORDS_MAX = 1000, DNS_CLASS_IN = 1, RCODE_NXDOMAIN = 3 };

struct dns {
  struct ub_ctx *ctx;
  struct loop *loop;
  struct watch watch;
};

/* IANA's trust anchors of the root zone; see data/root-anchors. */
static const char *const root_anchors[] = {
#include "validate/root_anchors.inc"
};

struct option {
  const char *name, *value;
};

static const struct option common_options[] = {
  /* A negative answer must not outlive an applicant's correction. */
  {"cache-max-negative-ttl:", "0"},
  {"aggressive-nsec:", "no"},
  /* Ports are what keeps a blind forger from guessing (RFC 5452, 9.2); the library's own default is 16. */
  {"outgoing-range:", "512"},
  {"outgoing-num-tcp:", "64"},
  {"infra-host-ttl:", "60"},
  {"infra-keep-probing:", "yes"},
};

static const struct option forward_options[] = {
  {"cache-max-ttl:", "0"},
  /* A resolver on this machine is the usual case (systemd-resolved, a test's own). */
  {"do-not-query-localhost:", "no"},
};

static const struct option recursion_options[] = {
  /* Delegations are kept a minute; without them every look-up would begin at the root. */
  {"cache-max-ttl:", "60"},
  {"use-caps-for-id:", "yes"},
};

/* What libunbound answers by itself with NXDOMAIN, and an internal CA's resolvers may know better. */
static const char *const local_zones[] = {"test.", "home.arpa."};

static avow_err unbound_error(int code, const char *doing, struct problem *why) {
  return problem_set(why, ERR_CONFIG, "libunbound: %s: %s", doing, ub_strerror(code));
}

static avow_err set_options(struct ub_ctx *ctx, const struct option *options, size_t n, struct problem *why) {
  for (size_t i = 0; i < n; i++) {
    int code = ub_ctx_set_option(ctx, options[i].name, options[i].value);
    if (code != UB_NOERROR)
      return unbound_error(code, options[i].name, why);
  }
  return AVOW_OK;
}

static avow_err add_anchors(struct ub_ctx *ctx, const struct config *config, struct problem *why) {
  int code = UB_NOERROR;
  if (!config->trust_anchor || !config->trust_anchor[0]) {
    if (config->kind == KIND_PUBLIC)
      for (size_t i = 0; i < sizeof root_anchors / sizeof root_anchors[0] && code == UB_NOERROR; i++)
        code = ub_ctx_add_ta(ctx, root_anchors[i]);
    return code == UB_NOERROR ? AVOW_OK : unbound_error(code, "root anchor", why);
  }
  char *lines = strdup(config->trust_anchor);
  if (!lines)
    return ERR_NO_MEMORY;
  char *rest = NULL;
  for (char *line = strtok_r(lines, "\n", &rest); line && code == UB_NOERROR; line = strtok_r(NULL, "\n", &rest))
    code = ub_ctx_add_ta(ctx, line);
  free(lines);
  return code == UB_NOERROR ? AVOW_OK : unbound_error(code, "validation.trust_anchor", why);
}

static avow_err set_resolvers(struct ub_ctx *ctx, const struct config *config, struct problem *why) {
  bool system = config->resolvers_n == 0 && config->kind != KIND_PUBLIC;
  if (config->resolvers_n == 0 && !system)
    return set_options(ctx, recursion_options, sizeof recursion_options / sizeof recursion_options[0], why);
  avow_err e = set_options(ctx, forward_options, sizeof forward_options / sizeof forward_options[0], why);
  if (e != AVOW_OK)
    return e;
  /* A test CA in a place without resolv.conf is still good for localhost and addresses. */
  if (system)
    (void)ub_ctx_resolvconf(ctx, NULL);
  for (size_t i = 0; i < config->resolvers_n; i++) {
    int code = ub_ctx_set_fwd(ctx, config->resolvers[i]);
    if (code != UB_NOERROR)
      return unbound_error(code, config->resolvers[i], why);
  }
  return AVOW_OK;
}

static avow_err configure(struct ub_ctx *ctx, const struct config *config, struct problem *why) {
  /* The library's own log could name applicants; what matters comes with each answer. */
  (void)ub_ctx_debugout(ctx, NULL);
  avow_err e = set_options(ctx, common_options, sizeof common_options / sizeof common_options[0], why);
  if (e == AVOW_OK)
    e = set_resolvers(ctx, config, why);
  if (e == AVOW_OK)
    e = add_anchors(ctx, config, why);
  if (e != AVOW_OK)
    return e;
  int code = ub_ctx_async(ctx, 1);
  if (code != UB_NOERROR)
    return unbound_error(code, "thread", why);
  /* Closes the configuration: every file is read and every anchor parsed by now. */
  code = ub_ctx_data_remove(ctx, "nothing.invalid.");
  if (code != UB_NOERROR)
    return unbound_error(code, "validation.resolvers or validation.trust_anchor", why);
  if (config->kind == KIND_PUBLIC)
    return AVOW_OK;
  for (size_t i = 0; i < sizeof local_zones / sizeof local_zones[0]; i++) {
    code = ub_ctx_zone_remove(ctx, local_zones[i]);
    if (code != UB_NOERROR)
      return unbound_error(code, local_zones[i], why);
  }
  return AVOW_OK;
}

static void answers_ready(void *user, short events) {
  (void)events;
  struct dns *dns = user;
  (void)ub_process(dns->ctx);
}

avow_err dns_new(const struct config *config, struct loop *loop, struct dns **out, struct problem *why) {
  struct dns *dns = calloc(1, sizeof *dns);
  if (!dns)
    return problem_set(why, ERR_NO_MEMORY, "no memory for the resolver");
  dns->loop = loop;
  dns->ctx = ub_ctx_create();
  avow_err e = dns->ctx ? configure(dns->ctx, config, why) : problem_set(why, ERR_NO_MEMORY, "libunbound: no context");
  if (e != AVOW_OK) {
    dns_free(dns);
    return e;
  }
  loop_watch(loop, &dns->watch, ub_fd(dns->ctx), POLLIN, answers_ready, dns);
  *out = dns;
  return AVOW_OK;
}

void dns_free(struct dns *dns) {
  if (!dns)
    return;
  loop_unwatch(dns->loop, &dns->watch);
  if (dns->ctx)
    ub_ctx_delete(dns->ctx);
  free(dns);
}

/* Ends the question before its owner hears of it: the owner may ask again or go away in `done`. */
static void finish(struct dns_query *q, const struct dns_answer *answer) {
  loop_untimer(&q->timer);
  q->dns = NULL;
  q->done(q->user, answer);
}

static void fail(struct dns_query *q, const char *failure) {
  finish(q, &(struct dns_answer){.status = DNS_FAILED, .failure = failure});
}

static void rcode_text(int rcode, char *out, size_t room) {
  static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
  if (rcode >= 0 && (size_t)rcode < sizeof names / sizeof names[0])
    (void)snprintf(out, room, "%s", names[rcode]);
  else
    (void)snprintf(out, room, "response code %d", rcode);
}

static void answered(void *user, int code, struct ub_result *r) {
  struct dns_query *q = user;
  if (code != UB_NOERROR || !r) {
    fail(q, ub_strerror(code));
    return;
  }
  char failure[200];
  struct slice data[DNS_RECORDS_MAX];
  struct dns_answer answer = {.secure = r->secure, .data = data};
  if (r->bogus) {
    (void)snprintf(failure, sizeof failure, "DNSSEC: %s", r->why_bogus ? r->why_bogus : "the answer is bogus");
    answer.status = DNS_FAILED;
    answer.failure = failure;
  } else if (r->rcode != 0 && r->rcode != RCODE_NXDOMAIN) {
    rcode_text(r->rcode, failure, sizeof failure);
    answer.status = DNS_FAILED;
    answer.failure = failure;
  } else if (r->havedata) {
    answer.status = DNS_DATA;
    while (r->data[answer.n] && answer.n < DNS_RECORDS_MAX) {
      data[answer.n] = slice_of(r->data[answer.n], (size_t)r->len[answer.n]);
      answer.n++;
    }
    if (r->data[answer.n]) { /* what is not read cannot be obeyed: a CAA record may be among it */
      answer.status = DNS_FAILED;
      answer.failure = "the answer has more records than are read";
    }
  } else {
    answer.status = r->nxdomain ? DNS_NO_NAME : DNS_NO_DATA;
  }
  finish(q, &answer);
  ub_resolve_free(r);
}

static void timed_out(void *user) {
  struct dns_query *q = user;
  (void)ub_cancel(q->dns->ctx, q->id);
  fail(q, "no answer within 10 s");
}

void dns_ask(struct dns *dns, struct dns_query *q, const char *name, int type,
             void (*done)(void *user, const struct dns_answer *answer), void *user) {
  *q = (struct dns_query){.dns = dns, .done = done, .user = user};
  loop_timer(dns->loop, &q->timer, DNS_TIMEOUT_MS, timed_out, q);
  int code = ub_resolve_async(dns->ctx, name, type, DNS_CLASS_IN, q, answered, &q->id);
  if (code != UB_NOERROR)
    fail(q, ub_strerror(code));
}

void dns_cancel(struct dns_query *q) {
  if (!q->dns)
    return;
  (void)ub_cancel(q->dns->ctx, q->id);
  loop_untimer(&q->timer);
  q->dns = NULL;
}

const char *dns_type_text(int type) {
  switch (type) {
  case DNS_TYPE_A:
    return "A";
  case DNS_TYPE_AAAA:
    return "AAAA";
  case DNS_TYPE_TXT:
    return "TXT";
  case DNS_TYPE_CAA:
    return "CAA";
  default:
    return "?";
  }
}
