/* JSON from outside: size, depth and duplicates are checked before anybody looks at a member. */
#ifndef AVOW_JOSE_JSON_H
#define AVOW_JOSE_JSON_H

#include <jansson.h>

#include "base/arena.h"

/* Parses an object that is nested at most `max_depth` deep (1: no object or array inside). NULL for anything else:
   another type, invalid UTF-8, a member twice, NUL in a string, bytes after it. To be freed with json_decref(). The
   caller has checked the size. */
json_t *json_parse_strict(struct slice text, int max_depth) WARN_UNUSED;
/* The string member `name`, borrowed from `object`; `p` is NULL when it is missing or no string. */
struct slice json_string_member(const json_t *object, const char *name);
/* The same, copied into `a`. */
struct slice json_string_dup(struct arena *a, const json_t *object, const char *name);

void json_cleanup(json_t **value);
#define AUTO_JSON __attribute__((cleanup(json_cleanup))) json_t *

#endif
