/* Lists that are stored and read as a whole in one column: what was met, subproblems. A u16 count, then each entry with
   its fields in the order of messages.def, big-endian, lengths before bytes. */
#ifndef AVOW_STORE_PACK_H
#define AVOW_STORE_PACK_H

#include "ipc/message.h"

void pack_met(struct buf *b, const struct rec_met *met, size_t n);
/* ERR_DATABASE when the bytes are no such list. Text borrows from `bytes`, the list lives in `a`. */
avow_err unpack_met(struct slice bytes, struct arena *a, struct rec_met **met, size_t *n) WARN_UNUSED;
void pack_subproblems(struct buf *b, const struct rec_subproblem *list, size_t n);
avow_err unpack_subproblems(struct slice bytes, struct arena *a, struct rec_subproblem **list, size_t *n) WARN_UNUSED;

#endif
