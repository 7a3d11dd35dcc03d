#include "jose/json.h"

#include "base/random.h"

/* jansson would open /dev/urandom for its hash seed at the first object, which a confined role may not. */
__attribute__((constructor)) static void seed(void) {
  json_object_seed((size_t)random_u64() | 1);
}

/* Whether braces and brackets outside of strings nest at most `max` deep. What is no JSON at all is found later. */
static bool depth_ok(struct slice text, int max) {
  int depth = 0;
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
      if (++depth > max)
        return false;
    } else if (c == '}' || c == ']') {
      depth--;
    }
  }
  return true;
}

json_t *json_parse_strict(struct slice text, int max_depth) {
  if (text.n == 0 || !depth_ok(text, max_depth))
    return NULL;
  json_t *value = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
  if (json_is_object(value))
    return value;
  json_decref(value);
  return NULL;
}

struct slice json_string_member(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  if (!json_is_string(value))
    return SLICE_NONE;
  return slice_of(json_string_value(value), json_string_length(value));
}

struct slice json_string_dup(struct arena *a, const json_t *object, const char *name) {
  struct slice s = json_string_member(object, name);
  return s.p ? arena_dup(a, s) : SLICE_NONE;
}

void json_cleanup(json_t **value) {
  json_decref(*value);
  *value = NULL;
}
