#include "http/target.h"

static bool is_alnum(uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_hex(uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static bool one_of(uint8_t c, const char *set) {
  return c != 0 && strchr(set, c);
}

bool http_is_token(uint8_t c) {
  return is_alnum(c) || one_of(c, "!#$%&'*+-.^_`|~");
}

/* RFC 3986, 3.3 and 3.4: pchar, '/' and, in a query, '?'. */
static bool is_path_or_query(struct slice s, bool query) {
  for (size_t i = 0; i < s.n; i++) {
    uint8_t c = s.p[i];
    if (is_alnum(c) || one_of(c, "-._~!$&'()*+,;=:@/") || (query && c == '?'))
      continue;
    if (c != '%' || s.n - i < 3 || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2]))
      return false;
    i += 2;
  }
  return true;
}

bool host_is_valid(struct slice host) {
  size_t n = 0;
  if (host.n > 262)
    return false;
  if (host.n && host.p[0] == '[') {
    for (n = 1; n < host.n && (is_hex(host.p[n]) || host.p[n] == ':' || host.p[n] == '.');)
      n++;
    if (n < 4 || n == host.n || host.p[n++] != ']')
      return false;
  } else {
    while (n < host.n && (is_alnum(host.p[n]) || one_of(host.p[n], "-._")))
      n++;
    if (n == 0)
      return false;
  }
  if (n == host.n)
    return true;
  struct slice port = slice_skip(host, n + 1);
  if (host.p[n] != ':' || port.n == 0 || port.n > 5)
    return false;
  unsigned number = 0;
  for (size_t i = 0; i < port.n; i++) {
    if (port.p[i] < '0' || port.p[i] > '9')
      return false;
    number = number * 10 + (unsigned)(port.p[i] - '0');
  }
  return number > 0 && number <= 65535;
}

static bool strip_scheme(struct slice *s) {
  static const char *const scheme[] = {"https://", "http://"};
  for (size_t i = 0; i < 2; i++) {
    size_t n = strlen(scheme[i]);
    if (s->n > n && slice_eq_nocase(slice_of(s->p, n), slice_str(scheme[i]))) {
      *s = slice_skip(*s, n);
      return true;
    }
  }
  return false;
}

bool target_parse(struct slice text, bool asterisk, struct http_target *t) {
  *t = (struct http_target){0};
  if (asterisk && slice_eq_str(text, "*")) {
    t->path = text;
    return true;
  }
  /* RFC 9112, 3.2.2: an absolute target must be taken too. Its path may not be empty here, so that each resource has
     one spelling. */
  if (strip_scheme(&text)) {
    const uint8_t *slash = memchr(text.p, '/', text.n);
    if (!slash)
      return false;
    t->authority = slice_of(text.p, (size_t)(slash - text.p));
    if (!host_is_valid(t->authority))
      return false;
    text = slice_skip(text, t->authority.n);
  }
  if (text.n == 0 || text.p[0] != '/')
    return false;
  const uint8_t *mark = memchr(text.p, '?', text.n);
  t->path = slice_of(text.p, mark ? (size_t)(mark - text.p) : text.n);
  t->query = mark ? slice_skip(text, t->path.n + 1) : SLICE_NONE;
  return is_path_or_query(t->path, false) && is_path_or_query(t->query, true);
}
