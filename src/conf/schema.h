/* The one table of avow.conf: parser, defaults, template, manual page and tests all read it. */
#ifndef AVOW_CONF_SCHEMA_H
#define AVOW_CONF_SCHEMA_H

#include "conf/conf.h"

/* Bits for the kinds of CA in which a key may stand. */
enum { IN_PRIVATE = 1, IN_PUBLIC = 2, IN_TEST = 4, IN_ALL = 7 };
/* Columns of conf_row.def for avow.conf's own keys. */
enum { DEF_PRIVATE, DEF_PUBLIC, DEF_TEST };
/* Columns of conf_row.def for the keys of a profile; a profile of another name starts as classic. */
enum { DEF_CLASSIC, DEF_TLSSERVER, DEF_SHORTLIVED, DEF_COLUMNS };

struct conf_row;
/* Stores `value` at row->offset of `target` (struct config or struct profile); false when it is not what is expected.
   What it allocates lives in `a`. */
typedef bool conf_setter(struct arena *a, void *target, const struct conf_row *row, struct slice value);

struct conf_row {
  const char *key;
  unsigned kinds;
  const char *type;             /* one word for the manual */
  const char *def[DEF_COLUMNS]; /* default as it would be written; NULL: must be given */
  const char *def_note;         /* in words, when the default is not just that text */
  const char *expected;         /* for error messages; NULL: made of type, min and max */
  const char *help;             /* one line */
  conf_setter *set;
  size_t offset, count_offset;
  int64_t min, max;
};

extern const struct conf_row conf_rows[];
extern const size_t conf_rows_n;
/* Keys inside `profile "NAME" { … }`, written profile.NAME.KEY with --set. */
extern const struct conf_row conf_profile_rows[];
extern const size_t conf_profile_rows_n;
/* The three built-in profiles, in the order of the columns. */
extern const char *const conf_profile_names[DEF_COLUMNS];

/* NULL when there is no such key. */
const struct conf_row *conf_row_find(const struct conf_row *rows, size_t n, struct slice key);
/* Appends what a value must be, in words. */
void conf_row_expected(const struct conf_row *row, struct buf *out);
/* Column of a kind, of a profile's name. */
size_t conf_kind_column(enum ca_kind kind);
size_t conf_profile_column(struct slice name);
/* 1 to 32 characters: a letter, then letters, digits and inner hyphens, all lower-case. */
bool conf_profile_name_ok(struct slice name);

/* "90d", "1h5m": numbers with units w d h m s, each unit once and in this order. False otherwise or beyond 100 years.
 */
bool conf_duration(struct slice text, int64_t *seconds);
/* The shortest such text of 0 or more seconds. */
void conf_duration_put(struct buf *out, int64_t seconds);

conf_setter conf_set_kind, conf_set_hosts, conf_set_endpoints, conf_set_loopback, conf_set_url, conf_set_base_url,
  conf_set_resolvers, conf_set_anchor, conf_set_int, conf_set_duration, conf_set_shift, conf_set_bool, conf_set_names,
  conf_set_networks, conf_set_level, conf_set_profile_name, conf_set_files, conf_set_text, conf_set_oids;

#endif
