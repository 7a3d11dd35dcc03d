/* A channel between two roles: messages over a SOCK_SEQPACKET socket. A message that does not fit a packet travels in
   a sealed memfd. Forbidden or malformed messages end the peer: the caller closes the channel. */
#ifndef AVOW_IPC_CHANNEL_H
#define AVOW_IPC_CHANNEL_H

#include "ipc/message.h"

struct channel {
  int fd; /* -1 when closed */
  enum role self, peer;
  enum channel_state state; /* of this end */
  uint64_t next_request;
  int await_ms; /* what the socket's own time limit is set to; 0: none */
};

/* Takes ownership of `fd`; the state is FRESH. */
void channel_init(struct channel *ch, int fd, enum role self, enum role peer);
void channel_close(struct channel *ch);
/* Two connected descriptors (close-on-exec, blocking). */
avow_err channel_pair(int fds[2]) WARN_UNUSED;

/* Sends `m`; `pass_fd` goes along unless it is -1 (the caller keeps it). Blocks when the socket is full, unless it is
   non-blocking: then ERR_UNAVAILABLE. ERR_PEER when the other end is gone. */
avow_err channel_send(struct channel *ch, const struct message *m, int pass_fd) WARN_UNUSED;

/* The same for a message that is already encoded. With `wait` false a full socket gives ERR_UNAVAILABLE. */
avow_err channel_send_encoded(struct channel *ch, struct slice encoded, int pass_fd, bool wait) WARN_UNUSED;

/* What channel_recv() gave: the message borrows from `bytes` and `arena`. Keep one and reuse it. */
struct inbox {
  struct message m;
  int fd; /* a descriptor that came along, or -1; the caller takes it or inbox_reset() closes it */
  struct arena arena;
  struct buf bytes;
};

void inbox_init(struct inbox *in);
void inbox_clear(struct inbox *in);

/* Waits up to `timeout_ms` (-1: for ever, 0: not at all) for one message, decodes it and checks its permission.
   ERR_UNAVAILABLE when none came in time, ERR_PEER when the other end is gone, ERR_FORBIDDEN_MESSAGE when it must be
   ended. */
avow_err channel_recv(struct channel *ch, struct inbox *in, int timeout_ms) WARN_UNUSED;

/* The same with a limit above 0, for a thread that does nothing else meanwhile: it waits in the one call that receives,
   where channel_recv() makes three. The descriptor must be a blocking one. */
avow_err channel_await(struct channel *ch, struct inbox *in, int limit_ms) WARN_UNUSED;

/* Sends a request under a fresh id and waits for the answer with that id; other messages meanwhile are an error. A
   `refused` answer comes back as its error with `why` filled. */
avow_err channel_call(struct channel *ch, struct message *m, struct inbox *in, int timeout_ms,
                      struct problem *why) WARN_UNUSED;

/* A fresh request id of this end. */
uint64_t channel_request_id(struct channel *ch);

#endif
