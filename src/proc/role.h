/* What every role process has in common: it is re-executed by the supervisor with one control channel, receives its
   configuration, files and channels through it, confines itself, and runs its loop. See docs/decisions/ and
   CONTRIBUTING.

   Order in a role's process: role_start() (reads ctl_file and ctl_channel messages until ctl_go), prepare (open what
   must be opened: database, TLS context, journal replay), sandbox_enter(), role_ready(), loop. */
#ifndef AVOW_PROC_ROLE_H
#define AVOW_PROC_ROLE_H

#include <pthread.h>

#include "conf/conf.h"
#include "ipc/channel.h"
#include "pki/key_list.h"

enum { ROLE_FILES_MAX = 64, ROLE_CHANNELS_MAX = 96 };

struct role_file {
  char name[65];    /* "key.issuing.I1", "listen.https", … (several may share a name) */
  char detail[257]; /* an address, a path, an issuer id */
  int fd;
};

/* One end of a channel to a peer. The supervisor renews it after the peer died: `generation` then rises. */
struct role_channel {
  enum role peer;
  uint16_t index;
  int new_fd; /* arrived and not yet taken; -1 */
  unsigned generation;
};

struct role_context {
  enum role role;
  struct channel control;
  struct config config;
  struct role_file files[ROLE_FILES_MAX];
  size_t files_n;
  pthread_mutex_t lock; /* guards the channels: role_control() runs on the main thread, takers on any */
  pthread_cond_t renewed;
  struct role_channel channels[ROLE_CHANNELS_MAX];
  size_t channels_n;
  _Atomic bool stopping; /* ctl_stop came: finish what is in flight, then return from the loop */
};

/* Reads the control channel on descriptor 3 until ctl_go. */
avow_err role_start(struct role_context *ctx, enum role role, struct problem *why) WARN_UNUSED;
/* The n-th file of that name (0 first); NULL when there is none. The context keeps the descriptor. */
struct role_file *role_file(struct role_context *ctx, const char *name, size_t n);
/* Reads every "keys.blocklist" that was passed and closes it. `out` is to be cleared also after a failure. */
avow_err role_key_list(struct role_context *ctx, struct key_list *out, struct problem *why) WARN_UNUSED;
/* Takes the newest descriptor of a channel if one has arrived since the last take: -1 otherwise. Waits up to
   `timeout_ms` (0: not at all). Safe from any thread. */
int role_channel_take(struct role_context *ctx, enum role peer, uint16_t index, int timeout_ms);
/* How many channels to `peer` there are. */
size_t role_channel_count(struct role_context *ctx, enum role peer);
/* Tells the supervisor that this role serves. */
avow_err role_ready(struct role_context *ctx) WARN_UNUSED;
/* To be called when ctx->control.fd is readable: takes ctl_channel (wakes takers) and ctl_stop (sets stopping).
   ERR_PEER when the supervisor is gone: the role then exits. */
avow_err role_control(struct role_context *ctx) WARN_UNUSED;

/* The whole life of the process "avow: ROLE", called by main(): role_start(), the role's loop, clean-up. Returns the
   exit status. */
int role_run(enum role role);

/* The loops: each returns the exit status of its process. */
int role_front_main(struct role_context *ctx);
int role_store_main(struct role_context *ctx);
int role_registrar_main(struct role_context *ctx);
int role_validator_main(struct role_context *ctx);
int role_signer_main(struct role_context *ctx);
int role_keeper_main(struct role_context *ctx);

/* Files by role (name: content; detail):
     all        conf            the configuration's text; its path
                sets            KEY=VALUE lines of --set
     front      key.web         PKCS#8 PEM of the web TLS key
                listen.https    bound, listening sockets; the address
                listen.http     the same listen.metrics the same, when configured
                published       directory, read-only
                keys.blocklist  one for each list of refused keys; its path
     store      db              directory; its absolute path (the database is avow.sqlite in it)
                cert.root, cert.issuing.I1 …  DER
     validator  ring.validator  seal ring shared with signer (evidence.h file form)
                key.token       32 bytes in hexadecimal digits, its own
     signer     ring.validator, ring.signer   seal rings
                key.issuing.I1  PEM
                cert.issuing.I1, cert.root    DER
                spki.web        DER SubjectPublicKeyInfo of the web key
                keys.blocklist  as front's
                journal         read-write descriptor of the journal file
     keeper     published       directory, read-write
   Channels: front–store: 1 + workers (index 0 is for events, index i for worker i); store–registrar, store–signer,
   store–keeper, registrar–validator, registrar–signer: one each, index 0. Admin channels reach the store as peer
   `admin`. */

#endif
