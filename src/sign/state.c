#include "sign/state.h"

#include <stdlib.h>

#include "crypto/digest.h"

enum { ENTRY_ARENA = 1024 * 1024 };

void state_init(struct state *s) {
  memset(s, 0, sizeof *s);
  table_init(&s->accounts, ID_BYTES, sizeof(struct account_state));
  table_init(&s->account_keys, sizeof(struct digest), sizeof(struct account_key));
  table_init(&s->orders, ID_BYTES, sizeof(struct order_state));
  table_init(&s->revoked, sizeof(struct serial), sizeof(struct revoked_state));
  table_init(&s->blocked, sizeof(struct digest), sizeof(struct digest));
  table_init(&s->crls, sizeof(uint16_t), sizeof(struct crl_state));
  table_init(&s->issuers, sizeof(struct digest), sizeof(struct digest));
  table_init(&s->intents, sizeof(uint64_t), sizeof(struct intent_state));
  s->next_record = 1;
}

void state_clear(struct state *s) {
  table_clear(&s->accounts);
  table_clear(&s->account_keys);
  table_clear(&s->orders);
  table_clear(&s->revoked);
  table_clear(&s->blocked);
  table_clear(&s->crls);
  table_clear(&s->issuers);
  table_clear(&s->intents);
  free(s->record_offsets);
  s->record_offsets = NULL;
}

struct serial serial_key(struct slice content) {
  struct serial k = {.n = (uint8_t)(content.n < sizeof k.b ? content.n : sizeof k.b)};
  if (k.n > 0)
    memcpy(k.b, content.p, k.n);
  return k;
}

/* ---- frames --------------------------------------------------------------------------------------------------- */

static avow_err apply_intent(struct state *s, const struct frame *f, struct problem *why) {
  struct intent v;
  avow_err e = intent_get(f->payload, &v, why);
  if (e != AVOW_OK)
    return e;
  struct intent_state *i = table_add(&s->intents, &f->number);
  if (!i)
    return ERR_NO_MEMORY;
  i->order = v.order;
  i->job = v.job;
  i->serial = serial_key(v.serial);
  i->shard = v.shard;
  i->service = v.service;
  i->not_after_ms = v.not_after_ms;
  i->request = v.request;
  i->spki = v.spki;
  i->names = v.names;
  return AVOW_OK;
}

static bool is_other_intent(const void *entry, void *frame) {
  return ((const struct intent_state *)entry)->frame != *(const uint64_t *)frame;
}

/* The intent of this frame number, taken out of the set. */
static avow_err take_intent(struct state *s, uint64_t frame, struct intent_state *out, struct problem *why) {
  const struct intent_state *i = table_find(&s->intents, &frame);
  if (!i)
    return problem_set(why, ERR_CONFIG, "an outcome names frame %llu, which is no open intent",
                       (unsigned long long)frame);
  *out = *i;
  table_prune(&s->intents, is_other_intent, &frame);
  return AVOW_OK;
}

static struct order_state *order_of(struct state *s, const struct intent_state *i) {
  struct order_state *o = table_add(&s->orders, &i->order);
  if (o) {
    o->job = i->job;
    o->request = i->request;
  }
  return o;
}

static avow_err apply_orphan(struct state *s, const struct frame *f, struct problem *why) {
  struct orphan v;
  struct intent_state i;
  avow_err e = orphan_get(f->payload, &v, why);
  if (e == AVOW_OK)
    e = take_intent(s, v.intent, &i, why);
  if (e != AVOW_OK)
    return e;
  struct revoked_state *r = table_add(&s->revoked, &i.serial);
  if (!r)
    return ERR_NO_MEMORY;
  r->shard = i.shard;
  r->revoked_ms = f->time_ms;
  r->not_after_ms = i.not_after_ms;
  if (i.service)
    return AVOW_OK;
  struct order_state *o = order_of(s, &i);
  if (!o)
    return ERR_NO_MEMORY;
  o->orphans = o->orphans < UINT8_MAX ? (uint8_t)(o->orphans + 1) : UINT8_MAX;
  return AVOW_OK;
}

static avow_err apply_account(struct state *s, const struct entry *v) {
  const struct msg_record_account *r = &v->m.record_account;
  struct account_state *a = table_add(&s->accounts, &r->account.id);
  struct account_key *k = table_add(&s->account_keys, &r->account.thumbprint);
  if (!a || !k)
    return ERR_NO_MEMORY;
  a->epoch = r->account.epoch;
  a->status = r->account.status;
  a->job = r->job;
  a->record = r->number;
  a->request = v->request;
  a->present = r->account.thumbprint;
  k->account = r->account.id;
  return AVOW_OK;
}

static avow_err apply_certificate(struct state *s, const struct entry *v, const struct frame *f, struct problem *why) {
  const struct msg_record_certificate *r = &v->m.record_certificate;
  struct intent_state i;
  avow_err e = take_intent(s, v->intent, &i, why);
  if (e != AVOW_OK)
    return e;
  if (i.service) {
    s->service.record = r->number;
    s->service.issued_ms = f->time_ms;
    s->service.not_after_ms = i.not_after_ms;
    s->service.spki = i.spki;
    s->service.names = i.names;
    return AVOW_OK;
  }
  struct order_state *o = order_of(s, &i);
  if (!o)
    return ERR_NO_MEMORY;
  o->record = r->number;
  return AVOW_OK;
}

