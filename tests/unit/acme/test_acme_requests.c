/* Whole requests against a store that does as it is told: what integration tests cannot bring about when they like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "acme/request.h"
#include "base/base64.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The server's half is not here: a wait is noted, and the test resumes the request itself. */
static unsigned parks;
static struct id128 parked_for;

void http_park(struct http_worker *w, struct http_exchange *x, struct id128 id, int ms) {
  (void)w;
  x->park_ms = ms;
  parks++;
  parked_for = id;
}

/* ---- the store ---------------------------------------------------------------------------------------------- */

static const struct id128 account_id = {{0xac, 1}}, order_id = {{0x0d, 2}}, authz_id = {{0xa2, 3}},
                          job_id = {{0x30, 4}}, certificate_id = {{0xce, 5}};

static struct {
  struct msg_account_is account;
  uint8_t status; /* what request_begun says */
  struct msg_order_is order;
  struct msg_certificate_is certificate;
  bool revokes;    /* a revocation's job ends with the certificate revoked */
  int fail_type;   /* a message that is refused … */
  avow_err fail;   /* … with this … */
  unsigned fails;  /* … so many times … */
  bool subproblem; /* … and with one */
  unsigned seen[256];
  pthread_mutex_t lock;
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct rec_subproblem a_subproblem = {
  .identifier = {.type = IDENTIFIER_DNS, .value = {(const uint8_t *)"a.test", 6}},
  .problem = {.err = ERR_CAA, .detail = {(const uint8_t *)"a detail of some length", 23}}};

static bool is_key_of_account(const struct digest *thumbprint) {
  return memcmp(thumbprint->b, world.account.account.thumbprint.b, sizeof thumbprint->b) == 0;
}

static void make_answer(const struct message *in, struct message *out) {
  out->request = in->request;
  if (in->type == MSG_front_hello) {
    out->type = MSG_front_welcome;
    out->front_welcome = (struct msg_front_welcome){.epoch = 9, .key = {{1, 2, 3}}, .base = UINT64_C(1) << 32};
  } else if (in->type == MSG_request_begin) {
    bool known = id_eq(in->request_begin.account, account_id);
    out->type = MSG_request_begun;
    out->request_begun =
      (struct msg_request_begun){.status = known ? world.status : 0, .epoch = known ? world.account.account.epoch : 0};
  } else if (in->type == MSG_account_find && !is_key_of_account(&in->account_find.thumbprint)) {
    *out = message_refused(in->request, ERR_ACCOUNT_UNKNOWN, NULL);
  } else if (in->type == MSG_account_get || in->type == MSG_account_find) {
    out->type = MSG_account_is;
    out->account_is = world.account;
  } else if (in->type == MSG_order_get || in->type == MSG_order_new) {
    out->type = MSG_order_is;
    out->order_is = world.order;
  } else if (in->type == MSG_certificate_find) {
    out->type = MSG_certificate_is;
    out->certificate_is = world.certificate;
  } else if (in->type == MSG_account_change || in->type == MSG_revoke) {
    if (in->type == MSG_revoke && world.revokes)
      world.certificate.certificate.status = CERTIFICATE_REVOKED;
    out->type = MSG_job_made;
    out->job_made.job = job_id;
  } else {
    out->type = MSG_done;
  }
}

static void *store_main(void *arg) {
  struct channel ch;
  channel_init(&ch, *(int *)arg, ROLE_store, ROLE_front);
  struct inbox in;
  inbox_init(&in);
  while (channel_recv(&ch, &in, -1) == AVOW_OK) {
    struct message out = {0};
    ch.state = STATE_READY;
    pthread_mutex_lock(&world.lock);
    world.seen[in.m.type]++;
    if ((int)in.m.type == world.fail_type && world.fails > 0) {
      world.fails--;
      out = message_refused(in.m.request, world.fail, "told so");
      out.refused.subproblems = &a_subproblem;
      out.refused.subproblems_n = world.subproblem;
    } else {
      make_answer(&in.m, &out);
    }
    if (channel_send(&ch, &out, -1) != AVOW_OK)
      abort();
    pthread_mutex_unlock(&world.lock);
  }
  inbox_clear(&in);
  channel_close(&ch);
  return NULL;
}

/* ---- the fixture --------------------------------------------------------------------------------------------- */

static struct acme_site site;
static struct acme_worker worker;
static struct private_key *key, *other_key;
static struct config config;
static pthread_t store;
static int fds[2];
static struct arena memory;
static const char base[] = "https://ca.test";

static int take(void *owner, uint16_t index, int timeout_ms) {
  (void)owner;
  (void)index;
  (void)timeout_ms;
  int fd = fds[1];
  fds[1] = -1;
  return fd;
}

static struct slice jwk_of(const struct private_key *k) {
  AUTO_BUF b;
  buf_init(&b, 4096);
  assert_int_equal(jwk_write(private_key_public(k), &b), AVOW_OK);
  return arena_dup(&memory, buf_slice(&b));
}

static struct rec_order an_order(uint8_t status) {
  static struct rec_order_authz authz;
  authz = (struct rec_order_authz){
    .id = authz_id, .identifier = {.type = IDENTIFIER_DNS, .wildcard = true, .value = SLICE_LIT("a.test")}};
  return (struct rec_order){.id = order_id,
                            .account = account_id,
                            .status = status,
                            .created = 1000,
                            .expires = 1000000,
                            .profile = SLICE_LIT("classic"),
                            .authzs = &authz,
                            .authzs_n = 1,
                            .certificate = status == ORDER_VALID ? certificate_id : (struct id128){{0}}};
}

static void set_key(const struct private_key *k) {
  struct jwk parsed;
  assert_int_equal(jwk_parse(jwk_of(k), &memory, &parsed, NULL), AVOW_OK);
  world.account.account.jwk = parsed.canonical;
  memcpy(world.account.account.thumbprint.b, parsed.thumbprint, sizeof parsed.thumbprint);
  jwk_clear(&parsed);
}

/* What a test asked ahead in vain may still be on its way: the store has seen it all when it has answered this. */
static void settle(void) {
  struct message m = {.type = MSG_web_chain_get};
  struct problem why;
  assert_int_equal(link_call(&worker.link, &m, MSG_done, &why), AVOW_OK);
}

static int reset(void **state) {
  (void)state;
  settle();
  pthread_mutex_lock(&world.lock);
  world.account.account = (struct rec_account){
    .id = account_id, .status = ACCOUNT_VALID, .epoch = 1, .sealed = SLICE_LIT("sealed"), .created = 1000};
  set_key(key);
  world.status = ACCOUNT_VALID;
  world.order.order = an_order(ORDER_PENDING);
  world.certificate = (struct msg_certificate_is){
    .certificate = {.id = certificate_id, .not_after = INT64_MAX, .status = CERTIFICATE_GOOD}, .account = account_id};
  world.revokes = world.subproblem = false;
  world.fail_type = 0;
  world.fails = 0;
  memset(world.seen, 0, sizeof world.seen);
  pthread_mutex_unlock(&world.lock);
  key_cache_drop(site.keys, account_id);
  config.reject_nonces = 0;
  parks = 0;
  return 0;
}

static int group_begin(void **state) {
  (void)state;
  arena_init(&memory, 1 << 24);
  static char host[] = "ca.test", url[] = "https://ca.test";
  static char *hosts[] = {host};
  config = (struct config){.hosts = hosts, .hosts_n = 1, .https_url = url, .kind = KIND_TEST};
  snprintf(config.default_profile, sizeof config.default_profile, "classic");
  config.profiles[0] = (struct profile){.name = "classic", .max_names = 10, .lifetime_s = 86400};
  config.profiles_n = 1;
  if (private_key_generate(KEY_P256, 0, &key) != AVOW_OK || private_key_generate(KEY_P256, 0, &other_key) != AVOW_OK ||
      channel_pair(fds) != AVOW_OK || site_init(&site, &config, -1) != AVOW_OK)
    return 1;
  acme_worker_init(&worker, &site, 1, take, NULL);
  return pthread_create(&store, NULL, store_main, &fds[0]);
}

static int group_end(void **state) {
  (void)state;
  acme_worker_clear(&worker);
  pthread_join(store, NULL);
  site_clear(&site);
  private_key_free(key);
  private_key_free(other_key);
  arena_clear(&memory);
  return 0;
}

/* ---- a client --------------------------------------------------------------------------------------------------- */

struct exchange {
  struct http_exchange x;
  struct arena arena;
  struct http_header headers[1];
  unsigned resumed;
};

static void put_b64(struct buf *b, const char *name, struct slice bytes) {
  buf_printf(b, "%s\"%s\":\"", b->n ? "," : "{", name);
  base64url_put(b, bytes);
  buf_put_u8(b, '"');
}

/* The JWS of a request by account_id, as jose's own tests check it. */
static struct slice sign(const struct private_key *with, const char *path, const char *payload, const char *nonce) {
  char text[ID_TEXT];
  AUTO_BUF head, input, signature, body;
  buf_init(&head, 8192);
  buf_init(&input, 8192);
  buf_init(&signature, 8192);
  buf_init(&body, 8192);
  buf_printf(&head, "{\"alg\":\"ES256\",\"kid\":\"%s/acme/acct/%s\",\"nonce\":\"%s\",\"url\":\"%s%s\"}", base,
             id_text(account_id, text), nonce, base, path);
  base64url_put(&input, buf_slice(&head));
  buf_put_u8(&input, '.');
  base64url_put(&input, slice_str(payload));
  assert_int_equal(private_key_sign(with, SIG_ES256, SIGNATURE_RAW, buf_slice(&input), &signature), AVOW_OK);
  put_b64(&body, "protected", buf_slice(&head));
  put_b64(&body, "payload", slice_str(payload));
  put_b64(&body, "signature", buf_slice(&signature));
  buf_put_u8(&body, '}');
  assert_false(body.failed);
  return arena_dup(&memory, buf_slice(&body));
}

static const struct http_route *route_of(const char *pattern) {
  for (size_t i = 0; i < acme_routes_n; i++)
    if (strcmp(acme_routes[i].pattern, pattern) == 0)
      return &acme_routes[i];
  fail_msg("no route %s", pattern);
  return NULL;
}

/* Sends it; each wait is over at once. Returns the status. */
static int post(struct exchange *e, const char *pattern, const char *path, struct slice body) {
  memset(e, 0, sizeof *e);
  arena_init(&e->arena, 1 << 22);
  e->headers[0] = (struct http_header){SLICE_LIT("Content-Type"), SLICE_LIT("application/jose+json")};
  e->x.rq = (struct http_request){.method = HTTP_POST,
                                  .target = slice_str(path),
                                  .path = slice_str(path),
                                  .headers = e->headers,
                                  .headers_n = 1,
                                  .body = body,
                                  .tls = true};
  e->x.arena = &e->arena;
  buf_init(&e->x.rs.headers, 16384);
  buf_init(&e->x.rs.body, 1 << 20);
  const struct http_route *route = route_of(pattern);
  while (route->handler(NULL, &worker, &e->x) == HTTP_PARK) {
    e->x.resumed = true;
    e->resumed++;
  }
  return e->x.rs.status;
}

static int ask(struct exchange *e, const struct private_key *with, const char *pattern, const char *path,
               const char *payload) {
  char nonce[NONCE_TEXT];
  struct problem why;
  assert_int_equal(link_open(&worker.link, &why), AVOW_OK);
  assert_int_equal(nonce_make(&site.nonces, false, nonce), AVOW_OK);
  return post(e, pattern, path, sign(with, path, payload, nonce));
}

static void done(struct exchange *e) {
  buf_clear(&e->x.rs.headers);
  buf_clear(&e->x.rs.body);
  arena_clear(&e->arena);
}

static json_t *json_of(struct exchange *e) {
  json_t *o = json_loadb((const char *)e->x.rs.body.p, e->x.rs.body.n, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(o);
  return o;
}

static bool has_line(struct exchange *e, const char *text) {
  struct buf *h = &e->x.rs.headers;
  return h->n && memmem(h->p, h->n, text, strlen(text)) != NULL;
}

/* Status and type of a problem, with what belongs to every answer. */
static void expect(struct exchange *e, int status, const char *type) {
  AUTO_JSON o = json_of(e);
  const char *got = json_string_value(json_object_get(o, "type"));
  if (e->x.rs.status != status || !got || strcmp(got + strlen(HTTP_PROBLEM_TYPE), type) != 0)
    fail_msg("%d %.*s, not %d %s", e->x.rs.status, (int)e->x.rs.body.n, (const char *)e->x.rs.body.p, status, type);
  assert_true(has_line(e, "Replay-Nonce: ") && has_line(e, "rel=\"index\"") && has_line(e, "Cache-Control: no-store"));
  assert_int_equal(has_line(e, "Retry-After: 60\r\n"), status >= 500);
  done(e);
}

static const char order_path[] = "/acme/order/0d020000000000000000000000000000";
static const char account_path[] = "/acme/acct/ac010000000000000000000000000000";

/* ---- tests ---------------------------------------------------------------------------------------------------------
 */

static void test_order(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) {
    struct exchange e;
    assert_int_equal(ask(&e, key, "/acme/order/*", order_path, ""), 200);
    AUTO_JSON o = json_of(&e);
    assert_string_equal(json_string_value(json_object_get(o, "status")), "pending");
    const json_t *identifier = json_array_get(json_object_get(o, "identifiers"), 0);
    assert_string_equal(json_string_value(json_object_get(identifier, "value")), "*.a.test");
    assert_true(has_line(&e, "Location: https://ca.test/acme/order/0d02"));
    assert_true(has_line(&e, "Retry-After: 1\r\n"));
    done(&e);
  }
  /* The key was read once. */
  assert_int_equal(world.seen[MSG_account_get], 1);
  assert_int_equal(world.seen[MSG_request_begin], 3);
}

static void test_invalid_order(void **state) {
  (void)state;
  static struct rec_subproblem subs[2];
  subs[0] = (struct rec_subproblem){.identifier = {.type = IDENTIFIER_DNS, .value = SLICE_LIT("a.test")},
                                    .problem = {.err = ERR_CAA, .detail = SLICE_LIT("CAA \"says\" no")}};
  subs[1] = (struct rec_subproblem){.identifier = {.type = IDENTIFIER_IP, .value = SLICE_LIT("192.0.2.1")},
                                    .problem = {.err = ERR_CONNECTION, .detail = SLICE_NONE}};
  world.order.order = an_order(ORDER_INVALID);
  world.order.order.problem = (struct rec_problem){.err = ERR_COMPOUND, .detail = SLICE_LIT("two")};
  world.order.order.subproblems = subs;
  world.order.order.subproblems_n = 2;
  struct exchange e;
  assert_int_equal(ask(&e, key, "/acme/order/*", order_path, ""), 200);
  AUTO_JSON o = json_of(&e);
  const json_t *error = json_object_get(o, "error"), *list = json_object_get(error, "subproblems");
  assert_string_equal(json_string_value(json_object_get(error, "type")), HTTP_PROBLEM_TYPE "compound");
  assert_int_equal(json_array_size(list), 2);
  assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "detail")), "CAA \"says\" no");
  const json_t *identifier = json_object_get(json_array_get(list, 1), "identifier");
  assert_string_equal(json_string_value(json_object_get(identifier, "type")), "ip");
  assert_false(has_line(&e, "Retry-After"));
  done(&e);
}

