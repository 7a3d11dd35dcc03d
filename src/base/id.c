#include "base/id.h"

#include "base/base64.h"
#include "base/random.h"

struct id128 id_make(int64_t now_ms, uint8_t origin) {
  struct id128 id;
  for (int i = 0; i < 6; i++)
    id.b[i] = (uint8_t)((uint64_t)now_ms >> 8 * (5 - i));
  id.b[6] = origin;
  random_bytes(id.b + 7, ID_BYTES - 7);
  return id;
}

int64_t id_time_ms(struct id128 id) {
  int64_t t = 0;
  for (int i = 0; i < 6; i++)
    t = t << 8 | id.b[i];
  return t;
}

uint8_t id_origin(struct id128 id) {
  return id.b[6];
}

char *id_text(struct id128 id, char out[ID_TEXT]) {
  hex_encode(id_slice(&id), out);
  return out;
}

bool id_parse(struct slice text, struct id128 *id) {
  return text.n == 2 * ID_BYTES && hex_decode(text, id->b, ID_BYTES);
}
