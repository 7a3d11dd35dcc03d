#include "http/parser.h"

#include "http/target.h"

/* A chunked body may spend that much on sizes, extensions and line ends: over 10,000 chunks. */
enum { FRAMING_MAX = 65536, REQUEST_LINE_MAX = HTTP_TARGET_MAX + 32 };

void http_parser_init(struct http_parser *p) {
  *p = (struct http_parser){0};
  buf_init(&p->head, HTTP_HEAD_MAX);
  buf_init(&p->body, HTTP_BODY_MAX);
}

void http_parser_clear(struct http_parser *p) {
  buf_clear(&p->head);
  buf_clear(&p->body);
}

void http_parser_reset(struct http_parser *p) {
  struct buf head = p->head, body = p->body;
  buf_reset(&head);
  buf_reset(&body);
  *p = (struct http_parser){.head = head, .body = body};
}

static bool bad(struct http_parser *p, int status, const char *why) {
  p->state = PARSE_BAD;
  p->status = status;
  p->why = why;
  return false;
}

/* Takes the bytes of `s` up to `c`, and the byte itself from both. */
static bool take_until(struct slice *s, char c, struct slice *before) {
  const uint8_t *at = s->n ? memchr(s->p, c, s->n) : NULL;
  if (!at)
    return false;
  *before = slice_of(s->p, (size_t)(at - s->p));
  *s = slice_skip(*s, before->n + 1);
  return true;
}

