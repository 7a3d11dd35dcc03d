/* The pre-pass before libconfuse. Measured: there a second assignment silently wins, "${NAME}" is replaced from the
   environment, and a NUL ends the file. What passes here is a subset of its language that both read alike. */
#include <confuse.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/internal.h"

enum token_type { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_EQUALS, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_BAD };

struct token {
  enum token_type type;
  struct slice text; /* of a string: what is between the quotes, escapes as written */
  int line;
};

struct scanner {
  struct slice rest;
  int line;
  const char *file;
  const char *fault; /* why the last token is TOKEN_BAD */
};

static void advance(struct scanner *s, size_t n) {
  for (size_t i = 0; i < n && i < s->rest.n; i++)
    s->line += s->rest.p[i] == '\n';
  s->rest = slice_skip(s->rest, n);
}

static size_t until(struct slice s, const char *mark) {
  const uint8_t *at = s.n ? memmem(s.p, s.n, mark, strlen(mark)) : NULL;
  return at ? (size_t)(at - s.p) : s.n;
}

/* Skips blanks and comments; false when a block comment has no end. */
static bool skip_blank(struct scanner *s) {
  while (s->rest.n > 0) {
    uint8_t c = s->rest.p[0];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      advance(s, 1);
    } else if (c == '#' || slice_starts(s->rest, SLICE_LIT("//"))) {
      advance(s, until(s->rest, "\n"));
    } else if (slice_starts(s->rest, SLICE_LIT("/*"))) {
      size_t n = until(slice_skip(s->rest, 2), "*/");
      if (n + 2 == s->rest.n)
        return false;
      advance(s, n + 4);
    } else {
      return true;
    }
  }
  return true;
}

static bool is_word(uint8_t c) {
  return isalnum(c) || c == '_' || c == '.' || c == '-';
}

static struct token bad(struct scanner *s, const char *fault) {
  s->fault = fault;
  return (struct token){TOKEN_BAD, SLICE_NONE, s->line};
}

static struct token string(struct scanner *s) {
  for (size_t i = 1; i < s->rest.n; i++) {
    uint8_t c = s->rest.p[i];
    if (c == '"') {
      struct token t = {TOKEN_STRING, slice_of(s->rest.p + 1, i - 1), s->line};
      advance(s, i + 1);
      return t;
    }
    if (c < ' ' || c > '~')
      return bad(s, "a character in a string that is not printable ASCII");
    if (slice_starts(slice_skip(s->rest, i), SLICE_LIT("${")))
      return bad(s, "\"${\", which would be replaced from the environment");
    if (c != '\\')
      continue;
    i++;
    if (i >= s->rest.n || (s->rest.p[i] != '"' && s->rest.p[i] != '\\'))
      return bad(s, "an escape other than \\\" and \\\\");
  }
  return bad(s, "a string without an end");
}

static struct token next(struct scanner *s) {
  if (!skip_blank(s))
    return bad(s, "a comment without an end");
  if (s->rest.n == 0)
    return (struct token){TOKEN_END, SLICE_NONE, s->line};
  struct token t = {TOKEN_BAD, slice_of(s->rest.p, 1), s->line};
  uint8_t c = s->rest.p[0];
  if (c == '"')
    return string(s);
  if (c == '=' || c == '{' || c == '}') {
    t.type = c == '=' ? TOKEN_EQUALS : c == '{' ? TOKEN_OPEN : TOKEN_CLOSE;
  } else if (is_word(c)) {
    t.type = TOKEN_WORD;
    while (t.text.n < s->rest.n && is_word(s->rest.p[t.text.n]))
      t.text.n++;
  } else {
    return bad(s, "a character that needs quotes around its value");
  }
  advance(s, t.text.n);
  return t;
}

