/* What must happen without anybody asking: new CRLs before the old ones age or after a revocation, and a new web certificate
   after two thirds of the old one's life. */
#include "base/clock.h"
#include "base/log.h"
#include "jobs/registrar.h"

/* After a revocation a shard's CRL is signed at once, but not more often than this. */
enum { CRL_LEAST_MS = 60 * SECOND_MS };

static void crl_start(struct registrar *r, struct work *w) {
  struct message m = {.type = MSG_sign_crl, .sign_crl = {.issuer = w->crl.issuer, .shard = w->crl.shard}};
  work_ask(r, w, ROLE_signer, &m);
}

static void service_start(struct registrar *r, struct work *w) {
  struct message m = {.type = MSG_sign_service};
  work_ask(r, w, ROLE_signer, &m);
}

static const struct work_kind work_crl = {MSG_none, crl_start, work_answer_signer};
static const struct work_kind work_service = {MSG_none, service_start, work_answer_signer};

static bool under_way(const struct registrar *r, const struct work_kind *kind, const struct rec_crl_state *crl) {
  for (const struct work *w = r->works; w; w = w->next)
    if (w->kind == kind && (!crl || (w->crl.shard == crl->shard && slice_eq(w->crl.issuer, crl->issuer))))
      return true;
  return false;
}

static bool crl_due(const struct config *config, const struct rec_crl_state *crl, int64_t now_ms) {
  if (crl->crl_number == 0 || now_ms >= crl->this_update + config->crl_interval_s * SECOND_MS)
    return true;
  return crl->revocations > 0 && now_ms >= crl->this_update + CRL_LEAST_MS;
}

static bool service_due(const struct msg_schedule *s, int64_t now_ms) {
  return s->web_not_after == 0 || now_ms >= s->web_not_before + (s->web_not_after - s->web_not_before) / 3 * 2;
}

void schedule_run(struct registrar *r, const struct msg_schedule *s, int64_t now_ms) {
  if (r->signer.ch.fd < 0)
    return;
  for (size_t i = 0; i < s->crls_n; i++) {
    if (!crl_due(r->config, &s->crls[i], now_ms) || under_way(r, &work_crl, &s->crls[i]))
      continue;
    struct work *w = work_new(r, &work_crl);
    if (!w)
      return;
    w->crl = s->crls[i];
    w->crl.issuer = arena_dup(&w->arena, s->crls[i].issuer);
    crl_start(r, w);
  }
  if (service_due(s, now_ms) && !under_way(r, &work_service, NULL)) {
    struct work *w = work_new(r, &work_service);
    if (w)
      service_start(r, w);
  }
}
