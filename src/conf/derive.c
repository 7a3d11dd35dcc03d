/* What follows from several keys together: URLs, resolvers, CAA identities; and the rules that bind them. */
#include <arpa/inet.h>
#include <fcntl.h>

#include "base/file.h"
#include "conf/internal.h"
#include "pki/name.h"

enum { NAMESERVERS_MAX = 3 /* resolv.conf(5): MAXNS */, RESOLV_CONF_MAX = 64 * 1024, HTTP_PORT = 80, TLS_PORT = 443 };

static bool is_ip(const char *host) {
  uint8_t bytes[16];
  return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* SCHEME://HOST[:PORT]; the scheme's own port stays out, as clients leave it out of what they compare. */
static char *base_url(struct arena *a, const char *scheme, const char *host, int port, int own_port) {
  bool v6 = strchr(host, ':') != NULL;
  const char *open = v6 ? "[" : "", *close = v6 ? "]" : "";
  return port == own_port ? arena_printf(a, "%s://%s%s%s", scheme, open, host, close)
                          : arena_printf(a, "%s://%s%s%s:%d", scheme, open, host, close, port);
}

bool conf_resolv_conf(struct slice text, struct arena *a, char ***out, size_t *n) {
  char **list = arena_array(a, NAMESERVERS_MAX, sizeof *list);
  char *copy = conf_str(a, text), *rest = NULL;
  *n = 0;
  if (!list || !copy)
    return false;
  for (char *line = strtok_r(copy, "\n", &rest); line && *n < NAMESERVERS_MAX; line = strtok_r(NULL, "\n", &rest)) {
    char *words = NULL, *key = strtok_r(line, " \t", &words), *address = strtok_r(NULL, " \t", &words);
    if (!key || !address || strcmp(key, "nameserver") != 0 || !is_ip(address))
      continue;
    list[*n] = arena_printf(a, "%s@53", address);
    if (!list[(*n)++])
      return false;
  }
  *out = list;
  return true;
}

/* A machine without a usable resolv.conf is no error: the validator then resolves by itself. */
static avow_err system_resolvers(struct config *c) {
  AUTO_BUF text;
  buf_init(&text, RESOLV_CONF_MAX);
  if (file_read(AT_FDCWD, "/etc/resolv.conf", &text, NULL) != AVOW_OK ||
      memchr(text.p ? text.p : (uint8_t *)"", 0, text.n))
    return AVOW_OK;
  return conf_resolv_conf(buf_slice(&text), &c->arena, &c->resolvers, &c->resolvers_n) ? AVOW_OK : ERR_NO_MEMORY;
}

avow_err conf_derive(struct config *c, const struct settings *settings, struct problem *why) {
  (void)why;
  if (!c->https_url)
    c->https_url = base_url(&c->arena, "https", c->hosts[0], conf_endpoint_port(&c->https[0]), TLS_PORT);
  if (!c->http_url)
    c->http_url = base_url(&c->arena, "http", c->hosts[0], conf_endpoint_port(&c->http[0]), HTTP_PORT);
  if (!c->https_url || !c->http_url)
    return ERR_NO_MEMORY;

  if (!conf_setting_find(settings, SLICE_NONE, "caa.identities")) {
    c->caa_identities = arena_array(&c->arena, c->hosts_n, sizeof *c->caa_identities);
    if (!c->caa_identities)
      return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->hosts_n; i++)
      if (!is_ip(c->hosts[i]))
        c->caa_identities[c->caa_identities_n++] = slice_str(c->hosts[i]);
  }
  if (c->kind == KIND_PRIVATE && !conf_setting_find(settings, SLICE_NONE, "validation.resolvers"))
    return system_resolvers(c);
  return AVOW_OK;
}

/* A setting to blame: the assignment, or its key alone when the default is what does not fit. */
static avow_err blame(const struct settings *settings, struct slice profile, const char *key, struct problem *why,
                      const char *what) {
  const struct setting *s = conf_setting_find(settings, profile, key);
  if (s)
    return conf_refuse(settings, s, why, "%s", what);
  return problem_set(why, ERR_CONFIG, "%s: %s%.*s%s%s: by default %s", settings->file, profile.p ? "profile." : "",
                     (int)profile.n, profile.p ? (const char *)profile.p : "", profile.p ? "." : "", key, what);
}

