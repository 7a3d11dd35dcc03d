/* Any bytes as a connection: the parser must read them the same way whole and in pieces, and what it takes must keep
   the promises that handlers rely on. The first byte is the size of the pieces. */
#include <assert.h>
#include <stdlib.h>

#include "http/parser.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool inside(const struct http_parser *p, struct slice s) {
  return s.n == 0 || (s.p >= p->head.p && s.p + s.n <= p->head.p + p->head.n);
}

static void check(const struct http_parser *p) {
  const struct http_request *rq = &p->rq;
  assert(p->named && rq->path.n > 0 && inside(p, rq->path) && inside(p, rq->query) && inside(p, rq->host));
  assert(rq->path.p[0] == '/' || (rq->method == HTTP_OPTIONS && slice_eq_str(rq->path, "*")));
  assert(rq->target.n <= HTTP_TARGET_MAX && rq->headers_n <= HTTP_HEADERS_MAX && rq->body.n <= HTTP_BODY_MAX);
  assert(rq->host.n == 0 || host_is_valid(rq->host));
  assert(rq->host.n > 0 || p->close);
  assert(!memchr(rq->path.p, '\\', rq->path.n) && !memchr(rq->path.p, ' ', rq->path.n));
  for (size_t i = 0; i < rq->headers_n; i++) {
    struct slice value = rq->headers[i].value;
    assert(rq->headers[i].name.n > 0 && inside(p, rq->headers[i].name) && inside(p, value));
    for (size_t k = 0; k < value.n; k++)
      assert(value.p[k] == '\t' || value.p[k] >= 0x20);
  }
  struct slice length = http_header_get(rq, "content-length"), coding = http_header_get(rq, "transfer-encoding");
  assert(!length.p || !coding.p);
  assert(rq->body.n == 0 || length.p || coding.p);
}

/* Reads request after request; the sum says what was read. */
static uint64_t sum(struct slice text, size_t step) {
  struct http_parser p;
  http_parser_init(&p);
  uint64_t h = 1469598103934665603u;
  enum http_parse verdict = HTTP_PARSE_MORE;
  while (text.n && verdict != HTTP_PARSE_BAD) {
    size_t size = step < text.n ? step : text.n;
    uint8_t *piece = malloc(size);
    assert(piece);
    memcpy(piece, text.p, size);
    struct slice in = slice_of(piece, size);
    do {
      verdict = http_parser_feed(&p, &in);
      if (verdict == HTTP_PARSE_DONE) {
        check(&p);
        h = (h ^ p.rq.method ^ (uint64_t)p.close << 8) * 1099511628211u;
        for (size_t i = 0; i < p.rq.body.n; i++)
          h = (h ^ p.rq.body.p[i]) * 1099511628211u;
        for (size_t i = 0; i < p.rq.target.n; i++)
          h = (h ^ p.rq.target.p[i]) * 1099511628211u;
        http_parser_reset(&p);
      }
    } while (verdict == HTTP_PARSE_HEAD || (verdict == HTTP_PARSE_DONE && in.n));
    text = slice_skip(text, size - in.n);
    free(piece);
  }
  if (verdict == HTTP_PARSE_BAD) {
    assert(p.status >= 400 && p.why);
    h = (h ^ (uint64_t)p.status) * 1099511628211u;
  }
  http_parser_clear(&p);
  return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n == 0 || n > 100000)
    return 0;
  struct slice text = slice_of(data + 1, n - 1);
  /* The limits on a line are seen earlier in small pieces, but the verdict is the same. */
  assert(sum(text, n) == sum(text, (size_t)data[0] + 1));
  return 0;
}
