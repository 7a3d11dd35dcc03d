/* A closed-loop load generator for ACME servers: N clients, each with its own account, get certificates one after
   another: newOrder, authorization, challenge, finalize, download, and polls where the server needs them. It is its own
   DNS and http-01 responder. Prints one JSON object. See bench.py. */
#include <getopt.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "der/der.h"
#include "der/oid.h"
#include "https.h"
#include "jose/jws.h"
#include "responders.h"

static struct {
  const char *host, *ca, *challenge, *profile;
  int port, dns_port, http_port, clients, certificates, names, warmup;
  bool new_connection;
  enum key_type account_key;
} opt = {.host = "localhost",
         .challenge = "http-01",
         .dns_port = 5353,
         .http_port = 5080,
         .clients = 8,
         .certificates = 1000,
         .names = 1,
         .account_key = KEY_P256};

static char url_new_nonce[512], url_new_account[512], url_new_order[512];
static SSL_CTX *ctx;
static atomic_int left, failures, polls;
static double *latencies;
static atomic_int latencies_n;
static char first_error[512];

struct client {
  unsigned index;
  struct https h;
  struct private_key *account, *cert;
  char kid[512], thumbprint[64];
  struct buf jwk;
  unsigned serial;
  bool warm;
};

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *path_of(const char *url) {
  const char *p = strstr(url, "://");
  p = p ? strchr(p + 3, '/') : NULL;
  return p ? p : url;
}

/* POSTs a JWS; retries badNonce up to three times. */
static bool post(struct client *c, const char *url, const char *payload) {
  enum signature_alg alg = key_signature_alg(public_key_type(private_key_public(c->account)));
  for (int attempt = 0; attempt < 4; attempt++) {
    AUTO_BUF protected;
    AUTO_BUF input;
    AUTO_BUF signature;
    AUTO_BUF body;
    buf_init(&protected, 65536);
    buf_init(&input, 131072);
    buf_init(&signature, 1024);
    buf_init(&body, 262144);
    buf_printf(&protected, "{\"alg\":\"%s\",\"nonce\":\"%s\",\"url\":\"%s\",", jose_alg_text(alg), c->h.nonce, url);
    if (c->kid[0])
      buf_printf(&protected, "\"kid\":\"%s\"}", c->kid);
    else
      buf_printf(&protected, "\"jwk\":%.*s}", (int)c->jwk.n, (char *)c->jwk.p);
    base64url_put(&input, buf_slice(&protected));
    size_t protected_n = input.n;
    buf_put_u8(&input, '.');
    base64url_put(&input, slice_str(payload));
    if (private_key_sign(c->account, alg, SIGNATURE_RAW, buf_slice(&input), &signature) != AVOW_OK)
      return false;
    buf_printf(&body, "{\"protected\":\"%.*s\",\"payload\":\"%.*s\",\"signature\":\"", (int)protected_n,
               (char *)input.p, (int)(input.n - protected_n - 1), (char *)input.p + protected_n + 1);
    base64url_put(&body, buf_slice(&signature));
    buf_put_str(&body, "\"}");
    if (!https_do(&c->h, "POST", path_of(url), "application/jose+json", buf_slice(&body)))
      return false;
    if (c->h.status < 400)
      return true;
    if (!memmem(c->h.body.p, c->h.body.n, "badNonce", 8))
      break;
  }
  if (!first_error[0])
    snprintf(first_error, sizeof first_error, "%s: %d %.*s", url, c->h.status, (int)c->h.body.n, (char *)c->h.body.p);
  return false;
}

static json_t *json_of(struct client *c) {
  return json_loadb((const char *)c->h.body.p, c->h.body.n, 0, NULL);
}

static void copy_text(char *out, size_t room, const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  snprintf(out, room, "%s", text ? text : "");
}

static bool new_account(struct client *c) {
  if (!https_do(&c->h, "HEAD", path_of(url_new_nonce), NULL, SLICE_NONE) ||
      !post(c, url_new_account, "{\"termsOfServiceAgreed\":true}"))
    return false;
  snprintf(c->kid, sizeof c->kid, "%s", c->h.location);
  return c->kid[0] != 0;
}

