#include "http/tls.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"

enum { TICKET_LIFE_MS = 12 * HOUR_MS };

/* A key that session tickets are sealed with (RFC 5077, 4). OpenSSL keeps one for the life of a context, which would
   make every TLS 1.2 session of that time readable to whoever gets it. Here it lives twelve hours, and twelve more to
   open what it sealed; a new certificate does not end it. */
struct ticket_key {
  uint8_t name[16], cipher[32], mac[32];
};

struct tls {
  pthread_mutex_t lock;
  SSL_CTX *ctx;
  struct secret tickets; /* two of struct ticket_key: the current one and the one before */
  int64_t rotated;       /* monotonic */
};

static struct ticket_key *ticket_keys(struct tls *tls) {
  return (struct ticket_key *)(void *)tls->tickets.p;
}

static int ticket_callback(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                           int seal) {
  struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
  struct ticket_key key;
  int found = 1; /* 2: open it, and give a new one */
  pthread_mutex_lock(&tls->lock);
  struct ticket_key *keys = ticket_keys(tls);
  if (clock_mono_ms() - tls->rotated >= TICKET_LIFE_MS) {
    /* After a long silence the former key is too old as well. */
    if (clock_mono_ms() - tls->rotated >= 2 * TICKET_LIFE_MS)
      random_bytes(&keys[0], sizeof keys[0]);
    keys[1] = keys[0];
    random_bytes(&keys[0], sizeof keys[0]);
    tls->rotated = clock_mono_ms();
  }
  if (!seal && memcmp(name, keys[0].name, sizeof keys[0].name) != 0)
    found = memcmp(name, keys[1].name, sizeof keys[1].name) == 0 ? 2 : 0;
  key = keys[found == 2];
  pthread_mutex_unlock(&tls->lock);
  if (found == 0)
    return 0;
  if (seal) {
    memcpy(name, key.name, sizeof key.name);
    random_bytes(iv, 16);
  }
  OSSL_PARAM parameters[] = {
    OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac, sizeof key.mac),
    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
    OSSL_PARAM_construct_end(),
  };
  /* RFC 8446, C.4: a client uses a ticket once, so each resumption must bring the next one. */
  if (!seal && SSL_version(ssl) >= TLS1_3_VERSION)
    found = 2;
  bool done = EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
              EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv, seal) == 1;
  secret_wipe(&key, sizeof key);
  return done ? found : -1;
}

/* RFC 7301, 3.2: a client that names protocols and not this one gets no_application_protocol. */
static int alpn_callback(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned n,
                         void *argument) {
  static const unsigned char ours[] = "\x08http/1.1";
  (void)ssl;
  (void)argument;
  return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_n, ours, sizeof ours - 1, in, n) ==
             OPENSSL_NPN_NEGOTIATED
           ? SSL_TLSEXT_ERR_OK
           : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void tls_free(struct tls *tls) {
  if (!tls)
    return;
  SSL_CTX_free(tls->ctx);
  secret_clear(&tls->tickets);
  pthread_mutex_destroy(&tls->lock);
  free(tls);
}

static bool context_configure(struct tls *tls, SSL_CTX *ctx) {
  SSL_CTX_set_app_data(ctx, tls);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                             SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(ctx, 1);                          /* a record by one read instead of two */
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets only: no memory for who is not connected */
  SSL_CTX_set_alpn_select_cb(ctx, alpn_callback, NULL);
  return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
         SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"avow", 4) == 1 &&
         SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_callback) == 1;
}

avow_err tls_new(struct tls **out, struct problem *why) {
  struct tls *tls = calloc(1, sizeof *tls);
  if (!tls)
    return problem_set(why, ERR_NO_MEMORY, "no memory for TLS");
  avow_err e = secret_new(&tls->tickets, 2 * sizeof(struct ticket_key));
  if (e) {
    free(tls);
    return problem_set(why, e, "no locked memory for ticket keys");
  }
  pthread_mutex_init(&tls->lock, NULL);
  random_bytes(tls->tickets.p, tls->tickets.n);
  tls->rotated = clock_mono_ms();
  /* The first context makes OpenSSL read its configuration; later, confined, it could open no file. */
  SSL_CTX *first = SSL_CTX_new(TLS_server_method());
  bool good = first && context_configure(tls, first);
  SSL_CTX_free(first);
  if (!good) {
    tls_free(tls);
    return problem_set(why, ERR_CRYPTO, "OpenSSL cannot serve TLS");
  }
  *out = tls;
  return AVOW_OK;
}

static int no_password(char *out, int n, int writing, void *user) {
  (void)out;
  (void)n;
  (void)writing;
  (void)user;
  return -1; /* never ask a terminal */
}

static bool context_chain(SSL_CTX *ctx, struct slice leaf, struct slice issuer, struct slice key_pem) {
  const uint8_t *p = leaf.p;
  BIO *pem = BIO_new_mem_buf(key_pem.p, (int)key_pem.n);
  EVP_PKEY *key = pem ? PEM_read_bio_PrivateKey(pem, NULL, no_password, NULL) : NULL;
  X509 *certificate = d2i_X509(NULL, &p, (long)leaf.n), *above = NULL;
  bool good = key && certificate && p == leaf.p + leaf.n && SSL_CTX_use_certificate(ctx, certificate) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
  if (good && issuer.n) {
    p = issuer.p;
    above = d2i_X509(NULL, &p, (long)issuer.n);
    good = above && p == issuer.p + issuer.n && SSL_CTX_add1_chain_cert(ctx, above) == 1;
  }
  X509_free(above);
  X509_free(certificate);
  EVP_PKEY_free(key);
  BIO_free(pem);
  return good;
}

avow_err tls_set_chain(struct tls *tls, struct slice leaf, struct slice issuer, struct slice key_pem,
                       struct problem *why) {
  enum { SANE = 1 << 20 };
  if (leaf.n > SANE || issuer.n > SANE || key_pem.n > SANE)
    return problem_set(why, ERR_TOO_LARGE, "a web certificate or key of more than %d bytes", SANE);
  ERR_clear_error();
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  if (!ctx || !context_configure(tls, ctx) || !context_chain(ctx, leaf, issuer, key_pem)) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    SSL_CTX_free(ctx);
    problem_set(why, ERR_CRYPTO, "the web certificate cannot be used: %s", reason ? reason : "it is not DER");
    ERR_clear_error();
    return ERR_CRYPTO;
  }
  pthread_mutex_lock(&tls->lock);
  SSL_CTX *old = tls->ctx;
  tls->ctx = ctx;
  pthread_mutex_unlock(&tls->lock);
  SSL_CTX_free(old); /* connections made with it hold their own reference */
  return AVOW_OK;
}

SSL *tls_accept(struct tls *tls, int fd) {
  pthread_mutex_lock(&tls->lock);
  SSL *ssl = tls->ctx ? SSL_new(tls->ctx) : NULL;
  pthread_mutex_unlock(&tls->lock);
  if (ssl && SSL_set_fd(ssl, fd) != 1) {
    SSL_free(ssl);
    return NULL;
  }
  if (ssl)
    SSL_set_accept_state(ssl);
  return ssl;
}
