#include "validate/fetch.h"

#include <stdio.h>
#include <unistd.h>

static int status_of(CURL *easy) {
  long status = 0;
  (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return (int)status;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *user) {
  struct fetch *f = user;
  n *= size;
  int status = status_of(f->easy);
  if (status < 200 || status > 299) {
    f->body_unwanted = true;
    return 0;
  }
  size_t room = f->body.cap - f->body.n;
  f->too_large = n > room;
  buf_put(&f->body, slice_of(bytes, f->too_large ? room : n));
  return f->too_large || f->body.failed ? 0 : n;
}

static size_t take_header(char *bytes, size_t size, size_t n, void *user) {
  (void)bytes;
  struct fetch *f = user;
  f->header_bytes += n * size;
  f->headers_too_large = f->header_bytes > FETCH_HEADERS_MAX;
  return f->headers_too_large ? 0 : n * size;
}

/* The pin: whatever libcurl makes of the URL, no socket is opened to another place. */
static curl_socket_t open_pinned(void *user, curlsocktype purpose, struct curl_sockaddr *to) {
  struct fetch *f = user;
  struct sockaddr_storage pinned;
  socklen_t n = address_socket(&f->address, f->port, &pinned);
  if (purpose != CURLSOCKTYPE_IPCXN || to->addrlen != n || to->family != pinned.ss_family ||
      to->socktype != SOCK_STREAM || memcmp(&to->addr, &pinned, n) != 0)
    return CURL_SOCKET_BAD;
  return socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);
}

static void release(struct fetch *f) {
  curl_easy_cleanup(f->easy);
  curl_slist_free_all(f->connect_to);
  curl_slist_free_all(f->headers);
  f->easy = NULL;
  f->connect_to = f->headers = NULL;
}

static void describe(struct fetch *f, CURLcode code, struct fetch_result *r) {
  curl_off_t connected = 0;
  (void)curl_easy_getinfo(f->easy, CURLINFO_CONNECT_TIME_T, &connected);
  r->status = status_of(f->easy);
  r->too_large = f->too_large;
  r->body = buf_slice(&f->body);
  struct curl_header *h = NULL;
  if (curl_easy_header(f->easy, "Location", 0, CURLH_HEADER, -1, &h) == CURLHE_OK && h->amount == 1)
    r->location = h->value;
  if (f->headers_too_large) {
    r->end = FETCH_BROKEN;
    r->failure = "the header fields are larger than 16 KiB";
  } else if (code == CURLE_OK || f->body_unwanted || f->too_large) {
    r->end = FETCH_ANSWERED;
  } else if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CIPHER || code == CURLE_PEER_FAILED_VERIFICATION) {
    r->end = FETCH_TLS_FAILED;
    r->failure = "the TLS handshake failed";
  } else if (connected == 0) {
    r->end = FETCH_NO_CONNECTION;
    r->failure =
      code == CURLE_OPERATION_TIMEDOUT ? "no connection in time" : "the connection was refused or unreachable";
  } else {
    r->end = FETCH_BROKEN;
    r->failure = code == CURLE_OPERATION_TIMEDOUT ? "no whole answer within 10 s" : curl_easy_strerror(code);
  }
}

/* The result borrows from the handle, so that goes only afterwards; the owner may be freed by `done`, so everything
   this needs is moved out first. */
static void transfer_ended(struct transfer *t, CURLcode code) {
  struct fetch *f = (struct fetch *)(void *)t;
  struct fetch_result result = {0};
  describe(f, code, &result);
  struct fetch own = *f;
  f->easy = NULL;
  f->connect_to = f->headers = NULL;
  f->body = (struct buf){0};
  own.done(own.user, &result);
  release(&own);
  buf_clear(&own.body);
}

_Static_assert(offsetof(struct fetch, transfer) == 0, "a transfer's owner begins with it");

static bool set_options(struct fetch *f, const struct hop *t, int64_t connect_ms) {
  CURL *e = f->easy;
  CURLcode c = CURLE_OK;
#define SET(option, value) c = c == CURLE_OK ? curl_easy_setopt(e, option, value) : c
  SET(CURLOPT_PRIVATE, (char *)&f->transfer);
  SET(CURLOPT_URL, t->url);
  SET(CURLOPT_CONNECT_TO, f->connect_to);
  SET(CURLOPT_OPENSOCKETFUNCTION, open_pinned);
  SET(CURLOPT_OPENSOCKETDATA, f);
  SET(CURLOPT_PROXY, "");
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_HTTP09_ALLOWED, 0L);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_USERAGENT, "Avow/" AVOW_VERSION);
  SET(CURLOPT_HTTPHEADER, f->headers);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_FRESH_CONNECT, 1L);
  SET(CURLOPT_FORBID_REUSE, 1L);
  SET(CURLOPT_SSL_VERIFYPEER, 0L);
  SET(CURLOPT_SSL_VERIFYHOST, 0L);
  SET(CURLOPT_CAINFO, NULL);
  SET(CURLOPT_CAPATH, NULL);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_SSL_CIPHER_LIST, FETCH_CIPHERS);
  SET(CURLOPT_SSL_EC_CURVES, FETCH_GROUPS);
  SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
  SET(CURLOPT_TIMEOUT_MS, (long)FETCH_TIMEOUT_MS);
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
  SET(CURLOPT_WRITEFUNCTION, take_body);
  SET(CURLOPT_WRITEDATA, f);
  SET(CURLOPT_HEADERFUNCTION, take_header);
  SET(CURLOPT_HEADERDATA, f);
#undef SET
  return c == CURLE_OK;
}

avow_err fetch_start(struct fetch *f, struct loop *loop, const struct hop *target, const struct address *address,
                     int64_t connect_ms, size_t body_max, void (*done)(void *user, const struct fetch_result *result),
                     void *user) {
  *f = (struct fetch){
    .transfer = {transfer_ended}, .loop = loop, .address = *address, .port = target->port, .done = done, .user = user};
  buf_init(&f->body, body_max);
  char text[ADDRESS_TEXT], pin[ADDRESS_TEXT + 20];
  bool v6 = address->n == 16;
  (void)snprintf(pin, sizeof pin, "::%s%s%s:%d", v6 ? "[" : "", address_text(address, text), v6 ? "]" : "",
                 target->port);
  f->connect_to = curl_slist_append(NULL, pin);
  f->headers = curl_slist_append(NULL, "Connection: close");
  f->easy = curl_easy_init();
  if (f->easy && f->connect_to && f->headers && set_options(f, target, connect_ms) &&
      curl_multi_add_handle(loop->multi, f->easy) == CURLM_OK)
    return AVOW_OK;
  release(f);
  return ERR_NO_MEMORY;
}

void fetch_cancel(struct fetch *f) {
  if (!f->easy)
    return;
  (void)curl_multi_remove_handle(f->loop->multi, f->easy);
  release(f);
  buf_clear(&f->body);
}
