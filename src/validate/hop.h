/* Where one hop of an http-01 check goes: a URL taken apart and checked. Pure. */
#ifndef AVOW_VALIDATE_HOP_H
#define AVOW_VALIDATE_HOP_H

#include "validate/address.h"

enum { HOP_URL_MAX = 2000 };

struct hop {
  const char *url;  /* normal form, without fragment */
  const char *host; /* lower-case name, or the address's text without brackets */
  bool https, literal;
  struct address address; /* when `literal` */
  int port;
};

/* `reference` (a Location value, or a whole URL when `base` is NULL) against `base` (RFC 3986, 5). ERR_UNAUTHORIZED
   with `why` for anything but http and https; user names and passwords; ports other than 80, 443 and the configured
   ones (TLS BR 1.6.1, Authorized Ports); hosts that are neither an address nor a host name; bytes that are not
   printable ASCII; URLs of more than 2000 bytes. Texts in `a`. */
avow_err hop_parse(const char *base, struct slice reference, const struct config *config, struct arena *a,
                   struct hop *out, struct problem *why) WARN_UNUSED;

#endif
