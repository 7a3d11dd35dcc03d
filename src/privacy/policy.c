#include "privacy/policy.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "privacy/scan.h"

enum { POLICY_ARENA = 8 * 1024 * 1024 };

/* ---- the syntax ------------------------------------------------------------------------------------------ */

static cfg_opt_t policy_opts[] = {CFG_STR("id", NULL, CFGF_NONE),
                                  CFG_STR("version", NULL, CFGF_NONE),
                                  CFG_STR("last_modified", NULL, CFGF_NONE),
                                  CFG_STR("canonical_language", NULL, CFGF_NONE),
                                  CFG_STR_LIST("languages", NULL, CFGF_NONE),
                                  CFG_END()};
static cfg_opt_t role_opts[] = {CFG_STR("label_en", NULL, CFGF_NONE), CFG_STR("label_zh", NULL, CFGF_NONE), CFG_END()};
static cfg_opt_t purpose_opts[] = {CFG_STR("label_en", NULL, CFGF_NONE), CFG_STR("label_zh", NULL, CFGF_NONE),
                                   CFG_STR("dpv", NULL, CFGF_NONE), CFG_STR_LIST("bases", NULL, CFGF_NONE), CFG_END()};
static cfg_opt_t recipient_opts[] = {CFG_STR("kind", NULL, CFGF_NONE), CFG_END()};
static cfg_opt_t clock_opts[] = {CFG_STR("event", NULL, CFGF_NONE), CFG_END()};
static cfg_opt_t retention_opts[] = {CFG_STR("min", NULL, CFGF_NONE), CFG_STR("min_clock", NULL, CFGF_NONE),
                                     CFG_STR("max", NULL, CFGF_NONE), CFG_STR("clock", NULL, CFGF_NONE), CFG_END()};
static cfg_opt_t category_opts[] = {CFG_STR("personal", NULL, CFGF_NONE),
                                    CFG_STR("label_en", NULL, CFGF_NONE),
                                    CFG_STR("label_zh", NULL, CFGF_NONE),
                                    CFG_STR("reason", NULL, CFGF_NONE),
                                    CFG_STR_LIST("roles", NULL, CFGF_NONE),
                                    CFG_STR_LIST("purposes", NULL, CFGF_NONE),
                                    CFG_SEC("retention", retention_opts, CFGF_NODEFAULT),
                                    CFG_STR_LIST("recipients", NULL, CFGF_NONE),
                                    CFG_STR("public", "false", CFGF_NONE),
                                    CFG_STR("erasure", NULL, CFGF_NONE),
                                    CFG_STR("erasure_reason", NULL, CFGF_NONE),
                                    CFG_STR("export", NULL, CFGF_NONE),
                                    CFG_STR_LIST("sinks", NULL, CFGF_NONE),
                                    CFG_STR_LIST("columns", NULL, CFGF_NONE),
                                    CFG_STR_LIST("log_fields", NULL, CFGF_NONE),
                                    CFG_END()};

enum { TITLED = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES };
static cfg_opt_t opts[] = {CFG_SEC("policy", policy_opts, CFGF_NODEFAULT),
                           CFG_SEC("role", role_opts, TITLED),
                           CFG_SEC("purpose", purpose_opts, TITLED),
                           CFG_SEC("recipient", recipient_opts, TITLED),
                           CFG_SEC("clock", clock_opts, TITLED),
                           CFG_SEC("category", category_opts, TITLED),
                           CFG_END()};

/* One reading: libconfuse's tree, what is built from it, and the first fault. */
struct reading {
  struct policy *p;
  const char *file;
  struct problem *why;
  avow_err e;
};

static void refuse(struct reading *r, const char *section, const char *name, const char *format, ...)
  __attribute__((format(printf, 4, 5)));

static void refuse(struct reading *r, const char *section, const char *name, const char *format, ...) {
  if (r->e != AVOW_OK)
    return;
  char what[300];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  r->e = problem_set(r->why, ERR_CONFIG, "%s: %s %s: %s", r->file, section, name, what);
}

