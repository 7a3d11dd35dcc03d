#include "validate/caa.h"

#include "base/buf.h"
#include "validate/met.h"

enum { CAA_CRITICAL = 0x80, CAA_CRITICAL_MISREAD = 0x01 };

static bool is_alnum(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool caa_parse(struct slice rdata, struct caa_record *out) {
  struct cursor c = cursor_of(rdata);
  out->flags = cursor_u8(&c);
  size_t tag = cursor_u8(&c);
  out->tag = cursor_take(&c, tag);
  out->value = cursor_take(&c, cursor_left(&c));
  if (!cursor_at_end(&c) || out->tag.n == 0)
    return false;
  for (size_t i = 0; i < out->tag.n; i++)
    if (!is_alnum(out->tag.p[i]))
      return false;
  return true;
}

static struct slice skip_space(struct slice s) {
  while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
    s = slice_skip(s, 1);
  return s;
}

/* The longest run at the front that is a label (or a parameter's tag): letters, digits and inner hyphens. */
static struct slice take_label(struct slice *s) {
  size_t n = 0;
  while (n < s->n && (is_alnum(s->p[n]) || s->p[n] == '-'))
    n++;
  while (n > 0 && s->p[n - 1] == '-')
    n--;
  struct slice label = slice_of(s->p, n > 0 && s->p[0] != '-' ? n : 0);
  *s = slice_skip(*s, label.n);
  return label;
}

/* issuer-domain-name = label *("." label); false when malformed, empty when there is none. */
static bool take_issuer(struct slice *s, struct slice *issuer) {
  const uint8_t *start = s->p;
  *issuer = SLICE_NONE;
  if (s->n == 0 || s->p[0] == ';')
    return true;
  for (;;) {
    if (take_label(s).n == 0)
      return false;
    if (s->n == 0 || s->p[0] != '.')
      break;
    *s = slice_skip(*s, 1);
  }
  *issuer = slice_of(start, (size_t)(s->p - start));
  return true;
}

static bool list_has(struct slice list, struct slice item) {
  /* RFC 8657, 4: value = [*(label ",") label]. */
  while (list.n > 0) {
    const uint8_t *comma = memchr(list.p, ',', list.n);
    size_t n = comma ? (size_t)(comma - list.p) : list.n;
    if (slice_eq(slice_of(list.p, n), item))
      return true;
    list = slice_skip(list, comma ? n + 1 : n);
  }
  return false;
}

struct constraints {
  unsigned account_uris, methods; /* how often each was given */
  bool met;
};

static void apply_parameter(struct slice tag, struct slice value, const struct caa_question *q, struct constraints *c) {
  if (slice_eq_nocase(tag, SLICE_LIT("accounturi"))) {
    c->account_uris++;
    c->met = c->met && slice_eq(value, q->account_uri);
  } else if (slice_eq_nocase(tag, SLICE_LIT("validationmethods"))) {
    c->methods++;
    c->met = c->met && list_has(value, q->method);
  }
}

/* parameters = (parameter *WSP ";" *WSP parameters) / parameter; parameter = tag *WSP "=" *WSP value. */
static bool take_parameters(struct slice s, const struct caa_question *q, struct constraints *c) {
  for (;;) {
    struct slice tag = take_label(&s);
    s = skip_space(s);
    if (tag.n == 0 || s.n == 0 || s.p[0] != '=')
      return false;
    s = skip_space(slice_skip(s, 1));
    size_t n = 0;
    while (n < s.n && s.p[n] >= 0x21 && s.p[n] <= 0x7e && s.p[n] != ';')
      n++;
    apply_parameter(tag, slice_of(s.p, n), q, c);
    s = skip_space(slice_skip(s, n));
    if (s.n == 0)
      return true;
    if (s.p[0] != ';')
      return false;
    s = skip_space(slice_skip(s, 1));
  }
}

bool caa_value_permits(struct slice value, const struct caa_question *q) {
  struct slice s = skip_space(value), issuer;
  struct constraints c = {.met = true};
  if (!take_issuer(&s, &issuer))
    return false;
  s = skip_space(s);
  if (s.n > 0) {
    if (s.p[0] != ';')
      return false;
    s = skip_space(slice_skip(s, 1));
    if (s.n > 0 && !take_parameters(s, q, &c))
      return false;
  }
  if (!c.met || c.account_uris > 1 || c.methods > 1)
    return false;
  for (size_t i = 0; i < q->identities_n; i++)
    if (issuer.n > 0 && slice_eq_nocase(issuer, q->identities[i]))
      return true;
  return false;
}

/* Properties whose meaning is known here; those that do not speak of TLS certificates permit and forbid nothing
   (RFC 8659, 4.2 to 4.4; RFC 9495; CA/B Forum BR, appendix A). */
static bool is_known(struct slice tag) {
  static const char *const known[] = {"issue", "issuewild", "issuemail", "iodef", "contactemail", "contactphone"};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (slice_eq_nocase(tag, slice_str(known[i])))
      return true;
  return false;
}

avow_err caa_evaluate(const struct slice *rdata, size_t n, const char *name, const struct caa_question *q,
                      struct problem *why) {
  size_t issue = 0, issuewild = 0;
  bool issue_permits = false, issuewild_permits = false;
  for (size_t i = 0; i < n; i++) {
    struct caa_record r;
    if (!caa_parse(rdata[i], &r))
      return problem_set(why, ERR_CAA, "A CAA record of %.253s is malformed (RFC 8659, 4.1)", name);
    /* Bit 0 is the critical flag, the one of value 128; enough zones write 1 for it that 1 means it too. */
    if ((r.flags & (CAA_CRITICAL | CAA_CRITICAL_MISREAD)) && !is_known(r.tag))
      return problem_set(why, ERR_CAA, "A CAA record of %.253s has a critical property this CA does not know", name);
    if (slice_eq_nocase(r.tag, SLICE_LIT("issue"))) {
      issue++;
      issue_permits = issue_permits || caa_value_permits(r.value, q);
    } else if (slice_eq_nocase(r.tag, SLICE_LIT("issuewild"))) {
      issuewild++;
      issuewild_permits = issuewild_permits || caa_value_permits(r.value, q);
    }
  }
  /* RFC 8659, 4.3: issuewild, where there is one, takes the place of issue for wildcards; others ignore it. */
  bool wild = q->wildcard && issuewild > 0;
  if (wild ? issuewild_permits : issue == 0 || issue_permits)
    return AVOW_OK;
  return problem_set(why, ERR_CAA, "The CAA records of %.253s do not let this CA issue%s for this account by %.*s",
                     name, q->wildcard ? " a wildcard" : "", (int)q->method.n, (const char *)q->method.p);
}

const char *caa_text(const struct slice *rdata, size_t n, struct arena *a) {
  AUTO_BUF text;
  buf_init(&text, MET_ANSWER);
  for (size_t i = 0; i < n && !text.failed; i++) {
    struct caa_record r;
    if (i > 0)
      buf_put_str(&text, "; ");
    if (caa_parse(rdata[i], &r))
      buf_printf(&text, "%u %s \"%s\"", r.flags, met_quote(a, r.tag, 40), met_quote(a, r.value, 512));
    else
      buf_put_str(&text, "(malformed)");
  }
  return met_quote(a, buf_slice(&text), MET_ANSWER - 8);
}
