/* The ledger's leaves: every change writes its canonical leaf in its own transaction, not yet numbered. A leaf is kind
   (u8), time (u64, milliseconds) and body; see docs/protocol/ledger-leaves.md. A leaf about a person carries a
   commitment, and the commitment's opening stands apart. */
#ifndef AVOW_STORE_LEAVES_H
#define AVOW_STORE_LEAVES_H

#include "base/buf.h"
#include "base/error.h"
#include "store/db.h"

struct call;

/* Numbers never change: they stand in the public log. */
enum leaf_kind { LEAF_ACCOUNT = 1, LEAF_CERTIFICATE = 2, LEAF_REVOCATION = 3, LEAF_CRL = 4, LEAF_ISSUER = 5 };

/* Adds a leaf with this body. */
avow_err leaf_put(struct call *c, enum leaf_kind kind, int64_t at_ms, struct slice body) WARN_UNUSED;
/* Adds a leaf whose body is the DER of a stored certificate, which is not stored twice. */
avow_err leaf_put_certificate(struct call *c, int64_t at_ms, int64_t certificate) WARN_UNUSED;
/* Adds a leaf whose body is `body` followed by HMAC-SHA-256(opening, label || 0 || value), with a fresh opening. */
avow_err leaf_put_commitment(struct call *c, enum leaf_kind kind, int64_t at_ms, struct slice body, const char *label,
                             struct slice value) WARN_UNUSED;
/* The canonical bytes of the first leaf above `above`, appended to `out`; `key` gets its key, or 0 when there is none.
 */
avow_err leaf_next(struct db *db, int64_t above, struct arena *a, int64_t *key, struct buf *out) WARN_UNUSED;

#endif
