/* The small parts: routes, counts of addresses, entity tags, dates, headers, problem documents. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/address.h"
#include "http/problem.h"
#include "http/route.h"
#include "http/static.h"

static void test_routes(void **state) {
  (void)state;
  static const struct http_route routes[] = {
    {.pattern = "/"},
    {.pattern = "/acme/order/*"},
    {.pattern = "/acme/order/*/finalize"},
    {.pattern = "/acme/cert/*/*"},
    {.pattern = "/acme/**"},
    {.pattern = "/ocsp"},
    {.pattern = "/ocsp/**"},
    {.pattern = "/last/*"},
  };
  static const struct {
    const char *path;
    int row;
    const char *param[2];
  } rows[] = {
    {"/", 0, {"", ""}},
    {"", -1, {"", ""}},
    {"//", -1, {"", ""}},
    {"/acme/order/1", 1, {"1", ""}},
    {"/acme/order/", 4, {"order/", ""}},
    {"/acme/order", 4, {"order", ""}},
    {"/acme/order/1/", 4, {"order/1/", ""}},
    {"/acme/order/1/finalize", 2, {"1", ""}},
    {"/acme/order/1/finalize/", 4, {"order/1/finalize/", ""}},
    {"/acme/order/%31", 1, {"%31", ""}},
    {"/acme/cert/a/b", 3, {"a", "b"}},
    {"/acme/cert//b", 4, {"cert//b", ""}},
    {"/acme/", 4, {"", ""}},
    {"/acme", -1, {"", ""}},
    {"/acmex/y", -1, {"", ""}},
    {"/ocsp", 5, {"", ""}},
    {"/ocsp/a/b//c", 6, {"a/b//c", ""}},
    {"/last/x", 7, {"x", ""}},
    {"/last/x/y", -1, {"", ""}},
    {"/LAST/x", -1, {"", ""}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct slice param[2];
    const struct http_route *found = route_find(routes, sizeof routes / sizeof *routes, slice_str(rows[i].path), param);
    int row = found ? (int)(found - routes) : -1;
    if (row != rows[i].row)
      fail_msg("%s: row %d", rows[i].path, row);
    if (found && (!slice_eq_str(param[0], rows[i].param[0]) || !slice_eq_str(param[1], rows[i].param[1])))
      fail_msg("%s: <%.*s> <%.*s>", rows[i].path, (int)param[0].n, (const char *)param[0].p, (int)param[1].n,
               (const char *)param[1].p);
  }
}

static void test_methods(void **state) {
  (void)state;
  char allow[ALLOW_TEXT];
  assert_string_equal(route_allow(HTTP_GET, allow), "GET, HEAD, OPTIONS");
  assert_string_equal(route_allow(HTTP_POST, allow), "POST, OPTIONS");
  assert_string_equal(route_allow(HTTP_GET | HTTP_POST, allow), "GET, HEAD, POST, OPTIONS");
  assert_string_equal(route_allow(0, allow), "OPTIONS");
  struct http_route route = {.methods = HTTP_GET};
  assert_true(route_takes(&route, HTTP_HEAD));
  assert_false(route_takes(&route, HTTP_POST));
  assert_false(route_takes(&route, (enum http_method)0));
}

static struct personal_ip ip_of(const char *text) {
  struct sockaddr_storage peer = {0};
  struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&peer;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&peer;
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
    peer.ss_family = AF_INET;
  else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
    peer.ss_family = AF_INET6;
  return address_of(&peer);
}

