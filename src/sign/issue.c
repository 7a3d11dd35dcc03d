/* Issuance for a subscriber: architecture, Evidence 3. Every check here is on what the subscriber signed or what a
   sealer sealed; nothing is believed because the registrar says it. */
#include <stdio.h>

#include "base/base64.h"
#include "base/clock.h"
#include "sign/internal.h"

/* The order's id is minted with its time; the longest that one of this profile may take, and some more for a job that
 * waited. */
static avow_err check_order(struct signer *s, struct id128 order, const struct profile *profile, int64_t now_ms,
                            struct problem *why) {
  int64_t at = id_time_ms(order);
  if (id_origin(order) != s->setup.signer_id)
    return problem_set(why, ERR_EVIDENCE, "the order was minted for another signer");
  if (at > now_ms + CLOCK_TOLERANCE_MS)
    return problem_set(why, ERR_EVIDENCE, "the order's id lies in the future");
  if (now_ms - at > profile->order_lifetime_s * SECOND_MS + ORDER_SLACK_MS)
    return problem_set(why, ERR_EVIDENCE, "the order is older than its lifetime");
  const struct order_state *known = table_find(&s->state.orders, &order);
  if (known && known->record != 0)
    return problem_set(why, ERR_ORDER_NOT_READY, "This order has issued its certificate already");
  if (known && known->orphans >= ORPHANS_MOST)
    return problem_set(why, ERR_INTERNAL, "Signing for this order was cut short repeatedly; please make a new order");
  return AVOW_OK;
}

static avow_err open_statements(struct signer *s, const struct rec_order_name *n, int64_t now_ms,
                                struct name_evidence *ev, struct problem *why) {
  memset(ev, 0, sizeof *ev);
  if (n->control_n > STATEMENTS_MAX || n->caa_n > STATEMENTS_MAX)
    return problem_set(why, ERR_EVIDENCE, "too many statements for one name");
  for (; ev->control_n < n->control_n; ev->control_n++) {
    avow_err e =
      control_open(s->setup.ring_validator, n->control[ev->control_n].b, now_ms, &ev->control[ev->control_n], why);
    if (e != AVOW_OK)
      return e;
  }
  for (; ev->caa_n < n->caa_n; ev->caa_n++) {
    avow_err e = caa_open(s->setup.ring_validator, n->caa[ev->caa_n].b, now_ms, &ev->caa[ev->caa_n], why);
    if (e != AVOW_OK)
      return e;
  }
  return AVOW_OK;
}

static const struct rec_order_name *find_name(const struct msg_sign_issue *m, const struct name *name) {
  for (size_t i = 0; i < m->names_n; i++) {
    const struct rec_identifier *id = &m->names[i].identifier;
    if (id->type == name->type && id->wildcard == name->wildcard && slice_eq(id->value, name->text))
      return &m->names[i];
  }
  return NULL;
}

static avow_err check_name(struct signer *s, const struct name *name, const struct rec_order_name *brought,
                           const struct sealed_account *account, const struct profile *profile, int64_t now_ms,
                           struct problem *why) {
  if (name->type == NAME_IP && !profile->ip_identifiers)
    return problem_set(why, ERR_REJECTED_IDENTIFIER, "The profile has no IP addresses");
  avow_err e = name_check(name, &s->names, why);
  if (e != AVOW_OK)
    return e;
  struct name_evidence ev;
  e = open_statements(s, brought, now_ms, &ev, why);
  if (e != AVOW_OK)
    return e;
  struct cover_rules rules = {.kind = s->setup.config->kind,
                              .names = &s->names,
                              .no_resolvers = s->setup.config->resolvers_n == 0,
                              .control_reuse_ms = profile->authz_reuse_s * SECOND_MS,
                              .perspectives = 1};
  return name_covered(&ev, name, account, &rules, now_ms, why);
}

/* RFC 8555, 7.4: the CSR's names are exactly the order's identifiers; and each has its evidence. */
static avow_err check_names(struct signer *s, struct work *w, const struct csr *csr,
                            const struct sealed_account *account, const struct profile *profile, struct problem *why) {
  const struct msg_sign_issue *m = &w->request->sign_issue;
  if (csr->names_n == 0 || csr->names_n > (size_t)profile->max_names)
    return problem_set(why, ERR_BAD_CSR, "The profile takes 1 to %d names", profile->max_names);
  if (csr->names_n != m->names_n)
    return problem_set(why, ERR_BAD_CSR, "The CSR's names are not the order's identifiers");
  for (size_t i = 0; i < csr->names_n; i++) {
    const struct rec_order_name *brought = find_name(m, &csr->names[i]);
    if (!brought)
      return problem_set(why, ERR_BAD_CSR, "The CSR's names are not the order's identifiers");
    avow_err e = check_name(s, &csr->names[i], brought, account, profile, w->now_ms, why);
    if (e == AVOW_OK)
      continue;
    w->answer->subproblem.identifier = brought->identifier;
    w->answer->has_subproblem = true;
    return e;
  }
  return AVOW_OK;
}

