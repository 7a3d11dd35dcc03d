/* The signer's memory, made only from journal frames: the same function applies a frame at replay and live, so that
   what a restart knows is what the running signer knew. */
#ifndef AVOW_SIGN_STATE_H
#define AVOW_SIGN_STATE_H

#include "sign/entry.h"
#include "sign/journal.h"
#include "sign/table.h"

enum { RECORDS_STRIDE = 16 };

struct account_state {
  struct id128 id; /* key */
  uint32_t epoch;
  uint8_t status;
  struct id128 job; /* which made or changed it last */
  uint64_t record;
  struct digest request; /* SHA-256 of that job's JWS */
  struct digest present; /* thumbprint of its key */
};

/* Every key that an account has or had: none comes back once it was given up. */
struct account_key {
  struct digest thumbprint; /* key */
  struct id128 account;
};

struct order_state {
  struct id128 id; /* key */
  struct id128 job;
  struct digest request; /* of the finalize JWS that was used */
  uint64_t record;       /* 0: only intents without outcome */
  uint8_t orphans;
};

/* A serial as a key of fixed size. */
struct serial {
  uint8_t n, b[20];
};

struct revoked_state {
  struct serial serial; /* key */
  uint8_t reason;
  uint16_t shard;
  struct id128 job;
  int64_t revoked_ms, not_after_ms;
  uint64_t record; /* 0: an intent without outcome */
};

struct crl_state {
  uint16_t shard; /* key */
  uint64_t number;
  int64_t this_update_ms, next_update_ms;
};

struct intent_state {
  uint64_t frame; /* key */
  struct id128 order, job;
  struct serial serial;
  uint16_t shard;
  bool service;
  int64_t not_after_ms;
  struct digest request, spki, names;
};

struct state {
  struct table accounts, account_keys, orders, revoked, blocked, crls, issuers, intents;
  /* The CA's own web certificate: the last one. */
  struct {
    uint64_t record;
    int64_t issued_ms, not_after_ms;
    struct digest spki, names;
  } service;
  uint64_t next_record;
  uint64_t *record_offsets; /* of records 1, 1 + RECORDS_STRIDE, … */
  size_t record_offsets_n, record_offsets_room;
  uint64_t refusals;
};

void state_init(struct state *s);
void state_clear(struct state *s);
/* Applies one frame. ERR_CONFIG with `why` when it contradicts the ones before; ERR_NO_MEMORY. A journal_visit. */
avow_err state_apply(void *state, const struct frame *f, struct problem *why) WARN_UNUSED;

struct serial serial_key(struct slice content);
static inline struct slice serial_slice(const struct serial *s) {
  return slice_of(s->b, s->n);
}
/* What makes an issuer's record new: its certificate and its number of shards. */
struct digest issuer_digest(const struct msg_record_issuer *m);
/* Forgets orders minted before `before_ms`: they are refused as too old. */
void state_forget_orders(struct state *s, int64_t before_ms);

#endif
