/* What one address or one account may cost us: a token bucket for each, refilled by time. One unit is about one
   verification of a P-256 signature. Memory is fixed: when there are more spenders than places, those who have spent
   least are forgotten first. Safe from any thread. */
#ifndef AVOW_ACME_BUDGET_H
#define AVOW_ACME_BUDGET_H

#include "base/error.h"
#include "base/personal.h"
#include "crypto/key.h"

struct budget;

/* `rate` units a second, of which those of `burst_s` seconds may be spent at once; 0: no limit, nothing is kept. Room
   for at least `most` spenders. */
avow_err budget_new(size_t most, int rate, int64_t burst_s, struct budget **out) WARN_UNUSED;
void budget_free(struct budget *b);

/* A spender by its bytes; its place cannot be foreseen. */
uint64_t budget_key(const struct budget *b, struct slice spender);
/* The same of an address; an IPv6 host owns its whole /64. */
uint64_t budget_key_of_address(const struct budget *b, const struct personal_ip *ip);

/* Spends `cost` units at the monotonic time `now_ms`. 0 when they were there; otherwise nothing is spent, and the
   result is after how many milliseconds they will be. A cost above the whole burst is cut down to it. */
int64_t budget_spend(struct budget *b, uint64_t key, int cost, int64_t now_ms);
/* What budget_spend() would return, without spending. */
int64_t budget_ask(struct budget *b, uint64_t key, int cost, int64_t now_ms);

/* What verifying a signature of `alg` costs; an RSA key is as long as its signature. Measured with OpenSSL 3.0 on a
   P-256 verification of 85 us: Ed25519 1.7, P-521 9, P-384 11; RSA less, but its keys cost more than others to read. */
int budget_cost(enum signature_alg alg, size_t signature_n);

#endif
