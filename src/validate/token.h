/* Challenge tokens that prove by themselves who minted them and when, so that none needs to be stored to be checked. */
#ifndef AVOW_VALIDATE_TOKEN_H
#define AVOW_VALIDATE_TOKEN_H

#include "base/error.h"

enum { TOKEN_RAW = 32, TOKEN_TEXT = 43, TOKEN_KEY = 32 };
/* TLS BR 1.6.1, Random Value: usable for at most 30 days. */
enum { TOKEN_LIFE_DAYS = 30 };

/* base64url of: 16 random bytes (RFC 8555, 8.1 and TLS BR: at least 128 and 112 bits), 4 bytes of time in seconds, 12
   bytes of HMAC-SHA-256 under `key` over "avow token 1", random bytes and time. */
void token_mint(struct slice key, int64_t now_ms, char out[TOKEN_TEXT + 1]);
/* ERR_MALFORMED unless it is one of ours, not older than 30 days and not from the future. */
avow_err token_check(struct slice key, struct slice token, int64_t now_ms, struct problem *why) WARN_UNUSED;

#endif
