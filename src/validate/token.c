#include "validate/token.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "crypto/digest.h"

enum { RANDOM_PART = 16, TIME_PART = 4, MAC_PART = 12, MAC_LABEL = 12 };
/* Clocks may be set back a little between minting and use. */
enum { FUTURE_MS = 5 * MINUTE_MS };

static void token_mac(struct slice key, const uint8_t raw[RANDOM_PART + TIME_PART], uint8_t mac[SHA256_BYTES]) {
  uint8_t said[MAC_LABEL + RANDOM_PART + TIME_PART];
  memcpy(said, "avow token 1", MAC_LABEL);
  memcpy(said + MAC_LABEL, raw, RANDOM_PART + TIME_PART);
  hmac_sha256(key, SLICE_OF(said), mac);
}

void token_mint(struct slice key, int64_t now_ms, char out[TOKEN_TEXT + 1]) {
  uint8_t raw[TOKEN_RAW], mac[SHA256_BYTES];
  random_bytes(raw, RANDOM_PART);
  uint32_t seconds = (uint32_t)(now_ms / SECOND_MS);
  for (size_t i = 0; i < TIME_PART; i++)
    raw[RANDOM_PART + i] = (uint8_t)(seconds >> (24 - 8 * i));
  token_mac(key, raw, mac);
  memcpy(raw + RANDOM_PART + TIME_PART, mac, MAC_PART);
  AUTO_BUF text;
  buf_init(&text, TOKEN_TEXT);
  base64url_put(&text, SLICE_OF(raw));
  memset(out, 0, TOKEN_TEXT + 1);
  if (text.n == TOKEN_TEXT)
    memcpy(out, text.p, TOKEN_TEXT);
}

avow_err token_check(struct slice key, struct slice token, int64_t now_ms, struct problem *why) {
  AUTO_ARENA a;
  arena_init(&a, 256);
  struct slice raw = token.n == TOKEN_TEXT ? base64url_get(&a, token) : SLICE_NONE;
  if (raw.n != TOKEN_RAW)
    return problem_set(why, ERR_MALFORMED, "token: not one of this CA's");
  uint8_t mac[SHA256_BYTES];
  token_mac(key, raw.p, mac);
  if (!secret_equal(slice_of(mac, MAC_PART), slice_skip(raw, RANDOM_PART + TIME_PART)))
    return problem_set(why, ERR_MALFORMED, "token: not one of this CA's");
  struct cursor c = cursor_of(slice_skip(raw, RANDOM_PART));
  int64_t minted_ms = (int64_t)cursor_u32(&c) * SECOND_MS;
  if (now_ms - minted_ms > (int64_t)TOKEN_LIFE_DAYS * DAY_MS)
    return problem_set(why, ERR_MALFORMED, "token: older than %d days", TOKEN_LIFE_DAYS);
  if (minted_ms - now_ms > FUTURE_MS)
    return problem_set(why, ERR_MALFORMED, "token: from the future");
  return AVOW_OK;
}
