/* The server over loopback with a toy handler: connections, requests, workers, parking, time-outs, caps, stopping. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "http_client.h"

#define HOST "Host: ca.test\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define BOTH (ROUTE_TLS | ROUTE_PLAIN)

static struct server *serving; /* for handlers that cause events */
static atomic_int contexts[4]; /* requests that each worker ran */

static void count(void *context) {
  if (context)
    atomic_fetch_add((atomic_int *)context, 1);
}

static enum http_verdict echo(struct http_worker *w, void *context, struct http_exchange *x) {
  (void)w;
  count(context);
  x->rs.status = 200;
  http_header_put(&x->rs, "X-Param", "%.*s", (int)x->param[0].n, (const char *)x->param[0].p);
  buf_put(&x->rs.body, x->rq.path);
  buf_put_u8(&x->rs.body, ' ');
  buf_put(&x->rs.body, x->rq.body);
  return HTTP_ANSWER;
}

static enum http_verdict slow(struct http_worker *w, void *context, struct http_exchange *x) {
  usleep(300 * 1000);
  return echo(w, context, x);
}

/* Parks on the id in the path; the second segment is the time-out in ms. */
static enum http_verdict park(struct http_worker *w, void *context, struct http_exchange *x) {
  if (x->resumed)
    return echo(w, context, x);
  struct id128 id;
  x->state = arena_printf(x->arena, "kept");
  if (!id_parse(x->param[0], &id))
    return http_problem(&x->rs, ERR_MALFORMED, "no id"), HTTP_ANSWER;
  http_park(w, x, id, atoi(arena_str(x->arena, x->param[1])));
  return HTTP_PARK;
}

/* The event comes after http_park and before the park; three rounds. */
static enum http_verdict raced(struct http_worker *w, void *context, struct http_exchange *x) {
  int *rounds = x->state ? x->state : (x->state = arena_alloc(x->arena, sizeof *rounds));
  if (++*rounds > 3)
    return echo(w, context, x);
  struct id128 ids[2] = {id_make(clock_now_ms(), 1), id_make(clock_now_ms(), 2)};
  http_park(w, x, ids[0], 10000);
  http_park(w, x, ids[1], 10000);
  server_event(serving, ids[*rounds % 2]);
  return HTTP_PARK;
}

static enum http_verdict large(struct http_worker *w, void *context, struct http_exchange *x) {
  (void)w;
  (void)context;
  x->rs.status = 200;
  uint8_t *p = buf_extend(&x->rs.body, 8 << 20);
  assert_non_null(p);
  memset(p, 'x', 8 << 20);
  return HTTP_ANSWER;
}

static enum http_verdict forged(struct http_worker *w, void *context, struct http_exchange *x) {
  (void)w;
  (void)context;
  x->rs.status = 200;
  http_header_put(&x->rs, "X-Name", "%s", "a\r\nX-Forged: b");
  buf_put_str(&x->rs.body, "secret");
  return HTTP_ANSWER;
}

static enum http_verdict refuse(struct http_worker *w, void *context, struct http_exchange *x) {
  (void)w;
  (void)context;
  http_problem_with(&x->rs, ERR_BAD_ALGORITHM, "not \"that\"", "\"algorithms\":[\"ES256\"]");
  return HTTP_ANSWER;
}

static const struct http_route routes[] = {
  {"/acme/echo", HTTP_POST, BOTH | ROUTE_ACME, ROUTE_WORKER, echo, NULL, NULL, 0},
  {"/acme/echo/*", HTTP_GET | HTTP_POST, BOTH | ROUTE_ACME, ROUTE_WORKER, echo, NULL, NULL, 0},
  {"/acme/refuse", HTTP_GET, BOTH | ROUTE_ACME, ROUTE_WORKER, refuse, NULL, NULL, 0},
  {"/acme/secure", HTTP_GET, ROUTE_TLS | ROUTE_ACME, ROUTE_WORKER, echo, NULL, NULL, 0},
  {"/acme/**", 0, BOTH | ROUTE_ACME, ROUTE_NOT_FOUND, NULL, NULL, NULL, 0},
  {"/loop/**", HTTP_GET, BOTH, ROUTE_LOOP, echo, NULL, NULL, 0},
  {"/slow", HTTP_GET, BOTH, ROUTE_WORKER, slow, NULL, NULL, 0},
  {"/park/*/*", HTTP_GET, BOTH, ROUTE_WORKER, park, NULL, NULL, 0},
  {"/raced", HTTP_GET, BOTH, ROUTE_WORKER, raced, NULL, NULL, 0},
  {"/large", HTTP_GET, BOTH, ROUTE_WORKER, large, NULL, NULL, 0},
  {"/forged", HTTP_GET, BOTH, ROUTE_WORKER, forged, NULL, NULL, 0},
  {"/crl/*/*", HTTP_GET, BOTH, ROUTE_FILE, NULL, "application/pkix-crl", ".crl", 60},
};

