/* What the parts of the configuration parser share. */
#ifndef AVOW_CONF_INTERNAL_H
#define AVOW_CONF_INTERNAL_H

#include "conf/schema.h"

enum { CONF_TEXT_MAX = 1 << 20, CONF_ARENA_MAX = 8 << 20, SETTINGS_MAX = 512 };

/* One assignment, from the file or from --set. */
struct setting {
  struct slice profile, key, value; /* profile.p NULL outside of a profile section */
  int line;                         /* 0: --set */
};

struct settings {
  const char *file; /* name in messages */
  struct setting list[SETTINGS_MAX];
  size_t n;
};

/* The strict pre-pass: checks that `text` is in the subset of libconfuse's language in which nothing is ambiguous (no
   NUL, no "${…}", no lists, no key twice) and lists its assignments, values not yet filled in. Slices borrow from
   `text`. */
avow_err conf_scan(struct slice text, struct settings *out, struct problem *why) WARN_UNUSED;
/* Lets libconfuse read `text` and fills in the values of the settings that conf_scan() found. */
avow_err conf_read_values(struct slice text, struct arena *a, struct settings *settings,
                          struct problem *why) WARN_UNUSED;
/* Splits "KEY=VALUE" and adds it. */
avow_err conf_add_set(const char *set, struct settings *settings, struct problem *why) WARN_UNUSED;
/* The last assignment of a key, NULL when there is none. */
const struct setting *conf_setting_find(const struct settings *settings, struct slice profile, const char *key);
/* ERR_CONFIG with the place of `s`, its full key, and the formatted rest. */
avow_err conf_refuse(const struct settings *settings, const struct setting *s, struct problem *why, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));

/* What depends on several keys: URLs, resolvers, identities. */
avow_err conf_derive(struct config *c, const struct settings *settings, struct problem *why) WARN_UNUSED;
/* Rules that bind several keys or the kind. */
avow_err conf_check(const struct config *c, const struct settings *settings, struct problem *why) WARN_UNUSED;
/* The name servers of a resolv.conf in libunbound's form; those with a zone are left out. */
bool conf_resolv_conf(struct slice text, struct arena *a, char ***out, size_t *n);

/* The next element of a comma list without the blanks around it; false after the last. A list of blanks only has none.
 */
bool conf_list_next(struct slice *rest, struct slice *element);
/* A C string in `a`, NULL on failure. */
char *conf_str(struct arena *a, struct slice s);
/* ADDRESS:PORT with IPv6 in brackets; the port may be left out where `default_port` is not 0. */
bool conf_endpoint(struct slice text, int default_port, struct endpoint *out);
int conf_endpoint_port(const struct endpoint *e);

#endif
