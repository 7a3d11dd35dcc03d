/* From a checked plan to a signed certificate. */
#include <stdio.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/random.h"
#include "sign/internal.h"

/* The serial's first byte is the signer's id (positive, so never longer as an INTEGER), the rest random: the second
   decides the CRL shard. */
static struct slice draw_serial(struct signer *s) {
  uint8_t *serial = arena_alloc(&s->batch, 1 + SERIAL_RANDOM);
  if (!serial)
    return SLICE_NONE;
  serial[0] = s->setup.signer_id;
  random_bytes(serial + 1, SERIAL_RANDOM);
  return slice_of(serial, 1 + SERIAL_RANDOM);
}

avow_err plan_certificate(struct signer *s, struct work *w, const struct certificate_plan *p, struct problem *why) {
  struct slice serial = draw_serial(s);
  if (!serial.p)
    return ERR_NO_MEMORY;
  uint16_t shard = (uint16_t)(serial.p[1] % (unsigned)s->setup.config->crl_shards);
  const char *crl_url =
    arena_printf(&s->batch, "%s/crl/%s/%u.crl", s->setup.config->http_url, s->setup.issuer_id, (unsigned)shard);
  if (!crl_url)
    return ERR_NO_MEMORY;
  struct leaf_request r = {.serial = serial,
                           .alg = s->alg,
                           .issuer_name = s->issuer.subject,
                           .issuer_key_id = s->issuer.subject_key_id,
                           .not_before_s = p->not_before_s,
                           .not_after_s = p->not_after_s,
                           .spki = public_key_spki(p->key),
                           .key_type = public_key_type(p->key),
                           .names = p->names,
                           .names_n = p->names_n,
                           .common_name = p->common_name,
                           .profile = p->profile,
                           .signing_s = w->now_ms / SECOND_MS,
                           .is_public = s->setup.config->kind == KIND_PUBLIC,
                           .ocsp_url = p->profile->ocsp ? s->ocsp_url : NULL,
                           .ca_url = s->ca_url,
                           .crl_url = p->profile->crl ? crl_url : NULL};
  AUTO_BUF tbs;
  buf_init(&tbs, CERT_MAX);
  avow_err e = tbs_leaf_put(&tbs, &r);
  if (e != AVOW_OK)
    return problem_set(why, e, "the certificate cannot be built");
  e = tbs_lint(buf_slice(&tbs), &r, why);
  if (e != AVOW_OK)
    return e;
  struct intent *i = &w->intent;
  i->certificate = id_make(w->now_ms, s->setup.signer_id);
  i->spki = digest_of(r.spki);
  names_digest(p->names, p->names_n, i->names.b);
  i->serial = serial;
  i->issuer = slice_str(s->setup.issuer_id);
  i->profile = slice_str(p->profile->name);
  i->shard = shard;
  i->not_after_ms = p->not_after_s * SECOND_MS;
  i->tbs = arena_dup(&s->batch, buf_slice(&tbs));
  if (!i->tbs.p)
    return ERR_NO_MEMORY;
  w->names = p->names;
  w->names_n = p->names_n;
  w->expect = (struct cert){.tbs = i->tbs,
                            .serial = serial,
                            .alg = s->alg,
                            .not_before_s = p->not_before_s,
                            .not_after_s = p->not_after_s,
                            .names = (struct name *)(uintptr_t)p->names,
                            .names_n = p->names_n};
  w->state = WORK_CERTIFICATE;
  return AVOW_OK;
}

/* The names as the record carries them. */
static avow_err put_names(struct signer *s, const struct work *w, struct msg_record_certificate *r) {
  r->names = arena_array(&s->batch, w->names_n, sizeof *r->names);
  if (!r->names)
    return ERR_NO_MEMORY;
  r->names_n = w->names_n;
  for (size_t i = 0; i < w->names_n; i++)
    r->names[i] = (struct rec_identifier){
      .type = (uint8_t)w->names[i].type, .wildcard = w->names[i].wildcard, .value = w->names[i].text};
  return AVOW_OK;
}

static avow_err sign_tbs(struct signer *s, struct work *w, struct slice *der, struct problem *why) {
  AUTO_BUF signature, out;
  buf_init(&signature, 2048);
  buf_init(&out, CERT_MAX);
  avow_err e = private_key_sign(s->setup.issuer_key, s->alg, SIGNATURE_DER, w->intent.tbs, &signature);
  if (e != AVOW_OK)
    return problem_set(why, e, "the issuing key does not sign");
  signed_put(&out, w->intent.tbs, s->alg, buf_slice(&signature));
  if (out.failed)
    return ERR_NO_MEMORY;
  e = cert_second_opinion(buf_slice(&out), s->issuer_public, &w->expect, why);
  if (e != AVOW_OK)
    return e;
  *der = arena_dup(&s->batch, buf_slice(&out));
  return der->p ? AVOW_OK : ERR_NO_MEMORY;
}

avow_err finish_certificate(struct signer *s, struct work *w, uint64_t number, struct problem *why) {
  const struct intent *i = &w->intent;
  struct slice der;
  fault_point("signer.before_signature");
  avow_err e = sign_tbs(s, w, &der, why);
  if (e != AVOW_OK)
    return e;
  fault_point("signer.after_signature");
  struct digest sum = digest_of(der);
  struct issuance_record issued = {.number = number,
                                   .certificate = i->certificate,
                                   .order = i->order,
                                   .account = i->account,
                                   .serial = i->serial,
                                   .issuer = i->issuer,
                                   .shard = i->shard,
                                   .issued_ms = w->now_ms,
                                   .not_after_ms = i->not_after_ms};
  memcpy(issued.der_sha256, sum.b, sizeof issued.der_sha256);
  memcpy(issued.spki_sha256, i->spki.b, sizeof issued.spki_sha256);
  memcpy(issued.names_sha256, i->names.b, sizeof issued.names_sha256);
  AUTO_BUF sealed;
  buf_init(&sealed, 4096);
  e = issuance_seal(s->setup.ring_signer, &issued, &sealed);
  if (e != AVOW_OK)
    return e;
  struct msg_record_certificate *r = &w->entry.m.record_certificate;
  w->entry.m.type = MSG_record_certificate;
  w->entry.intent = w->intent_frame;
  r->number = number;
  r->job = i->job;
  r->order = i->order;
  r->account = i->account;
  r->service = i->service;
  r->certificate = (struct rec_certificate){.id = i->certificate,
                                            .serial = i->serial,
                                            .der = der,
                                            .issuer = i->issuer,
                                            .profile = i->profile,
                                            .shard = i->shard,
                                            .issued = w->now_ms,
                                            .not_before = w->expect.not_before_s * SECOND_MS,
                                            .not_after = i->not_after_ms,
                                            .status = CERTIFICATE_GOOD,
                                            .sealed = arena_dup(&s->batch, buf_slice(&sealed))};
  if (!r->certificate.sealed.p)
    return ERR_NO_MEMORY;
  return put_names(s, w, r);
}
