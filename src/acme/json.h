/* JSON of ACME: payloads read by jansson with limits, answers written straight into a buffer. */
#ifndef AVOW_ACME_JSON_H
#define AVOW_ACME_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

enum { PAYLOAD_DEPTH = 8 };

/* Parses a payload that must be one JSON object, without duplicate members and nested at most PAYLOAD_DEPTH deep.
   ERR_MALFORMED. The caller owns it. */
avow_err payload_parse(struct slice payload, json_t **out, struct problem *why) WARN_UNUSED;
void payload_cleanup(json_t **o);
#define AUTO_JSON __attribute__((cleanup(payload_cleanup))) json_t *

/* The string member `name`: AVOW_OK with p NULL when it is absent, ERR_MALFORMED when it is no string. Borrowed from
 * `o`. */
avow_err payload_text(const json_t *o, const char *name, struct slice *out, struct problem *why) WARN_UNUSED;
/* The boolean member; false when absent. */
avow_err payload_flag(const json_t *o, const char *name, bool *out, struct problem *why) WARN_UNUSED;

/* Writing: each call puts the comma that is due before it. `name` NULL inside arrays. */
void json_name(struct buf *b, const char *name);               /* the value follows by another writer */
void json_open(struct buf *b, const char *name, char bracket); /* '{' or '[' */
void json_close(struct buf *b, char bracket);                  /* '}' or ']' */
void json_put_text(struct buf *b, const char *name, struct slice text);
void json_put_str(struct buf *b, const char *name, const char *text);
void json_put_number(struct buf *b, const char *name, int64_t v);
void json_put_flag(struct buf *b, const char *name, bool v);
/* RFC 3339. */
void json_put_time(struct buf *b, const char *name, int64_t ms);

#endif