/* RFC 9110, 9.1: methods are case-sensitive. All registered ones are upper-case, so "get" is somebody's mistake. */
static bool read_method(struct http_parser *p, struct slice method) {
  static const struct {
    const char *name;
    unsigned method; /* 0: known, on no route */
  } known[] = {{"GET", HTTP_GET}, {"HEAD", HTTP_HEAD}, {"POST", HTTP_POST}, {"OPTIONS", HTTP_OPTIONS},
               {"PUT", 0},        {"DELETE", 0},       {"PATCH", 0},        {"TRACE", 0}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (slice_eq_str(method, known[i].name)) {
      p->rq.method = (enum http_method)known[i].method;
      return true;
    }
  for (size_t i = 0; i < method.n; i++)
    if (method.p[i] < 'A' || method.p[i] > 'Z')
      return bad(p, 400, "The method is malformed.");
  return bad(p, method.n ? 501 : 400, "This method is not implemented.");
}

/* RFC 9112, 3: method SP request-target SP HTTP-version, single spaces, nothing else. */
static bool read_request_line(struct http_parser *p, struct slice line, struct http_target *target) {
  struct slice method, text;
  if (!take_until(&line, ' ', &method) || !take_until(&line, ' ', &text))
    return bad(p, 400, "The request line is malformed.");
  if (line.n != 8 || memcmp(line.p, "HTTP/", 5) != 0 || line.p[5] < '0' || line.p[5] > '9' || line.p[6] != '.' ||
      line.p[7] < '0' || line.p[7] > '9')
    return bad(p, 400, "The request line is malformed.");
  if (line.p[5] != '1' || line.p[7] > '1')
    return bad(p, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
  p->close = line.p[7] == '0';
  if (!read_method(p, method))
    return false;
  if (text.n > HTTP_TARGET_MAX)
    return bad(p, 414, "The request target is too long.");
  if (!target_parse(text, p->rq.method == HTTP_OPTIONS, target))
    return bad(p, 400, "The request target is malformed.");
  p->rq.target = text;
  p->rq.path = target->path;
  p->rq.query = target->query;
  p->named = true;
  return true;
}

/* RFC 9112, 5: field-name ":" OWS field-value OWS. White space before the colon and line folding are refused. */
static bool read_header(struct http_parser *p, struct slice line) {
  size_t name = 0;
  while (name < line.n && http_is_token(line.p[name]))
    name++;
  if (name == 0 || name == line.n || line.p[name] != ':')
    return bad(p, 400, "A header line is malformed.");
  struct slice value = slice_skip(line, name + 1);
  while (value.n && (value.p[0] == ' ' || value.p[0] == '\t'))
    value = slice_skip(value, 1);
  while (value.n && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t'))
    value.n--;
  for (size_t i = 0; i < value.n; i++)
    if ((value.p[i] < 0x20 && value.p[i] != '\t') || value.p[i] == 0x7f)
      return bad(p, 400, "A header value holds a control character.");
  if (p->rq.headers_n == HTTP_HEADERS_MAX)
    return bad(p, 431, "There are too many headers.");
  p->headers[p->rq.headers_n++] = (struct http_header){slice_of(line.p, name), value};
  return true;
}

static bool read_content_length(struct http_parser *p, struct slice value, size_t *length) {
  if (value.n == 0 || (value.n > 1 && value.p[0] == '0'))
    return bad(p, 400, "Content-Length is malformed.");
  size_t n = 0;
  for (size_t i = 0; i < value.n; i++) {
    if (value.p[i] < '0' || value.p[i] > '9')
      return bad(p, 400, "Content-Length is malformed.");
    /* Stays above the limit instead of overflowing. */
    n = n > HTTP_BODY_MAX ? n : n * 10 + (size_t)(value.p[i] - '0');
  }
  *length = n;
  return true;
}

/* RFC 9110, 7.6.1: of the connection options only "close" means something here. Keep-alive with HTTP/1.0 is not
 * offered. */
static void read_connection(struct http_parser *p, struct slice value) {
  struct slice option;
  while (value.n) {
    if (!take_until(&value, ',', &option)) {
      option = value;
      value = SLICE_NONE;
    }
    while (option.n && (option.p[0] == ' ' || option.p[0] == '\t'))
      option = slice_skip(option, 1);
    while (option.n && (option.p[option.n - 1] == ' ' || option.p[option.n - 1] == '\t'))
      option.n--;
    if (slice_eq_nocase(option, SLICE_LIT("close")))
      p->close = true;
  }
}

/* Headers that decide how the message is read or what it is about: a second one is an ambiguity (RFC 9110, 5.3). */
enum single { HOST, CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT, CONTENT_TYPE, CONTENT_ENCODING, AUTHORIZATION, SINGLES };

static bool read_singles(struct http_parser *p, struct slice value[SINGLES]) {
  static const char *const name[SINGLES] = {"host",         "content-length",   "transfer-encoding", "expect",
                                            "content-type", "content-encoding", "authorization"};
  for (size_t h = 0; h < p->rq.headers_n; h++) {
    if (slice_eq_nocase(p->headers[h].name, SLICE_LIT("connection")))
      read_connection(p, p->headers[h].value);
    for (size_t s = 0; s < SINGLES; s++) {
      if (!slice_eq_nocase(p->headers[h].name, slice_str(name[s])))
        continue;
      if (value[s].p)
        return bad(p, 400, "A header that may come only once came twice.");
      value[s] = p->headers[h].value;
    }
  }
  return true;
}

/* RFC 9112, 3.2: one Host in every HTTP/1.1 request; with an absolute target both must agree. */
static bool read_host(struct http_parser *p, struct slice host, struct slice authority, bool http_1_0) {
  if (!host.p)
    return http_1_0 ? true : bad(p, 400, "There is no Host header.");
  if (!host_is_valid(host))
    return bad(p, 400, "The Host header is malformed.");
  if (authority.n && !slice_eq_nocase(host, authority))
    return bad(p, 400, "The Host header contradicts the request target.");
  p->rq.host = host;
  return true;
}

/* RFC 9112, 6: how the body is delimited. */
static bool read_framing(struct http_parser *p, struct slice length, struct slice coding, bool http_1_0) {
  if (coding.p && length.p)
    return bad(p, 400, "Content-Length and Transfer-Encoding exclude each other.");
  if (coding.p && http_1_0)
    return bad(p, 400, "HTTP/1.0 has no Transfer-Encoding.");
  if (coding.p && !slice_eq_nocase(coding, SLICE_LIT("chunked")))
    return bad(p, 501, "The only transfer coding spoken here is chunked.");
  if (length.p && !read_content_length(p, length, &p->left))
    return false;
  p->has_content = coding.p || p->left > 0;
  /* RFC 9110, 9.3.1: content in a GET has no meaning and is a known way to smuggle a request. */
  if (p->has_content && p->rq.method != HTTP_POST && p->rq.method != 0)
    return bad(p, 400, "This method takes no content.");
  if (p->left > HTTP_BODY_MAX)
    return bad(p, 413, "The request body is larger than 50000 bytes");
  p->state = PARSE_HEAD_DONE;
  p->digits = 0;
  p->framing = coding.p ? 1 : 0; /* more than 0: chunked */
  return true;
}

static bool read_head(struct http_parser *p) {
  struct slice rest = buf_slice(&p->head), line;
  struct http_target target = {0};
  p->rq.headers = p->headers;
  for (bool first = true; take_until(&rest, '\n', &line); first = false) {
    line.n--; /* its CR, seen in read_lines */
    if (line.n == 0)
      break;
    if (memchr(line.p, '\r', line.n) || memchr(line.p, 0, line.n))
      return bad(p, 400, "The head holds a bare CR or a NUL.");
    if (first ? !read_request_line(p, line, &target) : !read_header(p, line))
      return false;
  }
  bool http_1_0 = p->close;
  struct slice value[SINGLES] = {{0}};
  if (!read_singles(p, value) || !read_host(p, value[HOST], target.authority, http_1_0) ||
      !read_framing(p, value[CONTENT_LENGTH], value[TRANSFER_ENCODING], http_1_0))
    return false;
  if (value[EXPECT].p && !slice_eq_nocase(value[EXPECT], SLICE_LIT("100-continue")))
    return bad(p, 417, "The only expectation met here is 100-continue.");
  p->expect_continue = value[EXPECT].p && p->has_content && !http_1_0;
  return true;
}

/* Gathers the head line by line; true when it is complete. */
static bool read_lines(struct http_parser *p, struct slice *in) {
  while (in->n) {
    const uint8_t *lf = memchr(in->p, '\n', in->n);
    size_t n = lf ? (size_t)(lf - in->p) + 1 : in->n;
    if (p->line == 0 && p->head.n + n > REQUEST_LINE_MAX)
      return bad(p, 414, "The request target is too long.");
    buf_put(&p->head, slice_of(in->p, n));
    if (p->head.failed)
      return bad(p, 431, "The head of the request is too long.");
    *in = slice_skip(*in, n);
    size_t line = p->head.n - p->line;
    if (!lf)
      return false;
    /* RFC 9112, 2.2: a bare LF may be taken for a line end; taking it is how parsers come to disagree. */
    if (line < 2 || p->head.p[p->head.n - 2] != '\r')
      return bad(p, 400, "A line ends in a bare LF.");
    if (line > 2) {
      p->line = p->head.n;
      continue;
    }
    if (p->line > 0)
      return true;
    /* RFC 9112, 2.2: an empty line before the request, sent by old clients after a body, is skipped; once. */
    if (p->skipped)
      return bad(p, 400, "The request line is missing.");
    p->skipped = true;
    buf_reset(&p->head);
  }
  return false;
}

/* Content up to the end of the body or chunk. */
static bool read_content(struct http_parser *p, struct slice *in) {
  size_t n = in->n < p->left ? in->n : p->left;
  buf_put(&p->body, slice_of(in->p, n));
  if (p->body.failed)
    return bad(p, 413, "The request body is larger than 50000 bytes");
  *in = slice_skip(*in, n);
  p->left -= n;
  return p->left == 0;
}

static int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 9112, 7.1: one byte of chunk-size, digits only: "0x4", "+4" and " 4" are refused. */
static bool read_chunk_size(struct http_parser *p, uint8_t c) {
  int digit = hex_digit(c);
  if (digit >= 0) {
    if (++p->digits > 8)
      return bad(p, 400, "A chunk size is malformed.");
    p->left = p->left * 16 + (size_t)digit;
    return true;
  }
  if (p->digits == 0 || (c != '\r' && c != ';'))
    return bad(p, 400, "A chunk size is malformed.");
  if (p->left > HTTP_BODY_MAX - p->body.n)
    return bad(p, 413, "The request body is larger than 50000 bytes");
  p->state = c == ';' ? PARSE_CHUNK_EXTENSION : PARSE_CHUNK_SIZE_LF;
  return true;
}

/* One byte of the framing of a chunked body. Trailers are refused: nothing here would read them. */
static bool read_chunk_byte(struct http_parser *p, uint8_t c) {
  if (++p->framing > FRAMING_MAX)
    return bad(p, 413, "The chunks of the request body are too small.");
  if (p->state == PARSE_CHUNK_SIZE)
    return read_chunk_size(p, c);
  if (p->state == PARSE_CHUNK_EXTENSION) {
    if (c == '\r')
      p->state = PARSE_CHUNK_SIZE_LF;
    else if ((c < 0x20 && c != '\t') || c >= 0x7f)
      return bad(p, 400, "A chunk extension holds a control character.");
    return true;
  }
  bool cr = p->state == PARSE_CHUNK_CR || p->state == PARSE_END_CR;
  if (c != (cr ? '\r' : '\n'))
    return bad(p, 400, p->state == PARSE_END_CR ? "Trailers are not taken here." : "A chunk is malformed.");
  if (p->state == PARSE_CHUNK_SIZE_LF)
    p->state = p->left ? PARSE_CHUNK_DATA : PARSE_END_CR;
  else if (p->state == PARSE_CHUNK_CR)
    p->state = PARSE_CHUNK_LF;
  else if (p->state == PARSE_END_CR)
    p->state = PARSE_END_LF;
  else if (p->state == PARSE_END_LF)
    p->state = PARSE_DONE;
  else
    p->state = PARSE_CHUNK_SIZE, p->digits = 0;
  return true;
}

enum http_parse http_parser_feed(struct http_parser *p, struct slice *in) {
  for (;;) {
    switch (p->state) {
    case PARSE_LINES:
      if (read_lines(p, in) && read_head(p))
        return HTTP_PARSE_HEAD;
      if (p->state == PARSE_BAD)
        return HTTP_PARSE_BAD;
      return HTTP_PARSE_MORE;
    case PARSE_HEAD_DONE:
      p->state = p->framing ? PARSE_CHUNK_SIZE : p->left ? PARSE_BODY : PARSE_DONE;
      break;
    case PARSE_BODY:
    case PARSE_CHUNK_DATA:
      if (in->n == 0)
        return HTTP_PARSE_MORE;
      if (read_content(p, in))
        p->state = p->state == PARSE_BODY ? PARSE_DONE : PARSE_CHUNK_CR;
      break;
    case PARSE_CHUNK_SIZE:
    case PARSE_CHUNK_EXTENSION:
    case PARSE_CHUNK_SIZE_LF:
    case PARSE_CHUNK_CR:
    case PARSE_CHUNK_LF:
    case PARSE_END_CR:
    case PARSE_END_LF:
      if (in->n == 0)
        return HTTP_PARSE_MORE;
      if (read_chunk_byte(p, in->p[0]))
        *in = slice_skip(*in, 1);
      break;
    case PARSE_DONE:
      p->rq.body = buf_slice(&p->body);
      return HTTP_PARSE_DONE;
    case PARSE_BAD:
      return HTTP_PARSE_BAD;
    }
  }
}
