/* Looking at the database of a CA that is not running, for `avow check`. */
#include "store/migrate.h"

enum { REPORT_MAX = 4096 };

/* The first line of what the engine finds wrong; "ok" when nothing is. */
static avow_err check_structure(struct db *db, struct problem *why) {
  AUTO_ARENA arena;
  arena_init(&arena, REPORT_MAX);
  struct slice line = SLICE_NONE;
  struct query q = db_query(db, "PRAGMA integrity_check(1)");
  if (query_next(&q))
    line = query_get_bytes(&q, &arena);
  avow_err e = query_end(&q);
  if (e != AVOW_OK)
    return problem_set(why, ERR_DATABASE, "it cannot be read: %s", db_error(db));
  if (!slice_eq(line, SLICE_LIT("ok")))
    return problem_set(why, ERR_DATABASE, "it is damaged: %.*s", line.n > 200 ? 200 : (int)line.n,
                       (const char *)line.p);
  return AVOW_OK;
}

static avow_err read_version(struct db *db, int *version, struct problem *why) {
  struct query q = db_query(db, "SELECT coalesce(max(version), 0) FROM schema_version");
  if (query_next(&q))
    *version = (int)query_get_int(&q);
  if (query_end(&q) != AVOW_OK || *version == 0)
    return problem_set(why, ERR_DATABASE, "it is no database of a CA");
  if (*version > migrations_n)
    return problem_set(why, ERR_DATABASE, "its schema has version %d, this program knows %d", *version, migrations_n);
  return AVOW_OK;
}

avow_err store_check_file(const char *path, int *version, struct problem *why) {
  struct db *db = NULL;
  *version = 0;
  avow_err e = db_open_to_read(path, &db, why);
  if (e == AVOW_OK)
    e = check_structure(db, why);
  if (e == AVOW_OK)
    e = read_version(db, version, why);
  db_close(db);
  return e;
}
