/* CRLs (RFC 5280, 5; TLS BR 7.2), written entry by entry. */
#ifndef AVOW_PKI_CRL_H
#define AVOW_PKI_CRL_H

#include "base/buf.h"
#include "crypto/key.h"

struct crl_entry {
  struct slice serial; /* INTEGER content octets */
  int64_t revoked_s;
  int reason; /* CRLReason; 0: no reasonCode extension */
};

struct crl_request {
  enum signature_alg alg;
  struct slice issuer_name, issuer_key_id;
  int64_t this_update_s, next_update_s;
  uint64_t number;
  const char *idp_url;             /* of the shard: critical IDP, onlyContainsUserCerts; NULL: none (root) */
  const struct crl_entry *entries; /* sorted by slice_cmp() of their serials, each once */
  size_t entries_n;
  int64_t lifetime_most_s; /* from thisUpdate to nextUpdate (ca-rules 85); 0: any */
  bool is_public;          /* of a CA of kind public: only reasons that it may give */
};
/* Appends the DER TBSCertList. ERR_LINT when the entries are not in order, lie in the future or give a reason that a
   full CRL may not (RFC 5280, 5.3.1); nothing is appended then. */
avow_err tbs_crl_put(struct buf *b, const struct crl_request *r) WARN_UNUSED;
/* Own lint of such a TBS before it is signed (ca-rules 85 to 89, 92). ERR_LINT with `why`. */
avow_err tbs_crl_lint(struct slice tbs, const struct crl_request *r, struct problem *why) WARN_UNUSED;
/* What a CRL says of itself; its signature is crl_second_opinion()'s. */
struct crl_head {
  uint64_t number;
  int64_t this_update_s, next_update_s;
};
/* ERR_MALFORMED with `why`. The entries are not looked at. */
avow_err crl_read_head(struct slice der, struct crl_head *out, struct problem *why) WARN_UNUSED;
/* A second opinion by OpenSSL, as for certificates. */
avow_err crl_second_opinion(struct slice der, const struct public_key *issuer, struct problem *why) WARN_UNUSED;

#endif
