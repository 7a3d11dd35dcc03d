#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "cli/cli.h"
#include "proc/admin.h"

void json_put_string(struct buf *b, struct slice text) {
  buf_put_u8(b, '"');
  for (size_t i = 0; i < text.n; i++) {
    uint8_t c = text.p[i];
    if (c == '"' || c == '\\')
      buf_printf(b, "\\%c", c);
    else if (c == '\n')
      buf_put_str(b, "\\n");
    else if (c < 0x20)
      buf_printf(b, "\\u%04x", c);
    else
      buf_put_u8(b, c);
  }
  buf_put_u8(b, '"');
}

bool cli_flush(struct buf *b) {
  bool ok = !b->failed && fd_write_all(STDOUT_FILENO, buf_slice(b)) == AVOW_OK;
  buf_reset(b);
  return ok;
}

bool cli_colour(FILE *stream) {
  const char *term = getenv("TERM"), *off = getenv("NO_COLOR");
  return isatty(fileno(stream)) && term && strcmp(term, "dumb") != 0 && !(off && off[0]);
}

char *cli_hex(struct slice bytes, char out[65]) {
  return hex_encode(slice_of(bytes.p, bytes.n > 32 ? 32 : bytes.n), out);
}

avow_err cli_store(const char *dir, struct channel *store, struct problem *why) {
  avow_err e = admin_connect(dir, ROLE_store, store, why);
  if (e != AVOW_OK)
    return e;
  store->state = STATE_READY;
  struct message hello = {.type = MSG_admin_hello};
  e = channel_send(store, &hello, -1);
  if (e != AVOW_OK) {
    channel_close(store);
    return problem_set(why, e, "the store of the CA went away; try again");
  }
  return AVOW_OK;
}
