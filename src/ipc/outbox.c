#include "ipc/outbox.h"

#include <stdlib.h>

enum { OUTBOX_MAX = 256 * 1024 * 1024 };

struct outbox_entry {
  struct outbox_entry *next;
  struct buf encoded;
};

static void entry_free(struct outbox_entry *entry) {
  buf_clear(&entry->encoded);
  free(entry);
}

void outbox_clear(struct outbox *out) {
  while (out->first) {
    struct outbox_entry *entry = out->first;
    out->first = entry->next;
    entry_free(entry);
  }
  *out = (struct outbox){0};
}

bool outbox_waits(const struct outbox *out) {
  return out->first != NULL;
}

avow_err outbox_send(struct outbox *out, struct channel *ch, const struct message *m) {
  AUTO_BUF encoded;
  buf_init(&encoded, MESSAGE_MAX);
  avow_err e = message_encode(m, &encoded);
  if (e != AVOW_OK)
    return e;
  if (!out->first) {
    e = channel_send_encoded(ch, buf_slice(&encoded), -1, false);
    if (e != ERR_UNAVAILABLE)
      return e;
  }
  if (out->bytes + encoded.n > OUTBOX_MAX)
    return ERR_UNAVAILABLE;
  struct outbox_entry *entry = calloc(1, sizeof *entry);
  if (!entry)
    return ERR_NO_MEMORY;
  entry->encoded = encoded;
  encoded = (struct buf){0};
  out->bytes += entry->encoded.n;
  if (out->last)
    out->last->next = entry;
  else
    out->first = entry;
  out->last = entry;
  return AVOW_OK;
}

avow_err outbox_flush(struct outbox *out, struct channel *ch) {
  while (out->first) {
    struct outbox_entry *entry = out->first;
    avow_err e = channel_send_encoded(ch, buf_slice(&entry->encoded), -1, false);
    if (e == ERR_UNAVAILABLE)
      return AVOW_OK;
    if (e != AVOW_OK)
      return e;
    out->first = entry->next;
    out->bytes -= entry->encoded.n;
    if (!out->first)
      out->last = NULL;
    entry_free(entry);
  }
  return AVOW_OK;
}
