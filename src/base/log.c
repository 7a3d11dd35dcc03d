#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { LOG_LINE = 4096 };

static const char *role_name = "avow";
static enum log_level least_level = LOG_INFO;
static int log_fd = STDERR_FILENO;

static const char *const field_names[] = {
#define LOG_FIELD(name, type) #name,
#include "base/log_fields.def"
#undef LOG_FIELD
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_setup(const char *role, enum log_level least) {
  role_name = role;
  least_level = least;
}

void log_to(int fd) {
  log_fd = fd;
}

const char *log_field_text(enum log_field_name name) {
  return field_names[name];
}

/* A value with anything but plain printable characters is quoted; control and non-ASCII bytes become \xNN, so
   that no value can forge a line. */
static void put_text(struct buf *b, struct slice s) {
  bool plain = s.n > 0;
  for (size_t i = 0; i < s.n && plain; i++)
    plain = s.p[i] > 0x20 && s.p[i] < 0x7f && s.p[i] != '"' && s.p[i] != '=' && s.p[i] != '\\';
  if (plain) {
    buf_put(b, s);
    return;
  }
  buf_put_u8(b, '"');
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] == '"' || s.p[i] == '\\')
      buf_printf(b, "\\%c", s.p[i]);
    else if (s.p[i] < 0x20 || s.p[i] >= 0x7f)
      buf_printf(b, "\\x%02x", s.p[i]);
    else
      buf_put_u8(b, s.p[i]);
  }
  buf_put_u8(b, '"');
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n) {
  if (level < least_level)
    return;
  AUTO_BUF b;
  buf_init(&b, LOG_LINE);
  char when[TIME_TEXT], id[ID_TEXT];
  buf_printf(&b, "time=%s level=%s role=%s event=%s", time_rfc3339(clock_now_ms(), when), level_names[level],
             role_name, event);
  for (size_t i = 0; i < n; i++) {
    const struct log_field *f = &fields[i];
    if (f->name >= LF_COUNT)
      continue;
    buf_printf(&b, " %s=", field_names[f->name]);
    switch (f->type) {
    case LOG_TEXT:
      put_text(&b, slice_of(f->text.p, f->text.n > 1024 ? 1024 : f->text.n));
      break;
    case LOG_NUMBER:
      buf_printf(&b, "%" PRId64, f->number);
      break;
    case LOG_ID:
      buf_put_str(&b, id_text(f->id, id));
      break;
    }
  }
  if (b.failed)
    b.failed = false, b.n = b.n < LOG_LINE - 1 ? b.n : LOG_LINE - 1;
  buf_put_u8(&b, '\n');
  if (write(log_fd, b.p, b.n) < 0)
    return; /* nobody reads the log: nothing better can be done here */
}
