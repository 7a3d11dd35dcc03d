#include "privacy/scan.h"

#include <ctype.h>

enum { DEPTH_MAX = 4, KEYS_MAX = 64, POLICY_TEXT_MAX = 1 << 20 };

struct level {
  struct slice keys[KEYS_MAX]; /* assigned in this section; an untitled section counts as a key */
  size_t n;
};

struct scan {
  struct slice rest;
  int line;
  const char *file;
  struct problem *why;
  struct level levels[DEPTH_MAX];
  size_t depth;
};

static avow_err refuse(const struct scan *s, const char *what) {
  return problem_set(s->why, ERR_CONFIG, "%s:%d: %s", s->file, s->line, what);
}

static void advance(struct scan *s, size_t n) {
  for (size_t i = 0; i < n && i < s->rest.n; i++)
    s->line += s->rest.p[i] == '\n';
  s->rest = slice_skip(s->rest, n);
}

/* The next character that means something; 0 at the end. */
static uint8_t peek(struct scan *s) {
  while (s->rest.n > 0) {
    uint8_t c = s->rest.p[0];
    if (c == '#') {
      const uint8_t *end = memchr(s->rest.p, '\n', s->rest.n);
      advance(s, end ? (size_t)(end - s->rest.p) : s->rest.n);
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      advance(s, 1);
    } else {
      return c;
    }
  }
  return 0;
}

static struct slice take_word(struct scan *s) {
  size_t n = 0;
  while (n < s->rest.n && (isalnum(s->rest.p[n]) || s->rest.p[n] == '_'))
    n++;
  struct slice word = slice_of(s->rest.p, n);
  advance(s, n);
  return word;
}

static avow_err skip_string(struct scan *s) {
  advance(s, 1);
  for (; s->rest.n > 0 && s->rest.p[0] != '"'; advance(s, 1)) {
    if (s->rest.p[0] == '\n')
      return refuse(s, "expected the string to end on its line");
    if (s->rest.p[0] != '\\')
      continue;
    advance(s, 1);
    if (s->rest.n == 0 || (s->rest.p[0] != '"' && s->rest.p[0] != '\\'))
      return refuse(s, "expected \\\" or \\\\ after a backslash");
  }
  if (s->rest.n == 0)
    return refuse(s, "expected the string to end");
  advance(s, 1);
  return AVOW_OK;
}

static avow_err skip_scalar(struct scan *s) {
  if (peek(s) == '"')
    return skip_string(s);
  return take_word(s).n > 0 ? AVOW_OK : refuse(s, "expected a word or a \"string\"");
}

/* { "a", "b" } without an empty element. */
static avow_err skip_list(struct scan *s) {
  advance(s, 1);
  if (peek(s) == '}') {
    advance(s, 1);
    return AVOW_OK;
  }
  for (;;) {
    avow_err e = skip_scalar(s);
    if (e != AVOW_OK)
      return e;
    uint8_t c = peek(s);
    if (c != ',' && c != '}')
      return refuse(s, "expected , or } in the list");
    advance(s, 1);
    if (c == '}')
      return AVOW_OK;
  }
}

static avow_err note_key(struct scan *s, struct slice key) {
  struct level *level = &s->levels[s->depth];
  for (size_t i = 0; i < level->n; i++)
    if (slice_eq(level->keys[i], key))
      return refuse(s, "expected each key once in its section");
  if (level->n == KEYS_MAX)
    return refuse(s, "expected fewer keys in the section");
  level->keys[level->n++] = key;
  return AVOW_OK;
}

static avow_err open_section(struct scan *s) {
  if (s->depth + 1 == DEPTH_MAX)
    return refuse(s, "expected fewer sections in sections");
  advance(s, 1);
  s->levels[++s->depth].n = 0;
  return AVOW_OK;
}

/* What follows a key: "= scalar", "= {list}", "{ section", "title {". Titles that repeat are refused by libconfuse. */
static avow_err skip_rest(struct scan *s, struct slice key) {
  uint8_t c = peek(s);
  if (c == '=') {
    advance(s, 1);
    avow_err e = note_key(s, key);
    if (e != AVOW_OK)
      return e;
    return peek(s) == '{' ? skip_list(s) : skip_scalar(s);
  }
  if (c == '{') {
    avow_err e = note_key(s, key);
    return e == AVOW_OK ? open_section(s) : e;
  }
  avow_err e = skip_scalar(s);
  if (e != AVOW_OK)
    return e;
  return peek(s) == '{' ? open_section(s) : refuse(s, "expected = or {");
}

avow_err policy_scan(struct slice text, const char *file, struct problem *why) {
  struct scan s = {.rest = text, .line = 1, .file = file, .why = why};
  if (text.n > POLICY_TEXT_MAX)
    return refuse(&s, "expected at most 1 MiB");
  if (text.n && memchr(text.p, 0, text.n))
    return refuse(&s, "expected text without a NUL");
  for (uint8_t c; (c = peek(&s)) != 0;) {
    if (c == '}' && s.depth > 0) {
      s.depth--;
      advance(&s, 1);
      continue;
    }
    struct slice key = take_word(&s);
    if (key.n == 0)
      return refuse(&s, "expected a key");
    avow_err e = skip_rest(&s, key);
    if (e != AVOW_OK)
      return e;
  }
  if (s.depth > 0)
    return refuse(&s, "expected } at the end");
  if (text.n && memmem(text.p, text.n, "${", 2))
    return refuse(&s, "expected no ${…}: nothing is taken from the environment");
  return AVOW_OK;
}
