#include "conf/conf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "conf/internal.h"

static const char *const kinds[] = {[KIND_PRIVATE] = "private", [KIND_PUBLIC] = "public", [KIND_TEST] = "test"};

const char *ca_kind_text(enum ca_kind kind) {
  return kinds[kind];
}

bool ca_kind_parse(struct slice text, enum ca_kind *kind) {
  for (enum ca_kind k = KIND_PRIVATE; k <= KIND_TEST; k++)
    if (slice_eq_str(text, kinds[k])) {
      *kind = k;
      return true;
    }
  return false;
}

const struct setting *conf_setting_find(const struct settings *settings, struct slice profile, const char *key) {
  for (size_t i = settings->n; i > 0; i--) {
    const struct setting *s = &settings->list[i - 1];
    if (slice_eq_str(s->key, key) && slice_eq(s->profile, profile))
      return s;
  }
  return NULL;
}

avow_err conf_refuse(const struct settings *settings, const struct setting *s, struct problem *why, const char *format,
                     ...) {
  char place[100], what[300];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  if (s->line > 0)
    snprintf(place, sizeof place, "%.60s:%d", settings->file, s->line);
  else
    snprintf(place, sizeof place, "--set");
  return problem_set(why, ERR_CONFIG, "%s: %s%.*s%s%.*s: %s", place, s->profile.p ? "profile." : "", (int)s->profile.n,
                     s->profile.p ? (const char *)s->profile.p : "", s->profile.p ? "." : "",
                     s->key.n > 60 ? 60 : (int)s->key.n, (const char *)s->key.p, what);
}

/* Which kinds may have the key, in words. */
static const char *kinds_text(unsigned in) {
  switch (in) {
  case IN_PRIVATE:
    return "it only in a CA of kind private";
  case IN_TEST:
    return "it only in a CA of kind test";
  default:
    return "it only in a CA of kind private or test";
  }
}

/* Sets one field from one assignment. */
static avow_err apply(const struct conf_row *rows, size_t n, struct config *c, void *target,
                      const struct settings *settings, const struct setting *s, struct problem *why) {
  const struct conf_row *row = conf_row_find(rows, n, s->key);
  if (!row)
    return conf_refuse(settings, s, why, "got an unknown key, expected one that avow.conf(5) lists");
  if (!(row->kinds & 1u << conf_kind_column(c->kind)))
    return conf_refuse(settings, s, why, "got it in a CA of kind %s, expected %s", ca_kind_text(c->kind),
                       kinds_text(row->kinds));
  if (row->set(&c->arena, target, row, s->value))
    return AVOW_OK;
  AUTO_BUF expected;
  buf_init(&expected, 200);
  conf_row_expected(row, &expected);
  return conf_refuse(settings, s, why, "got \"%.*s\", expected %.*s", s->value.n > 80 ? 80 : (int)s->value.n,
                     (const char *)s->value.p, (int)expected.n, (const char *)expected.p);
}

static void apply_defaults(const struct conf_row *rows, size_t n, size_t column, struct config *c, void *target) {
  for (size_t i = 0; i < n; i++) {
    /* Defaults are ours: one that does not parse is a bug (or no memory is left, which ends this process as well). */
    bool ok = !rows[i].def[column] || rows[i].set(&c->arena, target, &rows[i], slice_str(rows[i].def[column]));
    assert(ok);
  }
}

/* The kind comes first, as it decides about the other keys. Once written it does not change (contract: fixed for the
   life of the root), so that --set may only repeat it. */
static avow_err apply_kind(struct config *c, const struct settings *settings, struct problem *why) {
  const struct setting *first = NULL;
  for (size_t i = 0; i < settings->n; i++) {
    const struct setting *s = &settings->list[i];
    if (s->profile.p || !slice_eq_str(s->key, "kind"))
      continue;
    if (!ca_kind_parse(s->value, &c->kind))
      return conf_refuse(settings, s, why, "got \"%.*s\", expected private, public or test",
                         s->value.n > 80 ? 80 : (int)s->value.n, (const char *)s->value.p);
    if (first && !slice_eq(first->value, s->value))
      return conf_refuse(settings, s, why, "got \"%s\", expected %.*s: the kind is fixed for the life of the root",
                         ca_kind_text(c->kind), (int)first->value.n, (const char *)first->value.p);
    first = first ? first : s;
  }
  if (!first)
    return problem_set(why, ERR_CONFIG, "%s: kind: got none, expected private, public or test", settings->file);
  return AVOW_OK;
}

static struct profile *profile_find(struct config *c, struct slice name) {
  for (size_t i = 0; i < c->profiles_n; i++)
    if (slice_eq_str(name, c->profiles[i].name))
      return &c->profiles[i];
  return NULL;
}

