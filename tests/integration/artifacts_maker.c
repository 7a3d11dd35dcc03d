/* Writes one certificate of every kind, and CRLs, for tests/integration/test_artifacts.py: artifacts_maker DIR */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "samples.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const name_texts[] = {"*.a.example", "a.example", "10.0.0.1", "2001:db8::1"};

static void check(avow_err err, const char *what) {
  if (err == AVOW_OK)
    return;
  fprintf(stderr, "artifacts_maker: %s: %s\n", what, err_text(err));
  exit(1);
}

static void write_pem(int dir, const char *name, const char *label, struct slice der) {
  AUTO_BUF pem;
  struct problem why = {0};
  buf_init(&pem, 1 << 20);
  pem_put(&pem, label, der);
  check(file_create(dir, name, buf_slice(&pem), 0644, &why), name);
}

static void make_leaf(int dir, const struct sample_ca *ca, const struct profile *profile, enum key_type type,
                      size_t names_n, bool wants_common_name) {
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  struct name *names = sample_names(name_texts, COUNT(name_texts), &a);
  struct leaf_request r = sample_leaf(ca, profile, sample_key(type), names, names_n);
  if (wants_common_name)
    r.common_name = leaf_common_name(profile, SLICE_LIT("a.example"), names, names_n, &a);
  AUTO_BUF tbs, der;
  struct problem why = {0};
  char file[128];
  buf_init(&tbs, CERT_MAX);
  buf_init(&der, CERT_MAX);
  check(tbs_leaf_put(&tbs, &r), "leaf");
  check(tbs_lint(buf_slice(&tbs), &r, &why), why.detail);
  sample_sign(ca->key, buf_slice(&tbs), &der);
  snprintf(file, sizeof file, "leaf-%s-%s-%zu%s.pem", profile->name, key_type_text(type), names_n,
           r.common_name.n ? "-cn" : "");
  if (wants_common_name && r.common_name.n == 0)
    return; /* the same as without */
  write_pem(dir, file, "CERTIFICATE", buf_slice(&der));
}

static void make_crl(int dir, const struct sample_ca *ca, size_t entries_n, const char *url) {
  const struct crl_entry entries[] = {{SLICE_LIT("\x01\x02"), sample_time_s - 100, 0},
                                      {SLICE_LIT("\x01\x9a\xbc\xde\xf0\x12"), sample_time_s, 1},
                                      {SLICE_LIT("\x02"), sample_time_s - 5, 9}};
  const struct crl_request r = {.alg = key_signature_alg(public_key_type(private_key_public(ca->key))),
                                .issuer_name = buf_slice(&ca->name),
                                .issuer_key_id = SLICE_OF(ca->key_id),
                                .this_update_s = sample_time_s,
                                .next_update_s = sample_time_s + 7 * DAY_S,
                                .number = 1000,
                                .idp_url = url,
                                .entries = entries,
                                .entries_n = entries_n};
  AUTO_BUF tbs, der;
  char file[64];
  buf_init(&tbs, CERT_MAX);
  buf_init(&der, CERT_MAX);
  check(tbs_crl_put(&tbs, &r), "CRL");
  sample_sign(ca->key, buf_slice(&tbs), &der);
  snprintf(file, sizeof file, "crl-%zu%s.pem", entries_n, url ? "-shard" : "");
  write_pem(dir, file, "X509 CRL", buf_slice(&der));
}

static void make_ca(int parent, const char *folder, enum key_type root, enum key_type issuing) {
  static const struct profile *const profiles[] = {&sample_classic, &sample_shortlived, &sample_public};
  static const enum key_type types[] = {KEY_P256, KEY_P384, KEY_RSA};
  AUTO_FD dir = mkdirat(parent, folder, 0755) ? -1 : openat(parent, folder, O_RDONLY | O_DIRECTORY);
  if (dir < 0)
    check(ERR_IO, folder);
  struct sample_ca ca = sample_ca_make(root, issuing);
  write_pem(dir, "root.pem", "CERTIFICATE", buf_slice(&ca.root));
  write_pem(dir, "I1.pem", "CERTIFICATE", buf_slice(&ca.cert));
  for (size_t i = 0; i < COUNT(profiles) * COUNT(types); i++)
    for (size_t n = 1; n <= COUNT(name_texts); n++)
      for (int cn = 0; cn < 2; cn++)
        make_leaf(dir, &ca, profiles[i % COUNT(profiles)], types[i / COUNT(profiles)], n, cn);
  for (size_t n = 0; n <= 3; n++) {
    make_crl(dir, &ca, n, NULL);
    make_crl(dir, &ca, n, "http://ca.example/crl/I1/3.crl");
  }
  sample_ca_clear(&ca);
}

int main(int argc, char **argv) {
  AUTO_FD dir = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
  if (dir < 0) {
    fprintf(stderr, "usage: artifacts_maker DIR\n");
    return 2;
  }
  sample_time_s = clock_now_ms() / SECOND_MS - 60;
  make_ca(dir, "ec", KEY_P384, KEY_P256);
  make_ca(dir, "rsa", KEY_RSA, KEY_RSA);
  sample_keys_free();
  return 0;
}
