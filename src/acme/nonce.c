#include "acme/nonce.h"

#include <assert.h>

#include "base/base64.h"
#include "base/random.h"
#include "crypto/digest.h"

enum {
  IV_BYTES = 12,
  PLAIN_BYTES = 9,
  TAG_BYTES = 16,
  SEALED_BYTES = IV_BYTES + PLAIN_BYTES + TAG_BYTES,
  KEY_BYTES = 32
};

static void put_u64(uint8_t *p, uint64_t v) {
  for (int i = 0; i < 8; i++)
    p[i] = (uint8_t)(v >> 8 * (7 - i));
}

avow_err nonce_maker_init(struct nonce_maker *n) {
  *n = (struct nonce_maker){.lock = PTHREAD_MUTEX_INITIALIZER};
  return secret_new(&n->key, KEY_BYTES);
}

void nonce_maker_clear(struct nonce_maker *n) {
  secret_clear(&n->key);
  pthread_mutex_destroy(&n->lock);
}

void nonce_maker_welcome(struct nonce_maker *n, uint64_t epoch, struct slice key, uint64_t base) {
  pthread_mutex_lock(&n->lock);
  if (!n->known || n->epoch != epoch) {
    assert(key.n == KEY_BYTES);
    memcpy(n->key.p, key.p, KEY_BYTES);
    n->epoch = epoch;
    n->next = base;
    n->known = true;
  }
  pthread_mutex_unlock(&n->lock);
}

/* The key and epoch of this moment, copied, so that sealing needs no lock. */
static bool take_key(struct nonce_maker *n, uint8_t key[KEY_BYTES], uint64_t *epoch, uint64_t *counter) {
  pthread_mutex_lock(&n->lock);
  bool known = n->known;
  if (known) {
    memcpy(key, n->key.p, KEY_BYTES);
    *epoch = n->epoch;
    if (counter)
      *counter = n->next++;
  }
  pthread_mutex_unlock(&n->lock);
  return known;
}

avow_err nonce_make(struct nonce_maker *n, bool spared, char out[NONCE_TEXT]) {
  uint8_t key[KEY_BYTES], plain[PLAIN_BYTES], about[8], sealed[SEALED_BYTES];
  uint64_t epoch, counter;
  if (!take_key(n, key, &epoch, &counter))
    return ERR_UNAVAILABLE;
  put_u64(plain, counter);
  plain[8] = spared ? 1 : 0;
  put_u64(about, epoch);
  /* A repeated IV would let its finder forge nonces, which opens nothing by itself: 96 random bits are plenty for one
   * epoch. */
  random_bytes(sealed, IV_BYTES);
  avow_err e = aead_seal(slice_of(key, sizeof key), sealed, SLICE_OF(about), SLICE_OF(plain), sealed + IV_BYTES);
  secret_wipe(key, sizeof key);
  if (e != AVOW_OK)
    return e;
  AUTO_BUF text;
  buf_init(&text, NONCE_TEXT);
  base64url_put(&text, SLICE_OF(sealed));
  if (text.failed || text.n != NONCE_TEXT - 1)
    return ERR_NO_MEMORY;
  memcpy(out, text.p, text.n);
  out[text.n] = 0;
  return AVOW_OK;
}

avow_err nonce_open(struct nonce_maker *n, struct slice text, struct arena *a, uint64_t *epoch, uint64_t *counter,
                    bool *spared) {
  uint8_t key[KEY_BYTES], plain[PLAIN_BYTES], about[8];
  if (text.n != NONCE_TEXT - 1)
    return ERR_BAD_NONCE;
  struct slice sealed = base64url_get(a, text);
  if (sealed.n != SEALED_BYTES || !take_key(n, key, epoch, NULL))
    return ERR_BAD_NONCE;
  put_u64(about, *epoch);
  avow_err e = aead_open(slice_of(key, sizeof key), sealed.p, SLICE_OF(about), slice_skip(sealed, IV_BYTES), plain);
  secret_wipe(key, sizeof key);
  if (e != AVOW_OK)
    return ERR_BAD_NONCE;
  struct cursor c = cursor_of(SLICE_OF(plain));
  *counter = cursor_u64(&c);
  *spared = cursor_u8(&c) == 1;
  return AVOW_OK;
}