static void test_changed_key(void **state) {
  (void)state;
  struct exchange e;
  assert_int_equal(ask(&e, key, "/acme/order/*", order_path, ""), 200);
  done(&e);
  /* The account gets another key; the cache has the old one. */
  world.account.account.jwk = jwk_of(other_key);
  world.account.account.epoch = 2;
  (void)ask(&e, key, "/acme/order/*", order_path, "");
  expect(&e, 400, "malformed");
  assert_int_equal(ask(&e, other_key, "/acme/order/*", order_path, ""), 200);
  done(&e);
  /* And back, with the owner of the newest key coming first. */
  world.account.account.jwk = jwk_of(key);
  world.account.account.epoch = 3;
  assert_int_equal(ask(&e, key, "/acme/order/*", order_path, ""), 200);
  done(&e);
}

static void test_signature_before_nonce(void **state) {
  (void)state;
  struct exchange e;
  (void)ask(&e, other_key, "/acme/order/*", order_path, "");
  expect(&e, 400, "malformed");
  assert_int_equal(world.seen[MSG_request_begin], 0);
  assert_int_equal(world.seen[MSG_order_get], 0);
}

static void test_status(void **state) {
  (void)state;
  static const uint8_t ended[] = {ACCOUNT_DEACTIVATED, ACCOUNT_REVOKED};
  for (size_t i = 0; i < COUNT(ended); i++) {
    struct exchange e;
    world.status = ended[i];
    (void)ask(&e, key, "/acme/order/*", order_path, "");
    assert_null(memmem(e.x.rs.body.p, e.x.rs.body.n, "finalize", 8)); /* what was asked ahead is dropped */
    expect(&e, 403, "unauthorized");
  }
  /* Nor does a later request get that answer for its own. */
  world.status = ACCOUNT_VALID;
  world.order.order.status = ORDER_READY;
  struct exchange e;
  assert_int_equal(ask(&e, key, "/acme/order/*", order_path, ""), 200);
  assert_non_null(memmem(e.x.rs.body.p, e.x.rs.body.n, "\"ready\"", 7));
  done(&e);
  assert_int_equal(world.seen[MSG_order_get], COUNT(ended) + 1);
}

