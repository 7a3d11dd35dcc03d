/* The CA's own web certificate: for the configured hosts and the key the signer was started with. There is no argument
   that a registrar could abuse (architecture, Evidence 4). */
#include "base/clock.h"
#include "sign/internal.h"

static const char profile_name[] = "classic";

/* The last one, when it is for the same hosts and key and so fresh that the asking must be a repeat. */
static bool is_repeat(const struct signer *s, const struct digest *spki, const struct digest *names, int64_t now_ms) {
  return s->state.service.record != 0 && now_ms - s->state.service.issued_ms < HOUR_MS &&
         slice_eq(digest_slice(&s->state.service.spki), digest_slice(spki)) &&
         slice_eq(digest_slice(&s->state.service.names), digest_slice(names));
}

avow_err plan_service(struct signer *s, struct work *w, struct problem *why) {
  const struct config *config = s->setup.config;
  const struct profile *profile = config_profile(config, slice_str(profile_name));
  if (!profile)
    profile = config_profile(config, SLICE_NONE);
  if (!profile)
    return problem_set(why, ERR_INVALID_PROFILE, "no profile for the web certificate is configured");
  struct digest spki = digest_of(s->setup.web_spki), names;
  names_digest(s->hosts, s->hosts_n, names.b);
  if (is_repeat(s, &spki, &names, w->now_ms))
    return answer_again(w, s->state.service.record);
  avow_err e = claim(s, CLAIM_SERVICE, SLICE_NONE, why);
  if (e != AVOW_OK)
    return e;
  struct certificate_plan p = {.profile = profile, .key = s->web_key, .names = s->hosts, .names_n = s->hosts_n};
  p.not_before_s = w->now_ms / SECOND_MS - profile->backdate_s;
  p.not_after_s = p.not_before_s + profile->lifetime_s - 1;
  if (p.not_after_s > s->issuer.not_after_s)
    p.not_after_s = s->issuer.not_after_s;
  w->intent.service = true;
  return plan_certificate(s, w, &p, why);
}
