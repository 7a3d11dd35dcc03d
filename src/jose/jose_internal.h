/* Between jwk.c and jws.c. */
#ifndef AVOW_JOSE_JOSE_INTERNAL_H
#define AVOW_JOSE_JOSE_INTERNAL_H

#include "jose/json.h"
#include "jose/jws.h"

/* jwk_parse() of an object that was parsed as part of another. */
avow_err jwk_from_json(const json_t *object, struct arena *a, struct jwk *jwk, struct problem *why) WARN_UNUSED;

#endif
