/* avow.conf: one schema table, read by libconfuse after a strict pre-pass; man page and defaults come from the same
 * table. */
#ifndef AVOW_CONF_CONF_H
#define AVOW_CONF_CONF_H

#include <netinet/in.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "pki/profile.h"

enum ca_kind { KIND_PRIVATE = 1, KIND_PUBLIC = 2, KIND_TEST = 3 };
enum { PROFILES_MAX = 16 };

/* "private", "public", "test"; and back, false for any other word. */
const char *ca_kind_text(enum ca_kind kind);
bool ca_kind_parse(struct slice text, enum ca_kind *kind);

struct network {
  uint8_t family_bytes; /* 4 or 16 */
  uint8_t prefix;
  uint8_t b[16];
};

struct endpoint {
  struct sockaddr_storage address;
  socklen_t n;
  char text[80]; /* as configured */
};

struct config {
  /* where it came from */
  enum ca_kind kind;
  /* host, base of all https URLs */
  char **hosts;
  size_t hosts_n;
  struct endpoint *https, *http, *metrics;
  size_t https_n, http_n, metrics_n;
  char *https_url; /* "https://HOST:PORT" without a final slash: the base of all ACME URLs (host 1, port of listener 1;
                      no port when it is 443) */
  char *http_url;  /* without a final slash */
  /* validation */
  char **resolvers; /* libunbound's ip@port */
  size_t resolvers_n;
  char *
    trust_anchor; /* DS or DNSKEY texts, one a line; NULL: none configured (public: the validator's own root anchors) */
  int http_port, tls_port;
  /* private */
  struct slice *suffixes;
  size_t suffixes_n;
  struct network *networks;
  size_t networks_n;
  /* CAA identities of this CA (caa.identities, default: the hosts) */
  struct slice *caa_identities;
  size_t caa_identities_n;
  /* ACME */
  char *terms_url, *website; /* NULL: none */
  struct profile profiles[PROFILES_MAX];
  size_t profiles_n;
  char default_profile[PROFILE_NAME_MAX + 1];
  /* lists of keys that are refused: paths below the folder of the CA */
  char **blocklists;
  size_t blocklists_n;
  /* CRLs */
  int crl_shards;
  int64_t crl_interval_s, crl_lifetime_s;
  /* front */
  int workers, max_connections, max_per_address;
  int limit_address, limit_account; /* units a second (acme/budget.h); 0: no limit */
  int64_t limit_burst_s;
  int64_t timeout_header_s, timeout_body_s, timeout_idle_s;
  /* test kind */
  int reject_nonces, reuse_authz; /* percent */
  int64_t clock_shift_ms;
  bool memory;
  int log_level;
  struct arena arena; /* owns every pointer above */
};

/* Parses `text` (of a file called `file` in messages; its last path component is shown), applies `sets` ("KEY=VALUE",
   later ones win), fills defaults that depend on the kind, and checks everything. A private CA without
   validation.resolvers takes the system's from /etc/resolv.conf now. ERR_CONFIG with "FILE:LINE: KEY: got …, expected
   …" in `why`. On failure `out` is empty. libconfuse's scanner is global: call it from one thread at a time. */
avow_err config_parse(struct slice text, const char *file, const char *const *sets, size_t sets_n, struct config *out,
                      struct problem *why) WARN_UNUSED;
void config_clear(struct config *c);
/* Appends a commented avow.conf: every key of this kind with its meaning and default; those of `hosts` (comma list) and
   `sets` ("KEY=VALUE", also "profile.NAME.KEY=VALUE") as settings. The caller checks it with config_parse(). */
void config_template_put(struct buf *out, enum ca_kind kind, const char *hosts, const char *const *sets, size_t sets_n);
/* By name; the default profile for an empty name; NULL when there is none. */
const struct profile *config_profile(const struct config *c, struct slice name);
bool network_contains(const struct network *net, const uint8_t *ip, size_t n);

#endif
