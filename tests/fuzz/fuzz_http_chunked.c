/* A chunked body behind a fixed head, in pieces of a size that the first byte says; what is taken is decoded again by a
   second, simple decoder, and both must agree. */
#include <assert.h>
#include <stdlib.h>

#include "http/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Decodes what the parser has accepted, so it needs no checks of its own but the bounds. Returns how much it read. */
static size_t decode(struct slice text, struct buf *out) {
  size_t at = 0;
  for (;;) {
    size_t size = 0;
    for (; at < text.n && text.p[at] != '\r' && text.p[at] != ';'; at++)
      size = size * 16 + (size_t)(text.p[at] <= '9' ? text.p[at] - '0' : (text.p[at] | 0x20) - 'a' + 10);
    while (at < text.n && text.p[at] != '\n')
      at++;
    at++;
    assert(size <= text.n && at + size + 2 <= text.n);
    buf_put(out, slice_of(text.p + at, size));
    at += size + 2;
    if (size == 0)
      return at;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n == 0 || n > 200000)
    return 0;
  struct http_parser p;
  http_parser_init(&p);
  struct slice head = SLICE_LIT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  assert(http_parser_feed(&p, &head) == HTTP_PARSE_HEAD);
  struct slice all = slice_of(data + 1, n - 1), text = all;
  enum http_parse verdict = HTTP_PARSE_MORE;
  while (text.n && verdict == HTTP_PARSE_MORE) {
    size_t size = (size_t)data[0] + 1 < text.n ? (size_t)data[0] + 1 : text.n;
    struct slice in = slice_of(text.p, size);
    verdict = http_parser_feed(&p, &in);
    text = slice_skip(text, size - in.n);
  }
  assert(verdict != HTTP_PARSE_HEAD);
  if (verdict == HTTP_PARSE_DONE) {
    struct buf out;
    buf_init(&out, HTTP_BODY_MAX);
    assert(decode(all, &out) == all.n - text.n);
    assert(slice_eq(buf_slice(&out), p.rq.body));
    buf_clear(&out);
  }
  http_parser_clear(&p);
  return 0;
}