static void csr_put(struct client *c, struct buf *out, char names[][80]) {
  AUTO_BUF info;
  AUTO_BUF signature;
  buf_init(&info, 65536);
  buf_init(&signature, 1024);
  size_t seq = der_begin(&info, 0x30);
  der_put_uint(&info, 0);
  der_end(&info, der_begin(&info, 0x30));
  buf_put(&info, public_key_spki(private_key_public(c->cert)));
  size_t attributes = der_begin(&info, 0xa0), attribute = der_begin(&info, 0x30);
  der_put_oid(&info, OID_EXTENSION_REQUEST);
  size_t set = der_begin(&info, 0x31), list = der_begin(&info, 0x30), extension = der_begin(&info, 0x30);
  der_put_oid(&info, OID_SUBJECT_ALT_NAME);
  size_t octets = der_begin(&info, 0x04), san = der_begin(&info, 0x30);
  for (int i = 0; i < opt.names; i++)
    der_put(&info, 0x82, slice_str(names[i]));
  der_end(&info, san);
  der_end(&info, octets);
  der_end(&info, extension);
  der_end(&info, list);
  der_end(&info, set);
  der_end(&info, attribute);
  der_end(&info, attributes);
  der_end(&info, seq);
  if (private_key_sign(c->cert, SIG_ES256, SIGNATURE_DER, buf_slice(&info), &signature) != AVOW_OK)
    return;
  seq = der_begin(out, 0x30);
  buf_put(out, buf_slice(&info));
  buf_put(out, signature_alg_identifier(SIG_ES256));
  der_put_bit_string(out, buf_slice(&signature));
  der_end(out, seq);
}

/* Polls `url` until its status is one of two; false when it becomes invalid or takes a minute. */
static json_t *poll_until(struct client *c, const char *url, json_t *first, const char *one, const char *two) {
  json_t *o = first;
  for (int i = 0; i < 6000; i++) {
    char status[32];
    copy_text(status, sizeof status, o, "status");
    if (strcmp(status, one) == 0 || strcmp(status, two) == 0)
      return o;
    if (strcmp(status, "invalid") == 0) {
      if (!first_error[0])
        snprintf(first_error, sizeof first_error, "%s became invalid: %.*s", url, (int)c->h.body.n,
                 (char *)c->h.body.p);
      break;
    }
    if (i > 0)
      usleep(10000);
    atomic_fetch_add(&polls, 1);
    json_decref(o);
    o = post(c, url, "") ? json_of(c) : NULL;
    if (!o)
      return NULL;
  }
  json_decref(o);
  return NULL;
}

static bool respond(struct client *c, const char *authz_url) {
  if (!post(c, authz_url, ""))
    return false;
  json_t *authz = json_of(c), *challenge;
  size_t i;
  char url[512] = "", token[128] = "";
  json_array_foreach(json_object_get(authz, "challenges"), i, challenge) {
    if (strcmp(json_string_value(json_object_get(challenge, "type")), opt.challenge) == 0) {
      copy_text(url, sizeof url, challenge, "url");
      copy_text(token, sizeof token, challenge, "token");
    }
  }
  if (strcmp(opt.challenge, "dns-01") == 0) {
    char text[256];
    uint8_t digest[32];
    AUTO_BUF value;
    buf_init(&value, 64);
    snprintf(text, sizeof text, "%s.%s", token, c->thumbprint);
    sha256(slice_str(text), digest);
    base64url_put(&value, SLICE_OF(digest));
    buf_put_u8(&value, 0);
    responders_set_txt(c->index, (char *)value.p);
  }
  json_decref(authz);
  if (!url[0] || !post(c, url, "{}"))
    return false;
  json_t *done = poll_until(c, authz_url, json_of(c), "valid", "valid");
  json_decref(done);
  return done != NULL;
}

