/* The front: HTTP, TLS and ACME. The main thread serves; one more keeps house: the supervisor's channel, and the
   store's event channel, which tells what waiting requests wait for and when there is a new web certificate. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "acme/acme.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "proc/role.h"
#include "proc/sandbox.h"
#include "proc/scrape.h"

enum { TURN_MS = 200, ASK_AGAIN_MS = 250, BATCH = 64, KEY_PEM_MAX = 32768, LISTENERS_MAX = 32 };
enum { OTHER_DESCRIPTORS = 256, CRL_AGE_S = 300, CA_AGE_S = 86400, PAGE_MAX = 1024 * 1024 };

struct front {
  struct role_context *ctx;
  struct acme_site site;
  struct key_list blocklist;
  struct acme_worker *workers;
  void **contexts;
  size_t workers_n;
  struct server *server;
  struct secret key_pem; /* for each new chain */
  size_t key_pem_n;
  /* The housekeeper's. */
  struct channel events;
  struct inbox in;
  bool chain_wanted, has_chain;
  int64_t chain_asked; /* monotonic */
  struct scrape scrape;
  _Atomic bool finished;
};

/* ---- housekeeping ---- */

static void lose_events(struct front *f) {
  channel_close(&f->events);
}

static void send_event_request(struct front *f, struct message *m) {
  m->request = channel_request_id(&f->events);
  if (channel_send(&f->events, m, -1) != AVOW_OK)
    lose_events(f);
}

static void open_events(struct front *f) {
  int fd = role_channel_take(f->ctx, ROLE_store, 0, 0);
  if (fd < 0)
    return;
  lose_events(f);
  channel_init(&f->events, fd, ROLE_front, ROLE_store);
  struct message hello = {.type = MSG_front_hello, .front_hello = {.index = 0}};
  send_event_request(f, &hello);
  f->chain_wanted = true; /* it may have changed while nobody told */
  f->chain_asked = 0;
}

static void ask_chain(struct front *f) {
  if (!f->chain_wanted || f->events.fd < 0 || clock_mono_ms() < f->chain_asked + ASK_AGAIN_MS)
    return;
  f->chain_asked = clock_mono_ms();
  struct message m = {.type = MSG_web_chain_get};
  send_event_request(f, &m);
}

static void take_chain(struct front *f, const struct msg_web_chain *chain) {
  struct problem why = {0};
  avow_err e = server_set_chain(f->server, chain->leaf, chain->issuer, slice_of(f->key_pem.p, f->key_pem_n), &why);
  if (e != AVOW_OK) {
    log_event(LOG_ERROR, "front.web_chain_refused", L_TEXT(error, err_name(e)), L_TEXT(detail, problem_text(&why)));
    return;
  }
  f->chain_wanted = false;
  f->has_chain = true;
  log_event(LOG_INFO, "front.web_chain");
}

static void take_welcome(struct front *f, const struct msg_front_welcome *welcome) {
  f->events.state = STATE_READY;
  nonce_maker_welcome(&f->site.nonces, welcome->epoch, digest_slice(&welcome->key), welcome->base);
}

static void take_event(struct front *f) {
  const struct message *m = &f->in.m;
  if (m->type == MSG_event_changed)
    server_event(f->server, m->event_changed.id);
  else if (m->type == MSG_event_web_chain)
    f->chain_wanted = true;
  else if (m->type == MSG_web_chain)
    take_chain(f, &m->web_chain);
  else if (m->type == MSG_front_welcome)
    take_welcome(f, &m->front_welcome);
  /* `refused`: the store has no web certificate yet; it is asked again. */
}

static void drain_events(struct front *f) {
  for (int i = 0; i < BATCH && f->events.fd >= 0; i++) {
    avow_err e = channel_recv(&f->events, &f->in, 0);
    if (e == ERR_UNAVAILABLE)
      return;
    if (e != AVOW_OK)
      lose_events(f);
    else
      take_event(f);
  }
}

