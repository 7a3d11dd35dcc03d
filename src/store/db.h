/* The database under the store: prepared statements, savepoints, one transaction at a time. Entity files write their
   SQL once, in the dialect that SQLite and PostgreSQL share (parameters ?1, ?2, … in order; ON CONFLICT, RETURNING); an
   engine implements these functions. A handle belongs to one thread. */
#ifndef AVOW_STORE_DB_H
#define AVOW_STORE_DB_H

#include "base/arena.h"
#include "base/error.h"
#include "base/id.h"

struct db;

/* Opens or creates the database at `path`; ":memory:" is the twin that forgets. The path is used as given, relative to
   the working directory: it may lie below folders that this user cannot search. ERR_DATABASE with `why`. */
avow_err db_open(const char *path, struct db **out, struct problem *why) WARN_UNUSED;
/* Opens a database that exists, for reading alone: nothing beside it is made or changed, and no lock is taken. The
   caller sees to it that no store runs (DIR/lock). */
avow_err db_open_to_read(const char *path, struct db **out, struct problem *why) WARN_UNUSED;
void db_close(struct db *db);

/* Runs statements without parameters or rows, several separated by semicolons. */
avow_err db_exec(struct db *db, const char *sql) WARN_UNUSED;
avow_err db_begin(struct db *db) WARN_UNUSED;
avow_err db_commit(struct db *db) WARN_UNUSED;
void db_rollback(struct db *db);
/* A savepoint inside the transaction; they do not nest here. Releasing keeps its changes, undoing drops them. */
avow_err db_savepoint(struct db *db) WARN_UNUSED;
avow_err db_release(struct db *db) WARN_UNUSED;
void db_undo(struct db *db);
/* False after an error that made the engine drop the whole transaction (disk full, input or output failed). */
bool db_in_transaction(const struct db *db);
/* The key of the row inserted last, and how many rows the last statement changed. */
int64_t db_last_key(struct db *db);
int64_t db_changes(struct db *db);
/* The engine's text for the last error; for logs, it names tables and columns only. */
const char *db_error(struct db *db);

/* One run of a prepared statement. Errors stick and come out of query_end(). */
struct query {
  struct db *db;
  void *statement;
  int bound, column;
  bool row, failed;
};

/* `sql` is a literal: the statement is prepared once and kept under the literal's address. */
struct query db_query(struct db *db, const char *sql);
/* Bind the next parameter. Bytes are borrowed until query_end(). */
void query_int(struct query *q, int64_t value);
void query_blob(struct query *q, struct slice bytes);
void query_text(struct query *q, struct slice text);
void query_id(struct query *q, const struct id128 *id);
/* NULL for the zero id. */
void query_id_or_null(struct query *q, const struct id128 *id);
/* The next row; false at the end or on an error. Columns are then read left to right. */
bool query_next(struct query *q);
int64_t query_get_int(struct query *q);
struct id128 query_get_id(struct query *q);
/* Copies into `a`; empty for NULL. A failed copy fails the query. */
struct slice query_get_bytes(struct query *q, struct arena *a);
/* Exactly n bytes to `out`, zeros for NULL. */
void query_get_fixed(struct query *q, void *out, size_t n);
/* Ends the run; ERR_DATABASE or ERR_NO_MEMORY when anything failed. */
avow_err query_end(struct query *q) WARN_UNUSED;
/* Runs a statement whose rows, if any, do not matter, and ends it. */
avow_err query_run(struct query *q) WARN_UNUSED;

#endif
