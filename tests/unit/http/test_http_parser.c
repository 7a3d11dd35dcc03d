/* The request parser against tables: what it takes and how it reads it, what it refuses and with which status; each row
   whole, byte by byte, and split at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/parser.h"

#define HOST "Host: ca.test\r\n"
/* A slice in a table: SLICE_LIT is no constant expression. */
#define TEXT(text)                                                                                                     \
  { (const uint8_t *)("" text), sizeof(text) - 1 }

struct outcome {
  enum http_parse verdict;
  bool head;
  size_t left;
};

/* Feeds `text` in pieces of `step` bytes until the parser wants no more. */
static struct outcome feed(struct http_parser *p, struct slice text, size_t step) {
  struct outcome o = {.verdict = HTTP_PARSE_MORE};
  while (o.verdict == HTTP_PARSE_MORE && text.n) {
    size_t n = step < text.n ? step : text.n;
    /* A copy of exact size, so that a sanitizer sees a read too far. */
    uint8_t *piece = malloc(n);
    assert_non_null(piece);
    memcpy(piece, text.p, n);
    struct slice in = slice_of(piece, n);
    o.verdict = http_parser_feed(p, &in);
    if (o.verdict == HTTP_PARSE_HEAD) {
      o.head = true;
      o.verdict = http_parser_feed(p, &in);
    }
    text = slice_skip(text, n - in.n);
    free(piece);
  }
  o.left = text.n;
  return o;
}

struct refusal {
  const char *name;
  int status;
  struct slice text;
};

#define REFUSED(name, status, text)                                                                                    \
  { name, status, TEXT(text) }