static void decorate(void *decorator, const struct http_request *rq, struct http_response *rs) {
  if (rq->method == HTTP_POST)
    http_header_put(rs, "Replay-Nonce", "%s", (const char *)decorator);
}

static char nonce[] = "nonce";

static struct server_config config_of(size_t workers) {
  static void *given[4] = {&contexts[0], &contexts[1], &contexts[2], &contexts[3]};
  return (struct server_config){.published = -1,
                                .routes = routes,
                                .routes_n = sizeof routes / sizeof *routes,
                                .workers = workers,
                                .contexts = given,
                                .decorate = decorate,
                                .decorator = nonce};
}

static void prepare(struct server *s) {
  serving = s;
  assert_int_equal(
    server_static(s, "/", BOTH, SLICE_LIT("home"), "text/html; charset=utf-8", "Cache-Control: no-cache\r\n", NULL),
    AVOW_OK);
  assert_int_equal(
    server_static(s, "/directory", ROUTE_TLS | ROUTE_ACME, SLICE_LIT("{}"), "application/json", NULL, NULL), AVOW_OK);
}

#define START(workers)                                                                                                 \
  struct harness h;                                                                                                    \
  struct reply r = {0};                                                                                                \
  struct client c;                                                                                                     \
  harness_start(&h, config_of(workers), prepare)
#define END()                                                                                                          \
  reply_clear(&r);                                                                                                     \
  harness_stop(&h)

static void expect(const struct reply *r, int status, const char *body) {
  if (r->status != status || (body && strcmp(r->body ? r->body : "", body) != 0))
    fail_msg("status %d instead of %d, body <%s>", r->status, status, r->body ? r->body : "");
}

static void expect_header(const struct reply *r, const char *name, const char *value) {
  const char *found = reply_header(r, name);
  if ((found && value) ? strcmp(found, value) != 0 : (found || value))
    fail_msg("%s is <%s> instead of <%s>", name, found ? found : "absent", value ? value : "absent");
}

