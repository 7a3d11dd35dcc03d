/* The SQLite engine of store/db.h. */
#include "store/db.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "store/sqlite/vfs.h"

/* Prepared statements by the address of their literal: open addressing, a power of two well above their number. */
enum { STATEMENTS = 512, READ_URI_MAX = 16384 };
/* Small allocations of running statements come from a slab of this size. */
enum { LOOKASIDE_BYTES = 1200, LOOKASIDE_SLOTS = 400 };

struct db {
  sqlite3 *handle;
  struct {
    const char *sql;
    sqlite3_stmt *statement;
  } statements[STATEMENTS];
  size_t statements_n;
};

/* The store is the only process that opens the file, so its lock is exclusive and the index of the log stays in its own
   memory. A commit returns after the log was synced (FULL): what was acknowledged survives a power cut. */
static const char setup[] = "PRAGMA locking_mode=EXCLUSIVE;"
                            "PRAGMA journal_mode=WAL;"
                            "PRAGMA synchronous=FULL;"
                            "PRAGMA foreign_keys=OFF;"
                            "PRAGMA trusted_schema=OFF;"
                            "PRAGMA temp_store=MEMORY;"
                            "PRAGMA cache_size=-32768;"
                            "PRAGMA wal_autocheckpoint=2000;"
                            "PRAGMA journal_size_limit=67108864;";

/* Nobody reads SQLite's memory statistics, and they cost a lock at every allocation. They can only be switched off
   before the library's first use; afterwards the call is refused and changes nothing. */
static bool prepare_library(void) {
  (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  return vfs_register();
}

avow_err db_open(const char *path, struct db **out, struct problem *why) {
  *out = NULL;
  struct db *db = calloc(1, sizeof *db);
  if (!db || !prepare_library()) {
    free(db);
    return problem_set(why, ERR_NO_MEMORY, "out of memory for the database");
  }
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  int rc = sqlite3_open_v2(path, &db->handle, flags, vfs_name);
  if (rc == SQLITE_OK) {
    (void)sqlite3_extended_result_codes(db->handle, 1);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_LOOKASIDE, (void *)NULL, LOOKASIDE_BYTES, LOOKASIDE_SLOTS);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, (int *)NULL);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)NULL);
    rc = sqlite3_exec(db->handle, setup, NULL, NULL, NULL);
  }
  /* The first read takes the lock: a second store on the same file fails here and not later. */
  if (rc == SQLITE_OK)
    rc = sqlite3_exec(db->handle, "BEGIN IMMEDIATE; COMMIT;", NULL, NULL, NULL);
  if (rc != SQLITE_OK) {
    avow_err e = problem_set(why, ERR_DATABASE, "cannot open the database %s: %s", path,
                             db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc));
    db_close(db);
    return e;
  }
  *out = db;
  return AVOW_OK;
}

/* "file:PATH?…": without a log beside it nothing may even be looked for there, as SQLite would make one. */
static bool read_uri(const char *path, struct buf *uri) {
  buf_put_str(uri, path);
  buf_put_str(uri, "-wal");
  buf_put_u8(uri, 0);
  bool log = !uri->failed && access((const char *)uri->p, F_OK) == 0;
  buf_reset(uri);
  buf_put_str(uri, "file:");
  for (const char *c = path; *c; c++)
    if (*c == '%' || *c == '?' || *c == '#')
      buf_printf(uri, "%%%02x", (unsigned)*c);
    else
      buf_put_u8(uri, (uint8_t)*c);
  buf_put_str(uri, log ? "" : "?immutable=1");
  buf_put_u8(uri, 0);
  return !uri->failed;
}

avow_err db_open_to_read(const char *path, struct db **out, struct problem *why) {
  *out = NULL;
  AUTO_BUF uri;
  buf_init(&uri, READ_URI_MAX);
  struct db *db = calloc(1, sizeof *db);
  if (!db || !prepare_library() || !read_uri(path, &uri)) {
    free(db);
    return problem_set(why, ERR_NO_MEMORY, "out of memory for the database");
  }
  /* Without locks a log that a killed store left can be read by one who may not write: its index is then in memory. */
  int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_URI;
  int rc = sqlite3_open_v2((const char *)uri.p, &db->handle, flags, "unix-none");
  if (rc == SQLITE_OK) {
    (void)sqlite3_extended_result_codes(db->handle, 1);
    rc = sqlite3_exec(db->handle, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA trusted_schema=OFF; PRAGMA query_only=ON;",
                      NULL, NULL, NULL);
  }
  if (rc != SQLITE_OK) {
    avow_err e = problem_set(why, ERR_DATABASE, "cannot open the database %s: %s", path,
                             db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc));
    db_close(db);
    return e;
  }
  *out = db;
  return AVOW_OK;
}

void db_close(struct db *db) {
  if (!db)
    return;
  for (size_t i = 0; i < STATEMENTS; i++)
    sqlite3_finalize(db->statements[i].statement);
  int rc = sqlite3_close(db->handle);
  assert(rc == SQLITE_OK); /* no statement is left open */
  free(db);
}

const char *db_error(struct db *db) {
  return sqlite3_errmsg(db->handle);
}

static void note_failure(struct db *db, const char *what) {
  log_event(LOG_ERROR, "database.failed", L_TEXT(error, sqlite3_errstr(sqlite3_extended_errcode(db->handle))),
            L_TEXT(detail, db_error(db)), L_TEXT(message, what));
}

