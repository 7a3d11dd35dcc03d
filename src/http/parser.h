/* Incremental parser of HTTP/1.1 requests (RFC 9112), strict: whatever two implementations may read differently is
   refused, because a request smuggled past a proxy in front of Avow would be answered to the wrong client. */
#ifndef AVOW_HTTP_PARSER_H
#define AVOW_HTTP_PARSER_H

#include "http/http.h"

enum http_parse {
  HTTP_PARSE_MORE, /* feed more bytes */
  HTTP_PARSE_HEAD, /* the head is complete and `rq` valid but for its body; said once, then feed on, even without bytes
                    */
  HTTP_PARSE_DONE, /* the request is complete; bytes of the next one were left in the input */
  HTTP_PARSE_BAD   /* answer with `status` and close: what follows in the connection has no meaning any more */
};

enum http_parse_state {
  PARSE_LINES,
  PARSE_HEAD_DONE,
  PARSE_BODY,
  PARSE_CHUNK_SIZE,
  PARSE_CHUNK_EXTENSION,
  PARSE_CHUNK_SIZE_LF,
  PARSE_CHUNK_DATA,
  PARSE_CHUNK_CR,
  PARSE_CHUNK_LF,
  PARSE_END_CR,
  PARSE_END_LF,
  PARSE_DONE,
  PARSE_BAD
};

struct http_parser {
  enum http_parse_state state;
  struct buf head; /* the bytes that rq's slices point into */
  struct buf body;
  size_t line;     /* where the current line starts in `head` */
  bool skipped;    /* one empty line before the request was dropped */
  size_t left;     /* bytes still to come of the body or chunk */
  unsigned digits; /* of the chunk size */
  size_t framing;  /* bytes of a chunked body that are not content */
  struct http_header headers[HTTP_HEADERS_MAX];

  struct http_request
    rq;                 /* `tls` and `peer` are the caller's to fill; method 0 is one that is known but never served */
  bool named;           /* rq.method, rq.path and rq.query are valid, also when BAD */
  bool close;           /* the client cannot or does not want to keep the connection */
  bool has_content;     /* a body follows the head */
  bool expect_continue; /* the client waits for 100 (Continue) before it sends the body (RFC 9110, 10.1.1) */
  int status;           /* when BAD: 400, 413, 414, 417, 431, 501 or 505 */
  const char *why;      /* when BAD: a sentence for the client */
};

void http_parser_init(struct http_parser *p);
void http_parser_clear(struct http_parser *p);
/* Ready for the next request; keeps the memory. */
void http_parser_reset(struct http_parser *p);
/* Reads from the front of `in` and moves it past what was read, at most to the end of one request. */
enum http_parse http_parser_feed(struct http_parser *p, struct slice *in);

#endif