static avow_err apply_revocation(struct state *s, const struct entry *v) {
  const struct msg_record_revocation *r = &v->m.record_revocation;
  struct serial key = serial_key(r->serial);
  struct revoked_state *k = table_add(&s->revoked, &key);
  if (!k)
    return ERR_NO_MEMORY;
  k->reason = r->reason;
  k->shard = v->shard;
  k->job = r->job;
  k->revoked_ms = r->revoked;
  k->not_after_ms = v->not_after_ms;
  k->record = r->number;
  static const struct digest none;
  if (slice_eq(digest_slice(&r->blocked_key), digest_slice(&none)))
    return AVOW_OK;
  return table_add(&s->blocked, &r->blocked_key) ? AVOW_OK : ERR_NO_MEMORY;
}

/* RFC 5280, 3.3: an entry stays until it was on a CRL issued after the certificate's expiry. This CRL was one for all
   that had expired by then. */
static bool still_listed(const void *entry, void *context) {
  const struct revoked_state *r = entry;
  const struct crl_state *crl = context;
  return r->shard != crl->shard || r->not_after_ms >= crl->this_update_ms;
}

static avow_err apply_crl(struct state *s, const struct entry *v, struct problem *why) {
  const struct msg_record_crl *r = &v->m.record_crl;
  struct crl_state *c = table_add(&s->crls, &r->shard);
  if (!c)
    return ERR_NO_MEMORY;
  if (r->crl_number <= c->number)
    return problem_set(why, ERR_CONFIG, "a CRL number of shard %u does not rise", r->shard);
  c->number = r->crl_number;
  c->this_update_ms = r->this_update;
  c->next_update_ms = r->next_update;
  struct crl_state copy = *c;
  table_prune(&s->revoked, still_listed, &copy);
  return AVOW_OK;
}

struct digest issuer_digest(const struct msg_record_issuer *m) {
  uint8_t shards[] = {(uint8_t)(m->shards >> 8), (uint8_t)m->shards};
  struct slice parts[] = {m->der, SLICE_OF(shards)};
  struct digest d = {{0}};
  sha256_parts(parts, 2, d.b);
  return d;
}

static avow_err apply_issuer(struct state *s, const struct entry *v) {
  struct digest d = issuer_digest(&v->m.record_issuer);
  return table_add(&s->issuers, &d) ? AVOW_OK : ERR_NO_MEMORY;
}

static avow_err index_record(struct state *s, uint64_t number, uint64_t offset, struct problem *why) {
  if (number != s->next_record)
    return problem_set(why, ERR_CONFIG, "record %llu stands where record %llu belongs", (unsigned long long)number,
                       (unsigned long long)s->next_record);
  s->next_record++;
  if ((number - 1) % RECORDS_STRIDE != 0)
    return AVOW_OK;
  if (s->record_offsets_n == s->record_offsets_room) {
    size_t room = s->record_offsets_room ? 2 * s->record_offsets_room : 64;
    uint64_t *p = realloc(s->record_offsets, room * sizeof *p);
    if (!p)
      return ERR_NO_MEMORY;
    s->record_offsets = p;
    s->record_offsets_room = room;
  }
  s->record_offsets[s->record_offsets_n++] = offset;
  return AVOW_OK;
}

static avow_err apply_record(struct state *s, const struct frame *f, struct problem *why) {
  AUTO_ARENA a;
  arena_init(&a, ENTRY_ARENA);
  struct entry v;
  avow_err e = entry_get(f->payload, &a, &v, why);
  if (e == AVOW_OK)
    e = index_record(s, entry_number(&v), f->offset, why);
  if (e != AVOW_OK)
    return e;
  switch ((int)v.m.type) {
  case MSG_record_account:
    return apply_account(s, &v);
  case MSG_record_certificate:
    return apply_certificate(s, &v, f, why);
  case MSG_record_revocation:
    return apply_revocation(s, &v);
  case MSG_record_crl:
    return apply_crl(s, &v, why);
  default:
    return apply_issuer(s, &v);
  }
}

avow_err state_apply(void *state, const struct frame *f, struct problem *why) {
  struct state *s = state;
  switch (f->type) {
  case FRAME_HEADER:
    return AVOW_OK;
  case FRAME_INTENT:
    return apply_intent(s, f, why);
  case FRAME_RECORD:
    return apply_record(s, f, why);
  case FRAME_ORPHAN:
    return apply_orphan(s, f, why);
  case FRAME_REFUSAL:
    s->refusals++;
    return AVOW_OK;
  }
  return problem_set(why, ERR_CONFIG, "a frame has the unknown type %u", (unsigned)f->type);
}

static bool is_young(const void *entry, void *before_ms) {
  return id_time_ms(((const struct order_state *)entry)->id) >= *(const int64_t *)before_ms;
}

void state_forget_orders(struct state *s, int64_t before_ms) {
  table_prune(&s->orders, is_young, &before_ms);
}