static bool one_certificate(struct client *c) {
  char names[100][80];
  AUTO_BUF payload;
  buf_init(&payload, 65536);
  buf_put_str(&payload, "{\"identifiers\":[");
  c->serial++;
  for (int i = 0; i < opt.names; i++) {
    snprintf(names[i], sizeof names[i], "n%u-%d.a%u.load.test", c->serial, i, c->index);
    buf_printf(&payload, "%s{\"type\":\"dns\",\"value\":\"%s\"}", i ? "," : "", names[i]);
  }
  buf_put_u8(&payload, ']');
  if (opt.profile)
    buf_printf(&payload, ",\"profile\":\"%s\"", opt.profile);
  buf_put_str(&payload, "}");
  buf_put_u8(&payload, 0);
  if (!post(c, url_new_order, (char *)payload.p))
    return false;
  char order_url[512], finalize[512], certificate[512];
  snprintf(order_url, sizeof order_url, "%s", c->h.location);
  json_t *order = json_of(c);
  copy_text(finalize, sizeof finalize, order, "finalize");
  size_t i;
  json_t *authz;
  bool ok = true;
  json_array_foreach(json_object_get(order, "authorizations"), i, authz) ok =
    ok && respond(c, json_string_value(authz));
  json_decref(order);
  if (!ok)
    return false;
  AUTO_BUF csr;
  buf_init(&csr, 65536);
  csr_put(c, &csr, names);
  buf_reset(&payload);
  buf_put_str(&payload, "{\"csr\":\"");
  base64url_put(&payload, buf_slice(&csr));
  buf_put_str(&payload, "\"}");
  buf_put_u8(&payload, 0);
  if (!post(c, finalize, (char *)payload.p))
    return false;
  order = poll_until(c, order_url, json_of(c), "valid", "valid");
  if (!order)
    return false;
  copy_text(certificate, sizeof certificate, order, "certificate");
  json_decref(order);
  return post(c, certificate, "") && memmem(c->h.body.p, c->h.body.n, "BEGIN CERTIFICATE", 17);
}

static void *run_client(void *arg) {
  struct client *c = arg;
  while (atomic_fetch_sub(&left, 1) > 0) {
    double from = now_s();
    if (opt.new_connection)
      https_close(&c->h);
    if (one_certificate(c))
      latencies[atomic_fetch_add(&latencies_n, 1)] = (now_s() - from) * 1000;
    else if (atomic_fetch_add(&failures, 1) > 20)
      break;
  }
  return NULL;
}

static bool start_client(struct client *c, unsigned index) {
  c->index = index;
  https_init(&c->h, ctx, opt.host, opt.port);
  buf_init(&c->jwk, 4096);
  if (private_key_generate(opt.account_key, 2048, &c->account) != AVOW_OK ||
      private_key_generate(KEY_P256, 0, &c->cert) != AVOW_OK ||
      jwk_write(private_key_public(c->account), &c->jwk) != AVOW_OK)
    return false;
  uint8_t digest[32];
  AUTO_BUF text;
  buf_init(&text, 64);
  sha256(buf_slice(&c->jwk), digest);
  base64url_put(&text, SLICE_OF(digest));
  buf_put_u8(&text, 0);
  snprintf(c->thumbprint, sizeof c->thumbprint, "%s", (char *)text.p);
  responders_set_thumbprint(index, c->thumbprint);
  return new_account(c);
}

