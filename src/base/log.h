/* Structured log lines on stderr: one JSON-free logfmt line an event, written by one write(2). Fields come from
   log_fields.def, so that each is known, typed and classified. */
#ifndef AVOW_BASE_LOG_H
#define AVOW_BASE_LOG_H

#include "base/id.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_field_name {
#define LOG_FIELD(name, type) LF_##name,
#include "base/log_fields.def"
#undef LOG_FIELD
  LF_COUNT
};

struct log_field {
  enum log_field_name name;
  enum { LOG_TEXT, LOG_NUMBER, LOG_ID } type;
  union {
    struct slice text;
    int64_t number;
    struct id128 id;
  };
};

/* Field constructors: the field's name from log_fields.def, then its value. `L_TEXT` takes a C string. */
#define L_TEXT(field, value) ((struct log_field){LF_##field, LOG_TEXT, {.text = slice_str(value)}})
#define L_SLICE(field, value) ((struct log_field){LF_##field, LOG_TEXT, {.text = (value)}})
#define L_NUM(field, value) ((struct log_field){LF_##field, LOG_NUMBER, {.number = (int64_t)(value)}})
#define L_ID(field, value) ((struct log_field){LF_##field, LOG_ID, {.id = (value)}})

/* Sets the role that every line of this process carries, and the least level that is written. */
void log_setup(const char *role, enum log_level least);
/* Writes to another descriptor than stderr; the caller keeps it. */
void log_to(int fd);
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n);
const char *log_field_text(enum log_field_name name);

/* log_event(LOG_INFO, "order.valid", L_ID(order, id), L_TEXT(serial, hex)) */
#define log_event(level, event, ...)                                                                          \
  log_write((level), (event), (const struct log_field[]){{.name = LF_COUNT}, ##__VA_ARGS__},                  \
            sizeof((const struct log_field[]){{.name = LF_COUNT}, ##__VA_ARGS__}) / sizeof(struct log_field))

#endif
