/* The server's TLS: versions, ALPN, tickets over a change of certificate, refusals, and answers larger than a record.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/log.h"
#include "http_client.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: ca.test\r\n\r\n"

/* A self-signed certificate with its key, as DER and PEM. */
struct identity {
  uint8_t *der;
  int der_n;
  char *pem;
  long pem_n;
  BIO *bio;
};

static struct identity identity_make(const char *name) {
  struct identity id = {0};
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x = X509_new();
  assert_true(key && x);
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -60);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
  X509_set_issuer_name(x, X509_get_subject_name(x));
  X509_set_pubkey(x, key);
  assert_true(X509_sign(x, key, EVP_sha256()) > 0);
  id.der_n = i2d_X509(x, &id.der);
  id.bio = BIO_new(BIO_s_mem());
  assert_int_equal(PEM_write_bio_PrivateKey(id.bio, key, NULL, NULL, 0, NULL, NULL), 1);
  id.pem_n = BIO_get_mem_data(id.bio, &id.pem);
  X509_free(x);
  EVP_PKEY_free(key);
  return id;
}

static void identity_clear(struct identity *id) {
  OPENSSL_free(id->der);
  BIO_free(id->bio);
}

static avow_err set_chain(struct server *s, const struct identity *leaf, const struct identity *key) {
  return server_set_chain(s, slice_of(leaf->der, (size_t)leaf->der_n), SLICE_NONE,
                          slice_of(key->pem, (size_t)key->pem_n), NULL);
}

static enum http_verdict large(struct http_worker *w, void *context, struct http_exchange *x) {
  (void)w;
  (void)context;
  assert_true(x->rq.tls);
  assert_int_equal(x->rq.peer.n, 4);
  x->rs.status = 200;
  uint8_t *p = buf_extend(&x->rs.body, 3 << 20);
  assert_non_null(p);
  for (size_t i = 0; i < 3 << 20; i++)
    p[i] = (uint8_t)('a' + i % 23);
  return HTTP_ANSWER;
}

static enum http_verdict echo(struct http_worker *w, void *context, struct http_exchange *x) {
  (void)w;
  (void)context;
  x->rs.status = 200;
  buf_put(&x->rs.body, x->rq.body);
  return HTTP_ANSWER;
}

static const struct http_route routes[] = {
  {"/large", HTTP_GET, ROUTE_TLS, ROUTE_WORKER, large, NULL, NULL, 0},
  {"/acme/echo", HTTP_POST, ROUTE_TLS | ROUTE_ACME, ROUTE_WORKER, echo, NULL, NULL, 0},
  {"/plain", HTTP_GET, ROUTE_PLAIN, ROUTE_WORKER, echo, NULL, NULL, 0},
};

static void prepare(struct server *s) {
  assert_int_equal(
    server_static(s, "/directory", ROUTE_TLS | ROUTE_ACME, SLICE_LIT("{}"), "application/json", NULL, NULL), AVOW_OK);
}

static struct server_config config_of(void) {
  return (struct server_config){.published = -1, .routes = routes, .routes_n = 3};
}

static SSL_SESSION *ticket; /* the newest that a client got */

static int on_session(SSL *ssl, SSL_SESSION *session) {
  (void)ssl;
  SSL_SESSION_free(ticket);
  ticket = session;
  return 1;
}

static SSL_CTX *client_context(int version) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  assert_non_null(ctx);
  SSL_CTX_set_security_level(ctx, 0);
  SSL_CTX_set_min_proto_version(ctx, version);
  SSL_CTX_set_max_proto_version(ctx, version);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, on_session);
  return ctx;
}

