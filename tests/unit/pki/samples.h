/* A small CA and requests to it, for the tests of this folder. */
#ifndef AVOW_TESTS_PKI_SAMPLES_H
#define AVOW_TESTS_PKI_SAMPLES_H

#include "pki/cert.h"
#include "pki/crl.h"
#include "pki/csr.h"

enum { NOT_BEFORE = 1795341003, DAY_S = 86400 }; /* 2026-11-22 */

struct sample_ca {
  struct private_key *root_key, *key;
  struct buf root, cert;      /* DER */
  struct buf root_name, name; /* DER Names */
  uint8_t root_key_id[20], key_id[20];
};

/* When everything is made; NOT_BEFORE unless a program sets it. */
extern int64_t sample_time_s;

/* Root and issuing CA with keys of these types. */
struct sample_ca sample_ca_make(enum key_type root, enum key_type issuing);
void sample_ca_clear(struct sample_ca *ca);

/* Names parsed from text; "10.0.0.1" is an address. They live in `a`. */
struct name *sample_names(const char *const *texts, size_t n, struct arena *a);
/* The key of this type, one in the whole run. */
const struct private_key *sample_key(enum key_type type);
void sample_keys_free(void);

extern const struct profile sample_classic, sample_shortlived, sample_public;

/* A right request for `names` and `key` under the profile. */
struct leaf_request sample_leaf(const struct sample_ca *ca, const struct profile *profile,
                                const struct private_key *key, const struct name *names, size_t n);
/* TBS, signature, Certificate. */
void sample_sign(const struct private_key *key, struct slice tbs, struct buf *out);

/* What a CSR says; zeros are the usual things. */
struct sample_csr {
  const struct private_key *key; /* NULL: P-256 */
  struct slice spki;             /* another one than the key's */
  const char *common_name;       /* NULL: empty subject */
  uint8_t common_name_tag;       /* 0: UTF8String */
  int common_names;              /* 0: one */
  const char *const *names;
  size_t names_n;
  struct slice san;       /* content octets of GeneralNames instead of `names` */
  int sans, requests;     /* extensions and attributes of that kind; 0: one */
  struct slice extension; /* one more Extension element */
  bool password;          /* a challengePassword too */
  int version;
  struct slice alg; /* AlgorithmIdentifier written instead of the key's */
  bool spoil;       /* change a bit of the signature */
};
void sample_csr_put(struct buf *b, const struct sample_csr *s);

#endif
