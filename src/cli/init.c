#include "cli/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "cli/cli.h"
#include "cli/policy_text.h"
#include "der/der.h"
#include "evidence/evidence.h"
#include "sign/signer.h"
#include "store/store.h"

enum { CONF_MAX = 1024 * 1024, NAME_BYTES_MAX = 64, TOKEN_KEY_BYTES = 32, SIGNER_ID = 1 };

static volatile sig_atomic_t interrupted;

static void interrupt(int number) {
  (void)number;
  interrupted = 1;
}

/* From here on a signal ends the work at the next step, and the folder it was done in goes too. */
static void catch_signals(void) {
  static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction act = {.sa_handler = interrupt};
  for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
    sigaction(caught[i], &act, NULL);
}

/* Everything that is made, on its way into the folder. */
struct init {
  struct init_request r;
  struct init_dir dir;
  struct init_ca ca;
  struct buf conf_text;
  struct config config;
  struct private_key *web_key;
  struct seal_ring ring_signer, ring_validator;
  struct problem why;
};

static avow_err check_names(const struct config *c, struct problem *why) {
  AUTO_ARENA arena;
  arena_init(&arena, 64 * 1024);
  for (size_t i = 0; i < c->hosts_n; i++) {
    struct name name;
    struct problem ignored;
    struct slice text = slice_str(c->hosts[i]);
    if (name_parse_dns(text, &arena, &name, &ignored) != AVOW_OK &&
        name_parse_ip(text, &arena, &name, &ignored) != AVOW_OK)
      return problem_set(why, ERR_USAGE, "--host %s: expected a DNS name or an IP address", c->hosts[i]);
    if (name.wildcard)
      return problem_set(why, ERR_USAGE, "--host %s: a server has a name, not a wildcard", c->hosts[i]);
  }
  return AVOW_OK;
}

static bool host_is(const char *hosts, const char *name) {
  struct slice rest = slice_str(hosts);
  while (rest.n > 0) {
    const uint8_t *comma = memchr(rest.p, ',', rest.n);
    size_t n = comma ? (size_t)(comma - rest.p) : rest.n;
    if (slice_eq_nocase(slice_of(rest.p, n), slice_str(name)))
      return true;
    rest = slice_skip(rest, n + 1);
  }
  return false;
}

/* True for names and addresses that only this machine reaches (RFC 6761, 6.3; RFC 1122, 3.2.1.3). */
static bool is_loopback(const char *host) {
  struct slice name = slice_str(host);
  return slice_eq_str(name, "localhost") || slice_ends(name, SLICE_LIT(".localhost")) ||
         slice_starts(name, SLICE_LIT("127.")) || slice_eq_str(name, "::1");
}

static bool has_ipv6(void) {
  return access("/proc/net/if_inet6", F_OK) == 0;
}

/* docs/decisions/0005: a CA for this machine stays on loopback ports, one for others listens where they look for it. */
static size_t choose_sets(const struct init *s, const struct config *config, const char *sets[4]) {
  size_t n = 0;
  bool outside = s->r.kind == KIND_PRIVATE;
  for (size_t i = 0; i < config->hosts_n; i++)
    outside = outside && !is_loopback(config->hosts[i]);
  if (outside) {
    sets[n++] = has_ipv6() ? "listen.https=0.0.0.0:443,[::]:443" : "listen.https=0.0.0.0:443";
    sets[n++] = has_ipv6() ? "listen.http=0.0.0.0:80,[::]:80" : "listen.http=0.0.0.0:80";
  }
  /* A private CA called localhost is for trying out on one machine: it may certify that name and look there. */
  if (s->r.kind == KIND_PRIVATE && host_is(s->r.hosts, "localhost")) {
    sets[n++] = "private.suffixes=localhost";
    sets[n++] = "private.networks=127.0.0.0/8,::1/128";
  }
  return n;
}

static avow_err write_config(struct init *s, const char *const *sets, size_t sets_n) {
  buf_reset(&s->conf_text);
  config_clear(&s->config);
  config_template_put(&s->conf_text, s->r.kind, s->r.hosts, sets, sets_n);
  if (s->conf_text.failed)
    return ERR_NO_MEMORY;
  return config_parse(buf_slice(&s->conf_text), "avow.conf", NULL, 0, &s->config, &s->why);
}