static void *room(struct reading *r, size_t n, size_t size) {
  void *p = arena_array(&r->p->arena, n, size);
  if (!p && r->e == AVOW_OK)
    r->e = problem_set(r->why, ERR_NO_MEMORY, "%s: out of memory", r->file);
  return p;
}

static const char *copy(struct reading *r, const char *text) {
  char *p = text ? arena_str(&r->p->arena, slice_str(text)) : NULL;
  if (text && !p && r->e == AVOW_OK)
    r->e = problem_set(r->why, ERR_NO_MEMORY, "%s: out of memory", r->file);
  return p;
}

static const char **copy_list(struct reading *r, cfg_t *sec, const char *key, size_t *n) {
  *n = 0;
  unsigned size = cfg_size(sec, key);
  const char **list = room(r, size, sizeof *list);
  for (unsigned i = 0; list && i < size; i++)
    list[i] = copy(r, cfg_getnstr(sec, key, i));
  *n = list ? size : 0;
  return list;
}

/* ---- vocabularies -------------------------------------------------------------------------------------------- */

static const char *const bases[] = {"contract",         "consent",         "legitimate_interests",
                                    "legal_obligation", "vital_interests", NULL};
static const char *const erasures[] = {"delete", "shred", "redact", "restrict", "never", NULL};
static const char *const exports[] = {"full", "on_supplied_identifier", "masked", NULL};
static const char *const kinds[] = {"controller", "processor", "joint", "independent", "authority", "public", NULL};
static const char *const sinks[] = {"database", "message", "log", "public", NULL}; /* enum policy_sink: 1 << place */

/* The place of `text` in a list that ends with NULL; -1 when it is not there. */
static int place(const char *const *list, const char *text) {
  for (int i = 0; text && list[i]; i++)
    if (strcmp(list[i], text) == 0)
      return i;
  return -1;
}

static const struct policy_term *term(const struct policy_term *list, size_t n, const char *name) {
  for (size_t i = 0; name && i < n; i++)
    if (strcmp(list[i].name, name) == 0)
      return &list[i];
  return NULL;
}

static struct policy_term *read_terms(struct reading *r, cfg_t *cfg, const char *section, const char *const *needs,
                                      size_t *n) {
  unsigned size = cfg_size(cfg, section);
  struct policy_term *list = room(r, size, sizeof *list);
  *n = list ? size : 0;
  for (unsigned i = 0; list && i < size; i++) {
    cfg_t *sec = cfg_getnsec(cfg, section, i);
    list[i].name = copy(r, cfg_title(sec));
    for (const char *const *need = needs; *need; need++)
      if (!cfg_getstr(sec, *need) || !*cfg_getstr(sec, *need))
        refuse(r, section, cfg_title(sec), "expected %s", *need);
  }
  return list;
}

static void read_vocabularies(struct reading *r, cfg_t *cfg) {
  static const char *const labels[] = {"label_en", "label_zh", NULL}, *const kind[] = {"kind", NULL},
                           *const event[] = {"event", NULL};
  struct policy *p = r->p;
  p->roles = read_terms(r, cfg, "role", labels, &p->roles_n);
  p->purposes = read_terms(r, cfg, "purpose", labels, &p->purposes_n);
  p->recipients = read_terms(r, cfg, "recipient", kind, &p->recipients_n);
  p->clocks = read_terms(r, cfg, "clock", event, &p->clocks_n);
  for (unsigned i = 0; i < p->purposes_n; i++) {
    struct policy_term *t = &p->purposes[i];
    t->allows = copy_list(r, cfg_getnsec(cfg, "purpose", i), "bases", &t->allows_n);
    if (t->allows_n == 0)
      refuse(r, "purpose", t->name, "expected the legal bases it may have");
    for (size_t k = 0; k < t->allows_n; k++)
      if (place(bases, t->allows[k]) < 0)
        refuse(r, "purpose", t->name, "%s is no legal basis", t->allows[k]);
  }
  for (unsigned i = 0; i < p->recipients_n; i++)
    if (place(kinds, cfg_getstr(cfg_getnsec(cfg, "recipient", i), "kind")) < 0)
      refuse(r, "recipient", p->recipients[i].name,
             "kind: expected controller, processor, joint, independent, authority or "
             "public");
}

