/* What was met while a name was examined: the record that travels beside the seals (messages.def, record met). */
#ifndef AVOW_VALIDATE_MET_H
#define AVOW_VALIDATE_MET_H

#include "base/arena.h"
#include "ipc/message.h"

enum { MET_ROWS = 64, MET_SUBJECT = 2048, MET_ANSWER = 4096 };

struct met_log {
  struct arena *arena; /* where the texts live */
  struct rec_met rows[MET_ROWS];
  size_t n;
};

/* Adds a row; cuts texts at their limits, turns what is not printable ASCII into '?', drops rows over the limit.
   `what` is one of "dns", "connect", "http", "redirect", "tls", "caa", "txt". */
void met_add(struct met_log *log, int64_t at_ms, const char *what, const char *subject, const char *format, ...)
  __attribute__((format(printf, 5, 6)));

/* Bytes of strangers for a problem's detail or a row: at most `most` of them, unprintable ones as '?', "…" as "..."
   when cut; in `a`, never NULL. */
const char *met_quote(struct arena *a, struct slice bytes, size_t most);

#endif
