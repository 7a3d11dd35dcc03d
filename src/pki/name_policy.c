#include <libpsl.h>

#include "pki/name.h"

/* Top-level domains and zones that are set aside: no one can own a name there (RFC 6761, RFC 6762, RFC 7686, RFC 8375,
   RFC 8880, RFC 9462, RFC 9476, RFC 9665; .internal: ICANN resolution 2024.07.29.06). .onion stands in the public
   suffix list but has its own rules (TLS BR, appendix B), which this CA does not offer. */
static const char *const special_use[] = {
  "alt",   "example", "internal",  "invalid",       "local",         "localhost",
  "onion", "test",    "home.arpa", "ipv4only.arpa", "resolver.arpa", "service.arpa",
};

/* TLS BR 4.2.2: certificates for the reverse zones ended in 2026. */
static const char *const reverse[] = {"in-addr.arpa", "ip6.arpa"};

static const char *listed(const struct name *n, const char *const *suffixes, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (name_below(n, slice_str(suffixes[i])))
      return suffixes[i];
  return NULL;
}

bool name_is_internal(const struct name *n, const struct name_policy *policy) {
  for (size_t i = 0; i < policy->suffixes_n; i++)
    if (name_below(n, policy->suffixes[i]))
      return true;
  return false;
}

bool name_is_public_suffix(struct slice text) {
  char copy[NAME_MAX_TEXT + 1] = {0};
  if (text.n == 0 || text.n > NAME_MAX_TEXT)
    return false;
  memcpy(copy, text.p, text.n);
  return psl_is_public_suffix2(psl_builtin(), copy, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE);
}

/* The list has a rule for every top-level domain of the root zone, so that what it does not know is no public name. A
   rule "*.ck" without one for "ck" itself makes names below "ck" suffixes. */
static bool top_level_exists(struct slice text) {
  struct slice top = text;
  for (const uint8_t *dot; (dot = memchr(top.p, '.', top.n)) != NULL;)
    top = slice_skip(top, (size_t)(dot - top.p) + 1);
  if (name_is_public_suffix(top))
    return true;
  char below[NAME_MAX_TEXT + 1] = "x.";
  if (top.n > NAME_MAX_TEXT - 2)
    return false;
  memcpy(below + 2, top.p, top.n);
  return name_is_public_suffix(slice_of(below, top.n + 2));
}

avow_err name_check(const struct name *n, const struct name_policy *policy, struct problem *why) {
  if (n->type != NAME_DNS)
    return AVOW_OK;
  const char *zone = listed(n, reverse, sizeof reverse / sizeof *reverse);
  if (zone)
    return problem_set(why, ERR_REJECTED_IDENTIFIER, "no certificates are issued for names in %s", zone);
  if (name_is_internal(n, policy))
    return AVOW_OK;
  if (name_is_public_suffix(n->text))
    return problem_set(why, ERR_REJECTED_IDENTIFIER,
                       n->wildcard ? "a wildcard may not stand directly above a public suffix"
                                   : "the name is a public suffix");
  if (policy->allow_reserved)
    return AVOW_OK;
  if (!memchr(n->text.p, '.', n->text.n))
    return problem_set(why, ERR_REJECTED_IDENTIFIER, "the name has only one label and is not a listed internal name");
  zone = listed(n, special_use, sizeof special_use / sizeof *special_use);
  if (zone)
    return problem_set(why, ERR_REJECTED_IDENTIFIER,
                       "names in .%s are reserved and this one is not a listed internal name", zone);
  if (!top_level_exists(n->text))
    return problem_set(why, ERR_REJECTED_IDENTIFIER, "the top-level domain does not exist in the public DNS");
  return AVOW_OK;
}
