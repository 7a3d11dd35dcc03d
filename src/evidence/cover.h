/* Coverage: does a list of opened statements let this account have this name in a certificate now? Pure functions; the
   caller opens the seals. TLS BR 3.2.2.4, 3.2.2.8, 4.2.1; RFC 8555, 8; RFC 8659. */
#ifndef AVOW_EVIDENCE_COVER_H
#define AVOW_EVIDENCE_COVER_H

#include "conf/conf.h"
#include "evidence/evidence.h"
#include "pki/name.h"

enum {
  /* How far two clocks of one machine, or a stepped one, may disagree before a time counts as in the future (and the
     clock as behind the journal). */
  CLOCK_TOLERANCE_MS = 5000,
  STATEMENTS_MAX = 16
};
/* BR 3.2.2.8: a CAA answer serves the longer of its TTL and 8 hours; Avow never uses one for longer than 8 hours. */
#define CAA_MOST_MS ((int64_t)8 * 60 * 60 * 1000)

struct cover_rules {
  enum ca_kind kind;
  const struct name_policy *names;
  int64_t control_reuse_ms; /* the profile's authz_reuse */
  bool no_resolvers;        /* kind test without resolvers: its validator asks no CAA and calls every name internal */
  size_t perspectives;      /* how many distinct ones must agree, of control and of CAA each */
};

/* The statements brought for one name. */
struct name_evidence {
  struct control_statement control[STATEMENTS_MAX];
  size_t control_n;
  struct caa_statement caa[STATEMENTS_MAX];
  size_t caa_n;
};

/* Does one control statement cover `name` for the account: identifier, scope and method, account, one of its keys, age?
   Its perspective is not looked at. */
bool control_covers(const struct control_statement *s, const struct name *name, const struct sealed_account *account,
                    const struct cover_rules *rules, int64_t now_ms);
/* Does one CAA statement permit `name` for the account by `method` now? */
bool caa_permits(const struct caa_statement *s, const struct name *name, struct id128 account, uint8_t method,
                 const struct cover_rules *rules, int64_t now_ms);
/* Whether a certificate for `name` needs a CAA statement: not for addresses (BR 3.2.2.8) and, but in public CAs, not
   for names below a listed internal suffix. */
bool caa_applies(const struct name *name, const struct cover_rules *rules);
/* The quorum: some method by which enough distinct perspectives state control, and (where CAA applies) by which enough
   permit. AVOW_OK; ERR_CLOCK for a statement from the future; ERR_CAA when CAA forbids; ERR_EVIDENCE. `why` names no
   identifier: the caller has it. */
avow_err name_covered(const struct name_evidence *evidence, const struct name *name,
                      const struct sealed_account *account, const struct cover_rules *rules, int64_t now_ms,
                      struct problem *why) WARN_UNUSED;

/* SHA-256 over the canonical list: for each name u8 type, u8 wildcard, u32 length, text. The names must be sorted. */
void names_digest(const struct name *names, size_t n, uint8_t out[32]);

#endif
