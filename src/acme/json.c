#include "acme/json.h"

#include <inttypes.h>

#include "base/clock.h"
#include "http/problem.h"

/* Depth of brackets outside strings: the parser recurses, so this is known before it runs. */
static size_t depth_of(struct slice text) {
  size_t depth = 0, most = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.n; i++) {
    uint8_t c = text.p[i];
    if (in_string) {
      if (c == '\\')
        i++;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > most)
        most = depth;
    } else if ((c == '}' || c == ']') && depth > 0) {
      depth--;
    }
  }
  return most;
}

avow_err payload_parse(struct slice payload, json_t **out, struct problem *why) {
  *out = NULL;
  if (payload.n == 0)
    return problem_set(why, ERR_MALFORMED, "The payload is empty; a JSON object is expected");
  if (depth_of(payload) > PAYLOAD_DEPTH)
    return problem_set(why, ERR_MALFORMED, "The payload is nested too deeply");
  json_error_t at;
  json_t *o = json_loadb((const char *)payload.p, payload.n, JSON_REJECT_DUPLICATES, &at);
  if (!o)
    return problem_set(why, ERR_MALFORMED, "The payload is no valid JSON (at byte %d)", at.position);
  if (!json_is_object(o)) {
    json_decref(o);
    return problem_set(why, ERR_MALFORMED, "The payload must be a JSON object");
  }
  *out = o;
  return AVOW_OK;
}

void payload_cleanup(json_t **o) {
  if (*o)
    json_decref(*o);
  *o = NULL;
}

avow_err payload_text(const json_t *o, const char *name, struct slice *out, struct problem *why) {
  *out = SLICE_NONE;
  const json_t *v = json_object_get(o, name);
  if (!v)
    return AVOW_OK;
  if (!json_is_string(v))
    return problem_set(why, ERR_MALFORMED, "\"%s\" must be a string", name);
  *out = slice_of(json_string_value(v), json_string_length(v));
  return AVOW_OK;
}

avow_err payload_flag(const json_t *o, const char *name, bool *out, struct problem *why) {
  *out = false;
  const json_t *v = json_object_get(o, name);
  if (!v)
    return AVOW_OK;
  if (!json_is_boolean(v))
    return problem_set(why, ERR_MALFORMED, "\"%s\" must be true or false", name);
  *out = json_is_true(v);
  return AVOW_OK;
}

void json_name(struct buf *b, const char *name) {
  uint8_t last = b->n ? b->p[b->n - 1] : '{';
  if (last != '{' && last != '[')
    buf_put_u8(b, ',');
  if (name) {
    json_string_put(b, slice_str(name));
    buf_put_u8(b, ':');
  }
}

void json_open(struct buf *b, const char *name, char bracket) {
  json_name(b, name);
  buf_put_u8(b, (uint8_t)bracket);
}

void json_close(struct buf *b, char bracket) {
  buf_put_u8(b, (uint8_t)bracket);
}

void json_put_text(struct buf *b, const char *name, struct slice text) {
  json_name(b, name);
  json_string_put(b, text);
}

void json_put_str(struct buf *b, const char *name, const char *text) {
  json_put_text(b, name, slice_str(text));
}

void json_put_number(struct buf *b, const char *name, int64_t v) {
  json_name(b, name);
  buf_printf(b, "%" PRId64, v);
}

void json_put_flag(struct buf *b, const char *name, bool v) {
  json_name(b, name);
  buf_put_str(b, v ? "true" : "false");
}

void json_put_time(struct buf *b, const char *name, int64_t ms) {
  char text[TIME_TEXT];
  json_put_str(b, name, time_rfc3339(ms, text));
}