static struct profile *profile_add(struct config *c, struct slice name) {
  assert(name.p && conf_profile_name_ok(name));
  if (c->profiles_n == PROFILES_MAX)
    return NULL;
  struct profile *p = &c->profiles[c->profiles_n++];
  *p = (struct profile){0};
  memcpy(p->name, name.p, name.n);
  apply_defaults(conf_profile_rows, conf_profile_rows_n, conf_profile_column(name), c, p);
  if (conf_profile_column(name) == DEF_CLASSIC && !slice_eq_str(name, conf_profile_names[DEF_CLASSIC]))
    p->description[0] = 0;
  if (c->kind == KIND_PUBLIC) {
    p->ct = true;
    strcpy(p->policy_oids[0], "2.23.140.1.2.1"); /* TLS BR 7.1.6.1: domain validated */
    p->policy_oids_n = 1;
  }
  return p;
}

static avow_err apply_profiles(struct config *c, const struct settings *settings, struct problem *why) {
  for (size_t i = 0; i < DEF_COLUMNS; i++) {
    struct profile *built_in = profile_add(c, slice_str(conf_profile_names[i]));
    assert(built_in);
  }
  for (size_t i = 0; i < settings->n; i++) {
    const struct setting *s = &settings->list[i];
    if (!s->profile.p)
      continue;
    struct profile *p = profile_find(c, s->profile);
    if (!p)
      p = profile_add(c, s->profile);
    if (!p)
      return conf_refuse(settings, s, why, "got one profile more, expected at most %d", PROFILES_MAX);
    avow_err e = apply(conf_profile_rows, conf_profile_rows_n, c, p, settings, s, why);
    if (e != AVOW_OK)
      return e;
  }
  return AVOW_OK;
}

static avow_err apply_all(struct config *c, const struct settings *settings, struct problem *why) {
  avow_err e = apply_kind(c, settings, why);
  if (e != AVOW_OK)
    return e;
  apply_defaults(conf_rows, conf_rows_n, conf_kind_column(c->kind), c, c);
  for (size_t i = 0; i < settings->n && e == AVOW_OK; i++)
    if (!settings->list[i].profile.p)
      e = apply(conf_rows, conf_rows_n, c, c, settings, &settings->list[i], why);
  if (e == AVOW_OK && c->hosts_n == 0)
    e = problem_set(why, ERR_CONFIG, "%s: host: got none, expected a comma list of DNS names and IP addresses",
                    settings->file);
  if (e == AVOW_OK)
    e = apply_profiles(c, settings, why);
  if (e == AVOW_OK)
    e = conf_derive(c, settings, why);
  return e == AVOW_OK ? conf_check(c, settings, why) : e;
}

/* Unknown keys are refused before libconfuse sees them: its message would have no line of ours. */
static avow_err check_keys(const struct settings *settings, struct problem *why) {
  for (size_t i = 0; i < settings->n; i++) {
    const struct setting *s = &settings->list[i];
    if (s->profile.p ? !conf_row_find(conf_profile_rows, conf_profile_rows_n, s->key)
                     : !conf_row_find(conf_rows, conf_rows_n, s->key))
      return conf_refuse(settings, s, why, "got an unknown key, expected one that avow.conf(5) lists");
  }
  return AVOW_OK;
}

avow_err config_parse(struct slice text, const char *file, const char *const *sets, size_t sets_n, struct config *out,
                      struct problem *why) {
  *out = (struct config){0};
  arena_init(&out->arena, CONF_ARENA_MAX);
  const char *slash = strrchr(file, '/');
  struct settings settings = {.file = slash ? slash + 1 : file};
  avow_err e = conf_scan(text, &settings, why);
  if (e == AVOW_OK)
    e = check_keys(&settings, why);
  if (e == AVOW_OK)
    e = conf_read_values(text, &out->arena, &settings, why);
  for (size_t i = 0; i < sets_n && e == AVOW_OK; i++)
    e = conf_add_set(sets[i], &settings, why);
  if (e == AVOW_OK)
    e = apply_all(out, &settings, why);
  if (e != AVOW_OK)
    config_clear(out);
  return e;
}

void config_clear(struct config *c) {
  arena_clear(&c->arena);
  *c = (struct config){0};
}

const struct profile *config_profile(const struct config *c, struct slice name) {
  if (name.n == 0)
    name = slice_str(c->default_profile);
  for (size_t i = 0; i < c->profiles_n; i++)
    if (slice_eq_str(name, c->profiles[i].name))
      return &c->profiles[i];
  return NULL;
}

bool network_contains(const struct network *net, const uint8_t *ip, size_t n) {
  if (n != net->family_bytes)
    return false;
  size_t whole = net->prefix / 8, bits = net->prefix % 8;
  if (memcmp(net->b, ip, whole) != 0)
    return false;
  return bits == 0 || (net->b[whole] ^ ip[whole]) >> (8 - bits) == 0;
}
