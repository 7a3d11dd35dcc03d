#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t shift_ms;

static int64_t read_clock(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * SECOND_MS + t.tv_nsec / 1000000;
}

int64_t clock_now_ms(void) {
  return read_clock(CLOCK_REALTIME) + shift_ms;
}

int64_t clock_mono_ms(void) {
  return read_clock(CLOCK_MONOTONIC);
}

void clock_shift(int64_t offset_ms) {
  shift_ms = offset_ms;
}

struct civil time_civil(int64_t ms) {
  int64_t seconds = ms / SECOND_MS - (ms % SECOND_MS < 0);
  time_t t = (time_t)seconds;
  struct tm tm;
  gmtime_r(&t, &tm);
  return (struct civil){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec};
}

int64_t time_from_civil(struct civil c) {
  struct tm tm = {.tm_year = c.year - 1900,
                  .tm_mon = c.month - 1,
                  .tm_mday = c.day,
                  .tm_hour = c.hour,
                  .tm_min = c.minute,
                  .tm_sec = c.second};
  return (int64_t)timegm(&tm) * SECOND_MS;
}

char *time_rfc3339(int64_t ms, char out[TIME_TEXT]) {
  struct civil c = time_civil(ms);
  unsigned year = c.year < 0 ? 0 : c.year > 9999 ? 9999 : (unsigned)c.year;
  char text[64];
  snprintf(text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02uZ", year, (unsigned)c.month, (unsigned)c.day,
           (unsigned)c.hour, (unsigned)c.minute, (unsigned)c.second);
  memcpy(out, text, TIME_TEXT - 1);
  out[TIME_TEXT - 1] = 0;
  return out;
}

/* `n` digits at the start of *s, consumed; -1 when there are fewer. */
static int take_digits(struct slice *s, size_t n) {
  int v = 0;
  if (s->n < n)
    return -1;
  for (size_t i = 0; i < n; i++) {
    if (s->p[i] < '0' || s->p[i] > '9')
      return -1;
    v = v * 10 + (s->p[i] - '0');
  }
  *s = slice_skip(*s, n);
  return v;
}

static bool take_char(struct slice *s, uint8_t c) {
  if (s->n == 0 || s->p[0] != c)
    return false;
  *s = slice_skip(*s, 1);
  return true;
}

bool time_rfc3339_parse(struct slice s, int64_t *ms) {
  struct civil c;
  c.year = take_digits(&s, 4);
  bool ok = take_char(&s, '-');
  c.month = take_digits(&s, 2);
  ok = ok && take_char(&s, '-');
  c.day = take_digits(&s, 2);
  ok = ok && take_char(&s, 'T');
  c.hour = take_digits(&s, 2);
  ok = ok && take_char(&s, ':');
  c.minute = take_digits(&s, 2);
  ok = ok && take_char(&s, ':');
  c.second = take_digits(&s, 2);
  if (!ok || c.year < 1970 || c.month < 1 || c.month > 12 || c.day < 1 || c.hour < 0 || c.hour > 23 ||
      c.minute < 0 || c.minute > 59 || c.second < 0 || c.second > 59)
    return false;
  int64_t t = time_from_civil(c);
  if (time_civil(t).day != c.day)
    return false;
  if (take_char(&s, '.')) {
    int64_t scale = 100;
    size_t digits = 0;
    for (int d; s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9'; digits++, scale /= 10) {
      d = take_digits(&s, 1);
      t += d * scale;
    }
    if (digits == 0)
      return false;
  }
  if (!take_char(&s, 'Z')) {
    int sign = take_char(&s, '+') ? 1 : take_char(&s, '-') ? -1 : 0;
    int hours = take_digits(&s, 2);
    bool colon = take_char(&s, ':');
    int minutes = take_digits(&s, 2);
    if (sign == 0 || !colon || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
      return false;
    t -= sign * (hours * (int64_t)HOUR_MS + minutes * (int64_t)MINUTE_MS);
  }
  *ms = t;
  return s.n == 0;
}
