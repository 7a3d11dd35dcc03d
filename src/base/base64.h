/* Base64 (RFC 4648) and hexadecimal, strict: one right form, everything else is refused. */
#ifndef AVOW_BASE_BASE64_H
#define AVOW_BASE_BASE64_H

#include "base/arena.h"
#include "base/buf.h"

/* Appends base64url without padding (RFC 4648, 5; RFC 7515, 2). */
void base64url_put(struct buf *b, struct slice bytes);
/* Decodes base64url without padding; refuses padding, other alphabets, white space and non-zero spare bits.
   The result is in `a`; `p` is NULL when refused. An empty text gives an empty, non-NULL slice. */
struct slice base64url_get(struct arena *a, struct slice text);
/* Appends a PEM block (RFC 7468, strict: 64 columns, one newline at its end). */
void pem_put(struct buf *b, const char *label, struct slice der);
/* Decodes the first PEM block with this label; `p` is NULL when there is none. */
struct slice pem_get(struct arena *a, const char *label, struct slice text);
/* Base64 with padding, for PEM and OCSP GET paths; refuses white space. `p` NULL when refused. */
struct slice base64_get(struct arena *a, struct slice text);
void base64_put(struct buf *b, struct slice bytes);

/* 2n lower-case digits and a NUL at `out`; returns `out`. */
char *hex_encode(struct slice bytes, char *out);
/* Exactly 2n lower-case digits to n bytes; false otherwise. */
bool hex_decode(struct slice text, uint8_t *out, size_t n);

#endif
