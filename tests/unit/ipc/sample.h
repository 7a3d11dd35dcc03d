/* Fills any message with samples, from the table itself: no message is left out of the tests. */
#ifndef AVOW_TESTS_IPC_SAMPLE_H
#define AVOW_TESTS_IPC_SAMPLE_H

#include "ipc/message.h"

/* A message of this type whose every field holds something; lists have two entries. Lives in `a`. */
struct message sample_message(enum message_type type, struct arena *a);

#endif
