/* The table once more, as rows: what the documentation page and the classification test read. */
#include "ipc/message.h"

const struct message_field message_fields[] = {
/* The owner's name is not known inside FIELD, so rows of an owner follow a row that names it. */
#define RECORD(name) {#name, NULL, NULL, NULL, true, 0},
#define END_RECORD(name)
#define MESSAGE(name, number, from, to, states) {#name, NULL, NULL, NULL, false, 0},
#define END_MESSAGE(name)
#define FIELD(type, name, category) {NULL, #name, #type, #category, false, 0},
#define VAR(type, name, max, category) {NULL, #name, #type, #category, false, max},
#define LIST(record, name, max) {NULL, #name, "list of " #record, NULL, false, max},
#define PART(record, name) {NULL, #name, #record, NULL, false, 0},
#include "ipc/messages.def"
};

const size_t message_fields_n = sizeof message_fields / sizeof message_fields[0];
