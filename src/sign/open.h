/* What opening a signer and the first records need from its batches. */
#ifndef AVOW_SIGN_OPEN_H
#define AVOW_SIGN_OPEN_H

#include "sign/internal.h"

avow_err append_orphan(struct signer *s, uint64_t intent_frame, int64_t now_ms) WARN_UNUSED;
avow_err append_record(struct signer *s, const struct entry *entry, int64_t now_ms) WARN_UNUSED;

#endif