static avow_err unexpected(const struct scanner *s, struct token t, const char *expected, struct problem *why) {
  if (t.type == TOKEN_BAD)
    return problem_set(why, ERR_CONFIG, "%s:%d: got %s, expected %s", s->file, t.line, s->fault, expected);
  if (t.type == TOKEN_END)
    return problem_set(why, ERR_CONFIG, "%s:%d: got the end of the file, expected %s", s->file, t.line, expected);
  return problem_set(why, ERR_CONFIG, "%s:%d: got \"%.*s\", expected %s", s->file, t.line,
                     t.text.n > 60 ? 60 : (int)t.text.n, (const char *)t.text.p, expected);
}

/* KEY = VALUE, whose key was read. */
static avow_err assignment(struct scanner *s, struct slice profile, struct token key, struct settings *out,
                           struct problem *why) {
  struct token t = next(s);
  if (t.type != TOKEN_EQUALS)
    return unexpected(s, t, "\"=\" after the key", why);
  t = next(s);
  if (t.type != TOKEN_STRING && t.type != TOKEN_WORD)
    return unexpected(s, t, "a value, best in double quotes", why);
  for (size_t i = 0; i < out->n; i++)
    if (slice_eq(out->list[i].key, key.text) && slice_eq(out->list[i].profile, profile))
      return problem_set(why, ERR_CONFIG, "%s:%d: %.*s: got it a second time, expected it once (line %d has it)",
                         s->file, key.line, key.text.n > 60 ? 60 : (int)key.text.n, (const char *)key.text.p,
                         out->list[i].line);
  if (out->n == SETTINGS_MAX)
    return problem_set(why, ERR_CONFIG, "%s:%d: got more than %d settings", s->file, key.line, SETTINGS_MAX);
  out->list[out->n++] = (struct setting){profile, key.text, SLICE_NONE, key.line};
  return AVOW_OK;
}

/* profile "NAME" { … }, whose first word was read. */
static avow_err section(struct scanner *s, struct settings *out, struct problem *why) {
  struct token title = next(s);
  if ((title.type != TOKEN_STRING && title.type != TOKEN_WORD) || !conf_profile_name_ok(title.text))
    return unexpected(s, title, "a profile name of at most 32 lower-case letters, digits and hyphens", why);
  for (size_t i = 0; i < out->n; i++)
    if (out->list[i].profile.p && slice_eq(out->list[i].profile, title.text))
      return problem_set(why, ERR_CONFIG, "%s:%d: profile %.*s: got it a second time, expected it once", s->file,
                         title.line, (int)title.text.n, (const char *)title.text.p);
  struct token t = next(s);
  if (t.type != TOKEN_OPEN)
    return unexpected(s, t, "\"{\"", why);
  bool empty = true;
  for (t = next(s); t.type == TOKEN_WORD; t = next(s), empty = false) {
    avow_err e = assignment(s, title.text, t, out, why);
    if (e != AVOW_OK)
      return e;
  }
  if (t.type != TOKEN_CLOSE || empty)
    return unexpected(s, t, empty ? "a key" : "a key or \"}\"", why);
  return AVOW_OK;
}

avow_err conf_scan(struct slice text, struct settings *out, struct problem *why) {
  struct scanner s = {.rest = text, .line = 1, .file = out->file};
  if (text.n > CONF_TEXT_MAX)
    return problem_set(why, ERR_CONFIG, "%s: got %zu bytes, expected at most %d", out->file, text.n, CONF_TEXT_MAX);
  const uint8_t *nul = text.n ? memchr(text.p, 0, text.n) : NULL;
  if (nul) {
    advance(&s, (size_t)(nul - text.p));
    return problem_set(why, ERR_CONFIG, "%s:%d: got a NUL byte, expected text", out->file, s.line);
  }
  struct token t;
  for (t = next(&s); t.type == TOKEN_WORD; t = next(&s)) {
    avow_err e = slice_eq_str(t.text, "profile") ? section(&s, out, why) : assignment(&s, SLICE_NONE, t, out, why);
    if (e != AVOW_OK)
      return e;
  }
  return t.type == TOKEN_END ? AVOW_OK : unexpected(&s, t, "a key", why);
}

/* libconfuse's own message, should it ever see more than the pre-pass. */
static _Thread_local char confuse_message[200];
static _Thread_local int confuse_line;