avow_err db_exec(struct db *db, const char *sql) {
  if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
    return AVOW_OK;
  note_failure(db, "exec");
  return ERR_DATABASE;
}

avow_err db_begin(struct db *db) {
  struct query q = db_query(db, "BEGIN IMMEDIATE");
  return query_run(&q);
}

avow_err db_commit(struct db *db) {
  struct query q = db_query(db, "COMMIT");
  return query_run(&q);
}

void db_rollback(struct db *db) {
  if (!db_in_transaction(db))
    return;
  struct query q = db_query(db, "ROLLBACK");
  if (query_run(&q) != AVOW_OK)
    log_event(LOG_ERROR, "database.rollback_failed");
}

avow_err db_savepoint(struct db *db) {
  struct query q = db_query(db, "SAVEPOINT one");
  return query_run(&q);
}

avow_err db_release(struct db *db) {
  struct query q = db_query(db, "RELEASE one");
  return query_run(&q);
}

void db_undo(struct db *db) {
  if (!db_in_transaction(db))
    return;
  struct query q = db_query(db, "ROLLBACK TO one");
  if (query_run(&q) != AVOW_OK || db_release(db) != AVOW_OK)
    db_rollback(db);
}

bool db_in_transaction(const struct db *db) {
  return !sqlite3_get_autocommit(db->handle);
}

int64_t db_last_key(struct db *db) {
  return sqlite3_last_insert_rowid(db->handle);
}

int64_t db_changes(struct db *db) {
  return sqlite3_changes64(db->handle);
}

static sqlite3_stmt *statement_of(struct db *db, const char *sql) {
  size_t at = ((uintptr_t)sql >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 32;
  for (;; at++) {
    at %= STATEMENTS;
    if (db->statements[at].sql == sql)
      return db->statements[at].statement;
    if (!db->statements[at].sql)
      break;
  }
  assert(db->statements_n < STATEMENTS - STATEMENTS / 4);
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
    note_failure(db, "prepare");
    return NULL;
  }
  db->statements[at].sql = sql;
  db->statements[at].statement = statement;
  db->statements_n++;
  return statement;
}

struct query db_query(struct db *db, const char *sql) {
  struct query q = {.db = db, .statement = statement_of(db, sql)};
  q.failed = !q.statement;
  assert(q.failed || !sqlite3_stmt_busy(q.statement)); /* a statement is used once at a time */
  return q;
}

static void bind(struct query *q, int rc) {
  q->failed |= rc != SQLITE_OK;
}

void query_int(struct query *q, int64_t value) {
  if (!q->failed)
    bind(q, sqlite3_bind_int64(q->statement, ++q->bound, value));
}

void query_blob(struct query *q, struct slice bytes) {
  if (!q->failed)
    bind(q,
         sqlite3_bind_blob64(q->statement, ++q->bound, bytes.p ? (const void *)bytes.p : "", bytes.n, SQLITE_STATIC));
}

void query_text(struct query *q, struct slice text) {
  if (!q->failed)
    bind(q, sqlite3_bind_text64(q->statement, ++q->bound, text.p ? (const char *)text.p : "", text.n, SQLITE_STATIC,
                                SQLITE_UTF8));
}

void query_id(struct query *q, const struct id128 *id) {
  query_blob(q, id_slice(id));
}

void query_id_or_null(struct query *q, const struct id128 *id) {
  if (!id_is_zero(*id))
    query_id(q, id);
  else if (!q->failed)
    bind(q, sqlite3_bind_null(q->statement, ++q->bound));
}

bool query_next(struct query *q) {
  q->row = false;
  q->column = 0;
  if (q->failed)
    return false;
  int rc = sqlite3_step(q->statement);
  q->row = rc == SQLITE_ROW;
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
    note_failure(q->db, sqlite3_sql(q->statement));
    q->failed = true;
  }
  return q->row;
}

int64_t query_get_int(struct query *q) {
  assert(q->row);
  return sqlite3_column_int64(q->statement, q->column++);
}

static struct slice borrow(struct query *q) {
  assert(q->row);
  int column = q->column++;
  const void *p = sqlite3_column_blob(q->statement, column);
  return slice_of(p, p ? (size_t)sqlite3_column_bytes(q->statement, column) : 0);
}

struct id128 query_get_id(struct query *q) {
  struct id128 id = {{0}};
  query_get_fixed(q, id.b, sizeof id.b);
  return id;
}

struct slice query_get_bytes(struct query *q, struct arena *a) {
  struct slice s = borrow(q);
  if (s.n == 0)
    return SLICE_NONE;
  struct slice copy = arena_dup(a, s);
  q->failed |= !copy.p;
  return copy;
}

void query_get_fixed(struct query *q, void *out, size_t n) {
  struct slice s = borrow(q);
  q->failed |= s.n != 0 && s.n != n;
  memset(out, 0, n);
  if (s.n == n && n > 0)
    memcpy(out, s.p, n);
}

avow_err query_end(struct query *q) {
  if (q->statement) {
    (void)sqlite3_reset(q->statement);
    (void)sqlite3_clear_bindings(q->statement);
  }
  q->row = false;
  return q->failed ? ERR_DATABASE : AVOW_OK;
}

avow_err query_run(struct query *q) {
  while (query_next(q))
    ;
  return query_end(q);
}
