/* The parts of `avow check`: each looks at one side of a CA's folder and tells what it found, a line a thing. */
#ifndef AVOW_CLI_CHECK_H
#define AVOW_CLI_CHECK_H

#include "cli/cli.h"
#include "conf/conf.h"
#include "pki/cert.h"

enum check_result { CHECK_OK, CHECK_WARN, CHECK_FAIL };

struct check {
  const char *dir;
  int dir_fd;
  bool json, running;
  int64_t now_ms; /* by the CA's clock */
  struct config config;
  bool configured; /* false when the configuration could not be read: what depends on it is passed over */
  struct arena arena;
  struct cert root, issuing;
  bool has_root, has_issuing;
  struct buf out;
  size_t warned, failed;
};

/* One line: the thing that was looked at, what was found, and what to do about it (NULL when nothing is to be done). */
void check_tell(struct check *c, enum check_result result, const char *thing, const char *advice, const char *format,
                ...) __attribute__((format(printf, 5, 6)));
/* Reads DIR/`path` into `b`; tells when that fails. */
bool check_read(struct check *c, const char *path, const char *advice, struct buf *b);

/* check_files.c: what init makes is there, belongs to whom it should, and is open to nobody else. */
void check_files(struct check *c);
/* check_keys.c: keys parse and fit their certificates; the chain holds; dates. Fills root and issuing. */
void check_keys(struct check *c);
/* check_data.c: journal and clock, database, CRLs. */
void check_journal(struct check *c);
void check_database(struct check *c);
void check_crls(struct check *c);
/* check_net.c: listeners, the directory over TLS, resolvers. */
void check_listeners(struct check *c);
void check_resolvers(struct check *c);

/* Tells whether `not_after_s` has passed (fail) or comes within `warn_days` (warn). */
void check_expiry(struct check *c, const char *thing, const char *advice, int64_t not_before_s, int64_t not_after_s,
                  int warn_days);

#endif
