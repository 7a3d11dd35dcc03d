/* What a public key must be before a certificate may carry it. */
#ifndef AVOW_PKI_KEYCHECK_H
#define AVOW_PKI_KEYCHECK_H

#include "crypto/key.h"

/* RSA of 2048, 3072 or 4096 bits with an odd exponent of 65537 to 2^256 - 1 and a modulus that has no small factors,
   does not come from ROCA's generator and resists 100 rounds of Fermat's method, or P-256 or P-384 (TLS BR 6.1.1.3 (5),
   6.1.5, 6.1.6; ca-rules 8, 9, 11, 12). Lists of known keys are pki/key_list's. ERR_BAD_PUBLIC_KEY with `why`. */
avow_err keycheck(const struct public_key *key, struct problem *why) WARN_UNUSED;

#endif
