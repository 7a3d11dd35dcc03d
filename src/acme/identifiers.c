/* The identifiers of a newOrder: read, made canonical, checked against what this CA certifies. */
#include <stdlib.h>

#include "acme/resources.h"

/* The message is well-formed, but its name is none that a certificate can have. The detail stays as it is. */
static avow_err rejected(struct problem *why) {
  why->err = ERR_REJECTED_IDENTIFIER;
  return why->err;
}

/* What is wrong with one item, told by its subproblem when there are several. */
static avow_err read_item(const json_t *item, size_t number, const struct name_policy *policy,
                          const struct profile *profile, struct arena *a, struct name *out, struct slice *value,
                          struct problem *why) {
  struct slice type;
  if (!json_is_object(item))
    return problem_set(why, ERR_MALFORMED, "An identifier must be an object with \"type\" and \"value\"");
  avow_err e = payload_text(item, "type", &type, why);
  if (e == AVOW_OK)
    e = payload_text(item, "value", value, why);
  if (e != AVOW_OK)
    return e;
  if (!type.p || !value->p)
    return problem_set(why, ERR_MALFORMED, "An identifier must have \"type\" and \"value\"");
  switch (identifier_type_from_text(type)) {
  case IDENTIFIER_DNS:
    e = name_parse_dns(*value, a, out, why);
    if (e == ERR_MALFORMED)
      return rejected(why);
    return e == AVOW_OK ? name_check(out, policy, why) : e;
  case IDENTIFIER_IP:
    if (!profile->ip_identifiers)
      return problem_set(why, ERR_REJECTED_IDENTIFIER, "The profile %s takes no IP addresses", profile->name);
    e = name_parse_ip(*value, a, out, why);
    if (e == ERR_MALFORMED)
      return rejected(why);
    return e;
  default:
    return problem_set(why, ERR_UNSUPPORTED_IDENTIFIER, "Identifier %zu is neither of type \"dns\" nor of type \"ip\"",
                       number);
  }
}

static struct rec_identifier identifier_of(const struct name *n) {
  return (struct rec_identifier){
    .type = n->type == NAME_IP ? IDENTIFIER_IP : IDENTIFIER_DNS, .wildcard = n->wildcard, .value = n->text};
}

/* A bad item named as it came, as far as it fits and is printable: it goes back to its sender only. Of an unknown type:
   without a name, since every type that we could give it would be wrong. */
static struct rec_identifier identifier_as_sent(const json_t *item, struct slice value, struct arena *a) {
  struct slice shown = arena_dup(a, slice_of(value.p, value.n > NAME_MAX_TEXT ? NAME_MAX_TEXT : value.n));
  struct slice type = slice_str(json_string_value(json_object_get(item, "type")));
  return (struct rec_identifier){.type = (uint8_t)identifier_type_from_text(type),
                                 .value = shown.p ? shown : SLICE_LIT("")};
}

static int compare(const void *a, const void *b) {
  return name_cmp(a, b);
}

static avow_err refuse(struct identifier_list *list, struct problem *why) {
  if (list->bad_n == 1) {
    struct problem only = message_problem(&list->bad[0].problem);
    list->bad_n = 0;
    *why = only;
    return only.err;
  }
  uint16_t common = list->bad[0].problem.err;
  for (size_t i = 1; i < list->bad_n; i++)
    if (list->bad[i].problem.err != common)
      common = ERR_COMPOUND;
  return problem_set(why, (avow_err)common, "%zu identifiers are not acceptable", list->bad_n);
}

static avow_err finish(struct name *names, size_t n, struct identifier_list *list) {
  qsort(names, n, sizeof *names, compare);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || !name_eq(&names[i - 1], &names[i]))
      list->items[list->n++] = identifier_of(&names[i]);
  return AVOW_OK;
}

avow_err identifiers_parse(const json_t *order, const struct name_policy *policy, const struct profile *profile,
                           struct arena *a, struct identifier_list *out, struct problem *why) {
  *out = (struct identifier_list){0};
  const json_t *list = json_object_get(order, "identifiers");
  size_t n = json_array_size(list);
  if (!json_is_array(list) || n == 0)
    return problem_set(why, ERR_MALFORMED, "\"identifiers\" must be a list of at least one identifier");
  if (n > (size_t)profile->max_names)
    return problem_set(why, ERR_MALFORMED, "An order under the profile %s takes at most %d identifiers", profile->name,
                       profile->max_names);
  struct name *names = arena_array(a, n, sizeof *names);
  out->items = arena_array(a, n, sizeof *out->items);
  out->bad = arena_array(a, n, sizeof *out->bad);
  if (!names || !out->items || !out->bad)
    return ERR_NO_MEMORY;
  size_t good = 0;
  for (size_t i = 0; i < n; i++) {
    const json_t *item = json_array_get(list, i);
    struct problem detail = {0};
    struct slice value = SLICE_NONE;
    avow_err e = read_item(item, i + 1, policy, profile, a, &names[good], &value, &detail);
    if (e == AVOW_OK) {
      good++;
      continue;
    }
    if (e == ERR_MALFORMED || err_http(e) >= 500) { /* not this name's fault alone */
      *why = detail;
      return e;
    }
    char *text = arena_str(a, slice_str(problem_text(&detail)));
    if (!text)
      return ERR_NO_MEMORY;
    out->bad[out->bad_n++] = (struct rec_subproblem){.identifier = identifier_as_sent(item, value, a),
                                                     .problem = {.err = (uint16_t)e, .detail = slice_str(text)}};
  }
  return out->bad_n > 0 ? refuse(out, why) : finish(names, good, out);
}