static avow_err check_public_profile(const struct profile *p, const struct settings *settings, struct problem *why) {
  struct slice name = slice_str(p->name);
  /* TLS BR 6.3.2 and 4.2.1 of 2027-03-15; and no status at all only for short-lived certificates (BR 4.9.7, 7.1.2.11).
   */
  if (p->lifetime_s > (int64_t)100 * 86400)
    return blame(settings, name, "lifetime", why, "got more than 100 days, expected at most 100d in a public CA");
  if (p->authz_reuse_s > (int64_t)100 * 86400)
    return blame(settings, name, "authz_reuse", why, "got more than 100 days, expected at most 100d in a public CA");
  if (!p->crl && !p->ocsp && p->lifetime_s > (int64_t)7 * 86400)
    return blame(settings, name, "crl", why, "got false, expected crl or ocsp in certificates of more than 7 days");
  if (!p->ct)
    return blame(settings, name, "ct", why, "got false, expected true in a public CA");
  if (p->policy_oids_n == 0)
    return blame(settings, name, "policy_oids", why, "got none, expected 2.23.140.1.2.1 in a public CA");
  return AVOW_OK;
}

static avow_err check_profile(const struct config *c, const struct profile *p, const struct settings *settings,
                              struct problem *why) {
  struct slice name = slice_str(p->name);
  if (p->backdate_s >= p->lifetime_s)
    return blame(settings, name, conf_setting_find(settings, name, "backdate") ? "backdate" : "lifetime", why,
                 "got a backdate not shorter than the lifetime, expected a certificate that is still valid");
  if (c->kind == KIND_PRIVATE)
    for (size_t i = 0; i < p->policy_oids_n; i++)
      if (strncmp(p->policy_oids[i], "2.23.140.", 9) == 0)
        return blame(settings, name, "policy_oids", why,
                     "got one of the CA/Browser Forum (2.23.140), expected none of them in a private CA");
  if (c->kind == KIND_PRIVATE && p->ct)
    return blame(settings, name, "ct", why, "got true, expected false in a private CA");
  return c->kind == KIND_PUBLIC ? check_public_profile(p, settings, why) : AVOW_OK;
}

avow_err conf_check(const struct config *c, const struct settings *settings, struct problem *why) {
  if (c->kind != KIND_TEST && c->http_port != HTTP_PORT)
    return blame(settings, SLICE_NONE, "validation.http_port", why,
                 "got another port, expected 80 (others only in a CA of kind test)");
  if (c->kind != KIND_TEST && c->tls_port != TLS_PORT)
    return blame(settings, SLICE_NONE, "validation.tls_port", why,
                 "got another port, expected 443 (others only in a CA of kind test)");
  /* A CRL that cannot be renewed in time at the next turn leaves relying parties without one. */
  if (c->crl_interval_s > c->crl_lifetime_s / 2)
    return blame(settings, SLICE_NONE,
                 conf_setting_find(settings, SLICE_NONE, "crl.interval") ? "crl.interval" : "crl.lifetime", why,
                 "got an interval of more than half the lifetime, expected at most half of crl.lifetime");
  for (size_t i = 0; i < c->https_n; i++)
    for (size_t k = 0; k < c->http_n; k++)
      if (memcmp(&c->https[i].address, &c->http[k].address, sizeof c->http[k].address) == 0)
        return blame(settings, SLICE_NONE, "listen.http", why, "got an endpoint of listen.https, expected another");
  for (size_t i = 0; i < c->profiles_n; i++) {
    avow_err e = check_profile(c, &c->profiles[i], settings, why);
    if (e != AVOW_OK)
      return e;
  }
  if (!config_profile(c, SLICE_NONE))
    return blame(settings, SLICE_NONE, "profile.default", why, "got an unknown profile, expected one that is defined");
  return AVOW_OK;
}
