/* Writes the documentation page of the messages from their table (src/ipc/messages.def). */
#include <stdio.h>

#include "ipc/message.h"

static void print_roles(unsigned bits) {
  const char *separator = "";
  for (unsigned r = 1; r < ROLE_COUNT; r++)
    if (bits & 1u << r) {
      printf("%s%s", separator, role_text((enum role)r));
      separator = ", ";
    }
}

static void print_states(unsigned states) {
  printf("%s%s%s", states & STATE_FRESH ? "fresh " : "", states & STATE_READY ? "ready " : "",
         states & STATE_DRAINING ? "draining" : "");
}

/* Prints the fields of an owner: the rows after its own, up to the next owner. */
static void print_fields(size_t at) {
  for (size_t i = at + 1; i < message_fields_n && !message_fields[i].owner; i++) {
    const struct message_field *f = &message_fields[i];
    printf("| `%s` | %s | ", f->name, f->type);
    if (f->max)
      printf("at most %zu | ", f->max);
    else
      printf(" | ");
    printf("%s |\n", f->category ? f->category : "");
  }
  printf("\n");
}

static size_t find_owner(const char *name, bool record) {
  for (size_t i = 0; i < message_fields_n; i++)
    if (message_fields[i].owner && message_fields[i].owner_is_record == record &&
        slice_eq_str(slice_str(name), message_fields[i].owner))
      return i;
  return message_fields_n;
}

int main(void) {
  printf("# Messages between roles\n\n"
         "Written by the build from `src/ipc/messages.def`; the encoding is described in `src/ipc/message.h`.\n\n"
         "## Roles\n\n| role | job |\n|---|---|\n");
  for (unsigned r = 1; r < ROLE_COUNT; r++)
    printf("| `%s` | %s |\n", role_text((enum role)r), role_job((enum role)r));
  printf("\n## Messages\n\n");
  for (size_t i = 0; i < message_rows_n; i++) {
    const struct message_row *row = &message_rows[i];
    printf("### %u `%s`\n\nFrom ", (unsigned)row->type, row->name);
    print_roles(row->senders);
    printf(" to ");
    print_roles(row->receivers);
    printf("; receiver's state: ");
    print_states(row->states);
    printf("\n\n| field | type | limit | category |\n|---|---|---|---|\n");
    print_fields(find_owner(row->name, false));
  }
  printf("## Parts\n\n");
  for (size_t i = 0; i < message_fields_n; i++)
    if (message_fields[i].owner && message_fields[i].owner_is_record) {
      printf("### `%s`\n\n| field | type | limit | category |\n|---|---|---|---|\n", message_fields[i].owner);
      print_fields(i);
    }
  return 0;
}