static bool get_directory(const char *path) {
  struct https h;
  https_init(&h, ctx, opt.host, opt.port);
  bool ok = https_do(&h, "GET", path, NULL, SLICE_NONE) && h.status == 200;
  json_t *d = ok ? json_loadb((const char *)h.body.p, h.body.n, 0, NULL) : NULL;
  copy_text(url_new_nonce, sizeof url_new_nonce, d, "newNonce");
  copy_text(url_new_account, sizeof url_new_account, d, "newAccount");
  copy_text(url_new_order, sizeof url_new_order, d, "newOrder");
  json_decref(d);
  https_close(&h);
  buf_clear(&h.in);
  return url_new_order[0] != 0;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double cpu_s(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void run_round(struct client *clients, int certificates) {
  pthread_t threads[256];
  atomic_store(&left, certificates);
  atomic_store(&latencies_n, 0);
  for (int i = 0; i < opt.clients; i++)
    pthread_create(&threads[i], NULL, run_client, &clients[i]);
  for (int i = 0; i < opt.clients; i++)
    pthread_join(threads[i], NULL);
}

static int usage(void) {
  fprintf(
    stderr,
    "usage: load --port N [--host NAME] [--directory PATH] --ca FILE [--clients N] [--certificates N] [--warmup N]\n"
    "            [--names N] [--challenge http-01|dns-01] [--account-key p256|p384|rsa2048] [--profile NAME]\n"
    "            [--new-connection] [--dns-port N] [--http-port N] [--wait]\n"
    "--wait: after the warm-up print \"warm\" and go on at a line on standard input.\n");
  return 2;
}

int main(int argc, char **argv) {
  static const struct option options[] = {
    {"port", 1, NULL, 'p'},      {"host", 1, NULL, 'h'},           {"directory", 1, NULL, 'd'},
    {"ca", 1, NULL, 'c'},        {"clients", 1, NULL, 'n'},        {"certificates", 1, NULL, 'm'},
    {"names", 1, NULL, 'k'},     {"challenge", 1, NULL, 't'},      {"account-key", 1, NULL, 'a'},
    {"profile", 1, NULL, 'f'},   {"new-connection", 0, NULL, 'x'}, {"dns-port", 1, NULL, 'D'},
    {"http-port", 1, NULL, 'H'}, {"warmup", 1, NULL, 'w'},         {"wait", 0, NULL, 'W'},
    {NULL, 0, NULL, 0}};
  const char *directory = "/directory";
  bool wait = false;
  for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (o) {
    case 'p':
      opt.port = atoi(optarg);
      break;
    case 'h':
      opt.host = optarg;
      break;
    case 'd':
      directory = optarg;
      break;
    case 'c':
      opt.ca = optarg;
      break;
    case 'n':
      opt.clients = atoi(optarg);
      break;
    case 'm':
      opt.certificates = atoi(optarg);
      break;
    case 'k':
      opt.names = atoi(optarg);
      break;
    case 't':
      opt.challenge = optarg;
      break;
    case 'a':
      opt.account_key = strcmp(optarg, "p384") == 0 ? KEY_P384 : strcmp(optarg, "rsa2048") == 0 ? KEY_RSA : KEY_P256;
      break;
    case 'f':
      opt.profile = optarg;
      break;
    case 'x':
      opt.new_connection = true;
      break;
    case 'D':
      opt.dns_port = atoi(optarg);
      break;
    case 'H':
      opt.http_port = atoi(optarg);
      break;
    case 'w':
      opt.warmup = atoi(optarg);
      break;
    case 'W':
      wait = true;
      break;
    default:
      return usage();
    }
  }
  if (!opt.port || !opt.ca || opt.clients < 1 || opt.clients > 256 || opt.names < 1 || opt.names > 100)
    return usage();
  ctx = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  if (SSL_CTX_load_verify_locations(ctx, opt.ca, NULL) != 1) {
    fprintf(stderr, "load: cannot read %s\n", opt.ca);
    return 1;
  }
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  if (!responders_start(opt.dns_port, opt.http_port)) {
    fprintf(stderr, "load: ports %d or %d are taken\n", opt.dns_port, opt.http_port);
    return 1;
  }
  struct client *clients = calloc((size_t)opt.clients, sizeof *clients);
  latencies = calloc((size_t)(opt.certificates > opt.warmup ? opt.certificates : opt.warmup) + 1, sizeof *latencies);
  if (!get_directory(directory)) {
    fprintf(stderr, "load: no ACME directory at https://%s:%d%s\n", opt.host, opt.port, directory);
    return 1;
  }
  for (int i = 0; i < opt.clients; i++)
    if (!start_client(&clients[i], (unsigned)i)) {
      fprintf(stderr, "load: no account: %s\n", first_error);
      return 1;
    }
  run_round(clients, opt.warmup);
  if (wait) {
    puts("warm");
    fflush(stdout);
    (void)getchar();
  }
  double from = now_s(), cpu = cpu_s();
  atomic_store(&polls, 0);
  run_round(clients, opt.certificates);
  double took = now_s() - from;
  cpu = cpu_s() - cpu;
  int n = atomic_load(&latencies_n);
  qsort(latencies, (size_t)n, sizeof *latencies, by_value);
  json_t *out =
    json_pack("{s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:i}", "certificates", n, "failures", atomic_load(&failures),
              "seconds", took, "per_second", n / took, "p50_ms", n ? latencies[n / 2] : 0, "p95_ms",
              n ? latencies[n * 95 / 100] : 0, "p99_ms", n ? latencies[n * 99 / 100] : 0, "own_cpu_ms_per_certificate",
              n ? cpu * 1000 / n : 0, "polls", atomic_load(&polls));
  if (first_error[0])
    json_object_set_new(out, "first_error", json_string(first_error));
  json_dumpf(out, stdout, JSON_COMPACT);
  puts("");
  return n == opt.certificates ? 0 : 1;
}