static avow_err make_config(struct init *s) {
  const char *sets[4];
  buf_init(&s->conf_text, CONF_MAX);
  avow_err e = write_config(s, NULL, 0);
  if (e == ERR_CONFIG)
    return problem_set(&s->why, ERR_USAGE, "--host %s: expected DNS names or IP addresses, separated by commas",
                       s->r.hosts);
  if (e == AVOW_OK)
    e = check_names(&s->config, &s->why);
  size_t n = e == AVOW_OK ? choose_sets(s, &s->config, sets) : 0;
  return e == AVOW_OK && n > 0 ? write_config(s, sets, n) : e;
}

static avow_err make_folders(struct init *s) {
  /* What is published is read by another user than the one who writes it; DIR itself stays closed. */
  static const struct {
    const char *path;
    mode_t mode;
  } folders[] = {{"keys", 0700},
                 {"ca", 0700},
                 {"db", 0700},
                 {"journal", 0700},
                 {"published", 0755},
                 {"published/ca", 0755},
                 {"published/crl", 0755},
                 {"published/crl/root", 0755}};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    if (mkdirat(s->dir.fd, folders[i].path, 0700) != 0 || fchmodat(s->dir.fd, folders[i].path, folders[i].mode, 0) != 0)
      return problem_set(&s->why, ERR_IO, "cannot make %s/%s: %s", s->dir.beside, folders[i].path, strerror(errno));
  return AVOW_OK;
}

static avow_err put_file(struct init *s, const char *path, struct slice bytes, mode_t mode) {
  return file_create(s->dir.fd, path, bytes, mode, &s->why);
}

static avow_err put_key(struct init *s, const char *path, const struct private_key *key, mode_t mode) {
  AUTO_SECRET pem = {0};
  avow_err e = private_key_to_pem(key, &pem);
  return e == AVOW_OK ? put_file(s, path, secret_slice(&pem), mode)
                      : problem_set(&s->why, e, "cannot write %s: %s", path, err_text(e));
}

/* A ring of seal keys, written and kept for the first journal records. The file form never leaves wiped memory but for
 * the file. */
static avow_err make_ring(struct init *s, const char *path, struct seal_ring *ring) {
  AUTO_BUF text;
  buf_init(&text, 4096);
  avow_err e = seal_ring_generate(&text);
  if (e == AVOW_OK)
    e = put_file(s, path, buf_slice(&text), 0600);
  if (e == AVOW_OK)
    e = seal_ring_parse(buf_slice(&text), (uint8_t)s->r.kind, ring, &s->why);
  secret_wipe(text.p, text.n);
  return e;
}

static avow_err make_token_key(struct init *s) {
  uint8_t key[TOKEN_KEY_BYTES];
  char text[2 * TOKEN_KEY_BYTES + 2];
  random_bytes(key, sizeof key);
  hex_encode(SLICE_OF(key), text);
  text[2 * TOKEN_KEY_BYTES] = '\n';
  avow_err e = put_file(s, "keys/token.key", slice_of(text, 2 * TOKEN_KEY_BYTES + 1), 0600);
  secret_wipe(key, sizeof key);
  secret_wipe(text, sizeof text);
  return e;
}

static avow_err make_keys(struct init *s, int64_t now_ms) {
  avow_err e = init_ca_make(&s->ca, &s->r, &s->config, now_ms, &s->why);
  if (e == AVOW_OK)
    e = put_key(s, "keys/root.key", s->ca.root_key, 0400);
  if (e == AVOW_OK)
    e = put_key(s, "keys/issuing-I1.key", s->ca.issuing_key, 0600);
  if (e == AVOW_OK)
    e = private_key_generate(KEY_P256, 0, &s->web_key);
  if (e == AVOW_OK)
    e = put_key(s, "keys/web.key", s->web_key, 0600);
  if (e == AVOW_OK)
    e = make_ring(s, "keys/ring.signer", &s->ring_signer);
  if (e == AVOW_OK)
    e = make_ring(s, "keys/ring.validator", &s->ring_validator);
  return e == AVOW_OK ? make_token_key(s) : e;
}

