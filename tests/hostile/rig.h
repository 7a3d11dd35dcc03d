/* The real signer, as a process of its own in its own sandbox; the test plays the supervisor, the registrar and the
 * store. */
#ifndef AVOW_TESTS_HOSTILE_RIG_H
#define AVOW_TESTS_HOSTILE_RIG_H

#include <sys/types.h>

#include "hostile/world.h"
#include "ipc/channel.h"
#include "sign/journal.h"

struct rig {
  struct world w; /* its functions ask this process */
  pid_t pid;
  struct channel control, registrar, store;
  struct inbox in;
  struct message *records; /* record n is records[n - 1]; in the world's arena */
  uint64_t records_n;
  bool silent_store; /* takes records and acknowledges none */
};

/* Starts the process over the world's journal; the store has said hello when `greet`. */
void rig_start(struct rig *r, bool greet);
/* New channels, as the supervisor makes after a peer's death. */
void rig_renew_registrar(struct rig *r, bool hello);
void rig_renew_store(struct rig *r);
void rig_greet(struct rig *r, uint64_t next);
/* Sends a request as the registrar and waits for its answer. */
struct signer_answer rig_ask(void *rig, const struct message *m);
/* The same without waiting, and the waiting; false when no answer comes in `timeout_ms`. */
uint64_t rig_send(struct rig *r, const struct message *m);
bool rig_answer(struct rig *r, uint64_t request, int timeout_ms, struct signer_answer *out);
struct message rig_record(void *rig, uint64_t number);
/* Takes what the store's channel holds within `timeout_ms`. */
void rig_take_records(struct rig *r, int timeout_ms);
/* SIGKILL, or SIGTERM's equivalent from the supervisor; the exit status as waitpid() gives it. */
int rig_kill(struct rig *r);
int rig_stop(struct rig *r);
/* Waits for the process to end by itself. */
int rig_wait(struct rig *r);

/* Whether the journal's last refusal is this one. */
bool rig_refusal_is_last(struct rig *r, struct id128 job, avow_err e);
/* How many frames of a type the journal holds. */
size_t rig_count(struct rig *r, enum frame_type type);

#endif
