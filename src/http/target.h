/* Request targets and hosts (RFC 9112, 3.2; RFC 3986), and the characters they are made of. */
#ifndef AVOW_HTTP_TARGET_H
#define AVOW_HTTP_TARGET_H

#include "base/bytes.h"

struct http_target {
  struct slice path, query; /* the query without '?' */
  struct slice authority;   /* of an absolute target, else empty */
};

/* Origin-form, absolute-form with http or https and without user information, and "*" where `asterisk` allows it. False
   for all else: characters outside RFC 3986, a '%' without two digits, a fragment. */
bool target_parse(struct slice text, bool asterisk, struct http_target *t);
/* A name or address with an optional port, as in Host; user information and empty names are refused. */
bool host_is_valid(struct slice host);
/* A tchar of RFC 9110, 5.6.2. */
bool http_is_token(uint8_t c);

#endif