static void test_serving(void **state) {
  (void)state;
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  struct identity id = identity_make("one");
  for (size_t i = 0; i < 2; i++) {
    struct harness h;
    struct reply r = {0};
    struct client c;
    harness_start(&h, config_of(), prepare);
    assert_int_equal(set_chain(h.server, &id, &id), AVOW_OK);
    SSL_CTX *ctx = client_context(versions[i]);
    client_open(&c, h.tls);
    assert_true(client_tls(&c, ctx, NULL));
    assert_int_equal(SSL_version(c.ssl), versions[i]);
    client_ask(&c, &r, GET("/directory"));
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_header(&r, "Access-Control-Allow-Origin"), "*");
    client_ask(&c, &r, GET("/large"));
    assert_int_equal(r.status, 200);
    assert_int_equal(r.n, 3 << 20);
    for (size_t k = 0; k < r.n; k++)
      assert_int_equal(r.body[k], 'a' + (int)(k % 23));
    client_ask(&c, &r, GET("/plain"));
    assert_int_equal(r.status, 404);
    /* Pipelined, and a body over many records. */
    AUTO_BUF b;
    buf_init(&b, 1 << 20);
    buf_put_str(&b, GET("/directory") "POST /acme/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n");
    memset(buf_extend(&b, 50000), 'z', 50000);
    buf_put_str(&b, GET("/directory"));
    client_send_bytes(&c, buf_slice(&b));
    client_reply(&c, &r, false);
    assert_string_equal(r.body, "{}");
    client_reply(&c, &r, false);
    assert_int_equal(r.n, 50000);
    client_reply(&c, &r, false);
    assert_string_equal(r.body, "{}");
    for (int k = 0; k < 300; k++)
      client_send(&c, GET("/directory"));
    for (int k = 0; k < 300; k++) {
      client_reply(&c, &r, false);
      assert_int_equal(r.status, 200);
    }
    /* The last answer comes with close_notify. */
    client_ask(&c, &r, "GET /x y HTTP/1.1\r\n\r\n");
    assert_int_equal(r.status, 400);
    assert_string_equal(reply_header(&r, "Content-Type"), "application/problem+json");
    uint8_t byte;
    assert_int_equal(SSL_get_error(c.ssl, SSL_read(c.ssl, &byte, 1)), SSL_ERROR_ZERO_RETURN);
    client_close(&c);
    SSL_CTX_free(ctx);
    reply_clear(&r);
    harness_stop(&h);
  }
  identity_clear(&id);
}

static void subject_is(const struct client *c, const char *name) {
  char text[64];
  X509 *x = SSL_get1_peer_certificate(c->ssl);
  assert_non_null(x);
  X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, text, sizeof text);
  X509_free(x);
  assert_string_equal(text, name);
}

/* Two requests in records of their own that arrive together: the second is in OpenSSL's buffer and no longer in the
   socket, so that no event tells of it. */
static void test_records_together(void **state) {
  (void)state;
  struct identity a = identity_make("ca.test");
  struct harness h;
  harness_start(&h, config_of(), prepare);
  assert_int_equal(set_chain(h.server, &a, &a), AVOW_OK);
  SSL_CTX *ctx = client_context(TLS1_3_VERSION);
  struct client c;
  struct reply r = {0};
  client_open(&c, h.tls);
  assert_true(client_tls(&c, ctx, NULL));
  for (size_t i = 0; i < 2; i++) {
    int cork = 1;
    assert_int_equal(setsockopt(c.fd, IPPROTO_TCP, TCP_CORK, &cork, sizeof cork), 0);
    client_send(&c,
                i == 0 ? GET("/directory") : "POST /acme/echo HTTP/1.1\r\nHost: ca.test\r\nContent-Length: 4\r\n\r\n");
    client_send(&c, i == 0 ? GET("/directory") : "body");
    cork = 0;
    assert_int_equal(setsockopt(c.fd, IPPROTO_TCP, TCP_CORK, &cork, sizeof cork), 0);
    for (size_t replies = 0; replies < 2 - i; replies++) {
      client_reply(&c, &r, false);
      assert_int_equal(r.status, 200);
      assert_string_equal(r.body, i == 0 ? "{}" : "body");
    }
  }
  reply_clear(&r);
  client_close(&c);
  SSL_CTX_free(ctx);
  harness_stop(&h);
  identity_clear(&a);
}

