/* The validator: takes requests of the registrar (messages.def, 112 to 119), runs many of them at once, answers each
   with sealed statements or with the problem. */
#ifndef AVOW_VALIDATE_VALIDATOR_H
#define AVOW_VALIDATE_VALIDATOR_H

#include "conf/conf.h"
#include "evidence/evidence.h"
#include "ipc/message.h"
#include "validate/loop.h"

enum { VALIDATOR_JOBS_MAX = 1024 };
/* How long a CAA statement holds (TLS BR 3.2.2.8: eight hours, or the TTL if that is longer; this CA does not use
   longer TTLs). */
enum { CAA_HOLDS_HOURS = 8 };

struct validator;

struct validator_options {
  const struct config *config;
  const struct seal_ring *ring; /* shared with the signer */
  struct slice token_key;       /* 32 bytes; shared with nobody */
  struct loop *loop;
  /* Gets each answer; `m` borrows for the length of the call. */
  void (*answer)(void *user, const struct message *m);
  void *user;
};

/* Reads all files that will be needed, starts no thread and opens no connection. The options' pointers must outlive it.
 */
avow_err validator_new(const struct validator_options *options, struct validator **out,
                       struct problem *why) WARN_UNUSED;
/* Cancels what runs. */
void validator_free(struct validator *v);

/* Takes one request: validate, caa_check or tokens_mint. Its answer comes through `answer`, perhaps before this
   returns: validated, caa_checked or tokens_minted; or refused, when the request itself is wrong (ERR_MALFORMED) or too
   many run already (ERR_UNAVAILABLE). Other messages are ERR_FORBIDDEN_MESSAGE. */
avow_err validator_take(struct validator *v, const struct message *m) WARN_UNUSED;

/* Ends all that runs without answers: who asked is gone. */
void validator_cancel_all(struct validator *v);
/* How many requests run. */
size_t validator_busy(const struct validator *v);

#endif
