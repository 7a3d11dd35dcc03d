/* What a subscriber certificate looks like: a profile is configuration (conf/), this is its shape. */
#ifndef AVOW_PKI_PROFILE_H
#define AVOW_PKI_PROFILE_H

#include "base/bytes.h"

enum { PROFILE_NAME_MAX = 32, POLICY_OIDS_MAX = 4 };

struct profile {
  char name[PROFILE_NAME_MAX + 1];
  char description[256];
  int64_t lifetime_s; /* notAfter - notBefore + 1 s */
  int64_t backdate_s;
  int64_t pending_authz_s, authz_reuse_s, order_lifetime_s;
  bool common_name;      /* CN from the CSR or the first dNSName that fits 64 */
  bool key_encipherment; /* for RSA keys */
  bool subject_key_id;   /* RFC 7093 method 1 */
  bool client_auth;
  bool ip_identifiers;
  int max_names;
  bool ocsp; /* AIA id-ad-ocsp */
  bool crl;  /* CRL distribution point */
  bool ct;   /* SCTs wanted (public CAs) */
  char policy_oids[POLICY_OIDS_MAX][64];
  size_t policy_oids_n;
};

#endif
