#include "store/tokens.h"

#include "base/clock.h"

static void drop_old(struct tokens *t, int64_t now_ms) {
  while (t->n > 0 && t->stock[t->first].since_ms < now_ms - DAY_MS) {
    t->first = (t->first + 1) % TOKENS_MAX;
    t->n--;
  }
}

void tokens_add(struct tokens *t, struct slice token, int64_t now_ms) {
  if (t->n == TOKENS_MAX || token.n == 0 || token.n > TOKEN_MAX)
    return;
  size_t at = (t->first + t->n++) % TOKENS_MAX;
  t->stock[at].since_ms = now_ms;
  t->stock[at].n = (uint8_t)token.n;
  memcpy(t->stock[at].text, token.p, token.n);
}

avow_err tokens_take(struct tokens *t, int64_t now_ms, char out[TOKEN_MAX], size_t *n) {
  drop_old(t, now_ms);
  if (t->n == 0)
    return ERR_UNAVAILABLE;
  *n = t->stock[t->first].n;
  memcpy(out, t->stock[t->first].text, *n);
  t->first = (t->first + 1) % TOKENS_MAX;
  t->n--;
  return AVOW_OK;
}

uint16_t tokens_wanted(struct tokens *t, int64_t now_ms) {
  drop_old(t, now_ms);
  return t->n < TOKENS_LOW ? TOKENS_ASK : 0;
}
