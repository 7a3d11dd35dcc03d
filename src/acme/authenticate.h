/* Who sent this request (RFC 8555, 6.2 to 6.5). */
#ifndef AVOW_ACME_AUTHENTICATE_H
#define AVOW_ACME_AUTHENTICATE_H

#include "acme/request.h"

/* Parses the JWS of the body, verifies it under the account's key (kid) or its own (jwk) as r->resource->signer wants,
   spends its nonce, compares its url, and refuses accounts that are not valid. Fills r->jws, r->key and r->account. */
avow_err acme_authenticate(struct acme_request *r) WARN_UNUSED;

#endif
