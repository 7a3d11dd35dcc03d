#include "privacy/check.h"

#include <stdio.h>

#include "base/log.h"
#include "ipc/message.h"
#include "store/migrate.h"

enum { COLUMNS_ARENA = 1024 * 1024 };

static bool has_column(const struct schema_column *list, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(list[i].name, name) == 0)
      return true;
  return false;
}

avow_err policy_check_columns(const struct policy *p, struct db *db, struct problem *why) {
  AUTO_ARENA a;
  arena_init(&a, COLUMNS_ARENA);
  struct schema_column *list;
  size_t n;
  avow_err e = store_schema_columns(db, &a, &list, &n);
  if (e != AVOW_OK)
    return problem_set(why, e, "cannot list the columns of the database");
  for (size_t i = 0; i < n; i++)
    if (!policy_column(p, list[i].name))
      return problem_set(why, ERR_CONFIG, "the column %s has no category in policy.conf", list[i].name);
  for (size_t i = 0; i < p->columns_n; i++)
    if (!has_column(list, n, p->columns[i].name))
      return problem_set(why, ERR_CONFIG, "policy.conf names the column %s, which does not exist", p->columns[i].name);
  return AVOW_OK;
}

avow_err policy_check_messages(const struct policy *p, struct problem *why) {
  const char *owner = "";
  for (size_t i = 0; i < message_fields_n; i++) {
    const struct message_field *f = &message_fields[i];
    owner = f->owner ? f->owner : owner;
    if (f->owner || !f->category)
      continue;
    const struct policy_category *c = policy_category(p, f->category);
    if (!c)
      return problem_set(why, ERR_CONFIG,
                         "the message field %s.%s has the category %s, which policy.conf does not have", owner, f->name,
                         f->category);
    if (!(c->sinks & SINK_MESSAGE))
      return problem_set(why, ERR_CONFIG,
                         "the message field %s.%s carries the category %s, which may not travel in messages", owner,
                         f->name, f->category);
  }
  return AVOW_OK;
}

avow_err policy_check_log(const struct policy *p, struct problem *why) {
  for (int field = 0; field < LF_COUNT; field++) {
    const char *name = log_field_text((enum log_field_name)field);
    if (!policy_log_field(p, name))
      return problem_set(why, ERR_CONFIG, "the log field %s has no category in policy.conf", name);
  }
  for (size_t i = 0; i < p->log_fields_n; i++) {
    bool found = false;
    for (int field = 0; field < LF_COUNT && !found; field++)
      found = strcmp(p->log_fields[i].name, log_field_text((enum log_field_name)field)) == 0;
    if (!found)
      return problem_set(why, ERR_CONFIG, "policy.conf names the log field %s, which does not exist",
                         p->log_fields[i].name);
  }
  return AVOW_OK;
}

avow_err policy_check(const struct policy *p, struct problem *why) {
  struct db *db;
  avow_err e = db_open(":memory:", &db, why);
  if (e != AVOW_OK)
    return e;
  e = store_migrate(db, 0, why);
  if (e == AVOW_OK)
    e = policy_check_columns(p, db, why);
  if (e == AVOW_OK)
    e = policy_check_messages(p, why);
  if (e == AVOW_OK)
    e = policy_check_log(p, why);
  db_close(db);
  return e;
}
