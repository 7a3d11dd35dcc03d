/* 128-bit identifiers that leave the system: 48 bits of time in milliseconds, 8 bits of origin, 72 random.
   Their text is 32 lower-case hexadecimal digits, the only accepted form. */
#ifndef AVOW_BASE_ID_H
#define AVOW_BASE_ID_H

#include "base/bytes.h"

enum { ID_BYTES = 16, ID_TEXT = 33 };

struct id128 {
  uint8_t b[ID_BYTES];
};

/* A fresh id of time `now_ms` (milliseconds since 1970) and `origin` (the minting signer or front). */
struct id128 id_make(int64_t now_ms, uint8_t origin);
/* When it was minted, in milliseconds since 1970; a claim of whoever minted it. */
int64_t id_time_ms(struct id128 id);
uint8_t id_origin(struct id128 id);
/* Writes 32 digits and a NUL; returns `out`. */
char *id_text(struct id128 id, char out[ID_TEXT]);
/* False unless `text` is exactly 32 lower-case digits. */
bool id_parse(struct slice text, struct id128 *id);

static inline bool id_eq(struct id128 a, struct id128 b) {
  return memcmp(a.b, b.b, ID_BYTES) == 0;
}

static inline bool id_is_zero(struct id128 a) {
  return id_eq(a, (struct id128){{0}});
}

static inline struct slice id_slice(const struct id128 *id) {
  return slice_of(id->b, ID_BYTES);
}

#endif
