#include "pki/dates.h"

enum { SECOND = 1000 };

avow_err profile_dates(const struct profile *profile, int64_t now_s, int64_t behind_s, int64_t not_before_ms,
                       int64_t not_after_ms, struct dates *out, struct problem *why) {
  out->not_before_s = not_before_ms > 0 ? not_before_ms / SECOND : now_s - profile->backdate_s;
  if (not_before_ms > 0 && out->not_before_s < now_s - behind_s)
    return problem_set(why, ERR_MALFORMED, "\"notBefore\" is too long ago");
  if (out->not_before_s > now_s + NOT_BEFORE_MOST_S)
    return problem_set(why, ERR_MALFORMED, "\"notBefore\" is more than 48 hours ahead");
  int64_t latest = out->not_before_s + profile->lifetime_s - 1;
  out->not_after_s = not_after_ms > 0 ? not_after_ms / SECOND : latest;
  if (out->not_after_s > latest)
    return problem_set(why, ERR_MALFORMED, "\"notAfter\" is later than the profile %s allows", profile->name);
  if (out->not_after_s <= now_s || out->not_after_s <= out->not_before_s)
    return problem_set(why, ERR_MALFORMED, "\"notAfter\" must be later than now and \"notBefore\"");
  return AVOW_OK;
}
