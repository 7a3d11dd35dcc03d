#include "http/route.h"

static struct slice first_segment(struct slice s) {
  const uint8_t *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
  return slice_of(s.p, slash ? (size_t)(slash - s.p) : s.n);
}

/* Segment by segment; both begin with '/'. */
static bool matches(struct slice pattern, struct slice path, struct slice param[2]) {
  size_t wild = 0;
  param[0] = param[1] = SLICE_NONE;
  while (pattern.n && path.n && pattern.p[0] == '/' && path.p[0] == '/') {
    pattern = slice_skip(pattern, 1);
    path = slice_skip(path, 1);
    struct slice want = first_segment(pattern), have = first_segment(path);
    if (slice_eq_str(want, "**")) {
      if (wild < 2)
        param[wild] = path;
      return true;
    }
    bool any = slice_eq_str(want, "*");
    if (any ? have.n == 0 : !slice_eq(want, have))
      return false;
    if (any && wild < 2)
      param[wild++] = have;
    pattern = slice_skip(pattern, want.n);
    path = slice_skip(path, have.n);
  }
  return pattern.n == 0 && path.n == 0;
}

const struct http_route *route_find(const struct http_route *routes, size_t n, struct slice path,
                                    struct slice param[2]) {
  for (size_t i = 0; i < n; i++)
    if (matches(slice_str(routes[i].pattern), path, param))
      return &routes[i];
  return NULL;
}

bool route_takes(const struct http_route *route, enum http_method method) {
  return (route->methods & method) || (method == HTTP_HEAD && (route->methods & HTTP_GET));
}

const char *route_allow(unsigned methods, char out[ALLOW_TEXT]) {
  if (methods & HTTP_GET)
    methods |= HTTP_HEAD;
  methods |= HTTP_OPTIONS;
  char *at = out;
  for (unsigned method = HTTP_GET; method <= HTTP_OPTIONS; method *= 2)
    if (methods & method) {
      if (at != out)
        at = stpcpy(at, ", ");
      at = stpcpy(at, http_method_text(method));
    }
  return out;
}

const char *http_method_text(unsigned method) {
  switch (method) {
  case HTTP_GET:
    return "GET";
  case HTTP_HEAD:
    return "HEAD";
  case HTTP_POST:
    return "POST";
  case HTTP_OPTIONS:
    return "OPTIONS";
  default: /* known to the parser, on no route */
    return "other";
  }
}

const char *http_status_text(int status) {
  static const struct {
    int status;
    const char *text;
  } table[] = {{200, "OK"},
               {201, "Created"},
               {202, "Accepted"},
               {204, "No Content"},
               {301, "Moved Permanently"},
               {302, "Found"},
               {303, "See Other"},
               {304, "Not Modified"},
               {307, "Temporary Redirect"},
               {308, "Permanent Redirect"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {406, "Not Acceptable"},
               {408, "Request Timeout"},
               {409, "Conflict"},
               {410, "Gone"},
               {412, "Precondition Failed"},
               {413, "Content Too Large"},
               {414, "URI Too Long"},
               {415, "Unsupported Media Type"},
               {417, "Expectation Failed"},
               {429, "Too Many Requests"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {501, "Not Implemented"},
               {503, "Service Unavailable"},
               {505, "HTTP Version Not Supported"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].status == status)
      return table[i].text;
  return "";
}
