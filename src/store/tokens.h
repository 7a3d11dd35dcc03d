/* Challenge tokens that the validator minted ahead of use. In memory only: a token that is forgotten was never given
 * out. */
#ifndef AVOW_STORE_TOKENS_H
#define AVOW_STORE_TOKENS_H

#include "base/error.h"

/* Tokens are refused 30 days after minting; an authorization may take some days, so stock older than a day is dropped.
 */
enum { TOKENS_MAX = 2048, TOKENS_LOW = 512, TOKEN_MAX = 64, TOKENS_ASK = 1000 };

struct tokens {
  struct {
    int64_t since_ms;
    uint8_t n;
    char text[TOKEN_MAX];
  } stock[TOKENS_MAX];
  size_t first, n;
};

/* Keeps the token unless the stock is full. */
void tokens_add(struct tokens *t, struct slice token, int64_t now_ms);
/* Takes the oldest one to `out`; ERR_UNAVAILABLE when none is left. */
avow_err tokens_take(struct tokens *t, int64_t now_ms, char out[TOKEN_MAX], size_t *n) WARN_UNUSED;
/* How many to ask for; 0 while there are enough. */
uint16_t tokens_wanted(struct tokens *t, int64_t now_ms);

#endif