__attribute__((format(printf, 2, 0))) static void keep_message(cfg_t *cfg, const char *format, va_list args) {
  confuse_line = cfg->line;
  vsnprintf(confuse_message, sizeof confuse_message, format, args);
}

static cfg_opt_t *options(struct arena *a, const struct conf_row *rows, size_t n, size_t more) {
  cfg_opt_t *opts = arena_array(a, n + more + 1, sizeof *opts);
  for (size_t i = 0; opts && i < n; i++)
    opts[i] = (cfg_opt_t)CFG_STR(rows[i].key, NULL, CFGF_NODEFAULT);
  if (opts)
    opts[n + more] = (cfg_opt_t)CFG_END();
  return opts;
}

static void cfg_cleanup(cfg_t **cfg) {
  if (*cfg)
    cfg_free(*cfg);
}

avow_err conf_read_values(struct slice text, struct arena *a, struct settings *settings, struct problem *why) {
  cfg_opt_t *inner = options(a, conf_profile_rows, conf_profile_rows_n, 0);
  cfg_opt_t *outer = options(a, conf_rows, conf_rows_n, 1);
  char *copy = conf_str(a, text);
  if (!inner || !outer || !copy)
    return ERR_NO_MEMORY;
  outer[conf_rows_n] = (cfg_opt_t)CFG_SEC("profile", inner, CFGF_MULTI | CFGF_TITLE);
  __attribute__((cleanup(cfg_cleanup))) cfg_t *cfg = cfg_init(outer, CFGF_NONE);
  if (!cfg)
    return ERR_NO_MEMORY;
  cfg_set_error_function(cfg, keep_message);
  if (cfg_parse_buf(cfg, copy) != CFG_SUCCESS)
    return problem_set(why, ERR_CONFIG, "%s:%d: %s", settings->file, confuse_line, confuse_message);
  for (size_t i = 0; i < settings->n; i++) {
    struct setting *s = &settings->list[i];
    char *title = s->profile.p ? conf_str(a, s->profile) : NULL, *key = conf_str(a, s->key);
    cfg_t *from = title ? cfg_gettsec(cfg, "profile", title) : cfg;
    char *value = from && key ? cfg_getstr(from, key) : NULL;
    char *kept = value ? conf_str(a, slice_str(value)) : NULL;
    if (!kept)
      return problem_set(why, ERR_CONFIG, "%s:%d: this line is not readable", settings->file, s->line);
    s->value = slice_str(kept);
  }
  return AVOW_OK;
}

avow_err conf_add_set(const char *set, struct settings *settings, struct problem *why) {
  const char *equals = strchr(set, '=');
  if (!equals || equals == set)
    return problem_set(why, ERR_CONFIG, "--set: got \"%.60s\", expected KEY=VALUE", set);
  struct setting s = {.key = slice_of(set, (size_t)(equals - set)), .value = slice_str(equals + 1)};
  for (const char *c = set; *c; c++)
    if (*c < ' ' || *c > '~')
      return problem_set(why, ERR_CONFIG, "--set: %.*s: got a character that is not printable ASCII",
                         s.key.n > 60 ? 60 : (int)s.key.n, set);
  struct slice rest = slice_skip(s.key, strlen("profile."));
  const uint8_t *dot = rest.n ? memchr(rest.p, '.', rest.n) : NULL;
  if (slice_starts(s.key, SLICE_LIT("profile.")) && dot) {
    s.profile = slice_of(rest.p, (size_t)(dot - rest.p));
    s.key = slice_skip(rest, s.profile.n + 1);
    if (!conf_profile_name_ok(s.profile))
      return problem_set(why, ERR_CONFIG,
                         "--set: got \"%.60s\", expected a profile name of at most 32 lower-case letters, digits and "
                         "hyphens",
                         set);
  }
  if (settings->n == SETTINGS_MAX)
    return problem_set(why, ERR_CONFIG, "--set: got more than %d settings", SETTINGS_MAX);
  settings->list[settings->n++] = s;
  return AVOW_OK;
}