/* ---- categories -------------------------------------------------------------------------------------------------- */

bool policy_duration_parse(const char *text, struct policy_duration *out) {
  static const char units[] = "YMD";
  *out = (struct policy_duration){0};
  if (strcmp(text, "indefinite") == 0) {
    out->indefinite = true;
    return true;
  }
  unsigned *const fields[] = {&out->years, &out->months, &out->days};
  const char *at = text;
  size_t next = 0;
  if (*at++ != 'P' || !*at)
    return false;
  while (*at) {
    unsigned value = 0;
    const char *start = at;
    for (; *at >= '0' && *at <= '9' && at - start < 5; at++)
      value = value * 10 + (unsigned)(*at - '0');
    const char *unit = *at ? strchr(units + next, *at) : NULL;
    if (at == start || !unit)
      return false;
    next = (size_t)(unit - units) + 1;
    *fields[unit - units] = value;
    at++;
  }
  return true;
}

/* Roughly; only to see that a minimum is not above its maximum. */
static unsigned days_of(const struct policy_duration *d) {
  return d->indefinite ? UINT32_MAX : d->years * 366 + d->months * 31 + d->days;
}

static void read_purposes(struct reading *r, cfg_t *sec, struct policy_category *c) {
  c->purposes_n = cfg_size(sec, "purposes");
  c->purposes = room(r, c->purposes_n, sizeof *c->purposes);
  for (unsigned i = 0; c->purposes && i < c->purposes_n; i++) {
    char *text = arena_str(&r->p->arena, slice_str(cfg_getnstr(sec, "purposes", i)));
    char *colon = text ? strchr(text, ':') : NULL;
    if (!colon) {
      refuse(r, "category", c->name, "purposes: expected \"PURPOSE:BASIS\"");
      return;
    }
    *colon = 0;
    c->purposes[i] = (struct policy_purpose){.purpose = text, .basis = colon + 1};
    const struct policy_term *t = term(r->p->purposes, r->p->purposes_n, text);
    bool allowed = false;
    for (size_t k = 0; t && k < t->allows_n; k++)
      allowed |= strcmp(t->allows[k], colon + 1) == 0;
    if (!t)
      refuse(r, "category", c->name, "there is no purpose %s", text);
    else if (!allowed)
      refuse(r, "category", c->name, "purpose %s may not have the basis %s", text, colon + 1);
  }
}

static void read_retention(struct reading *r, cfg_t *sec, struct policy_category *c) {
  cfg_t *retention = cfg_size(sec, "retention") ? cfg_getsec(sec, "retention") : NULL;
  const char *min = retention ? cfg_getstr(retention, "min") : NULL,
             *max = retention ? cfg_getstr(retention, "max") : NULL;
  if (!min || !max || !policy_duration_parse(min, &c->min) || !policy_duration_parse(max, &c->max)) {
    refuse(r, "category", c->name, "retention: expected min and max, each like \"P7Y\", \"P30D\" or \"indefinite\"");
    return;
  }
  c->min_clock = copy(r, cfg_getstr(retention, "min_clock"));
  c->clock = copy(r, cfg_getstr(retention, "clock"));
  if (!term(r->p->clocks, r->p->clocks_n, c->min_clock) || !term(r->p->clocks, r->p->clocks_n, c->clock))
    refuse(r, "category", c->name, "retention: expected min_clock and clock, each a clock section's name");
  if (days_of(&c->min) > days_of(&c->max))
    refuse(r, "category", c->name, "retention: expected min not above max");
}

/* Every name of the list is a term. */
static void check_terms(struct reading *r, const struct policy_category *c, const char *key, const char *const *names,
                        size_t n, const struct policy_term *terms, size_t terms_n) {
  if (n == 0)
    refuse(r, "category", c->name, "%s: expected at least one", key);
  for (size_t i = 0; i < n; i++)
    if (!term(terms, terms_n, names[i]))
      refuse(r, "category", c->name, "%s: there is no %s", key, names[i]);
}

