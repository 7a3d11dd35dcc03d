/* Time: milliseconds since 1970-01-01T00:00:00Z, as int64_t. Modules take it as an argument; only the loops of
   the roles ask the clock. */
#ifndef AVOW_BASE_CLOCK_H
#define AVOW_BASE_CLOCK_H

#include "base/bytes.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };
enum { TIME_TEXT = 21 };

/* Now, by the real-time clock plus the offset of clock_shift(). */
int64_t clock_now_ms(void);
/* Monotonic milliseconds, for time-outs. */
int64_t clock_mono_ms(void);
/* Moves clock_now_ms() by `offset_ms`: kind test only (test.clock). */
void clock_shift(int64_t offset_ms);

/* RFC 3339 in UTC with whole seconds, "2026-11-22T09:50:03Z"; returns `out`. */
char *time_rfc3339(int64_t ms, char out[TIME_TEXT]);
/* Parses that form, also with a fraction or a numeric offset; false when it is no time of years 1970 to 9999. */
bool time_rfc3339_parse(struct slice text, int64_t *ms);
/* Civil UTC fields of `ms`; month 1 to 12. */
struct civil {
  int year, month, day, hour, minute, second;
};
struct civil time_civil(int64_t ms);
int64_t time_from_civil(struct civil c);

#endif
