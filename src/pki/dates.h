/* The dates of a certificate: those that its order asks for, and the profile's own. */
#ifndef AVOW_PKI_DATES_H
#define AVOW_PKI_DATES_H

#include "base/error.h"
#include "pki/profile.h"

/* BR 7.1.2.7: notBefore within 48 hours of the signing. */
#define NOT_BEFORE_MOST_S ((int64_t)48 * 60 * 60)

struct dates {
  int64_t not_before_s, not_after_s;
};

/* Decides the dates from the milliseconds that were asked for (0: not). What was asked for is kept to the second or
   refused with ERR_MALFORMED; `behind_s` is how long ago notBefore may lie. Both ends count (RFC 5280, 4.1.2.5). */
avow_err profile_dates(const struct profile *profile, int64_t now_s, int64_t behind_s, int64_t not_before_ms,
                       int64_t not_after_ms, struct dates *out, struct problem *why) WARN_UNUSED;

#endif