/* BR 6.1.1.3 (4), RFC 8555, 11.1. */
static avow_err check_key(struct signer *s, const struct csr *csr, const struct sealed_account *account,
                          struct problem *why) {
  struct slice spki = public_key_spki(csr->key);
  struct digest sum = digest_of(spki);
  if (table_find(&s->state.blocked, &sum))
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "This key was reported as compromised");
  if (slice_eq(spki, s->issuer.spki) || slice_eq(spki, s->root.spki) || slice_eq(spki, s->setup.web_spki))
    return problem_set(why, ERR_BAD_PUBLIC_KEY, "This key belongs to the CA");
  avow_err e = s->setup.blocklist ? key_list_check(s->setup.blocklist, csr->key, why) : AVOW_OK;
  if (e != AVOW_OK)
    return e;
  const struct public_key *own;
  e = account_key(s, account, &own, why);
  if (e == AVOW_OK && slice_eq(spki, public_key_spki(own)))
    e = problem_set(why, ERR_BAD_CSR, "The certificate's key must not be the account's key");
  return e;
}

/* No date that was asked for is moved: it is kept, or the request is refused. */
static avow_err choose_dates(const struct signer *s, const struct msg_sign_issue *m, int64_t now_ms,
                             struct certificate_plan *p, struct problem *why) {
  int64_t now_s = now_ms / SECOND_MS, latest = s->issuer.not_after_s;
  struct dates dates;
  avow_err e = profile_dates(p->profile, now_s, NOT_BEFORE_MOST_S, m->not_before, m->not_after, &dates, why);
  if (e != AVOW_OK)
    return e;
  if (m->not_after > 0 && dates.not_after_s > latest)
    return problem_set(why, ERR_MALFORMED, "\"notAfter\" is later than the issuer's");
  p->not_before_s = dates.not_before_s;
  p->not_after_s = dates.not_after_s < latest ? dates.not_after_s : latest;
  if (p->not_after_s <= p->not_before_s || p->not_after_s <= now_s)
    return problem_set(why, ERR_INTERNAL, "the issuer's certificate ends too soon");
  return AVOW_OK;
}

/* What a name needs at most as a common name: 64 characters (RFC 5280, A.1 ub-common-name). */
static struct slice choose_common_name(struct signer *s, const struct csr *csr, const struct profile *profile) {
  enum { COMMON_NAME_MAX = 64 };
  if (!profile->common_name)
    return SLICE_NONE;
  if (csr->common_name.n > 0 && csr->common_name.n <= COMMON_NAME_MAX)
    return csr->common_name;
  for (size_t i = 0; i < csr->names_n; i++) {
    const char *text = csr->names[i].type == NAME_DNS ? name_display(&csr->names[i], &s->batch) : NULL;
    if (text && strlen(text) <= COMMON_NAME_MAX)
      return slice_str(text);
  }
  return SLICE_NONE;
}

/* The request's CSR and what is in it, once the JWS is known to be the account's. */
static avow_err plan_csr(struct signer *s, struct work *w, const struct jws *jws, const struct sealed_account *account,
                         const struct profile *profile, struct problem *why) {
  const struct msg_sign_issue *m = &w->request->sign_issue;
  AUTO_JSON object = NULL;
  AUTO_CSR csr = {0};
  struct slice der;
  avow_err e = payload_object(jws->payload, &object, why);
  if (e == AVOW_OK)
    e = payload_bytes(s, object, "csr", &der, why);
  if (e == AVOW_OK)
    e = csr_parse(der, &s->batch, &csr, why);
  if (e == AVOW_OK)
    e = check_names(s, w, &csr, account, profile, why);
  if (e == AVOW_OK)
    e = check_key(s, &csr, account, why);
  struct certificate_plan p = {.profile = profile, .key = csr.key, .names = csr.names, .names_n = csr.names_n};
  if (e == AVOW_OK)
    e = choose_dates(s, m, w->now_ms, &p, why);
  if (e == AVOW_OK)
    e = claim(s, CLAIM_ORDER, id_slice(&m->order), why);
  if (e != AVOW_OK)
    return e;
  p.common_name = choose_common_name(s, &csr, profile);
  w->intent.job = m->job;
  w->intent.order = m->order;
  w->intent.account = account->id;
  return plan_certificate(s, w, &p, why);
}

avow_err plan_issue(struct signer *s, struct work *w, struct problem *why) {
  const struct msg_sign_issue *m = &w->request->sign_issue;
  w->intent.request = digest_of(m->jws);
  /* The same job again, after a crash somewhere: it was checked when its record was made. */
  const struct order_state *known = table_find(&s->state.orders, &m->order);
  if (known && known->record != 0 && id_eq(known->job, m->job) &&
      slice_eq(digest_slice(&known->request), digest_slice(&w->intent.request)))
    return answer_again(w, known->record);
  const struct profile *profile = config_profile(s->setup.config, m->profile);
  if (!profile)
    return problem_set(why, ERR_INVALID_PROFILE, "%s", err_text(ERR_INVALID_PROFILE));
  struct sealed_account account;
  avow_err e = account_current(s, m->account, w->now_ms, &account, why);
  if (e == AVOW_OK)
    e = check_order(s, m->order, profile, w->now_ms, why);
  if (e != AVOW_OK)
    return e;
  char id[ID_TEXT], path[64 + ID_TEXT];
  snprintf(path, sizeof path, "/acme/order/%s/finalize", id_text(m->order, id));
  AUTO_JWS jws = {0};
  e = account_jws(s, m->jws, &account, path, &jws, why);
  return e == AVOW_OK ? plan_csr(s, w, &jws, &account, profile, why) : e;
}
