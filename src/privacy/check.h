/* policy.conf against the program: what exists has a category, and what the file names exists. */
#ifndef AVOW_PRIVACY_CHECK_H
#define AVOW_PRIVACY_CHECK_H

#include "privacy/policy.h"
#include "store/db.h"

/* Every column of every table of the migrated schema has a category, and every column the policy names is there.
   ERR_CONFIG with the first that is not. */
avow_err policy_check_columns(const struct policy *p, struct db *db, struct problem *why) WARN_UNUSED;
/* Every field of every message between roles has a category that may travel in messages. */
avow_err policy_check_messages(const struct policy *p, struct problem *why) WARN_UNUSED;
/* Every log field has a category that may be logged, and every log field the policy names is there. */
avow_err policy_check_log(const struct policy *p, struct problem *why) WARN_UNUSED;
/* All of these, against a fresh schema in memory. */
avow_err policy_check(const struct policy *p, struct problem *why) WARN_UNUSED;

#endif
