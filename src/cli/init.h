/* The parts of `avow init`. */
#ifndef AVOW_CLI_INIT_H
#define AVOW_CLI_INIT_H

#include "conf/conf.h"
#include "crypto/key.h"
#include "pki/cert.h"

/* What the operator asked for, checked. */
struct init_request {
  const char *dir;
  enum ca_kind kind;
  const char *hosts; /* comma list, as given */
  const char *organization;
  char country[3]; /* empty: none */
  enum key_type key;
  int rsa_bits; /* 0 unless RSA */
};

/* ---- init_dir.c: the folder beside the target, which becomes it in one step ---- */

struct init_dir {
  char *target, *beside; /* DIR without final slashes, DIR.tmp */
  int fd;                /* of DIR.tmp, locked; -1 */
};

/* Refuses a target that exists and is not an empty folder; makes DIR.tmp (replacing what a killed init left there). */
avow_err init_dir_open(struct init_dir *d, const char *dir, struct problem *why) WARN_UNUSED;
/* Syncs everything and renames DIR.tmp to DIR. */
avow_err init_dir_commit(struct init_dir *d, struct problem *why) WARN_UNUSED;
/* Removes DIR.tmp unless it was committed. */
void init_dir_clear(struct init_dir *d);

/* ---- init_ca.c: the keys and certificates of the CA ---- */

struct init_ca {
  struct private_key *root_key, *issuing_key;
  struct buf root_der, issuing_der, root_crl;
};

/* Generates both keys, the self-signed root, the issuing CA "I1" and the root's CRL (ca-rules B4), each confirmed by
 * OpenSSL. */
avow_err init_ca_make(struct init_ca *ca, const struct init_request *r, const struct config *config, int64_t now_ms,
                      struct problem *why) WARN_UNUSED;
void init_ca_clear(struct init_ca *ca);

#endif