static const struct refusal refusals[] = {
  /* The fourteen. */
  REFUSED("length and coding", 400,
          "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  REFUSED("two lengths", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"),
  REFUSED("signed length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +4\r\n\r\nabcd"),
  REFUSED("listed length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 4, 4\r\n\r\nabcd"),
  REFUSED("space before colon", 400, "GET / HTTP/1.1\r\nHost : ca.test\r\n\r\n"),
  REFUSED("folded line", 400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"),
  REFUSED("bare LF", 400, "GET / HTTP/1.1\nHost: ca.test\n\n"),
  REFUSED("no host", 400, "GET / HTTP/1.1\r\nX: a\r\n\r\n"),
  REFUSED("two hosts", 400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"),
  REFUSED("NUL in a value", 400, "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
  REFUSED("chunked in 1.0", 400, "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  REFUSED("chunk size 0x4", 400,
          "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n"),
  REFUSED("xchunked", 501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
  REFUSED("lower-case method", 400, "get / HTTP/1.1\r\n" HOST "\r\n"),
  /* Request line. */
  REFUSED("two spaces", 400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("space at the end", 400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
  REFUSED("tab", 400, "GET\t/\tHTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("no version", 400, "GET /\r\n" HOST "\r\n"),
  REFUSED("lower-case version", 400, "GET / http/1.1\r\n" HOST "\r\n"),
  REFUSED("version 2", 505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
  REFUSED("version 1.2", 505, "GET / HTTP/1.2\r\n" HOST "\r\n"),
  REFUSED("HTTP/2 preface", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  REFUSED("empty method", 400, " / HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("mixed-case method", 400, "Get / HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("unknown method", 501, "BREW / HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("CONNECT", 501, "CONNECT ca.test:443 HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("two empty lines before", 400, "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("bare CR in the line", 400, "GET /\rx HTTP/1.1\r\n" HOST "\r\n"),
  /* Target. */
  REFUSED("no slash", 400, "GET x HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("asterisk with GET", 400, "GET * HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("fragment", 400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("bad escape", 400, "GET /%4 HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("bad escape digit", 400, "GET /%4g HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("raw UTF-8", 400, "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("backslash", 400, "GET /a\\b HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("absolute, other host", 400, "GET http://other.test/ HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("absolute, user", 400, "GET http://u@ca.test/ HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("absolute, no path", 400, "GET http://ca.test HTTP/1.1\r\n" HOST "\r\n"),
  REFUSED("absolute, other scheme", 400, "GET ftp://ca.test/ HTTP/1.1\r\n" HOST "\r\n"),
  /* Headers. */
  REFUSED("no colon", 400, "GET / HTTP/1.1\r\n" HOST "X\r\n\r\n"),
  REFUSED("empty name", 400, "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n"),
  REFUSED("name with a space", 400, "GET / HTTP/1.1\r\n" HOST "X Y: a\r\n\r\n"),
  REFUSED("fold before any header", 400, "GET / HTTP/1.1\r\n Host: ca.test\r\n\r\n"),
  REFUSED("bare CR in a value", 400, "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n"),
  REFUSED("DEL in a value", 400, "GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n"),
  REFUSED("bare LF after headers", 400, "GET / HTTP/1.1\r\n" HOST "X: a\n\r\n"),
  REFUSED("empty host", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
  REFUSED("host with a path", 400, "GET / HTTP/1.1\r\nHost: ca.test/x\r\n\r\n"),
  REFUSED("host with a user", 400, "GET / HTTP/1.1\r\nHost: u@ca.test\r\n\r\n"),
  REFUSED("host list", 400, "GET / HTTP/1.1\r\nHost: ca.test, b.test\r\n\r\n"),
  REFUSED("port 0", 400, "GET / HTTP/1.1\r\nHost: ca.test:0\r\n\r\n"),
  REFUSED("port 65536", 400, "GET / HTTP/1.1\r\nHost: ca.test:65536\r\n\r\n"),
  REFUSED("two types", 400,
          "POST / HTTP/1.1\r\n" HOST "Content-Type: a/b\r\ncontent-type: a/b\r\nContent-Length: 0\r\n\r\n"),
  REFUSED("same length twice", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"),
  REFUSED("two codings", 400,
          "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  REFUSED("coding list", 501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
  REFUSED("unknown expectation", 417, "POST / HTTP/1.1\r\n" HOST "Expect: tea\r\nContent-Length: 1\r\n\r\na"),
  /* Content. */
  REFUSED("length with a zero before", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 04\r\n\r\nabcd"),
  REFUSED("negative length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n"),
  REFUSED("empty length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"),
  REFUSED("hex length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x4\r\n\r\nabcd"),
  REFUSED("body too long", 413, "POST / HTTP/1.1\r\n" HOST "Content-Length: 50001\r\n\r\n"),
  REFUSED("length of 2^64 + 4", 413, "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551620\r\n\r\nabcd"),
  REFUSED("GET with content", 400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nabcd"),
  REFUSED("HEAD, chunked", 400, "HEAD / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
/* Chunks. */
#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
  REFUSED("empty chunk size", 400, CHUNKED "\r\nabcd\r\n0\r\n\r\n"),
  REFUSED("signed chunk size", 400, CHUNKED "+4\r\nabcd\r\n0\r\n\r\n"),
  REFUSED("space before chunk size", 400, CHUNKED " 4\r\nabcd\r\n0\r\n\r\n"),
  REFUSED("space after chunk size", 400, CHUNKED "4 \r\nabcd\r\n0\r\n\r\n"),
  REFUSED("nine digits", 400, CHUNKED "000000004\r\nabcd\r\n0\r\n\r\n"),
  REFUSED("chunk over the limit", 413, CHUNKED "c351\r\n"),
  REFUSED("huge chunk", 413, CHUNKED "ffffffff\r\n"),
  REFUSED("bare LF after the size", 400, CHUNKED "4\nabcd\r\n0\r\n\r\n"),
  REFUSED("bare LF after the data", 400, CHUNKED "4\r\nabcd\n0\r\n\r\n"),
  REFUSED("chunk too short", 400, CHUNKED "4\r\nabcde\r\n0\r\n\r\n"),
  REFUSED("LF in an extension", 400, CHUNKED "4;a\nb\r\nabcd\r\n0\r\n\r\n"),
  REFUSED("trailer", 400, CHUNKED "4\r\nabcd\r\n0\r\nX: a\r\n\r\n"),
  REFUSED("bare LF at the end", 400, CHUNKED "0\r\n\n"),
};

static void refuse(const struct refusal *row, size_t step) {
  struct http_parser p;
  http_parser_init(&p);
  struct outcome o = feed(&p, row->text, step);
  if (o.verdict != HTTP_PARSE_BAD || p.status != row->status || !p.why)
    fail_msg("%s, in steps of %zu: verdict %d, status %d", row->name, step, o.verdict, p.status);
  /* It stays refused. */
  struct slice more = SLICE_LIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert_int_equal(http_parser_feed(&p, &more), HTTP_PARSE_BAD);
  http_parser_clear(&p);
}

static void test_refusals(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
    for (size_t step = 1; step <= refusals[i].text.n; step++)
      refuse(&refusals[i], step);
}

struct taken {
  const char *name;
  struct slice text;
  unsigned method;
  const char *path, *query, *host, *body;
  bool close, expect;
  size_t left; /* bytes of a next request */
};

static const struct taken accepted[] = {
  {"plain", TEXT("GET /a/b?c=d HTTP/1.1\r\n" HOST "\r\n"), HTTP_GET, "/a/b", "c=d", "ca.test", "", false, false, 0},
  {"empty query", TEXT("GET /? HTTP/1.1\r\n" HOST "\r\n"), HTTP_GET, "/", "", "ca.test", "", false, false, 0},
  {"question in the query", TEXT("GET /?a?b HTTP/1.1\r\n" HOST "\r\n"), HTTP_GET, "/", "a?b", "ca.test", "", false,
   false, 0},
  {"escapes stay", TEXT("GET /%2e%2E/ HTTP/1.1\r\n" HOST "\r\n"), HTTP_GET, "/%2e%2E/", "", "ca.test", "", false, false,
   0},
  {"one empty line before", TEXT("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), HTTP_GET, "/", "", "ca.test", "", false, false,
   0},
  {"HTTP/1.0 closes", TEXT("GET / HTTP/1.0\r\n\r\n"), HTTP_GET, "/", "", "", "", true, false, 0},
  {"HTTP/1.0 keep-alive closes too", TEXT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), HTTP_GET, "/", "", "",
   "", true, false, 0},
  {"close", TEXT("GET / HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\n"), HTTP_GET, "/", "", "ca.test", "", true,
   false, 0},
  {"close is a word", TEXT("GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n"), HTTP_GET, "/", "", "ca.test", "",
   false, false, 0},
  {"host with a port", TEXT("GET / HTTP/1.1\r\nhost:\tca.test:14000 \r\n\r\n"), HTTP_GET, "/", "", "ca.test:14000", "",
   false, false, 0},
  {"IPv6 host", TEXT("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), HTTP_GET, "/", "", "[::1]:80", "", false, false, 0},
  {"absolute", TEXT("GET HTTPS://CA.test/x?y HTTP/1.1\r\n" HOST "\r\n"), HTTP_GET, "/x", "y", "ca.test", "", false,
   false, 0},
  {"OPTIONS *", TEXT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), HTTP_OPTIONS, "*", "", "ca.test", "", false, false, 0},
  {"HEAD", TEXT("HEAD / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"), HTTP_HEAD, "/", "", "ca.test", "", false,
   false, 0},
  {"PUT is known", TEXT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na"), 0, "/", "", "ca.test", "a", false,
   false, 0},
  {"POST", TEXT("POST /x HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nabcdGET"), HTTP_POST, "/x", "", "ca.test", "abcd",
   false, false, 3},
  {"POST without content", TEXT("POST /x HTTP/1.1\r\n" HOST "\r\n"), HTTP_POST, "/x", "", "ca.test", "", false, false,
   0},
  {"expect", TEXT("POST /x HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\na"), HTTP_POST, "/x",
   "", "ca.test", "a", false, true, 0},
  {"chunks", TEXT(CHUNKED "4\r\nabcd\r\nA\r\n0123456789\r\n0\r\n\r\nGET /"), HTTP_POST, "/", "", "ca.test",
   "abcd0123456789", false, false, 5},
  {"chunked, other case", TEXT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
   HTTP_POST, "/", "", "ca.test", "a", false, false, 0},
  {"chunk extension", TEXT(CHUNKED "4;a=\"b\"\r\nabcd\r\n000;c\r\n\r\n"), HTTP_POST, "/", "", "ca.test", "abcd", false,
   false, 0},
  {"no chunk", TEXT(CHUNKED "0\r\n\r\n"), HTTP_POST, "/", "", "ca.test", "", false, false, 0},
};

static void take(const struct taken *row, size_t step) {
  struct http_parser p;
  http_parser_init(&p);
  for (int round = 0; round < 2; round++) {
    struct outcome o = feed(&p, row->text, step);
    /* What follows may already have been fed, but not read. */
    bool same = o.verdict == HTTP_PARSE_DONE && o.head && (unsigned)p.rq.method == row->method &&
                slice_eq_str(p.rq.path, row->path) && slice_eq_str(p.rq.query, row->query) &&
                slice_eq_str(p.rq.host, row->host) && slice_eq_str(p.rq.body, row->body) && p.close == row->close &&
                p.expect_continue == row->expect && o.left == row->left;
    if (!same)
      fail_msg("%s, in steps of %zu: verdict %d, %zu left, %s", row->name, step, o.verdict, o.left,
               p.why ? p.why : "no reason");
    http_parser_reset(&p);
    assert_int_equal(p.rq.headers_n, 0);
  }
  http_parser_clear(&p);
}

static void test_accepted(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
    for (size_t step = 1; step <= accepted[i].text.n; step++)
      take(&accepted[i], step);
}

static int status_of(struct slice text) {
  struct http_parser p;
  http_parser_init(&p);
  struct outcome o = feed(&p, text, 4096);
  int status = o.verdict == HTTP_PARSE_BAD ? p.status : o.verdict == HTTP_PARSE_DONE ? 200 : 0;
  http_parser_clear(&p);
  return status;
}

/* `start`, `n` times `unit`, `end`. */
static int repeated(const char *start, size_t n, const char *unit, const char *end) {
  AUTO_BUF b;
  buf_init(&b, 1 << 20);
  buf_put_str(&b, start);
  for (size_t i = 0; i < n; i++)
    buf_put_str(&b, unit);
  buf_put_str(&b, end);
  assert_false(b.failed);
  return status_of(buf_slice(&b));
}

static void test_limits(void **state) {
  (void)state;
  const char *end = " HTTP/1.1\r\n" HOST "\r\n", *start = "GET / HTTP/1.1\r\n" HOST;
  assert_int_equal(repeated("GET /", HTTP_TARGET_MAX - 1, "a", end), 200);
  assert_int_equal(repeated("GET /", HTTP_TARGET_MAX, "a", end), 414);
  assert_int_equal(repeated("GET /", HTTP_HEAD_MAX * 2, "a", end), 414);
  assert_int_equal(repeated(start, HTTP_HEADERS_MAX - 1, "X: a\r\n", "\r\n"), 200);
  assert_int_equal(repeated(start, HTTP_HEADERS_MAX, "X: a\r\n", "\r\n"), 431);
  assert_int_equal(repeated("GET / HTTP/1.1\r\n" HOST "X: ", HTTP_HEAD_MAX - 100, "a", "\r\n\r\n"), 200);
  assert_int_equal(repeated("GET / HTTP/1.1\r\n" HOST "X: ", HTTP_HEAD_MAX, "a", "\r\n\r\n"), 431);
  start = "POST / HTTP/1.1\r\n" HOST "Content-Length: 50000\r\n\r\n";
  assert_int_equal(repeated(start, HTTP_BODY_MAX, "a", ""), 200);
  assert_int_equal(repeated(CHUNKED, HTTP_BODY_MAX / 10, "a\r\n0123456789\r\n", "0\r\n\r\n"), 200);
  assert_int_equal(repeated(CHUNKED, HTTP_BODY_MAX / 10, "a\r\n0123456789\r\n", "1\r\na\r\n0\r\n\r\n"), 413);
  /* Chunks of one byte spend more on framing than they carry. */
  assert_int_equal(repeated(CHUNKED, 10000, "1\r\na\r\n", "0\r\n\r\n"), 200);
  assert_int_equal(repeated(CHUNKED, 20000, "1\r\na\r\n", "0\r\n\r\n"), 413);
  assert_int_equal(repeated(CHUNKED "1;", 70000, "x", "\r\na\r\n0\r\n\r\n"), 413);
}

static void test_headers(void **state) {
  (void)state;
  struct http_parser p;
  http_parser_init(&p);
  struct slice text =
    SLICE_LIT("GET / HTTP/1.1\r\n" HOST "Accept:  a \t\r\nAccept: b\r\nX-Empty:\r\nX-High: \xff\r\n\r\n");
  assert_int_equal(feed(&p, text, 1000).verdict, HTTP_PARSE_DONE);
  assert_int_equal(p.rq.headers_n, 5);
  assert_true(slice_eq_str(p.rq.headers[1].value, "a"));
  assert_true(slice_eq_str(http_header_get(&p.rq, "HOST"), "ca.test"));
  assert_null(http_header_get(&p.rq, "accept").p); /* there are two */
  assert_null(http_header_get(&p.rq, "x-none").p);
  assert_non_null(http_header_get(&p.rq, "x-empty").p);
  assert_int_equal(http_header_get(&p.rq, "x-empty").n, 0);
  assert_true(slice_eq_str(http_header_get(&p.rq, "x-high"), "\xff"));
  http_parser_clear(&p);
}

static void test_pipelined(void **state) {
  (void)state;
  struct slice in = SLICE_LIT("POST /1 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab"
                              "POST /2 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\ncd\r\n0\r\n\r\n"
                              "GET /3 HTTP/1.1\r\n" HOST "\r\n");
  static const char *const path[] = {"/1", "/2", "/3"}, *const body[] = {"ab", "cd", ""};
  struct http_parser p;
  http_parser_init(&p);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(http_parser_feed(&p, &in), HTTP_PARSE_HEAD);
    assert_int_equal(http_parser_feed(&p, &in), HTTP_PARSE_DONE);
    assert_true(slice_eq_str(p.rq.path, path[i]));
    assert_true(slice_eq_str(p.rq.body, body[i]));
    http_parser_reset(&p);
  }
  assert_int_equal(in.n, 0);
  http_parser_clear(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_refusals), cmocka_unit_test(test_accepted),  cmocka_unit_test(test_limits),
    cmocka_unit_test(test_headers),  cmocka_unit_test(test_pipelined),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
