/* PKCS#10 (RFC 2986), read strictly. */
#ifndef AVOW_PKI_CSR_H
#define AVOW_PKI_CSR_H

#include "crypto/key.h"
#include "pki/name.h"

struct csr {
  struct public_key *key; /* owned */
  struct slice spki;      /* borrowed from the DER */
  struct name *names;     /* canonical, sorted, without duplicates; SAN and CN together; in the arena */
  size_t names_n;
  struct slice common_name; /* canonical dNSName text of the CN; empty when absent. A CN that is not among the SANs
                               counts as a name */
  bool wants_must_staple;
};

/* Parses, verifies the self-signature (SHA-256/384/512 only) and checks the key (pki/keycheck). Refuses trailing bytes,
   other SAN types, several SAN extensions, malformed names. ERR_BAD_CSR or ERR_BAD_PUBLIC_KEY with `why`. */
avow_err csr_parse(struct slice der, struct arena *a, struct csr *out, struct problem *why) WARN_UNUSED;
void csr_clear(struct csr *csr);

#endif