/* The nonce of a badNonce is marked, and never rejected on purpose. */
static void test_rejected_nonce(void **state) {
  (void)state;
  struct exchange e;
  config.reject_nonces = 100;
  (void)ask(&e, key, "/acme/order/*", order_path, "");
  struct slice headers = buf_slice(&e.x.rs.headers);
  static const char name[] = "Replay-Nonce: ";
  const uint8_t *at = memmem(headers.p, headers.n, name, sizeof name - 1);
  assert_non_null(at);
  char nonce[NONCE_TEXT] = {0};
  memcpy(nonce, at + sizeof name - 1, NONCE_TEXT - 1);
  expect(&e, 400, "badNonce");
  assert_int_equal(post(&e, "/acme/order/*", order_path, sign(key, order_path, "", nonce)), 200);
  done(&e);
}

/* What the store refuses, at each step, and what the client is told. */
static void test_refusals(void **state) {
  (void)state;
  static const struct {
    int type;
    avow_err fail;
    int status;
    const char *acme;
  } table[] = {
    {MSG_account_get, ERR_ACCOUNT_UNKNOWN, 400, "accountDoesNotExist"},
    {MSG_account_get, ERR_DATABASE, 500, "serverInternal"},
    {MSG_request_begin, ERR_BAD_NONCE, 400, "badNonce"},
    {MSG_request_begin, ERR_ACCOUNT_UNKNOWN, 400, "accountDoesNotExist"},
    {MSG_order_get, ERR_NOT_FOUND, 404, "malformed"},
    {MSG_order_get, ERR_DATABASE, 500, "serverInternal"},
    {MSG_order_get, ERR_NO_MEMORY, 500, "serverInternal"},
    {MSG_order_get, ERR_UNAVAILABLE, 503, "serverInternal"},
    {MSG_order_get, ERR_RATE_LIMITED, 429, "rateLimited"},
  };
  for (size_t i = 0; i < COUNT(table); i++) {
    struct exchange e;
    reset(NULL);
    world.fail_type = table[i].type;
    world.fail = table[i].fail;
    world.fails = 1;
    (void)ask(&e, key, "/acme/order/*", order_path, "");
    if (table[i].status == 500) /* the machine's own business */
      assert_null(memmem(e.x.rs.body.p, e.x.rs.body.n, "told so", 7));
    expect(&e, table[i].status, table[i].acme);
  }
}