static void test_keep_alive(void **state) {
  (void)state;
  START(2);
  client_open(&c, h.plain);
  for (int i = 0; i < 20; i++) {
    client_ask(&c, &r, GET("/acme/echo/a"));
    expect(&r, 200, "/acme/echo/a ");
    expect_header(&r, "X-Param", "a");
    expect_header(&r, "Connection", NULL);
    assert_int_equal(strlen(reply_header(&r, "Date")), 29);
    client_ask(&c, &r, GET("/"));
    expect(&r, 200, "home");
    client_ask(&c, &r, GET("/loop/x/y"));
    expect(&r, 200, "/loop/x/y ");
    expect_header(&r, "X-Param", "x/y");
  }
  client_ask(&c, &r, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
  expect(&r, 200, "home");
  expect_header(&r, "Connection", "close");
  assert_true(client_ended(&c, 2000));
  client_close(&c);
  client_open(&c, h.plain);
  client_ask(&c, &r, "GET / HTTP/1.0\r\n\r\n");
  expect(&r, 200, "home");
  assert_true(client_ended(&c, 2000));
  client_close(&c);
  END();
}

static void test_pipelined(void **state) {
  (void)state;
  START(4);
  client_open(&c, h.plain);
  AUTO_BUF b;
  buf_init(&b, 1 << 20);
  for (int i = 0; i < 300; i++) {
    buf_printf(&b, "GET /acme/echo/%d HTTP/1.1\r\n" HOST "\r\n", i);
    buf_put_str(&b, GET("/") "POST /acme/echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
  }
  client_send_bytes(&c, buf_slice(&b));
  for (int i = 0; i < 300; i++) {
    char path[64];
    snprintf(path, sizeof path, "/acme/echo/%d ", i);
    client_reply(&c, &r, false);
    expect(&r, 200, path);
    client_reply(&c, &r, false);
    expect(&r, 200, "home");
    client_reply(&c, &r, false);
    expect(&r, 200, "/acme/echo abc");
  }
  client_close(&c);
  assert_int_equal(server_counts(h.server).requests, 900);
  END();
}

static void test_bytewise(void **state) {
  (void)state;
  START(1);
  client_open(&c, h.plain);
  const char *text =
    "POST /acme/echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (const char *p = text; *p; p++) {
    client_send_bytes(&c, slice_of(p, 1));
    usleep(200);
  }
  client_reply(&c, &r, false);
  expect(&r, 200, "/acme/echo abcde");
  client_close(&c);
  END();
}

static void test_head(void **state) {
  (void)state;
  START(1);
  client_open(&c, h.plain);
  client_ask(&c, &r, "HEAD /acme/echo/a HTTP/1.1\r\n" HOST "\r\n");
  expect(&r, 200, "");
  expect_header(&r, "Content-Length", "13");
  client_ask(&c, &r, "HEAD / HTTP/1.1\r\n" HOST "\r\n");
  expect(&r, 200, "");
  expect_header(&r, "Content-Length", "4");
  client_ask(&c, &r, "HEAD /none HTTP/1.1\r\n" HOST "\r\n");
  expect(&r, 404, "");
  client_ask(&c, &r, GET("/"));
  expect(&r, 200, "home");
  client_close(&c);
  END();
}

static void test_errors(void **state) {
  (void)state;
  START(1);
  const char *not_found = "{\"type\":\"urn:ietf:params:acme:error:malformed\",\"detail\":\"There is no such "
                          "object\",\"status\":404}";
  client_open(&c, h.plain);
  client_ask(&c, &r, GET("/acme/none"));
  expect(&r, 404, not_found);
  expect_header(&r, "Content-Type", "application/problem+json");
  expect_header(&r, "Access-Control-Allow-Origin", "*");
  client_ask(&c, &r, "POST /acme/none HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na");
  expect(&r, 404, not_found);
  expect_header(&r, "Replay-Nonce", "nonce");
  client_ask(&c, &r, GET("/acme/echo"));
  expect(&r, 405, NULL);
  expect_header(&r, "Allow", "POST, OPTIONS");
  expect_header(&r, "Content-Type", "application/problem+json");
  client_ask(&c, &r, "DELETE / HTTP/1.1\r\n" HOST "\r\n");
  expect(&r, 405, NULL);
  expect_header(&r, "Allow", "GET, HEAD, OPTIONS");
  expect_header(&r, "Content-Type", "text/plain; charset=utf-8");
  client_ask(&c, &r, "OPTIONS /acme/echo HTTP/1.1\r\n" HOST "Origin: https://a.test\r\n\r\n");
  expect(&r, 204, "");
  expect_header(&r, "Content-Length", NULL);
  expect_header(&r, "Access-Control-Allow-Methods", "POST, OPTIONS");
  expect_header(&r, "Access-Control-Allow-Headers", "Content-Type");
  client_ask(&c, &r, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
  expect(&r, 204, "");
  client_ask(&c, &r, GET("/directory"));
  expect(&r, 404, "This address exists only with https.\n");
  client_ask(&c, &r, GET("/acme/secure"));
  expect(&r, 404, "This address exists only with https.\n");
  client_ask(&c, &r, GET("/acme/refuse"));
  expect(&r, 400,
         "{\"type\":\"urn:ietf:params:acme:error:badSignatureAlgorithm\",\"detail\":\"not "
         "\\\"that\\\"\",\"status\":400,\"algorithms\":[\"ES256\"]}");
  client_ask(&c, &r, GET("/forged"));
  expect(&r, 500, NULL);
  expect_header(&r, "X-Forged", NULL);
  expect_header(&r, "Retry-After", "60");
  assert_null(strstr(r.body, "secret"));
  client_ask(&c, &r, GET("/"));
  expect(&r, 200, "home"); /* still the same connection */
  client_close(&c);
  END();
}

static void test_refusals_close(void **state) {
  (void)state;
  static const struct {
    int status;
    const char *text;
  } rows[] = {
    {400, "get / HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET / HTTP/1.1\nHost: a\n\n"},
    {400, "GET / HTTP/1.1\r\n\r\n"},
    {400, "POST /acme/echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST /acme/echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"},
    {413, "POST /acme/echo HTTP/1.1\r\n" HOST "Content-Length: 50001\r\n\r\n"},
    {414, NULL},
    {417, "POST /acme/echo HTTP/1.1\r\n" HOST "Expect: x\r\nContent-Length: 1\r\n\r\n"},
    {501, "BREW / HTTP/1.1\r\n" HOST "\r\n"},
    {505, "GET / HTTP/3.0\r\n" HOST "\r\n"},
    {405, "PUT /acme/echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n"},
  };
  START(1);
  char longest[HTTP_TARGET_MAX + 64];
  memset(longest, 'a', sizeof longest);
  memcpy(longest, "GET /", 5);
  longest[sizeof longest - 1] = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    client_open(&c, h.plain);
    client_ask(&c, &r, rows[i].text ? rows[i].text : longest);
    expect(&r, rows[i].status, NULL);
    expect_header(&r, "Connection", "close");
    expect_header(&r, "Retry-After", rows[i].status >= 500 ? "60" : NULL);
    if (rows[i].text && strstr(rows[i].text, "/acme/")) {
      expect_header(&r, "Content-Type", "application/problem+json");
      assert_non_null(strstr(r.body, "\"type\":\"urn:ietf:params:acme:error:malformed\""));
    }
    if (rows[i].status == 413)
      expect_header(&r, "Replay-Nonce", "nonce");
    assert_true(client_ended(&c, 2000));
    client_close(&c);
  }
  END();
}

/* A client that sends all of a body that is too long still reads why it was refused. */
static void test_large_body(void **state) {
  (void)state;
  START(1);
  AUTO_BUF b;
  buf_init(&b, 1 << 20);
  buf_put_str(&b, "POST /acme/echo HTTP/1.1\r\n" HOST "Content-Length: 700000\r\n\r\n");
  memset(buf_extend(&b, 700000), 'a', 700000);
  client_open(&c, h.plain);
  client_send_bytes(&c, buf_slice(&b));
  client_reply(&c, &r, false);
  expect(&r, 413, NULL);
  client_close(&c);
  buf_reset(&b);
  buf_put_str(&b, "POST /acme/echo HTTP/1.1\r\n" HOST "Content-Length: 50000\r\n\r\n");
  memset(buf_extend(&b, 50000), 'a', 50000);
  client_open(&c, h.plain);
  client_send_bytes(&c, buf_slice(&b));
  client_reply(&c, &r, false);
  expect(&r, 200, NULL);
  assert_int_equal(r.n, 50000 + strlen("/acme/echo "));
  client_close(&c);
  END();
}

static void test_continue(void **state) {
  (void)state;
  START(1);
  client_open(&c, h.plain);
#define EXPECT "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
  client_ask(&c, &r, "POST /acme/echo HTTP/1.1\r\n" HOST EXPECT);
  expect(&r, 100, "");
  client_ask(&c, &r, "abc");
  expect(&r, 200, "/acme/echo abc");
  /* With its body already there, the client needs no 100. */
  client_ask(&c, &r, "POST /acme/echo HTTP/1.1\r\n" HOST EXPECT "abc");
  expect(&r, 200, "/acme/echo abc");
  client_ask(&c, &r, "POST /acme/none HTTP/1.1\r\n" HOST EXPECT);
  expect(&r, 404, NULL);
  assert_true(client_ended(&c, 2000));
  client_close(&c);
  END();
}

static void park_request(char *out, size_t n, struct id128 id, int ms) {
  char text[ID_TEXT];
  snprintf(out, n, "GET /park/%s/%d HTTP/1.1\r\n" HOST "\r\n", id_text(id, text), ms);
}

static void wait_parked(struct harness *h, uint64_t n) {
  for (int i = 0; i < 5000 && server_counts(h->server).parked != n; i++)
    usleep(1000);
  assert_int_equal(server_counts(h->server).parked, n);
}

static void test_park(void **state) {
  (void)state;
  START(1);
  char text[200];
  struct id128 id = id_make(clock_now_ms(), 0);
  client_open(&c, h.plain);
  /* Its event. */
  int64_t began = now_ms();
  park_request(text, sizeof text, id, 10000);
  client_send(&c, text);
  wait_parked(&h, 1);
  server_event(h.server, id_make(clock_now_ms(), 0)); /* somebody else's */
  assert_false(client_ended(&c, 50));
  server_event(h.server, id);
  client_reply(&c, &r, false);
  expect(&r, 200, NULL);
  assert_true(now_ms() - began < 5000);
  /* Its time-out, twice: neither is early or very late. */
  for (int i = 0; i < 2; i++) {
    began = now_ms();
    park_request(text, sizeof text, id, 150);
    client_ask(&c, &r, text);
    expect(&r, 200, NULL);
    assert_in_range(now_ms() - began, 149, 2000);
  }
  /* An event before the park. */
  began = now_ms();
  client_ask(&c, &r, GET("/raced"));
  expect(&r, 200, NULL);
  assert_true(now_ms() - began < 5000);
  client_close(&c);
  /* A client that leaves while it is parked. */
  client_open(&c, h.plain);
  park_request(text, sizeof text, id, 300);
  client_send(&c, text);
  wait_parked(&h, 1);
  client_close(&c);
  wait_parked(&h, 0);
  END();
}

/* Hundreds wait while one worker keeps serving; one event frees those of one id. */
static void test_many_parked(void **state) {
  (void)state;
  enum { MANY = 300 };
  struct server_config config = config_of(1);
  config.address_max = 1000;
  config.queue_max = 1000;
  struct harness h;
  struct reply r = {0};
  harness_start(&h, config, prepare);
  static struct client clients[MANY];
  struct id128 ids[3];
  for (size_t i = 0; i < 3; i++)
    ids[i] = id_make(clock_now_ms(), (uint8_t)i);
  char text[200];
  for (size_t i = 0; i < MANY; i++) {
    client_open(&clients[i], h.plain);
    park_request(text, sizeof text, ids[i % 3], 15000);
    client_send(&clients[i], text);
  }
  wait_parked(&h, MANY);
  ask_once(h.plain, &r, GET("/acme/echo/a"));
  expect(&r, 200, NULL);
  for (size_t k = 0; k < 3; k++) {
    server_event(h.server, ids[k]);
    for (size_t i = k; i < MANY; i += 3) {
      client_reply(&clients[i], &r, false);
      expect(&r, 200, NULL);
      client_close(&clients[i]);
    }
    wait_parked(&h, MANY - (k + 1) * MANY / 3);
  }
  END();
}

static void test_timeouts(void **state) {
  (void)state;
  struct server_config config = config_of(1);
  config.header_ms = 200;
  config.body_ms = 300;
  config.idle_ms = 400;
  config.write_ms = 500;
  struct harness h;
  struct reply r = {0};
  struct client c;
  harness_start(&h, config, prepare);
  /* Nothing comes. */
  int64_t began = now_ms();
  client_open(&c, h.plain);
  assert_true(client_ended(&c, 5000));
  assert_in_range(now_ms() - began, 190, 3000);
  client_close(&c);
  /* The head drips in: each byte is in time, the whole is not. */
  began = now_ms();
  client_open(&c, h.plain);
  for (const char *p = "GET / HTTP/1.1"; *p && now_ms() - began < 400; p++) {
    client_send_bytes(&c, slice_of(p, 1));
    usleep(40 * 1000);
  }
  client_reply(&c, &r, false);
  expect(&r, 408, NULL);
  assert_true(client_ended(&c, 5000));
  client_close(&c);
  /* The body does not come. */
  client_open(&c, h.plain);
  began = now_ms();
  client_ask(&c, &r, "POST /acme/echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nab");
  expect(&r, 408, NULL);
  expect_header(&r, "Replay-Nonce", "nonce");
  assert_in_range(now_ms() - began, 290, 3000);
  client_close(&c);
  /* Idle after an answer. */
  client_open(&c, h.plain);
  client_ask(&c, &r, GET("/"));
  began = now_ms();
  assert_true(client_ended(&c, 5000));
  assert_in_range(now_ms() - began, 350, 3000);
  client_close(&c);
  /* The answer is not read. */
  client_open(&c, h.plain);
  client_send(&c, GET("/large"));
  usleep(50 * 1000);
  for (int i = 0; i < 500 && server_counts(h.server).connections > 0; i++)
    usleep(10 * 1000);
  assert_int_equal(server_counts(h.server).connections, 0);
  client_close(&c);
  END();
}

static void test_address_cap(void **state) {
  (void)state;
  struct server_config config = config_of(1);
  config.address_max = 3;
  struct harness h;
  struct reply r = {0};
  struct client c[4];
  harness_start(&h, config, prepare);
  for (size_t i = 0; i < 3; i++) {
    client_open(&c[i], h.plain);
    client_ask(&c[i], &r, GET("/"));
    expect(&r, 200, "home");
  }
  client_open(&c[3], h.plain);
  assert_true(client_ended(&c[3], 5000));
  client_close(&c[3]);
  assert_int_equal(server_counts(h.server).refused, 1);
  client_close(&c[0]);
  for (int i = 0; i < 500 && server_counts(h.server).connections > 2; i++)
    usleep(10 * 1000);
  client_open(&c[0], h.plain);
  client_ask(&c[0], &r, GET("/"));
  expect(&r, 200, "home");
  for (size_t i = 0; i < 3; i++)
    client_close(&c[i]);
  END();
}

static void test_connection_cap(void **state) {
  (void)state;
  struct server_config config = config_of(4);
  config.connections_max = 2;
  struct harness h;
  struct reply r = {0};
  struct client c[3];
  harness_start(&h, config, prepare);
  /* The one that has been idle for longest makes room. */
  for (size_t i = 0; i < 3; i++) {
    client_open(&c[i], h.plain);
    client_ask(&c[i], &r, GET("/"));
    expect(&r, 200, "home");
  }
  assert_true(client_ended(&c[0], 5000));
  client_close(&c[0]);
  /* Where none is idle, the new one waits its turn. */
  client_send(&c[1], GET("/slow"));
  client_send(&c[2], GET("/slow"));
  usleep(100 * 1000);
  client_open(&c[0], h.plain);
  int64_t began = now_ms();
  client_ask(&c[0], &r, GET("/"));
  expect(&r, 200, "home");
  assert_true(now_ms() - began > 50);
  client_close(&c[0]);
  for (size_t i = 1; i < 3; i++) {
    client_reply(&c[i], &r, false);
    if (r.status)
      expect(&r, 200, "/slow ");
    client_close(&c[i]);
  }
  END();
}

/* Out of descriptors before the cap: there too the one that has been idle for longest makes room. */
static void test_descriptors_run_out(void **state) {
  (void)state;
  struct harness h;
  struct reply r = {0};
  struct client c[3];
  harness_start(&h, config_of(4), prepare);
  for (size_t i = 0; i < 2; i++) {
    client_open(&c[i], h.plain);
    client_ask(&c[i], &r, GET("/"));
    expect(&r, 200, "home");
  }
  struct rlimit limit, before;
  int last = open("/dev/null", O_RDONLY | O_CLOEXEC);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  limit = before;
  limit.rlim_cur = (rlim_t)last + 1;
  close(last);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  client_open(&c[2], h.plain); /* takes the last one for its own end */
  client_ask(&c[2], &r, GET("/"));
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  expect(&r, 200, "home");
  assert_true(client_ended(&c[0], 5000));
  for (size_t i = 0; i < 3; i++)
    client_close(&c[i]);
  END();
}

static void test_overflow(void **state) {
  (void)state;
  struct server_config config = config_of(1);
  config.queue_max = 2;
  struct harness h;
  struct reply r = {0};
  struct client c[8];
  harness_start(&h, config, prepare);
  client_open(&c[0], h.plain);
  client_send(&c[0], GET("/slow"));
  usleep(100 * 1000);
  for (size_t i = 1; i < 8; i++) {
    client_open(&c[i], h.plain);
    client_send(&c[i], GET("/acme/echo/a"));
  }
  size_t good = 0, busy = 0;
  for (size_t i = 0; i < 8; i++) {
    client_reply(&c[i], &r, false);
    good += r.status == 200;
    busy += r.status == 503;
    if (r.status == 503)
      expect_header(&r, "Retry-After", "60");
    client_close(&c[i]);
  }
  assert_int_equal(good, 3);
  assert_int_equal(busy, 5);
  assert_int_equal(server_counts(h.server).overflowed, 5);
  ask_once(h.plain, &r, GET("/"));
  expect(&r, 200, "home");
  END();
}

static void write_file(int dir, const char *path, size_t n) {
  char *text = malloc(n);
  assert_non_null(text);
  for (size_t i = 0; i < n; i++)
    text[i] = (char)('a' + i % 23);
  assert_int_equal(file_replace(dir, path, slice_of(text, n), 0644, NULL), AVOW_OK);
  free(text);
}

static void test_files(void **state) {
  (void)state;
  char dir[] = "/tmp/avow-http-XXXXXX", request[512];
  assert_non_null(mkdtemp(dir));
  AUTO_FD published = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_int_equal(mkdirat(published, "crl", 0755), 0);
  assert_int_equal(mkdirat(published, "crl/I1", 0755), 0);
  write_file(published, "crl/I1/0.crl", 1000);
  write_file(published, "crl/I1/1.crl", 3 << 20);
  write_file(published, "crl/I1/0.txt", 10);
  write_file(published, "crl/I1/.x.crl", 10);
  assert_int_equal(symlinkat("0.crl", published, "crl/I1/2.crl"), 0);
  assert_int_equal(symlinkat("I1", published, "crl/I2"), 0);
  struct server_config config = config_of(1);
  config.published = published;
  struct harness h;
  struct reply r = {0};
  struct client c;
  harness_start(&h, config, prepare);
  client_open(&c, h.plain);
  client_ask(&c, &r, GET("/crl/I1/0.crl"));
  expect(&r, 200, NULL);
  assert_int_equal(r.n, 1000);
  expect_header(&r, "Content-Type", "application/pkix-crl");
  expect_header(&r, "Cache-Control", "public, max-age=60");
  char etag[100], date[100];
  snprintf(etag, sizeof etag, "%s", reply_header(&r, "ETag"));
  snprintf(date, sizeof date, "%s", reply_header(&r, "Last-Modified"));
  snprintf(request, sizeof request, "GET /crl/I1/0.crl HTTP/1.1\r\n" HOST "If-None-Match: \"x\", W/%s\r\n\r\n", etag);
  client_ask(&c, &r, request);
  expect(&r, 304, "");
  expect_header(&r, "Content-Length", NULL);
  expect_header(&r, "ETag", etag);
  snprintf(request, sizeof request, "GET /crl/I1/0.crl HTTP/1.1\r\n" HOST "If-Modified-Since: %s\r\n\r\n", date);
  client_ask(&c, &r, request);
  expect(&r, 304, "");
  write_file(published, "crl/I1/0.crl", 1001);
  snprintf(request, sizeof request, "GET /crl/I1/0.crl HTTP/1.1\r\n" HOST "If-None-Match: %s\r\n\r\n", etag);
  client_ask(&c, &r, request);
  expect(&r, 200, NULL);
  assert_int_equal(r.n, 1001);
  client_ask(&c, &r, "HEAD /crl/I1/1.crl HTTP/1.1\r\n" HOST "\r\n");
  expect(&r, 200, "");
  expect_header(&r, "Content-Length", "3145728");
  client_ask(&c, &r, GET("/crl/I1/1.crl"));
  expect(&r, 200, NULL);
  assert_int_equal(r.n, 3 << 20);
  for (size_t i = 0; i < r.n; i++)
    assert_int_equal(r.body[i], 'a' + (int)(i % 23));
  static const char *const none[] = {"/crl/I1/9.crl",      "/crl/I1/0.txt",    "/crl/I1/.x.crl", "/crl/I1/2.crl",
                                     "/crl/I2/0.crl",      "/crl/../I1/0.crl", "/crl/I1/",       "/crl/I1/%30.crl",
                                     "/crl/I1/..%2f0.crl", "/crl/I1/0.crl/..", "/crl//0.crl",    "/crl/I1/0.crl/"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST "\r\n", none[i]);
    client_ask(&c, &r, request);
    if (r.status != 404)
      fail_msg("%s: %d", none[i], r.status);
  }
  client_ask(&c, &r, "POST /crl/I1/0.crl HTTP/1.1\r\n" HOST "\r\n");
  expect(&r, 405, NULL);
  client_ask(&c, &r, GET("/"));
  snprintf(etag, sizeof etag, "%s", reply_header(&r, "ETag"));
  snprintf(request, sizeof request, "GET / HTTP/1.1\r\n" HOST "If-None-Match: %s\r\n\r\n", etag);
  client_ask(&c, &r, request);
  expect(&r, 304, "");
  client_close(&c);
  END();
  static const char *const paths[] = {"crl/I1/0.crl",  "crl/I1/1.crl", "crl/I1/0.txt",
                                      "crl/I1/.x.crl", "crl/I1/2.crl", "crl/I2"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
    assert_int_equal(unlinkat(published, paths[i], 0), 0);
  assert_int_equal(unlinkat(published, "crl/I1", AT_REMOVEDIR), 0);
  assert_int_equal(unlinkat(published, "crl", AT_REMOVEDIR), 0);
  assert_int_equal(rmdir(dir), 0);
}

/* What is in flight is answered; what is idle ends; nothing new begins. */
static void test_stop(void **state) {
  (void)state;
  struct server_config config = config_of(4);
  struct harness h;
  struct reply r = {0};
  struct client idle, busy, parked, partial, hesitant;
  char text[200];
  harness_start(&h, config, prepare);
  client_open(&idle, h.plain);
  client_ask(&idle, &r, GET("/"));
  client_open(&busy, h.plain);
  client_send(&busy, GET("/slow"));
  client_open(&parked, h.plain);
  struct id128 id = id_make(clock_now_ms(), 0);
  park_request(text, sizeof text, id, 500);
  client_send(&parked, text);
  client_open(&partial, h.plain);
  client_send(&partial, "POST /acme/echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\na");
  client_open(&hesitant, h.tls); /* no handshake */
  wait_parked(&h, 1);
  usleep(50 * 1000);
  server_stop(h.server);
  assert_true(client_ended(&idle, 5000));
  client_ask(&partial, &r, "bc");
  expect(&r, 200, "/acme/echo abc");
  expect_header(&r, "Connection", "close");
  client_reply(&busy, &r, false);
  expect(&r, 200, "/slow ");
  expect_header(&r, "Connection", "close");
  client_reply(&parked, &r, false);
  expect(&r, 200, NULL);
  assert_true(client_ended(&parked, 5000));
  client_close(&idle);
  client_close(&busy);
  client_close(&parked);
  client_close(&partial);
  client_close(&hesitant);
  harness_join(&h);
  END();
}

/* Those who do not finish are cut off when the time to drain is over. */
static void test_stop_late(void **state) {
  (void)state;
  struct server_config config = config_of(1);
  config.drain_ms = 200;
  struct harness h;
  struct reply r = {0};
  struct client partial, parked;
  char text[200];
  harness_start(&h, config, prepare);
  client_open(&partial, h.plain);
  client_send(&partial, "GET /");
  client_open(&parked, h.plain);
  park_request(text, sizeof text, id_make(clock_now_ms(), 0), 60000);
  client_send(&parked, text);
  wait_parked(&h, 1);
  usleep(50 * 1000);
  int64_t began = now_ms();
  server_stop(h.server);
  harness_join(&h);
  assert_in_range(now_ms() - began, 150, 3000);
  client_close(&partial);
  client_close(&parked);
  END();
}

static void test_loops(void **state) {
  (void)state;
  struct server_config config = config_of(2);
  config.loops = 3;
  struct harness h;
  struct reply r = {0};
  static struct client clients[60];
  harness_start(&h, config, prepare);
  for (size_t i = 0; i < 60; i++)
    client_open(&clients[i], h.plain);
  for (int round = 0; round < 5; round++) {
    for (size_t i = 0; i < 60; i++)
      client_send(&clients[i], i % 2 ? GET("/acme/echo/a") : GET("/raced"));
    for (size_t i = 0; i < 60; i++) {
      client_reply(&clients[i], &r, false);
      expect(&r, 200, i % 2 ? "/acme/echo/a " : "/raced ");
    }
  }
  for (size_t i = 0; i < 60; i++)
    client_close(&clients[i]);
  assert_true(contexts[0] > 0);
  END();
}

static void test_never_run(void **state) {
  (void)state;
  struct server *s;
  struct server_config config = config_of(2);
  assert_int_equal(server_new(&s, &config, NULL), AVOW_OK);
  server_free(s);
  server_free(NULL);
  assert_int_equal(server_new(&s, &config, NULL), AVOW_OK);
  server_stop(s); /* before it began */
  assert_int_equal(server_run(s, NULL), AVOW_OK);
  assert_int_equal(server_run(s, NULL), ERR_USAGE);
  server_free(s);
  config.plain_fds = &(int){-1};
  config.plain_n = 1;
  assert_int_equal(server_new(&s, &config, NULL), ERR_IO);
}

int main(void) {
  log_setup("test", LOG_ERROR);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_keep_alive),     cmocka_unit_test(test_pipelined),
    cmocka_unit_test(test_bytewise),       cmocka_unit_test(test_head),
    cmocka_unit_test(test_errors),         cmocka_unit_test(test_refusals_close),
    cmocka_unit_test(test_large_body),     cmocka_unit_test(test_continue),
    cmocka_unit_test(test_park),           cmocka_unit_test(test_many_parked),
    cmocka_unit_test(test_timeouts),       cmocka_unit_test(test_address_cap),
    cmocka_unit_test(test_connection_cap), cmocka_unit_test(test_descriptors_run_out),
    cmocka_unit_test(test_overflow),       cmocka_unit_test(test_files),
    cmocka_unit_test(test_stop),           cmocka_unit_test(test_stop_late),
    cmocka_unit_test(test_loops),          cmocka_unit_test(test_never_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
