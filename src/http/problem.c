#include "http/problem.h"

void json_string_put(struct buf *b, struct slice text) {
  buf_put_u8(b, '"');
  for (size_t i = 0; i < text.n; i++) {
    uint8_t c = text.p[i];
    if (c == '"' || c == '\\')
      buf_put_u8(b, '\\');
    buf_put_u8(b, c < 0x20 || c > 0x7e ? '?' : c);
  }
  buf_put_u8(b, '"');
}

/* What a client is told of `e`: the errors from ERR_NO_MEMORY on are the machine's own business, but for a refusal of
   the evidence, which is about the request. */
static avow_err outward(avow_err e, const char **detail) {
  if (e < ERR_NO_MEMORY || e == ERR_EVIDENCE)
    return e;
  *detail = NULL;
  return err_http(e) == 503 ? ERR_UNAVAILABLE : ERR_INTERNAL;
}

static void document_put(struct buf *b, int status, const char *type, const char *detail, const char *members) {
  buf_put_str(b, "{\"type\":\"" HTTP_PROBLEM_TYPE);
  buf_put_str(b, type);
  buf_put_str(b, "\",\"detail\":");
  json_string_put(b, slice_str(detail));
  buf_printf(b, ",\"status\":%d%s%s}", status, members && *members ? "," : "", members ? members : "");
}

void problem_json_put(struct buf *b, avow_err e, const char *detail, const char *members) {
  e = outward(e, &detail);
  document_put(b, err_http(e), err_acme(e) ? err_acme(e) : "serverInternal", detail && *detail ? detail : err_text(e),
               members);
}

static bool has_header(const struct http_response *rs, const char *name) {
  struct slice lines = buf_slice(&rs->headers);
  size_t n = strlen(name);
  while (lines.n > n) {
    if (lines.p[n] == ':' && slice_eq_nocase(slice_of(lines.p, n), slice_str(name)))
      return true;
    const uint8_t *lf = memchr(lines.p, '\n', lines.n);
    lines = lf ? slice_skip(lines, (size_t)(lf - lines.p) + 1) : SLICE_NONE;
  }
  return false;
}

void http_retry_put(struct http_response *rs) {
  if (rs->status >= 500 && !has_header(rs, "Retry-After"))
    http_header_put(rs, "Retry-After", "60");
}

void http_problem_status(struct http_response *rs, int status, const char *type, const char *detail) {
  rs->status = status;
  http_header_put(rs, "Content-Type", "application/problem+json");
  http_retry_put(rs);
  buf_reset(&rs->body);
  document_put(&rs->body, status, type, detail, NULL);
}

void http_problem_with(struct http_response *rs, avow_err e, const char *detail, const char *members) {
  e = outward(e, &detail);
  rs->status = err_http(e);
  http_header_put(rs, "Content-Type", "application/problem+json");
  http_retry_put(rs);
  buf_reset(&rs->body);
  problem_json_put(&rs->body, e, detail, members);
}

void http_problem(struct http_response *rs, avow_err e, const char *detail) {
  http_problem_with(rs, e, detail, NULL);
}
