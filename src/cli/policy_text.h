/* The policy.conf that is shipped with this program, put into it at build time. */
#ifndef AVOW_CLI_POLICY_TEXT_H
#define AVOW_CLI_POLICY_TEXT_H

#include "base/bytes.h"

struct slice policy_text(void);

#endif
