/* Lists of keys that no certificate may carry, as published (TLS BR 6.1.1.3 (4) and (5); ca-rules 10 and 13). A list is
   text: empty lines and lines beginning with "#" say nothing, any other is one key in hexadecimal digits:
     64 digits  SHA-256 of its DER SubjectPublicKeyInfo
     20 digits  the last 20 digits of SHA-1 of "Modulus=", the RSA modulus in upper-case hexadecimal, and a newline: the
                lines of Debian's openssl-blacklist
   docs/operations/keys.md. */
#ifndef AVOW_PKI_KEY_LIST_H
#define AVOW_PKI_KEY_LIST_H

#include "base/buf.h"
#include "crypto/digest.h"
#include "crypto/key.h"

enum { KEY_LIST_TEXT_MAX = 64 * 1024 * 1024, KEY_LIST_MODULUS_BYTES = 10 };

struct key_list {
  struct buf spki, modulus; /* SHA256_BYTES and KEY_LIST_MODULUS_BYTES each; in order after key_list_sort() */
};

void key_list_init(struct key_list *l);
void key_list_clear(struct key_list *l);
/* Adds the keys of one list. ERR_CONFIG with `file` and the line in `why`. */
avow_err key_list_add(struct key_list *l, struct slice text, const char *file, struct problem *why) WARN_UNUSED;
/* To be called after the last list and before the first question. */
void key_list_sort(struct key_list *l);
size_t key_list_count(const struct key_list *l);
/* ERR_BAD_PUBLIC_KEY with `why` for a listed key. Safe from any thread. */
avow_err key_list_check(const struct key_list *l, const struct public_key *key, struct problem *why) WARN_UNUSED;

#endif
