/* What all workers of one front share: the configuration as ACME sees it, nonces, account keys, issuers' certificates.
 */
#ifndef AVOW_ACME_SITE_H
#define AVOW_ACME_SITE_H

#include "acme/budget.h"
#include "acme/key_cache.h"
#include "acme/metrics.h"
#include "acme/nonce.h"
#include "conf/conf.h"
#include "pki/key_list.h"
#include "pki/name.h"

enum { ISSUERS_MAX = 64, ISSUER_ID_MAX = 64, BASES_MAX = 64 };

struct acme_issuer {
  char id[ISSUER_ID_MAX + 1];
  struct buf pem;
};

struct acme_site {
  const struct config *config;
  int published; /* directory; borrowed */
  struct nonce_maker nonces;
  struct key_cache *keys;
  struct budget *addresses, *accounts; /* what each may spend on signatures */
  const struct key_list *blocklist;    /* keys that no certificate gets; borrowed, NULL: none */
  struct metrics metrics;
  struct name_policy policy;
  char *bases[BASES_MAX]; /* of URLs: config->https_url first, then those of all hosts and listeners */
  size_t bases_n;
  char *index_link;     /* value of Link rel="index" */
  pthread_mutex_t lock; /* guards the issuers, which are only ever added */
  struct acme_issuer issuers[ISSUERS_MAX];
  size_t issuers_n;
};

/* `config` and `published` are borrowed for the life of the site. */
avow_err site_init(struct acme_site *s, const struct config *config, int published) WARN_UNUSED;
void site_clear(struct acme_site *s);

/* What follows the base in a URL of this site; p NULL when `url` begins with none of our bases. */
struct slice site_path(const struct acme_site *s, struct slice url);
/* The id in an account URL (RFC 8555, 6.2: "kid"); false when it is no account URL of ours. */
bool site_account_of(const struct acme_site *s, struct slice url, struct id128 *id);
/* Appends the PEM of an issuer's certificate, read once from published/ca/. ERR_UNAVAILABLE while it is not published.
 */
avow_err site_issuer_pem(struct acme_site *s, struct slice issuer, struct buf *out, struct problem *why) WARN_UNUSED;

/* The directory (RFC 8555, 7.1.1) and the home page, appended. */
void site_directory_put(const struct acme_site *s, struct buf *out);
void site_home_put(const struct acme_site *s, struct buf *out);

#endif
