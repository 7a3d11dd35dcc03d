/* Files below published/: CA certificates and CRLs, which the front serves as they lie there. */
#ifndef AVOW_STATUS_PUBLISH_H
#define AVOW_STATUS_PUBLISH_H

#include "base/error.h"

/* True for "ca/ID.cer" and "crl/ID/SHARD.crl" with an ID of letters, digits, '-' and '_' and a decimal shard: nothing
   else is published, whatever the store says. */
bool publish_path_ok(struct slice path);
/* Writes `content` to `path` below the open folder `dir_fd`, making folders on the way; readers see the old or the new
   file. ERR_MALFORMED for another path, ERR_IO. */
avow_err publish_file(int dir_fd, struct slice path, struct slice content, struct problem *why) WARN_UNUSED;

#endif
