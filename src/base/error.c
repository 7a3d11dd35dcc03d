#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"

static const struct {
  const char *name, *acme, *text;
  int http;
  enum log_level level;
} errors[] = {
#define ERROR(name, http, acme, level, text) {#name, acme, text, http, level},
#include "base/errors.def"
#undef ERROR
};

const char *err_name(avow_err e) {
  assert((unsigned)e < AVOW_ERR_COUNT);
  return errors[e].name;
}

const char *err_text(avow_err e) {
  assert((unsigned)e < AVOW_ERR_COUNT);
  return errors[e].text;
}

int err_http(avow_err e) {
  assert((unsigned)e < AVOW_ERR_COUNT);
  return errors[e].http;
}

const char *err_acme(avow_err e) {
  assert((unsigned)e < AVOW_ERR_COUNT);
  return errors[e].acme;
}

int err_level(avow_err e) {
  assert((unsigned)e < AVOW_ERR_COUNT);
  return errors[e].level;
}

void problem_fill(struct problem *p, avow_err e, const char *format, ...) {
  if (!p)
    return;
  p->err = e;
  va_list args;
  va_start(args, format);
  vsnprintf(p->detail, sizeof p->detail, format, args);
  va_end(args);
  for (char *c = p->detail; *c; c++)
    if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
      *c = '?';
}

const char *problem_text(const struct problem *p) {
  return p->detail[0] ? p->detail : err_text(p->err);
}
