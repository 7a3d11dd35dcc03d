/* RSA moduli that their own generator gave away (TLS BR 6.1.1.3 (5)). */
#ifndef AVOW_PKI_WEAK_RSA_H
#define AVOW_PKI_WEAK_RSA_H

#include "base/error.h"

enum { FERMAT_ROUNDS = 100 };

/* The fingerprint of CVE-2017-15361 (ROCA; Nemec and others, CCS 2017): the modulus is a power of 65537 modulo every
   small prime. A random modulus is one with probability 2^-27. */
bool rsa_is_roca(struct slice n);
/* Whether Fermat's method finds the factors of the odd modulus within FERMAT_ROUNDS rounds. Two square roots at most in
   all but one of some thousand moduli, one a round at the very most. ERR_NO_MEMORY. */
avow_err rsa_find_close_primes(struct slice n, bool *found) WARN_UNUSED;

#endif
