/* Messages that wait for room in a channel: for loops that must never block on one peer. */
#ifndef AVOW_IPC_OUTBOX_H
#define AVOW_IPC_OUTBOX_H

#include "ipc/channel.h"

struct outbox_entry;

struct outbox {
  struct outbox_entry *first, *last;
  size_t bytes;
};

/* Sends at once when nothing waits and the socket has room; otherwise keeps an encoded copy. ERR_PEER when the other end is
   gone, ERR_UNAVAILABLE over 256 MiB of waiting messages. */
avow_err outbox_send(struct outbox *out, struct channel *ch, const struct message *m) WARN_UNUSED;
/* Sends what fits; to be called when the socket is writable. */
avow_err outbox_flush(struct outbox *out, struct channel *ch) WARN_UNUSED;
/* True when the loop should wait for the socket to be writable. */
bool outbox_waits(const struct outbox *out);
/* Drops what waits: the channel is gone. */
void outbox_clear(struct outbox *out);

#endif
