#include <stdarg.h>
#include <stdio.h>

#include "http/http.h"

struct slice http_header_get(const struct http_request *rq, const char *name) {
  struct slice found = SLICE_NONE, wanted = slice_str(name);
  for (size_t i = 0; i < rq->headers_n; i++) {
    if (!slice_eq_nocase(rq->headers[i].name, wanted))
      continue;
    if (found.p)
      return SLICE_NONE;
    found = rq->headers[i].value;
  }
  return found;
}

void http_header_put(struct http_response *rs, const char *name, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  buf_printf(&rs->headers, "%s: ", name);
  char *value = n < 0 ? NULL : (char *)buf_extend(&rs->headers, (size_t)n + 1);
  if (!value) {
    rs->headers.failed = true;
    return;
  }
  va_start(args, format);
  vsnprintf(value, (size_t)n + 1, format, args);
  va_end(args);
  rs->headers.n--; /* the NUL */
  /* A line end in a value would forge a header (RFC 9110, 5.5). */
  if (memchr(value, '\r', (size_t)n) || memchr(value, '\n', (size_t)n) || memchr(value, 0, (size_t)n))
    rs->headers.failed = true;
  buf_put_str(&rs->headers, "\r\n");
}