static void read_personal(struct reading *r, cfg_t *sec, struct policy_category *c) {
  c->roles = copy_list(r, sec, "roles", &c->roles_n);
  c->recipients = copy_list(r, sec, "recipients", &c->recipients_n);
  c->label_en = copy(r, cfg_getstr(sec, "label_en"));
  c->label_zh = copy(r, cfg_getstr(sec, "label_zh"));
  c->erasure = copy(r, cfg_getstr(sec, "erasure"));
  c->erasure_reason = copy(r, cfg_getstr(sec, "erasure_reason"));
  c->export = copy(r, cfg_getstr(sec, "export"));
  read_purposes(r, sec, c);
  read_retention(r, sec, c);
  check_terms(r, c, "roles", c->roles, c->roles_n, r->p->roles, r->p->roles_n);
  check_terms(r, c, "recipients", c->recipients, c->recipients_n, r->p->recipients, r->p->recipients_n);
  if (!c->label_en || !c->label_zh)
    refuse(r, "category", c->name, "expected label_en and label_zh");
  if (c->purposes_n == 0)
    refuse(r, "category", c->name, "purposes: expected at least one: what has no purpose is not kept");
  if (place(erasures, c->erasure) < 0)
    refuse(r, "category", c->name, "erasure: expected delete, shred, redact, restrict or never");
  if (c->erasure && strcmp(c->erasure, "delete") != 0 && !c->erasure_reason)
    refuse(r, "category", c->name, "erasure_reason: expected one, as erasure is not delete");
  if (place(exports, c->export) < 0)
    refuse(r, "category", c->name, "export: expected full, on_supplied_identifier or masked");
}

/* "true" or "false"; libconfuse's own booleans also take yes, on and the like. */
static bool read_bool(struct reading *r, cfg_t *sec, const char *key) {
  const char *text = cfg_getstr(sec, key);
  bool yes = text && strcmp(text, "true") == 0;
  if (!yes && (!text || strcmp(text, "false") != 0))
    refuse(r, "category", cfg_title(sec), "%s: expected true or false", key);
  return yes;
}

static void read_category(struct reading *r, cfg_t *sec, struct policy_category *c) {
  c->name = copy(r, cfg_title(sec));
  c->personal = read_bool(r, sec, "personal");
  c->is_public = read_bool(r, sec, "public");
  c->reason = copy(r, cfg_getstr(sec, "reason"));
  for (unsigned i = 0; i < cfg_size(sec, "sinks"); i++) {
    int at = place(sinks, cfg_getnstr(sec, "sinks", i));
    if (at < 0)
      refuse(r, "category", cfg_title(sec), "sinks: expected database, message, log or public");
    else
      c->sinks |= 1u << at;
  }
  if (c->personal)
    read_personal(r, sec, c);
  else if (!c->reason)
    refuse(r, "category", cfg_title(sec), "reason: expected why it is about nobody");
  if (c->is_public != ((c->sinks & SINK_PUBLIC) != 0) && c->personal)
    refuse(r, "category", cfg_title(sec), "public: expected to agree with the sink public");
}

/* Appends the members that a category lists under `key`; each may stand in one category only. */
static void read_members(struct reading *r, cfg_t *cfg, const char *key, enum policy_sink sink,
                         struct policy_member **out, size_t *n) {
  size_t total = 0;
  for (unsigned i = 0; i < r->p->categories_n; i++)
    total += cfg_size(cfg_getnsec(cfg, "category", i), key);
  *out = room(r, total, sizeof **out);
  for (unsigned i = 0; *out && i < r->p->categories_n; i++) {
    const struct policy_category *c = &r->p->categories[i];
    cfg_t *sec = cfg_getnsec(cfg, "category", i);
    for (unsigned k = 0; k < cfg_size(sec, key); k++) {
      const char *name = copy(r, cfg_getnstr(sec, key, k));
      for (size_t m = 0; name && m < *n; m++)
        if (strcmp((*out)[m].name, name) == 0)
          refuse(r, "category", c->name, "%s: %s has the category %s already", key, name, (*out)[m].category->name);
      if (!(c->sinks & sink))
        refuse(r, "category", c->name, "%s: the category's sinks do not allow %s", key, name ? name : "it");
      (*out)[(*n)++] = (struct policy_member){.name = name, .category = c};
    }
  }
}

