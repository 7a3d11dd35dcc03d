/* policy.conf: the categories of data, and which columns and log fields belong to each. Read by libconfuse after a
   strict pre-pass; everything the file says is checked for itself here, and against the program in privacy/check.h. */
#ifndef AVOW_PRIVACY_POLICY_H
#define AVOW_PRIVACY_POLICY_H

#include "base/arena.h"
#include "base/error.h"

/* Where data of a category may go. */
enum policy_sink { SINK_DATABASE = 1, SINK_MESSAGE = 2, SINK_LOG = 4, SINK_PUBLIC = 8 };

/* An ISO 8601 duration of years, months and days, counted on the calendar in UTC. */
struct policy_duration {
  bool indefinite;
  unsigned years, months, days;
};

/* A named entry of a closed vocabulary: a role, purpose, recipient or clock. */
struct policy_term {
  const char *name;
  const char **allows; /* of a purpose: the legal bases it may have; else none */
  size_t allows_n;
};

struct policy_purpose {
  const char *purpose, *basis;
};

struct policy_category {
  const char *name, *label_en, *label_zh;
  bool personal, is_public;
  const char *reason; /* why a category is about nobody */
  unsigned sinks;     /* bits of enum policy_sink */
  const char **roles, **recipients;
  size_t roles_n, recipients_n;
  struct policy_purpose *purposes;
  size_t purposes_n;
  struct policy_duration min, max; /* not kept for less, nor for more */
  const char *min_clock, *clock;
  const char *erasure, *erasure_reason; /* delete, shred, redact, restrict, never */
  const char *export;                   /* full, on_supplied_identifier, masked */
};

/* "table.column", or a log field. */
struct policy_member {
  const char *name;
  const struct policy_category *category;
};

struct policy {
  const char *id, *version, *last_modified;
  struct policy_term *roles, *purposes, *recipients, *clocks;
  size_t roles_n, purposes_n, recipients_n, clocks_n;
  struct policy_category *categories;
  size_t categories_n;
  struct policy_member *columns, *log_fields;
  size_t columns_n, log_fields_n;
  struct arena arena; /* owns everything above */
};

/* Parses `text` (of a file called `file` in messages). ERR_CONFIG with the place and what was expected. */
avow_err policy_parse(struct slice text, const char *file, struct policy *out, struct problem *why) WARN_UNUSED;
void policy_clear(struct policy *p);
/* NULL when there is none. */
const struct policy_category *policy_category(const struct policy *p, const char *name);
/* The category of a column ("table.column") or log field; NULL when it has none. */
const struct policy_category *policy_column(const struct policy *p, const char *column);
const struct policy_category *policy_log_field(const struct policy *p, const char *field);

/* "P7Y", "P30D", "P1Y2M3D", "indefinite"; false for anything else. */
bool policy_duration_parse(const char *text, struct policy_duration *out);

#endif