static void test_job(void **state) {
  (void)state;
  static const char payload[] = "{\"status\":\"deactivated\"}";
  struct exchange e;
  /* It runs for a while. */
  world.fail_type = MSG_job_outcome;
  world.fail = ERR_UNAVAILABLE;
  world.fails = 3;
  assert_int_equal(ask(&e, key, "/acme/acct/*", account_path, payload), 200);
  assert_int_equal(e.resumed, 3);
  assert_int_equal(parks, 3);
  assert_true(id_eq(parked_for, job_id));
  assert_int_equal(world.seen[MSG_account_change], 1);
  done(&e);
  /* It was over before its id came. */
  assert_int_equal(ask(&e, key, "/acme/acct/*", account_path, payload), 200);
  assert_int_equal(e.resumed, 0);
  done(&e);
  /* It was refused. */
  world.fail = ERR_UNAUTHORIZED;
  world.fails = 1;
  (void)ask(&e, key, "/acme/acct/*", account_path, payload);
  expect(&e, 403, "unauthorized");
}

/* The inner JWS of a key change, by `with` as the key `jwk`. */
static const char *inner_of(const struct private_key *with, const struct private_key *jwk) {
  char text[ID_TEXT];
  AUTO_BUF head, payload, input, signature, body;
  buf_init(&head, 8192);
  buf_init(&payload, 8192);
  buf_init(&input, 8192);
  buf_init(&signature, 8192);
  buf_init(&body, 8192);
  struct slice new_key = jwk_of(jwk), old_key = jwk_of(key);
  buf_printf(&head, "{\"alg\":\"ES256\",\"jwk\":%.*s,\"url\":\"%s/acme/key-change\"}", (int)new_key.n,
             (const char *)new_key.p, base);
  buf_printf(&payload, "{\"account\":\"%s/acme/acct/%s\",\"oldKey\":%.*s}", base, id_text(account_id, text),
             (int)old_key.n, (const char *)old_key.p);
  base64url_put(&input, buf_slice(&head));
  buf_put_u8(&input, '.');
  base64url_put(&input, buf_slice(&payload));
  assert_int_equal(private_key_sign(with, SIG_ES256, SIGNATURE_RAW, buf_slice(&input), &signature), AVOW_OK);
  put_b64(&body, "protected", buf_slice(&head));
  put_b64(&body, "payload", buf_slice(&payload));
  put_b64(&body, "signature", buf_slice(&signature));
  buf_put_u8(&body, '}');
  return arena_str(&memory, buf_slice(&body));
}