static void test_tickets_and_change(void **state) {
  (void)state;
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  struct identity one = identity_make("one"), two = identity_make("two");
  for (size_t i = 0; i < 2; i++) {
    struct harness h;
    struct reply r = {0};
    struct client c, old;
    harness_start(&h, config_of(), prepare);
    SSL_CTX *ctx = client_context(versions[i]);
    /* No certificate yet: nobody is served, nothing breaks. */
    client_open(&c, h.tls);
    assert_false(client_tls(&c, ctx, NULL));
    client_close(&c);
    assert_int_equal(set_chain(h.server, &one, &one), AVOW_OK);
    client_open(&old, h.tls);
    assert_true(client_tls(&old, ctx, NULL));
    assert_false(SSL_session_reused(old.ssl));
    subject_is(&old, "one");
    client_ask(&old, &r, GET("/directory"));
    assert_non_null(ticket);
    client_open(&c, h.tls);
    assert_true(client_tls(&c, ctx, ticket));
    assert_true(SSL_session_reused(c.ssl));
    client_ask(&c, &r, GET("/directory")); /* TLS 1.3: a ticket is for one use, the next comes with the answer */
    client_close(&c);
    /* A key that is not the certificate's changes nothing. */
    assert_int_equal(set_chain(h.server, &two, &one), ERR_CRYPTO);
    assert_int_equal(server_set_chain(h.server, SLICE_LIT("x"), SLICE_NONE, SLICE_LIT("y"), NULL), ERR_CRYPTO);
    assert_int_equal(set_chain(h.server, &two, &two), AVOW_OK);
    client_open(&c, h.tls);
    assert_true(client_tls(&c, ctx, NULL));
    subject_is(&c, "two");
    client_close(&c);
    client_ask(&old, &r, GET("/directory")); /* connections live on */
    assert_int_equal(r.status, 200);
    client_close(&old);
    client_open(&c, h.tls);
    assert_true(client_tls(&c, ctx, ticket)); /* so do tickets */
    assert_true(SSL_session_reused(c.ssl));
    client_ask(&c, &r, GET("/directory"));
    assert_int_equal(r.status, 200);
    client_close(&c);
    SSL_SESSION_free(ticket);
    ticket = NULL;
    SSL_CTX_free(ctx);
    reply_clear(&r);
    harness_stop(&h);
  }
  identity_clear(&one);
  identity_clear(&two);
}

static void test_refused(void **state) {
  (void)state;
  struct identity id = identity_make("one");
  struct harness h;
  struct client c;
  struct reply r = {0};
  struct server_config config = config_of();
  config.handshake_ms = 300;
  harness_start(&h, config, prepare);
  assert_int_equal(set_chain(h.server, &id, &id), AVOW_OK);
  SSL_CTX *ctx = client_context(TLS1_1_VERSION);
  client_open(&c, h.tls);
  assert_false(client_tls(&c, ctx, NULL));
  client_close(&c);
  SSL_CTX_free(ctx);
  ctx = client_context(TLS1_3_VERSION);
  static const struct {
    const char *protocols;
    bool taken;
  } rows[] = {{"\x02h2", false},
              {"\x0a"
               "acme-tls/1",
               false},
              {"\x02h2\x08http/1.1", true},
              {"\x08http/1.1", true}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)rows[i].protocols, (unsigned)strlen(rows[i].protocols));
    client_open(&c, h.tls);
    assert_int_equal(client_tls(&c, ctx, NULL), rows[i].taken);
    if (rows[i].taken) {
      const unsigned char *chosen;
      unsigned n;
      SSL_get0_alpn_selected(c.ssl, &chosen, &n);
      assert_true(slice_eq_str(slice_of(chosen, n), "http/1.1"));
    }
    client_close(&c);
  }
  /* Plain text at the TLS port, TLS at the plain one. */
  client_open(&c, h.tls);
  client_ask(&c, &r, GET("/directory"));
  assert_int_equal(r.status, 0);
  client_close(&c);
  client_open(&c, h.plain);
  assert_false(client_tls(&c, ctx, NULL));
  client_close(&c);
  /* A client that begins no handshake, and one that stops in it. */
  int64_t began = now_ms();
  client_open(&c, h.tls);
  assert_true(client_ended(&c, 5000));
  assert_in_range(now_ms() - began, 250, 3000);
  client_close(&c);
  client_open(&c, h.tls);
  client_send_bytes(&c, SLICE_LIT("\x16\x03\x01\x02\x00\x01"));
  assert_true(client_ended(&c, 5000));
  client_close(&c);
  reply_clear(&r);
  SSL_CTX_free(ctx);
  harness_stop(&h);
  identity_clear(&id);
  ERR_clear_error();
}

int main(void) {
  log_setup("test", LOG_ERROR);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_serving),
    cmocka_unit_test(test_records_together),
    cmocka_unit_test(test_tickets_and_change),
    cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
