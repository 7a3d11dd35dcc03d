/* CRLs from the signer's own revoked set (RFC 5280, 5; TLS BR 7.2): nobody tells it what to list. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "pki/crl.h"
#include "sign/internal.h"

/* TLS BR 7.2: ten days. */
enum { CRL_LIFETIME_MOST_S = 10 * 86400 };

struct entries {
  struct crl_entry *p;
  size_t n;
};

static void entries_clear(struct entries *e) {
  free(e->p);
}

static int by_serial(const void *a, const void *b) {
  return slice_cmp(((const struct crl_entry *)a)->serial, ((const struct crl_entry *)b)->serial);
}

/* The shard's entries, sorted; serials borrow from the table. */
static avow_err collect(const struct signer *s, uint16_t shard, struct entries *out) {
  const struct revoked_state *r;
  size_t n = 0;
  for (size_t at = 0; (r = table_next(&s->state.revoked, &at));)
    n += r->shard == shard;
  out->p = calloc(n ? n : 1, sizeof *out->p);
  if (!out->p)
    return ERR_NO_MEMORY;
  for (size_t at = 0; (r = table_next(&s->state.revoked, &at));)
    if (r->shard == shard)
      out->p[out->n++] = (struct crl_entry){
        .serial = serial_slice(&r->serial), .revoked_s = r->revoked_ms / SECOND_MS, .reason = r->reason};
  qsort(out->p, out->n, sizeof *out->p, by_serial);
  return AVOW_OK;
}

static avow_err sign_list(struct signer *s, const struct crl_request *r, struct slice *der, struct problem *why) {
  AUTO_BUF tbs, signature, out;
  buf_init(&tbs, FRAME_PAYLOAD_MAX);
  buf_init(&signature, 2048);
  buf_init(&out, FRAME_PAYLOAD_MAX);
  avow_err e = tbs_crl_put(&tbs, r);
  if (e == AVOW_OK) {
    e = tbs_crl_lint(buf_slice(&tbs), r, why);
    if (e != AVOW_OK)
      return e;
  }
  if (e == AVOW_OK)
    e = private_key_sign(s->setup.issuer_key, s->alg, SIGNATURE_DER, buf_slice(&tbs), &signature);
  if (e != AVOW_OK)
    return problem_set(why, e, "the CRL cannot be signed");
  signed_put(&out, buf_slice(&tbs), s->alg, buf_slice(&signature));
  if (out.failed)
    return ERR_NO_MEMORY;
  e = crl_second_opinion(buf_slice(&out), s->issuer_public, why);
  if (e != AVOW_OK)
    return e;
  *der = arena_dup(&s->batch, buf_slice(&out));
  return der->p ? AVOW_OK : ERR_NO_MEMORY;
}

/* The only CRL there ever was needs no distribution point in it, and every reader understands it; as one of several it
   must say what it covers (RFC 5280, 5.2.5). */
static bool is_alone(const struct signer *s) {
  const struct crl_state *crl;
  for (size_t at = 0; (crl = table_next(&s->state.crls, &at));)
    if (crl->shard != 0)
      return false;
  return s->setup.config->crl_shards == 1;
}

avow_err plan_crl(struct signer *s, struct work *w, struct problem *why) {
  const struct msg_sign_crl *m = &w->request->sign_crl;
  const struct config *config = s->setup.config;
  const struct crl_state *last = table_find(&s->state.crls, &m->shard);
  if (!slice_eq_str(m->issuer, s->setup.issuer_id) || (m->shard >= config->crl_shards && !last))
    return problem_set(why, ERR_EVIDENCE, "there is no such CRL shard");
  avow_err e = claim(s, CLAIM_SHARD, slice_of(&m->shard, sizeof m->shard), why);
  if (e != AVOW_OK)
    return e;
  const char *url =
    arena_printf(&s->batch, "%s/crl/%s/%u.crl", config->http_url, s->setup.issuer_id, (unsigned)m->shard);
  __attribute__((cleanup(entries_clear))) struct entries entries = {0};
  e = url ? collect(s, m->shard, &entries) : ERR_NO_MEMORY;
  if (e != AVOW_OK)
    return e;
  struct crl_request r = {.alg = s->alg,
                          .issuer_name = s->issuer.subject,
                          .issuer_key_id = s->issuer.subject_key_id,
                          .this_update_s = w->now_ms / SECOND_MS,
                          .next_update_s = w->now_ms / SECOND_MS + config->crl_lifetime_s,
                          .number = last ? last->number + 1 : 1,
                          .idp_url = is_alone(s) ? NULL : url,
                          .entries = entries.p,
                          .entries_n = entries.n,
                          .lifetime_most_s = CRL_LIFETIME_MOST_S,
                          .is_public = config->kind == KIND_PUBLIC};
  struct slice der;
  e = sign_list(s, &r, &der, why);
  if (e != AVOW_OK)
    return e;
  w->entry.m.type = MSG_record_crl;
  w->entry.m.record_crl = (struct msg_record_crl){.issuer = slice_str(s->setup.issuer_id),
                                                  .shard = m->shard,
                                                  .crl_number = r.number,
                                                  .this_update = r.this_update_s * SECOND_MS,
                                                  .next_update = r.next_update_s * SECOND_MS,
                                                  .der = der};
  w->state = WORK_RECORD;
  return AVOW_OK;
}