static void test_key_change(void **state) {
  (void)state;
  static const char path[] = "/acme/key-change";
  struct exchange e;
  world.account.account.terms_agreed = true;
  assert_int_equal(ask(&e, key, path, path, inner_of(other_key, other_key)), 200);
  assert_true(has_line(&e, "Location: https://ca.test/acme/acct/ac01"));
  assert_int_equal(world.seen[MSG_account_find], 1);
  assert_int_equal(world.seen[MSG_account_change], 1);
  done(&e);
  /* The signer finds what the store did not know yet. */
  world.fail_type = MSG_job_outcome;
  world.fail = ERR_BAD_PUBLIC_KEY;
  world.fails = 1;
  (void)ask(&e, key, path, path, inner_of(other_key, other_key));
  expect(&e, 400, "badPublicKey");
  /* What is wrong makes no job. */
  (void)ask(&e, key, path, path, inner_of(key, other_key));
  expect(&e, 400, "malformed");
  (void)ask(&e, key, path, path, inner_of(key, key));
  expect(&e, 400, "malformed");
  (void)ask(&e, key, path, path, "{}");
  expect(&e, 400, "malformed");
  (void)ask(&e, key, path, path, "");
  expect(&e, 400, "malformed");
  assert_int_equal(world.seen[MSG_account_change], 2);
  /* Another account has it. */
  set_key(other_key);
  world.account.account.jwk = jwk_of(key);
  (void)ask(&e, key, path, path, inner_of(other_key, other_key));
  assert_true(has_line(&e, "Location: https://ca.test/acme/acct/ac01"));
  expect(&e, 409, "malformed");
  assert_int_equal(world.seen[MSG_account_change], 2);
}

