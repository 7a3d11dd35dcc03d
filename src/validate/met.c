#include "validate/met.h"

#include <stdarg.h>
#include <stdio.h>

static void copy_printable(uint8_t *to, const uint8_t *from, size_t n) {
  for (size_t i = 0; i < n; i++)
    to[i] = from[i] < 0x20 || from[i] > 0x7e ? '?' : from[i];
}

static struct slice keep(struct arena *a, const char *text, size_t most) {
  size_t n = strlen(text);
  if (n > most)
    n = most;
  uint8_t *p = arena_alloc(a, n + 1);
  if (!p)
    return SLICE_NONE;
  copy_printable(p, (const uint8_t *)text, n);
  return slice_of(p, n);
}

void met_add(struct met_log *log, int64_t at_ms, const char *what, const char *subject, const char *format, ...) {
  if (log->n == MET_ROWS)
    return;
  char answer[MET_ANSWER + 1];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(answer, sizeof answer, format, args);
  va_end(args);
  log->rows[log->n++] = (struct rec_met){.at = at_ms,
                                         .what = slice_str(what),
                                         .subject = keep(log->arena, subject, MET_SUBJECT),
                                         .answer = keep(log->arena, answer, MET_ANSWER)};
}

const char *met_quote(struct arena *a, struct slice bytes, size_t most) {
  bool cut = bytes.n > most;
  size_t n = cut ? most : bytes.n;
  uint8_t *p = arena_alloc(a, n + 4);
  if (!p)
    return "";
  copy_printable(p, bytes.p, n);
  memcpy(p + n, cut ? "..." : "", cut ? 4 : 1);
  return (const char *)p;
}