static avow_err put_certificates(struct init *s) {
  AUTO_BUF pem;
  buf_init(&pem, 64 * 1024);
  pem_put(&pem, "CERTIFICATE", buf_slice(&s->ca.root_der));
  const struct {
    const char *path;
    struct slice bytes;
  } files[] = {
    {"ca/root.der", buf_slice(&s->ca.root_der)},
    {"ca/I1.der", buf_slice(&s->ca.issuing_der)},
    {"published/ca/root.cer", buf_slice(&s->ca.root_der)},
    {"published/ca/I1.cer", buf_slice(&s->ca.issuing_der)},
    {"published/crl/root/0.crl", buf_slice(&s->ca.root_crl)},
    {"root.pem", buf_slice(&pem)},
  };
  avow_err e = AVOW_OK;
  for (size_t i = 0; i < sizeof files / sizeof *files && e == AVOW_OK; i++)
    e = put_file(s, files[i].path, files[i].bytes, 0644);
  return e;
}

/* The journal's first records, by the signer itself: its CA certificates, the web certificate, the first CRL of each
 * shard. */
static avow_err make_journal(struct init *s, int64_t now_ms) {
  AUTO_FD fd = openat(s->dir.fd, "journal/journal.log", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return problem_set(&s->why, ERR_IO, "cannot make the journal: %s", strerror(errno));
  const struct signer_setup setup = {.config = &s->config,
                                     .signer_id = SIGNER_ID,
                                     .issuer_id = "I1",
                                     .root_der = buf_slice(&s->ca.root_der),
                                     .issuer_der = buf_slice(&s->ca.issuing_der),
                                     .issuer_key = s->ca.issuing_key,
                                     .ring_signer = &s->ring_signer,
                                     .ring_validator = &s->ring_validator,
                                     .web_spki = public_key_spki(private_key_public(s->web_key)),
                                     .journal_fd = fd};
  struct signer *signer = NULL;
  avow_err e = signer_open(&setup, now_ms, &signer, &s->why);
  if (e == AVOW_OK)
    e = signer_init_records(signer, now_ms, &s->why);
  signer_free(signer);
  return e;
}

static avow_err make_database(struct init *s, int64_t now_ms) {
  char path[4096];
  int n = snprintf(path, sizeof path, "%s/db/avow.sqlite", s->dir.beside);
  if (n < 0 || (size_t)n >= sizeof path)
    return problem_set(&s->why, ERR_IO, "the path of the folder is too long");
  const struct store_options options = {
    .path = path, .profiles = s->config.profiles, .profiles_n = s->config.profiles_n, .reuse_percent = 100};
  struct store *store = NULL;
  avow_err e = store_open(&options, now_ms, &store, &s->why);
  if (e == AVOW_OK)
    store_close(store);
  return e;
}

/* Each step leaves the folder in a state that a failure may throw away. */
static avow_err make_all(struct init *s) {
  int64_t now_ms = clock_now_ms();
  avow_err e = make_config(s);
  if (e == AVOW_OK)
    e = init_dir_open(&s->dir, s->r.dir, &s->why);
  if (e == AVOW_OK)
    e = make_folders(s);
  if (e == AVOW_OK && !interrupted)
    e = make_keys(s, now_ms);
  if (e == AVOW_OK && !interrupted)
    e = put_certificates(s);
  if (e == AVOW_OK && !interrupted)
    e = put_file(s, "avow.conf", buf_slice(&s->conf_text), 0600);
  if (e == AVOW_OK && !interrupted && policy_text().n > 0)
    e = put_file(s, "policy.conf", policy_text(), 0600);
  if (e == AVOW_OK && !interrupted)
    e = make_journal(s, now_ms);
  if (e == AVOW_OK && !interrupted)
    e = make_database(s, now_ms);
  if (interrupted)
    return problem_set(&s->why, ERR_UNAVAILABLE, "interrupted; nothing was left in %s", s->r.dir);
  return e == AVOW_OK ? init_dir_commit(&s->dir, &s->why) : e;
}

static void clear_all(struct init *s) {
  init_dir_clear(&s->dir);
  init_ca_clear(&s->ca);
  private_key_free(s->web_key);
  seal_ring_clear(&s->ring_signer);
  seal_ring_clear(&s->ring_validator);
  buf_clear(&s->conf_text);
  config_clear(&s->config);
}

static int refuse_public(const struct command *self) {
  fprintf(stderr,
          "avow %s: --kind public is refused until every rule of a public CA is kept; use --kind private. Missing:\n"
          "  validation from several network perspectives (TLS BR 3.2.2.9)\n"
          "  certificate transparency: precertificates and SCTs (Chrome CT policy)\n"
          "  renewal information (Chrome root programme 1.3.3; RFC 9773)\n"
          "  OCSP answers by a delegated responder (TLS BR 4.9.9)\n"
          "  CA keys in a hardware module, and the key ceremony's record (TLS BR 6.2.7, 6.1.1.1)\n"
          "  weak and compromised key lists (TLS BR 6.1.1.3)\n"
          "  problem reports with their deadlines (TLS BR 4.9.1, 4.9.3)\n"
          "  a published CP/CPS and its yearly review (TLS BR 2.2, 2.3)\n",
          self->name);
  return EXIT_FAILED;
}

static bool parse_key(const char *text, struct init_request *r) {
  static const struct {
    const char *text;
    enum key_type type;
    int rsa_bits;
  } keys[] = {{"p256", KEY_P256, 0}, {"p384", KEY_P384, 0}, {"rsa2048", KEY_RSA, 2048}, {"rsa3072", KEY_RSA, 3072}};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (strcmp(text, keys[i].text) == 0) {
      r->key = keys[i].type;
      r->rsa_bits = keys[i].rsa_bits;
      return true;
    }
  return false;
}

static bool parse_kind(const char *text, struct init_request *r) {
  r->kind = strcmp(text, "private") == 0  ? KIND_PRIVATE
            : strcmp(text, "public") == 0 ? KIND_PUBLIC
            : strcmp(text, "test") == 0   ? KIND_TEST
                                          : 0;
  return r->kind != 0;
}

/* X.520: two upper-case letters of ISO 3166-1. */
static bool parse_country(const char *text, struct init_request *r) {
  bool ok = strlen(text) == 2 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z';
  if (ok)
    memcpy(r->country, text, 3);
  return ok || text[0] == 0;
}

static bool name_ok(const char *text) {
  size_t n = strlen(text);
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
      return false;
  return n > 0 && n <= NAME_BYTES_MAX && text[0] != ' ' && text[n - 1] != ' ' && der_is_utf8(slice_str(text));
}

static void tell(const struct init *s) {
  const char *dir = s->dir.target;
  printf("made a %s CA in %s\n"
         "  %s/root.pem       root certificate, for your clients\n"
         "  %s/keys/root.key  root key: keep a copy offline, the running CA does not need it\n"
         "  %s/avow.conf      configuration; it answers at %s/directory\n"
         "serve it with: avow serve --dir %s\n",
         s->r.kind == KIND_TEST ? "test" : "private", dir, dir, dir, dir, s->config.https_url, dir);
}

int cli_init(const struct command *self, int argc, char **argv) {
  const char *dir = NULL, *kind = "private", *host = "localhost", *name = NULL, *country = "", *key = "p256";
  const struct cli_option options[] = {{.name = "dir", .value = &dir},
                                       {.name = "kind", .value = &kind},
                                       {.name = "host", .value = &host},
                                       {.name = "name", .value = &name},
                                       {.name = "country", .value = &country},
                                       {.name = "key", .value = &key},
                                       {0}};
  size_t words_n;
  int status;
  if (!cli_options(self, argc, argv, options, NULL, 0, &words_n, &status))
    return status;
  struct init s = {.r = {.dir = dir, .hosts = host, .organization = name}, .dir = {.fd = -1}};
  if (!dir || !dir[0])
    return cli_usage(self, "--dir is missing");
  if (!parse_kind(kind, &s.r))
    return cli_usage(self, "--kind %s: expected private, public or test", kind);
  if (s.r.kind == KIND_PUBLIC)
    return refuse_public(self);
  if (!name)
    s.r.organization = s.r.kind == KIND_TEST ? "Avow test CA" : "Avow private CA";
  if (!name_ok(s.r.organization))
    return cli_usage(self, "--name: expected 1 to %d bytes of UTF-8 text", NAME_BYTES_MAX);
  if (!parse_country(country, &s.r))
    return cli_usage(self, "--country %s: expected two capital letters, such as CN", country);
  if (!parse_key(key, &s.r))
    return cli_usage(self, "--key %s: expected p256, p384, rsa2048 or rsa3072", key);
  umask(077);
  catch_signals();
  /* A failure is told in one line; what libraries log on its way would stand beside it. */
  log_setup("init", (enum log_level)(LOG_ERROR + 1));
  avow_err e = make_all(&s);
  if (e == AVOW_OK)
    tell(&s);
  status = e == AVOW_OK ? EXIT_DONE : cli_failed(self, e, &s.why);
  clear_all(&s);
  return status;
}