/* That the job ended is not enough: the certificate must be revoked. */
static void test_revocation(void **state) {
  (void)state;
  static const char path[] = "/acme/revoke-cert", payload[] = "{\"certificate\":\"AAAA\",\"reason\":4}";
  struct exchange e;
  (void)ask(&e, key, path, path, payload);
  expect(&e, 503, "serverInternal");
  world.revokes = true;
  assert_int_equal(ask(&e, key, path, path, payload), 200);
  assert_int_equal(e.x.rs.body.n, 0);
  done(&e);
  (void)ask(&e, key, path, path, payload);
  expect(&e, 400, "alreadyRevoked");
  assert_int_equal(world.seen[MSG_revoke], 2);
}

/* Subproblems of a refusal that the request outlives lie where later answers do: they are not told. */
static void test_forgotten_subproblems(void **state) {
  (void)state;
  static const char payload[] = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}";
  struct exchange e;
  world.fail_type = MSG_order_new;
  world.fail = ERR_UNAVAILABLE;
  world.fails = 1;
  world.subproblem = true;
  assert_int_equal(ask(&e, key, "/acme/new-order", "/acme/new-order", payload), 201);
  assert_int_equal(e.resumed, 1);
  assert_int_equal(((struct acme_request *)e.x.state)->subproblems_n, 0);
  done(&e);
}

