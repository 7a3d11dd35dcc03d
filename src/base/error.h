/* The one table of errors, and the detail that travels with one. */
#ifndef AVOW_BASE_ERROR_H
#define AVOW_BASE_ERROR_H

#include "base/bytes.h"

typedef enum {
#define ERROR(name, http, acme, level, text) name,
#include "base/errors.def"
#undef ERROR
  AVOW_ERR_COUNT
} avow_err_code;

/* Returned by every function that can fail; AVOW_OK is 0. */
typedef avow_err_code avow_err;

const char *err_name(avow_err e);
const char *err_text(avow_err e);
/* HTTP status, 200 for AVOW_OK. */
int err_http(avow_err e);
/* The ACME problem type without its URN prefix, NULL for AVOW_OK. */
const char *err_acme(avow_err e);
/* An enum log_level (base/log.h). */
int err_level(avow_err e);

enum { PROBLEM_DETAIL = 480 };

/* The detail of a failure, owned by the caller and filled once, where the failure is first known. */
struct problem {
  avow_err err;
  char detail[PROBLEM_DETAIL]; /* no personal data: it may be shown, stored and logged */
};

/* Fills `p` (which may be NULL) and returns `e`, for `return problem_set(p, ERR_…, "…")`. Bytes that are not
   printable ASCII become '?'. A macro, so that compilers and analysers see that the result is `e`. */
#define problem_set(p, e, ...)                                                                                         \
  __extension__({                                                                                                      \
    avow_err problem_set_e = (e);                                                                                      \
    problem_fill((p), problem_set_e, __VA_ARGS__);                                                                     \
    problem_set_e;                                                                                                     \
  })
void problem_fill(struct problem *p, avow_err e, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The detail, or the error's own text when none was given. */
const char *problem_text(const struct problem *p);

#endif
