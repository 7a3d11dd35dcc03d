#include "store/migrate.h"

#include "base/fault.h"
#include "base/log.h"

avow_err store_schema_version(struct db *db, int *version) {
  *version = 0;
  avow_err e = db_exec(db, "CREATE TABLE IF NOT EXISTS schema_version("
                           "version INTEGER PRIMARY KEY, applied INTEGER NOT NULL) STRICT");
  if (e != AVOW_OK)
    return e;
  struct query q = db_query(db, "SELECT coalesce(max(version), 0) FROM schema_version");
  if (query_next(&q))
    *version = (int)query_get_int(&q);
  return query_end(&q);
}

static avow_err step(struct db *db, int version, int64_t now_ms) {
  avow_err e = db_exec(db, migrations[version - 1]);
  if (e != AVOW_OK)
    return e;
  struct query q = db_query(db, "INSERT INTO schema_version(version, applied) VALUES(?1, ?2)");
  query_int(&q, version);
  query_int(&q, now_ms);
  return query_run(&q);
}

avow_err store_migrate(struct db *db, int64_t now_ms, struct problem *why) {
  int have;
  if (store_schema_version(db, &have) != AVOW_OK)
    return problem_set(why, ERR_DATABASE, "cannot read the schema version: %s", db_error(db));
  if (have > migrations_n)
    return problem_set(
      why, ERR_DATABASE,
      "the database has schema version %d, this program knows %d: start the newer program, or restore a "
      "backup that was made before the upgrade",
      have, migrations_n);
  for (int version = have + 1; version <= migrations_n; version++) {
    avow_err e = db_begin(db);
    if (e == AVOW_OK)
      e = step(db, version, now_ms);
    fault_point("store.migrate");
    if (e == AVOW_OK)
      e = db_commit(db);
    if (e != AVOW_OK) {
      problem_set(why, ERR_DATABASE, "migration %d failed: %s", version, db_error(db));
      db_rollback(db);
      return ERR_DATABASE;
    }
    log_event(LOG_INFO, "store.migrated", L_NUM(count, version));
  }
  return AVOW_OK;
}

avow_err store_schema_columns(struct db *db, struct arena *a, struct schema_column **out, size_t *n) {
  enum { COLUMNS_MAX = 2048 };
  *n = 0;
  *out = arena_array(a, COLUMNS_MAX, sizeof **out);
  if (!*out)
    return ERR_NO_MEMORY;
  bool memory = true;
  struct query q =
    db_query(db, "SELECT t.name || '.' || c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c "
                 "WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY t.name, c.cid");
  while (memory && *n < COLUMNS_MAX && query_next(&q)) {
    struct slice name = query_get_bytes(&q, a);
    memory = ((*out)[(*n)++].name = arena_str(a, name)) != NULL;
  }
  avow_err e = query_end(&q);
  return e == AVOW_OK && !memory ? ERR_NO_MEMORY : e;
}