static void test_tokens_run_out(void **state) {
  (void)state;
  struct exchange e;
  world.fail_type = MSG_order_new;
  world.fail = ERR_UNAVAILABLE;
  world.fails = 2;
  static const char payload[] = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}";
  assert_int_equal(ask(&e, key, "/acme/new-order", "/acme/new-order", payload), 201);
  assert_int_equal(e.resumed, 2);
  assert_int_equal(world.seen[MSG_order_new], 3);
  /* The nonce was spent once. */
  assert_int_equal(world.seen[MSG_request_begin], 1);
  done(&e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(test_order, reset),          cmocka_unit_test_setup(test_invalid_order, reset),
    cmocka_unit_test_setup(test_changed_key, reset),    cmocka_unit_test_setup(test_signature_before_nonce, reset),
    cmocka_unit_test_setup(test_status, reset),         cmocka_unit_test_setup(test_rejected_nonce, reset),
    cmocka_unit_test_setup(test_refusals, reset),       cmocka_unit_test_setup(test_job, reset),
    cmocka_unit_test_setup(test_revocation, reset),     cmocka_unit_test_setup(test_forgotten_subproblems, reset),
    cmocka_unit_test_setup(test_tokens_run_out, reset), cmocka_unit_test_setup(test_key_change, reset),
  };
  return cmocka_run_group_tests(tests, group_begin, group_end);
}
