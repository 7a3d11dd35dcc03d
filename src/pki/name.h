/* Identifiers of certificates: DNS names and IP addresses, in one canonical form. */
#ifndef AVOW_PKI_NAME_H
#define AVOW_PKI_NAME_H

#include "base/arena.h"
#include "base/error.h"

enum { NAME_MAX_TEXT = 253 };

struct name {
  enum { NAME_DNS = 1, NAME_IP = 2 } type; /* the numbers of enum identifier_type */
  bool wildcard;                           /* dns only; `text` is without "*." */
  struct slice text;                       /* lower-case A-labels, or the address (RFC 5952, dotted quad) */
  uint8_t ip[16];                          /* ip only */
  uint8_t ip_n;                            /* 4 or 16 */
};

/* Canonicalises (ASCII lower-case) and checks syntax only: LDH labels of at most 63, 253 in all, no trailing dot, no
   empty label, no reserved "??--" labels but valid "xn--" (U-labels refused), no all-numeric last label, "*." only as
   whole left-most label. TLS BR 7.1.2.7.12, RFC 5890. ERR_MALFORMED with `why`. Result in `a`. */
avow_err name_parse_dns(struct slice text, struct arena *a, struct name *out, struct problem *why) WARN_UNUSED;
/* Any textual IPv4 or IPv6 address without zone; canonical text in `a`. RFC 8738, 3. */
avow_err name_parse_ip(struct slice text, struct arena *a, struct name *out, struct problem *why) WARN_UNUSED;
avow_err name_from_ip(const uint8_t *ip, size_t n, struct arena *a, struct name *out) WARN_UNUSED;
bool name_eq(const struct name *a, const struct name *b);
/* DNS names by text, the plain one before the wildcard; then addresses, bytewise. */
int name_cmp(const struct name *a, const struct name *b);
/* "*.example.org" or the text; in `a`. */
char *name_display(const struct name *n, struct arena *a);
/* True if `n` equals `suffix` or ends in "." suffix. */
bool name_below(const struct name *n, struct slice suffix);

/* What kind of CA may certify the name (ca-rules 17 to 20): the rules a CA applies besides syntax. */
struct name_policy {
  bool allow_reserved;          /* kind test: loopback, reserved, single-label names */
  const struct slice *suffixes; /* listed internal suffixes, lower-case, without a leading dot */
  size_t suffixes_n;
};
/* Internal: at or below a listed suffix. */
bool name_is_internal(const struct name *n, const struct name_policy *policy);
/* The text (A-labels) is itself a public suffix by a rule of the ICANN section; unlisted top-level domains are not. */
bool name_is_public_suffix(struct slice text);
/* ERR_REJECTED_IDENTIFIER with `why` for: a wildcard directly above a public suffix (libpsl, ICANN section), a bare
   public suffix, an unlisted single label, special-use names that are not listed (.test, .local, .internal, .onion, …),
   in-addr.arpa and ip6.arpa. Addresses are the validator's matter. */
avow_err name_check(const struct name *n, const struct name_policy *policy, struct problem *why) WARN_UNUSED;

#endif