static void answer_scrape(struct front *f) {
  if (!scrape_read(&f->scrape))
    return;
  struct server_counts n = server_counts(f->server);
  AUTO_BUF text;
  buf_init(&text, PAGE_MAX);
  metrics_put(&f->site.metrics, &text);
  const struct {
    const char *name, *type, *help;
    uint64_t value;
  } rows[] = {
    {"avow_http_connections", "gauge", "Open connections.", n.connections},
    {"avow_http_parked", "gauge", "Requests that wait for something.", n.parked},
    {"avow_http_accepted_total", "counter", "Connections accepted.", n.accepted},
    {"avow_http_refused_total", "counter", "Connections closed at once, as their address had too many.", n.refused},
    {"avow_http_requests_total", "counter", "Requests of every kind.", n.requests},
    {"avow_http_overflowed_total", "counter", "Requests answered 503, as the queue was full.", n.overflowed},
    {"avow_front_has_certificate", "gauge", "1 when there is a web certificate.", f->has_chain},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    buf_printf(&text, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", rows[i].name, rows[i].help, rows[i].name, rows[i].type,
               rows[i].name, (unsigned long long)rows[i].value);
  scrape_answer(&f->scrape, buf_slice(&text));
}

/* One round: waits a little for the two channels and does what they say. ERR_PEER when the supervisor is gone. */
static avow_err keep_house(struct front *f) {
  open_events(f);
  ask_chain(f);
  scrape_expire(&f->scrape);
  struct pollfd fds[3] = {{.fd = f->ctx->control.fd, .events = POLLIN},
                          {.fd = f->events.fd, .events = POLLIN},
                          {.fd = scrape_fd(&f->scrape), .events = POLLIN}};
  if (poll(fds, 3, TURN_MS) <= 0)
    return AVOW_OK;
  if (fds[2].revents)
    answer_scrape(f);
  if (fds[1].revents)
    drain_events(f);
  return fds[0].revents ? role_control(f->ctx) : AVOW_OK;
}

/* Until the last request is answered: those that wait still need their events. */
static void *housekeeper(void *arg) {
  struct front *f = arg;
  bool stopped = false, orphan = false;
  while (!f->finished) {
    if (!orphan)
      orphan = keep_house(f) != AVOW_OK;
    else
      poll(NULL, 0, TURN_MS);
    if (!stopped && (orphan || f->ctx->stopping)) {
      stopped = true;
      server_stop(f->server);
    }
  }
  return NULL;
}

/* ---- preparation ---- */

static int take_link(void *owner, uint16_t index, int timeout_ms) {
  return role_channel_take(owner, ROLE_store, index, timeout_ms);
}

static avow_err make_workers(struct front *f) {
  size_t channels = role_channel_count(f->ctx, ROLE_store);
  if (channels < 2)
    return ERR_CONFIG;
  size_t n = channels - 1;
  f->workers = calloc(n, sizeof *f->workers);
  f->contexts = calloc(n, sizeof *f->contexts);
  if (!f->workers || !f->contexts)
    return ERR_NO_MEMORY;
  for (size_t i = 0; i < n; i++) {
    acme_worker_init(&f->workers[i], &f->site, (uint16_t)(i + 1), take_link, f->ctx);
    f->contexts[i] = &f->workers[i];
  }
  f->workers_n = n;
  return AVOW_OK;
}

static size_t listeners(struct role_context *ctx, const char *name, int fds[LISTENERS_MAX]) {
  size_t n = 0;
  struct role_file *file;
  while (n < LISTENERS_MAX && (file = role_file(ctx, name, n)) != NULL)
    fds[n++] = file->fd;
  return n;
}

/* Files that keeper publishes: they are fetched by software that has no certificate to check yet, so also without TLS.
 */
static const struct http_route file_routes[] = {
  {.pattern = "/ca/*",
   .methods = HTTP_GET | HTTP_HEAD,
   .flags = ROUTE_TLS | ROUTE_PLAIN,
   .kind = ROUTE_FILE,
   .media_type = "application/pkix-cert", /* RFC 2585, 4.1 */
   .suffix = ".cer",
   .max_age_s = CA_AGE_S},
  {.pattern = "/crl/*/*",
   .methods = HTTP_GET | HTTP_HEAD,
   .flags = ROUTE_TLS | ROUTE_PLAIN,
   .kind = ROUTE_FILE,
   .media_type = "application/pkix-crl", /* RFC 2585, 4.2 */
   .suffix = ".crl",
   .max_age_s = CRL_AGE_S},
};
enum { FILE_ROUTES = sizeof file_routes / sizeof file_routes[0] };

static avow_err add_statics(struct front *f, struct problem *why) {
  AUTO_BUF page;
  buf_init(&page, PAGE_MAX);
  site_directory_put(&f->site, &page);
  avow_err e = page.failed ? ERR_NO_MEMORY
                           : server_static(f->server, "/directory", ROUTE_TLS | ROUTE_ACME, buf_slice(&page),
                                           "application/json", "Cache-Control: no-cache\r\n", why);
  if (e != AVOW_OK)
    return e;
  buf_reset(&page);
  site_home_put(&f->site, &page);
  if (page.failed)
    return ERR_NO_MEMORY;
  return server_static(f->server, "/", ROUTE_TLS, buf_slice(&page), "text/html; charset=utf-8",
                       "Cache-Control: no-cache\r\n"
                       "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
                       "X-Content-Type-Options: nosniff\r\n",
                       why);
}

static int milliseconds(int64_t s) {
  return s > INT32_MAX / SECOND_MS ? INT32_MAX : (int)(s * SECOND_MS);
}

/* Room for all connections that are allowed, each with a file that it is sent. */
static void raise_descriptor_limit(const struct config *c) {
  struct rlimit limit;
  const rlim_t wanted = 2 * (rlim_t)c->max_connections + OTHER_DESCRIPTORS;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
    return;
  limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static avow_err make_server(struct front *f, struct problem *why) {
  const struct config *c = &f->ctx->config;
  int tls[LISTENERS_MAX], plain[LISTENERS_MAX];
  raise_descriptor_limit(c);
  struct http_route *routes = calloc(acme_routes_n + FILE_ROUTES, sizeof *routes);
  if (!routes)
    return ERR_NO_MEMORY;
  memcpy(routes, acme_routes, acme_routes_n * sizeof *routes);
  memcpy(routes + acme_routes_n, file_routes, sizeof file_routes);
  struct server_config config = {
    .tls_fds = tls,
    .tls_n = listeners(f->ctx, "listen.https", tls),
    .plain_fds = plain,
    .plain_n = listeners(f->ctx, "listen.http", plain),
    .published = f->site.published,
    .routes = routes,
    .routes_n = acme_routes_n + FILE_ROUTES,
    .workers = f->workers_n,
    .contexts = f->contexts,
    .connections_max = (size_t)c->max_connections,
    .address_max = (size_t)c->max_per_address,
    .header_ms = milliseconds(c->timeout_header_s),
    .body_ms = milliseconds(c->timeout_body_s),
    .idle_ms = milliseconds(c->timeout_idle_s),
    .decorate = acme_decorate,
    .decorator = &f->site,
  };
  avow_err e = server_new(&f->server, &config, why);
  free(routes);
  return e == AVOW_OK ? add_statics(f, why) : e;
}

/* Straight into locked memory: a growing buffer would leave copies behind. */
static avow_err read_key(struct front *f, int fd, struct problem *why) {
  avow_err e = secret_new(&f->key_pem, KEY_PEM_MAX);
  if (e != AVOW_OK)
    return e;
  for (;;) {
    ssize_t n = read(fd, f->key_pem.p + f->key_pem_n, KEY_PEM_MAX - f->key_pem_n);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 || f->key_pem_n + (size_t)n == KEY_PEM_MAX)
      return problem_set(why, ERR_IO, "cannot read the web key");
    if (n == 0)
      return AVOW_OK;
    f->key_pem_n += (size_t)n;
  }
}

static avow_err prepare(struct front *f, struct problem *why) {
  struct role_file *key = role_file(f->ctx, "key.web", 0), *published = role_file(f->ctx, "published", 0);
  if (!key || !published)
    return problem_set(why, ERR_FORBIDDEN_MESSAGE, "the supervisor passed no web key or no published/");
  avow_err e = read_key(f, key->fd, why);
  fd_close(&key->fd);
  if (e == AVOW_OK)
    e = role_key_list(f->ctx, &f->blocklist, why);
  if (e == AVOW_OK)
    e = site_init(&f->site, &f->ctx->config, published->fd);
  f->site.blocklist = &f->blocklist;
  if (e == AVOW_OK)
    e = make_workers(f);
  return e == AVOW_OK ? make_server(f, why) : e;
}

/* "Ready" means that a client can connect: not before there is a certificate. At the very first start the store gets it
   from the signer's journal, which takes a moment. */
static avow_err await_chain(struct front *f) {
  while (!f->has_chain && !f->ctx->stopping) {
    avow_err e = keep_house(f);
    if (e != AVOW_OK)
      return e;
  }
  return AVOW_OK;
}

static avow_err serve(struct front *f, struct problem *why) {
  avow_err e = await_chain(f);
  if (e != AVOW_OK || f->ctx->stopping)
    return e == ERR_PEER ? AVOW_OK : e;
  pthread_t house;
  if (pthread_create(&house, NULL, housekeeper, f) != 0)
    return problem_set(why, ERR_NO_MEMORY, "cannot start a thread");
  e = role_ready(f->ctx);
  if (e == AVOW_OK)
    e = server_run(f->server, why);
  f->finished = true;
  pthread_join(house, NULL);
  return e;
}

static void front_clear(struct front *f) {
  server_free(f->server);
  for (size_t i = 0; i < f->workers_n; i++)
    acme_worker_clear(&f->workers[i]);
  free(f->workers);
  free(f->contexts);
  site_clear(&f->site);
  key_list_clear(&f->blocklist);
  scrape_clear(&f->scrape);
  lose_events(f);
  inbox_clear(&f->in);
  secret_clear(&f->key_pem);
}

int role_front_main(struct role_context *ctx) {
  struct front f = {.ctx = ctx};
  channel_init(&f.events, -1, ROLE_front, ROLE_store);
  inbox_init(&f.in);
  struct role_file *metrics = role_file(ctx, "listen.metrics", 0);
  scrape_init(&f.scrape, metrics ? metrics->fd : -1);
  struct problem why = {0};
  avow_err e = prepare(&f, &why);
  if (e == AVOW_OK)
    e = sandbox_enter(ctx, &why);
  if (e == AVOW_OK)
    e = serve(&f, &why);
  if (e != AVOW_OK)
    log_event(LOG_ERROR, "front.end", L_TEXT(error, err_name(e)), L_TEXT(detail, problem_text(&why)));
  front_clear(&f);
  return e == AVOW_OK ? 0 : 1;
}
