#include "acme/site.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/file.h"
#include "pki/cert.h"

enum { KEYS_CACHED = 8192, ADDRESSES_KEPT = 65536, ACCOUNTS_KEPT = 32768 };

static const char account_path[] = "/acme/acct/";

static int port_of(const struct endpoint *e) {
  if (e->address.ss_family == AF_INET6)
    return ntohs(((const struct sockaddr_in6 *)&e->address)->sin6_port);
  return ntohs(((const struct sockaddr_in *)&e->address)->sin_port);
}

static avow_err add_base(struct acme_site *s, const char *host, int port) {
  if (s->bases_n == BASES_MAX)
    return AVOW_OK;
  bool literal = strchr(host, ':') != NULL; /* RFC 3986, 3.2.2: IPv6 in brackets */
  char *text = NULL;
  int n = port == 443 ? asprintf(&text, literal ? "https://[%s]" : "https://%s", host)
                      : asprintf(&text, literal ? "https://[%s]:%d" : "https://%s:%d", host, port);
  if (n < 0)
    return ERR_NO_MEMORY;
  s->bases[s->bases_n++] = text;
  return AVOW_OK;
}

static avow_err add_bases(struct acme_site *s) {
  s->bases[0] = strdup(s->config->https_url);
  if (!s->bases[0])
    return ERR_NO_MEMORY;
  s->bases_n = 1;
  for (size_t h = 0; h < s->config->hosts_n; h++)
    for (size_t l = 0; l < s->config->https_n; l++) {
      avow_err e = add_base(s, s->config->hosts[h], port_of(&s->config->https[l]));
      if (e != AVOW_OK)
        return e;
    }
  return AVOW_OK;
}

avow_err site_init(struct acme_site *s, const struct config *config, int published) {
  *s = (struct acme_site){.config = config, .published = published, .lock = PTHREAD_MUTEX_INITIALIZER};
  s->policy = (struct name_policy){
    .allow_reserved = config->kind == KIND_TEST, .suffixes = config->suffixes, .suffixes_n = config->suffixes_n};
  avow_err e = nonce_maker_init(&s->nonces);
  if (e == AVOW_OK)
    e = key_cache_new(KEYS_CACHED, &s->keys);
  if (e == AVOW_OK)
    e = budget_new(ADDRESSES_KEPT, config->limit_address, config->limit_burst_s, &s->addresses);
  if (e == AVOW_OK)
    e = budget_new(ACCOUNTS_KEPT, config->limit_account, config->limit_burst_s, &s->accounts);
  if (e == AVOW_OK)
    e = add_bases(s);
  if (e == AVOW_OK && asprintf(&s->index_link, "<%s/directory>;rel=\"index\"", config->https_url) < 0)
    e = ERR_NO_MEMORY;
  if (e != AVOW_OK)
    site_clear(s);
  return e;
}

void site_clear(struct acme_site *s) {
  nonce_maker_clear(&s->nonces);
  key_cache_free(s->keys);
  budget_free(s->addresses);
  budget_free(s->accounts);
  for (size_t i = 0; i < s->bases_n; i++)
    free(s->bases[i]);
  for (size_t i = 0; i < s->issuers_n; i++)
    buf_clear(&s->issuers[i].pem);
  free(s->index_link);
  pthread_mutex_destroy(&s->lock);
  *s = (struct acme_site){.published = -1};
}

struct slice site_path(const struct acme_site *s, struct slice url) {
  for (size_t i = 0; i < s->bases_n; i++) {
    struct slice base = slice_str(s->bases[i]);
    if (slice_starts(url, base) && url.n > base.n && url.p[base.n] == '/')
      return slice_skip(url, base.n);
  }
  return SLICE_NONE;
}

bool site_account_of(const struct acme_site *s, struct slice url, struct id128 *id) {
  struct slice path = site_path(s, url);
  return path.p && slice_starts(path, slice_str(account_path)) &&
         id_parse(slice_skip(path, sizeof account_path - 1), id);
}

/* An issuer id becomes a file name below published/ca/. */
static bool is_issuer_id(struct slice id) {
  if (id.n == 0 || id.n > ISSUER_ID_MAX || id.p[0] == '.')
    return false;
  for (size_t i = 0; i < id.n; i++) {
    uint8_t c = id.p[i];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
          c == '.'))
      return false;
  }
  return true;
}

static const struct acme_issuer *find_issuer(const struct acme_site *s, struct slice id) {
  for (size_t i = 0; i < s->issuers_n; i++)
    if (slice_eq_str(id, s->issuers[i].id))
      return &s->issuers[i];
  return NULL;
}

static avow_err read_issuer(const struct acme_site *s, struct slice id, struct buf *pem, struct problem *why) {
  char path[ISSUER_ID_MAX + sizeof "ca/.cer"];
  snprintf(path, sizeof path, "ca/%.*s.cer", (int)id.n, (const char *)id.p);
  AUTO_BUF der;
  buf_init(&der, CERT_MAX);
  struct problem detail = {0};
  if (file_read(s->published, path, &der, &detail) != AVOW_OK)
    return problem_set(why, ERR_UNAVAILABLE, "the issuer's certificate is not published yet");
  pem_put(pem, "CERTIFICATE", buf_slice(&der));
  return pem->failed ? ERR_NO_MEMORY : AVOW_OK;
}

avow_err site_issuer_pem(struct acme_site *s, struct slice id, struct buf *out, struct problem *why) {
  if (!is_issuer_id(id))
    return problem_set(why, ERR_INTERNAL, "not the id of an issuer");
  pthread_mutex_lock(&s->lock);
  avow_err e = AVOW_OK;
  const struct acme_issuer *issuer = find_issuer(s, id);
  if (!issuer) {
    AUTO_BUF pem;
    buf_init(&pem, 2 * CERT_MAX);
    e = read_issuer(s, id, &pem, why);
    if (e == AVOW_OK && s->issuers_n < ISSUERS_MAX) {
      struct acme_issuer *added = &s->issuers[s->issuers_n++];
      memcpy(added->id, id.p, id.n);
      added->id[id.n] = 0;
      added->pem = pem;
      pem = (struct buf){0};
      issuer = added;
    } else if (e == AVOW_OK) {
      buf_put(out, buf_slice(&pem));
    }
  }
  if (issuer)
    buf_put(out, buf_slice(&issuer->pem));
  pthread_mutex_unlock(&s->lock);
  return e;
}
