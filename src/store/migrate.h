/* Versioned migrations: NNNN.sql in store/migrations/, embedded when the program is built. */
#ifndef AVOW_STORE_MIGRATE_H
#define AVOW_STORE_MIGRATE_H

#include "store/db.h"

extern const char *const migrations[]; /* [0] brings version 1 */
extern const int migrations_n;

/* Brings the schema up to migrations_n, each step in its own transaction. ERR_DATABASE with `why`, also when the schema
   is newer than this program: nothing is changed then. */
avow_err store_migrate(struct db *db, int64_t now_ms, struct problem *why) WARN_UNUSED;
/* The version in the database; 0 when it is empty. */
avow_err store_schema_version(struct db *db, int *version) WARN_UNUSED;

/* Checks the database of a CA that is not running, changing nothing: its structure, and that this program knows its
   schema; `*version` gets the latter. ERR_DATABASE with `why`. */
avow_err store_check_file(const char *path, int *version, struct problem *why) WARN_UNUSED;

/* A column of the schema as "table.column". */
struct schema_column {
  const char *name;
};
/* All columns of all tables, in `a`. */
avow_err store_schema_columns(struct db *db, struct arena *a, struct schema_column **out, size_t *n) WARN_UNUSED;

#endif
