#include "pki/name.h"

#include <arpa/inet.h>
#include <idn2.h>

enum { LABEL_MAX = 63 };

static avow_err refuse(struct problem *why, const char *reason) {
  return problem_set(why, ERR_MALFORMED, "DNS name: %s", reason);
}

static bool is_digit(uint8_t c) {
  return c >= '0' && c <= '9';
}

static bool is_ldh(uint8_t c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-';
}

/* RFC 5890, 2.3.2.1: a label "xn--…" is an A-label only if it is the form that IDNA2008 gives its own decoding. */
static bool is_a_label(struct slice label) {
  char text[LABEL_MAX + 1] = {0};
  uint8_t *round = NULL;
  memcpy(text, label.p, label.n);
  bool ok = idn2_register_u8(NULL, (const uint8_t *)text, &round, 0) == IDN2_OK && round &&
            slice_eq_str(label, (const char *)round);
  idn2_free(round);
  return ok;
}

/* One lower-case label, not empty; NULL when it is right. */
static const char *label_fault(struct slice label) {
  if (label.n > LABEL_MAX)
    return "a label is longer than 63 octets";
  for (size_t i = 0; i < label.n; i++)
    if (!is_ldh(label.p[i]))
      return "a label has a character other than letters, digits and hyphens";
  if (label.p[0] == '-' || label.p[label.n - 1] == '-')
    return "a label begins or ends with a hyphen";
  if (label.n < 4 || label.p[2] != '-' || label.p[3] != '-')
    return NULL;
  if (!slice_starts(label, SLICE_LIT("xn--")))
    return "a label with hyphens in third and fourth place is reserved";
  return is_a_label(label) ? NULL : "a label is no valid A-label";
}

static bool all_digits(struct slice label) {
  for (size_t i = 0; i < label.n; i++)
    if (!is_digit(label.p[i]))
      return false;
  return true;
}

/* Checks the labels of a lower-case name without "*."; NULL when all are right. */
static const char *labels_fault(struct slice text) {
  struct slice rest = text, label = SLICE_NONE;
  for (bool more = true; more;) {
    const uint8_t *dot = rest.n ? memchr(rest.p, '.', rest.n) : NULL;
    more = dot != NULL;
    label = slice_of(rest.p, dot ? (size_t)(dot - rest.p) : rest.n);
    if (label.n == 0)
      return "a label is empty";
    const char *fault = label_fault(label);
    if (fault)
      return fault;
    rest = slice_skip(rest, label.n + 1);
  }
  /* RFC 1123, 2.1: what ends in a number would be read as an address. */
  return all_digits(label) ? "the last label is a number" : NULL;
}

avow_err name_parse_dns(struct slice text, struct arena *a, struct name *out, struct problem *why) {
  *out = (struct name){.type = NAME_DNS};
  if (text.n == 0)
    return refuse(why, "it is empty");
  if (text.n > NAME_MAX_TEXT)
    return refuse(why, "it is longer than 253 octets");
  out->wildcard = slice_starts(text, SLICE_LIT("*."));
  if (out->wildcard)
    text = slice_skip(text, 2);
  uint8_t *lower = arena_alloc(a, text.n);
  if (!lower)
    return problem_set(why, ERR_NO_MEMORY, "DNS name: out of memory");
  for (size_t i = 0; i < text.n; i++)
    lower[i] = text.p[i] >= 'A' && text.p[i] <= 'Z' ? (uint8_t)(text.p[i] + 32) : text.p[i];
  out->text = slice_of(lower, text.n);
  const char *fault = labels_fault(out->text);
  return fault ? refuse(why, fault) : AVOW_OK;
}

avow_err name_from_ip(const uint8_t *ip, size_t n, struct arena *a, struct name *out) {
  *out = (struct name){.type = NAME_IP};
  if (n != 4 && n != 16)
    return ERR_MALFORMED;
  memcpy(out->ip, ip, n);
  out->ip_n = (uint8_t)n;
  char text[INET6_ADDRSTRLEN];
  if (!inet_ntop(n == 4 ? AF_INET : AF_INET6, ip, text, sizeof text))
    return ERR_MALFORMED;
  out->text = arena_dup(a, slice_str(text));
  return out->text.p ? AVOW_OK : ERR_NO_MEMORY;
}

avow_err name_parse_ip(struct slice text, struct arena *a, struct name *out, struct problem *why) {
  char copy[INET6_ADDRSTRLEN] = {0};
  uint8_t ip[16];
  *out = (struct name){.type = NAME_IP};
  if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, 0, text.n))
    return problem_set(why, ERR_MALFORMED, "this is no IP address");
  memcpy(copy, text.p, text.n);
  size_t n = inet_pton(AF_INET, copy, ip) == 1 ? 4 : inet_pton(AF_INET6, copy, ip) == 1 ? 16 : 0;
  if (n == 0)
    return problem_set(why, ERR_MALFORMED, "this is no IP address");
  avow_err err = name_from_ip(ip, n, a, out);
  return err ? problem_set(why, err, "%s", err_text(err)) : AVOW_OK;
}

int name_cmp(const struct name *a, const struct name *b) {
  if (a->type != b->type)
    return a->type < b->type ? -1 : 1;
  if (a->type == NAME_IP)
    return slice_cmp(slice_of(a->ip, a->ip_n), slice_of(b->ip, b->ip_n));
  int order = slice_cmp(a->text, b->text);
  return order ? order : (int)a->wildcard - (int)b->wildcard;
}

bool name_eq(const struct name *a, const struct name *b) {
  return name_cmp(a, b) == 0;
}

char *name_display(const struct name *n, struct arena *a) {
  return arena_printf(a, "%s%.*s", n->wildcard ? "*." : "", (int)n->text.n, (const char *)n->text.p);
}

bool name_below(const struct name *n, struct slice suffix) {
  if (n->type != NAME_DNS || suffix.n == 0 || !slice_ends(n->text, suffix))
    return false;
  return n->text.n == suffix.n || n->text.p[n->text.n - suffix.n - 1] == '.';
}
