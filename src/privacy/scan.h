/* The strict pre-pass over policy.conf. */
#ifndef AVOW_PRIVACY_SCAN_H
#define AVOW_PRIVACY_SCAN_H

#include "base/error.h"

/* libconfuse lets a second assignment silently win, replaces "${NAME}" from the environment and ends at a NUL. This
   refuses all three, and what else would make two readers read differently: only # comments, words, "strings" with \"
   and \\, lists in braces, sections with and without a title. ERR_CONFIG with the line. */
avow_err policy_scan(struct slice text, const char *file, struct problem *why) WARN_UNUSED;

#endif