static void read_head(struct reading *r, cfg_t *cfg) {
  cfg_t *sec = cfg_size(cfg, "policy") ? cfg_getsec(cfg, "policy") : NULL;
  if (!sec || !cfg_getstr(sec, "id") || !cfg_getstr(sec, "version") || !cfg_getstr(sec, "last_modified")) {
    refuse(r, "section", "policy", "expected id, version and last_modified");
    return;
  }
  r->p->id = copy(r, cfg_getstr(sec, "id"));
  r->p->version = copy(r, cfg_getstr(sec, "version"));
  r->p->last_modified = copy(r, cfg_getstr(sec, "last_modified"));
}

static void read_all(struct reading *r, cfg_t *cfg) {
  struct policy *p = r->p;
  read_head(r, cfg);
  read_vocabularies(r, cfg);
  size_t n = cfg_size(cfg, "category");
  p->categories = room(r, n, sizeof *p->categories);
  for (; p->categories && p->categories_n < n; p->categories_n++)
    read_category(r, cfg_getnsec(cfg, "category", (unsigned)p->categories_n), &p->categories[p->categories_n]);
  read_members(r, cfg, "columns", SINK_DATABASE, &p->columns, &p->columns_n);
  read_members(r, cfg, "log_fields", SINK_LOG, &p->log_fields, &p->log_fields_n);
}

/* ---- parsing --------------------------------------------------------------------------------------------------------
 */

/* libconfuse tells its faults to a function without an argument of ours. */
static _Thread_local struct reading *current;

static void take_fault(cfg_t *cfg, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void take_fault(cfg_t *cfg, const char *format, va_list args) {
  char what[300];
  vsnprintf(what, sizeof what, format, args);
  if (current && current->e == AVOW_OK)
    current->e = problem_set(current->why, ERR_CONFIG, "%s:%d: %s", current->file, cfg->line, what);
}

avow_err policy_parse(struct slice text, const char *file, struct policy *out, struct problem *why) {
  *out = (struct policy){0};
  arena_init(&out->arena, POLICY_ARENA);
  struct reading r = {.p = out, .file = file, .why = why};
  r.e = policy_scan(text, file, why);
  char *copied = r.e == AVOW_OK ? arena_str(&out->arena, text) : NULL;
  cfg_t *cfg = copied ? cfg_init(opts, CFGF_NONE) : NULL;
  if (r.e == AVOW_OK && !cfg)
    r.e = problem_set(why, ERR_NO_MEMORY, "%s: out of memory", file);
  if (cfg) {
    cfg_set_error_function(cfg, take_fault);
    current = &r;
    if (cfg_parse_buf(cfg, copied) != CFG_SUCCESS && r.e == AVOW_OK)
      r.e = problem_set(why, ERR_CONFIG, "%s: cannot be read", file);
    current = NULL;
    if (r.e == AVOW_OK)
      read_all(&r, cfg);
    cfg_free(cfg);
  }
  if (r.e != AVOW_OK)
    policy_clear(out);
  return r.e;
}

void policy_clear(struct policy *p) {
  arena_clear(&p->arena);
  *p = (struct policy){0};
}

const struct policy_category *policy_category(const struct policy *p, const char *name) {
  for (size_t i = 0; i < p->categories_n; i++)
    if (strcmp(p->categories[i].name, name) == 0)
      return &p->categories[i];
  return NULL;
}

static const struct policy_category *member(const struct policy_member *list, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(list[i].name, name) == 0)
      return list[i].category;
  return NULL;
}

const struct policy_category *policy_column(const struct policy *p, const char *column) {
  return member(p->columns, p->columns_n, column);
}

const struct policy_category *policy_log_field(const struct policy *p, const char *field) {
  return member(p->log_fields, p->log_fields_n, field);
}