static void test_addresses(void **state) {
  (void)state;
  struct address_counts *counts;
  assert_int_equal(address_counts_new(&counts, 2), AVOW_OK);
  /* Same host or not, by the rule of /64 and of mapped IPv4. */
  static const struct {
    const char *a, *b;
    bool same;
  } rows[] = {
    {"192.0.2.1", "192.0.2.1", true},          {"192.0.2.1", "192.0.2.2", false},
    {"192.0.2.1", "::ffff:192.0.2.1", true},   {"2001:db8::1", "2001:db8::ffff:0:0:2", true},
    {"2001:db8::1", "2001:db8:0:1::1", false}, {"0.0.0.0", "::1", false},
    {"32.1.13.184", "2001:db8::", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct personal_ip a = ip_of(rows[i].a), b = ip_of(rows[i].b);
    assert_true(address_enter(counts, &a));
    assert_true(address_enter(counts, &a));
    assert_false(address_enter(counts, &a));
    if (address_enter(counts, &b) == rows[i].same)
      fail_msg("%s and %s", rows[i].a, rows[i].b);
    if (!rows[i].same)
      address_leave(counts, &b);
    address_leave(counts, &a);
    assert_true(address_enter(counts, &a));
    address_leave(counts, &a);
    address_leave(counts, &a);
  }
  for (uint32_t i = 0; i < 5000; i++) {
    struct personal_ip ip = {.n = 4};
    memcpy(ip.b, &i, 4);
    assert_true(address_enter(counts, &ip));
  }
  for (uint32_t i = 0; i < 5000; i += 2) {
    struct personal_ip ip = {.n = 4};
    memcpy(ip.b, &i, 4);
    address_leave(counts, &ip);
  }
  address_counts_free(counts);
}

static void test_tags_and_dates(void **state) {
  (void)state;
  static const struct {
    const char *list;
    bool match;
  } rows[] = {
    {"\"a\"", true},  {"*", true},        {"W/\"a\"", true}, {"\"b\", \"a\"", true}, {"\"b\",W/\"a\" ", true},
    {"\"b\"", false}, {"a", false},       {"", false},       {"\"a", false},         {",", false},
    {"\"A\"", false}, {"w/\"a\"", false}, {"\"ab\"", false}, {"**", false},          {",,\"a\"", true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (etag_matches(slice_str(rows[i].list), "\"a\"") != rows[i].match)
      fail_msg("%s", rows[i].list);
  char date[HTTP_DATE_TEXT];
  assert_string_equal(http_date(784111777, date), "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110, 5.6.7 */
  assert_string_equal(http_date(0, date), "Thu, 01 Jan 1970 00:00:00 GMT");
  assert_string_equal(http_date(1709164800, date), "Thu, 29 Feb 2024 00:00:00 GMT");
  assert_string_equal(http_date(1798761599, date), "Thu, 31 Dec 2026 23:59:59 GMT");
}

static struct http_response response(void) {
  struct http_response rs = {0};
  buf_init(&rs.headers, 8192);
  buf_init(&rs.body, 8192);
  return rs;
}

static void response_clear(struct http_response *rs) {
  buf_clear(&rs->headers);
  buf_clear(&rs->body);
}

static void test_header_put(void **state) {
  (void)state;
  struct http_response rs = response();
  http_header_put(&rs, "A", "%s-%d", "b", 7);
  http_header_put(&rs, "Empty", "%s", "");
  assert_true(slice_eq_str(buf_slice(&rs.headers), "A: b-7\r\nEmpty: \r\n"));
  char text[5000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = 0;
  http_header_put(&rs, "Long", "%s", text);
  assert_false(rs.headers.failed);
  assert_int_equal(rs.headers.n, 17 + 6 + 4999 + 2);
  http_header_put(&rs, "Long", "%s", text);
  assert_true(rs.headers.failed); /* over the cap */
  response_clear(&rs);
  static const char *const forged[] = {"a\r\nB: c", "a\n", "\ra"};
  for (size_t i = 0; i < 3; i++) {
    rs = response();
    http_header_put(&rs, "A", "%s", forged[i]);
    assert_true(rs.headers.failed);
    response_clear(&rs);
  }
  rs = response();
  http_header_put(&rs, "A", "a%cb", 0);
  assert_true(rs.headers.failed);
  response_clear(&rs);
}

static void test_problems(void **state) {
  (void)state;
#define TYPE "{\"type\":\"urn:ietf:params:acme:error:"
  static const struct {
    avow_err e;
    const char *detail, *members, *body, *retry;
    int status;
  } rows[] = {
    {ERR_BAD_NONCE, NULL, NULL,
     TYPE "badNonce\",\"detail\":\"The nonce was not valid; use the one in this answer\",\"status\":400}", NULL, 400},
    {ERR_MALFORMED, "a \"b\"\\\n\xc3\xa4", NULL, TYPE "malformed\",\"detail\":\"a \\\"b\\\"\\\\???\",\"status\":400}",
     NULL, 400},
    {ERR_COMPOUND, "x", "\"subproblems\":[]", TYPE "compound\",\"detail\":\"x\",\"status\":400,\"subproblems\":[]}",
     NULL, 400},
    {ERR_DATABASE, "table secrets", NULL,
     TYPE "serverInternal\",\"detail\":\"The server had an internal error\",\"status\":500}", "60", 500},
    {ERR_PEER, "store", NULL,
     TYPE "serverInternal\",\"detail\":\"The server is busy or restarting; try again\",\"status\":503}", "60", 503},
    {ERR_EVIDENCE, "stale", NULL, TYPE "unauthorized\",\"detail\":\"stale\",\"status\":403}", NULL, 403},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct http_response rs = response();
    buf_put_str(&rs.body, "half an answer");
    http_problem_with(&rs, rows[i].e, rows[i].detail, rows[i].members);
    assert_int_equal(rs.status, rows[i].status);
    if (!slice_eq_str(buf_slice(&rs.body), rows[i].body))
      fail_msg("%.*s", (int)rs.body.n, (const char *)rs.body.p);
    buf_put_u8(&rs.headers, 0);
    assert_non_null(strstr((char *)rs.headers.p, "Content-Type: application/problem+json\r\n"));
    assert_int_equal(strstr((char *)rs.headers.p, "Retry-After: 60\r\n") != NULL, rows[i].retry != NULL);
    response_clear(&rs);
  }
  struct http_response rs = response();
  http_header_put(&rs, "X", "a");
  http_header_put(&rs, "retry-after", "5");
  http_problem(&rs, ERR_UNAVAILABLE, NULL);
  buf_put_u8(&rs.headers, 0);
  assert_null(strstr((char *)rs.headers.p, "60"));
  response_clear(&rs);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_routes),         cmocka_unit_test(test_methods),    cmocka_unit_test(test_addresses),
    cmocka_unit_test(test_tags_and_dates), cmocka_unit_test(test_header_put), cmocka_unit_test(test_problems),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
