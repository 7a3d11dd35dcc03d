#include "evidence/cover.h"

#include <assert.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "ipc/model.h"

/* Which methods may prove which scope: a wildcard or a subtree only by DNS (BR 3.2.2.4.7, .19, .20), an address not by
   DNS (RFC 8738, 4 to 7). */
static bool method_fits(uint8_t identifier_type, uint8_t method, uint8_t scope) {
  if (identifier_type == IDENTIFIER_IP)
    return scope == SCOPE_EXACT && (method == METHOD_HTTP_01 || method == METHOD_TLS_ALPN_01);
  return scope == SCOPE_EXACT || method == METHOD_DNS_01;
}

static bool scope_covers(const struct control_statement *s, const struct name *name) {
  switch ((enum control_scope)s->scope) {
  case SCOPE_EXACT:
    return !name->wildcard && slice_eq(s->name, name->text);
  case SCOPE_WILDCARD:
    return name->wildcard && slice_eq(s->name, name->text);
  case SCOPE_SUBTREE:
    return name_below(name, s->name);
  }
  return false;
}

static bool account_has_key(const struct sealed_account *account, const uint8_t thumbprint[32]) {
  for (size_t i = 0; i < account->keys_n; i++)
    if (memcmp(account->keys[i], thumbprint, 32) == 0)
      return true;
  return false;
}

static bool in_future(int64_t at_ms, int64_t now_ms) {
  return at_ms > now_ms + CLOCK_TOLERANCE_MS;
}

bool control_covers(const struct control_statement *s, const struct name *name, const struct sealed_account *account,
                    const struct cover_rules *rules, int64_t now_ms) {
  return s->identifier_type == name->type && method_fits(s->identifier_type, s->method, s->scope) &&
         scope_covers(s, name) && id_eq(s->account, account->id) && account_has_key(account, s->thumbprint) &&
         !in_future(s->at_ms, now_ms) && now_ms - s->at_ms <= rules->control_reuse_ms;
}

bool caa_applies(const struct name *name, const struct cover_rules *rules) {
  if (name->type == NAME_IP)
    return false;
  return rules->kind == KIND_PUBLIC || !name_is_internal(name, rules->names);
}

/* "Internal" is what a validator says that did not ask the public DNS. It counts only where the rules themselves know
   the name as internal, or, in a test CA, as reserved (RFC 6761 and the like). */
static bool internal_is_enough(const struct name *name, const struct cover_rules *rules) {
  if (rules->kind == KIND_PUBLIC)
    return false;
  if (name_is_internal(name, rules->names))
    return true;
  struct name_policy strict = *rules->names;
  strict.allow_reserved = false;
  struct name base = *name;
  base.wildcard = false; /* "*.test" is reserved because "test" is, not because its wildcard is too wide */
  return rules->kind == KIND_TEST && (rules->no_resolvers || name_check(&base, &strict, NULL) != AVOW_OK);
}

static bool caa_fits(const struct caa_statement *s, const struct name *name, struct id128 account, uint8_t method,
                     int64_t now_ms) {
  return s->wildcard == name->wildcard && slice_eq(s->name, name->text) && id_eq(s->account, account) &&
         s->method == method && !in_future(s->at_ms, now_ms) && now_ms <= s->expires_ms &&
         now_ms - s->at_ms <= CAA_MOST_MS;
}

bool caa_permits(const struct caa_statement *s, const struct name *name, struct id128 account, uint8_t method,
                 const struct cover_rules *rules, int64_t now_ms) {
  if (!caa_fits(s, name, account, method, now_ms))
    return false;
  return s->verdict == CAA_PERMITTED || (s->verdict == CAA_INTERNAL && internal_is_enough(name, rules));
}

/* Counts perspectives once each. */
struct seen {
  struct slice who[STATEMENTS_MAX];
  size_t n;
};

static void see(struct seen *seen, struct slice who) {
  for (size_t i = 0; i < seen->n; i++)
    if (slice_eq(seen->who[i], who))
      return;
  seen->who[seen->n++] = who;
}

static avow_err check_clock(const struct name_evidence *ev, int64_t now_ms, struct problem *why) {
  for (size_t i = 0; i < ev->control_n; i++)
    if (in_future(ev->control[i].at_ms, now_ms))
      return problem_set(why, ERR_CLOCK, "a control statement lies in the future");
  for (size_t i = 0; i < ev->caa_n; i++)
    if (in_future(ev->caa[i].at_ms, now_ms))
      return problem_set(why, ERR_CLOCK, "a CAA statement lies in the future");
  return AVOW_OK;
}

avow_err name_covered(const struct name_evidence *ev, const struct name *name, const struct sealed_account *account,
                      const struct cover_rules *rules, int64_t now_ms, struct problem *why) {
  avow_err e = check_clock(ev, now_ms, why);
  if (e != AVOW_OK)
    return e;
  bool controlled = false, forbidden = false;
  for (unsigned m = METHOD_HTTP_01; m <= METHOD_TLS_ALPN_01; m++) {
    uint8_t method = (uint8_t)m;
    struct seen control = {.n = 0}, caa = {.n = 0};
    for (size_t i = 0; i < ev->control_n; i++)
      if (ev->control[i].method == method && control_covers(&ev->control[i], name, account, rules, now_ms))
        see(&control, ev->control[i].perspective);
    if (control.n < rules->perspectives)
      continue;
    controlled = true;
    for (size_t i = 0; i < ev->caa_n; i++) {
      const struct caa_statement *s = &ev->caa[i];
      if (caa_permits(s, name, account->id, method, rules, now_ms))
        see(&caa, s->perspective);
      else
        forbidden |= s->verdict == CAA_FORBIDDEN && caa_fits(s, name, account->id, method, now_ms);
    }
    if (!caa_applies(name, rules) || caa.n >= rules->perspectives)
      return AVOW_OK;
  }
  if (!controlled)
    return problem_set(why, ERR_EVIDENCE, "no statement proves fresh control of the name by this account");
  if (forbidden)
    return problem_set(why, ERR_CAA, "CAA forbids it");
  return problem_set(why, ERR_EVIDENCE, "no fresh CAA statement permits the name for this account and method");
}

void names_digest(const struct name *names, size_t n, uint8_t out[32]) {
  AUTO_BUF b;
  buf_init(&b, 64 * 1024);
  for (size_t i = 0; i < n; i++) {
    buf_put_u8(&b, (uint8_t)names[i].type);
    buf_put_u8(&b, names[i].wildcard);
    buf_put_u32_slice(&b, names[i].text);
  }
  assert(!b.failed); /* at most 100 names of at most 253 bytes */
  sha256(buf_slice(&b), out);
}
