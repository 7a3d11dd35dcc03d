/* The request that replaces an account's key (RFC 8555, 7.3.5): a JWS by the new key inside a JWS by the old one. */
#ifndef AVOW_JOSE_KEY_CHANGE_H
#define AVOW_JOSE_KEY_CHANGE_H

#include "jose/jws.h"

/* Opens the payload of `outer`, which the caller has verified under the account's present key: `old_jwk` is that key in
   its canonical form. AVOW_OK when the inner JWS is by the key of its own jwk, without a nonce, for the URL of the
   outer one, about the account of the outer kid and this old key, and the new key is another; it is then in inner->jwk.
   Errors as of jws_parse(). `inner` is valid as long as `a`; jws_clear() also after a failure. */
avow_err key_change_open(const struct jws *outer, struct slice old_jwk, struct arena *a, struct jws *inner,
                         struct problem *why) WARN_UNUSED;

#endif
