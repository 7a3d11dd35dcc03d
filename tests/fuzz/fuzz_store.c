/* The store against whoever speaks to it: a sequence of well-formed messages with any content. A role that was taken over can
   send all of this; the store must answer what can be sent, and keep serving. Input: messages, each after its length (u16). */
#include <stdlib.h>

#include "base/log.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const struct profile profiles[] = {
  {.name = "classic", .order_lifetime_s = 604800, .pending_authz_s = 604800, .authz_reuse_s = 86400}};

enum { NOW_MS_S = 1800000000, MESSAGES_MAX = 32 };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  log_setup("fuzz", LOG_ERROR + 1);
  return 0;
}

static void must_encode(const struct message *m) {
  AUTO_BUF b;
  buf_init(&b, MESSAGE_MAX);
  if (m->type != MSG_none && message_encode(m, &b) != AVOW_OK)
    abort();
}

static void send_one(struct store *s, const struct message *m, int64_t now_ms, struct arena *a) {
  struct message out;
  bool to_store = false;
  for (enum role sender = 1; sender < ROLE_COUNT && !to_store; sender++)
    to_store = message_allowed(m->type, sender, ROLE_store, STATE_READY);
  if (!to_store)
    return;
  if (!store_writes(m->type)) {
    store_read(s, m, now_ms, a, &out);
  } else {
    if (store_batch_begin(s) != AVOW_OK)
      abort();
    store_write(s, m, now_ms, a, &out);
    if (store_batch_commit(s) != AVOW_OK)
      abort();
  }
  must_encode(&out);
}

/* An account with the id 0101…, challenge tokens, and the issuer I1, so that messages can be about something. */
static void prepare(struct store *s, int64_t now_ms, struct arena *a) {
  struct rec_token tokens[] = {{SLICE_LIT("t1")}, {SLICE_LIT("t2")}, {SLICE_LIT("t3")}, {SLICE_LIT("t4")}};
  struct message stock = {.type = MSG_token_stock, .token_stock = {.tokens = tokens, .tokens_n = 4}};
  struct message account = {.type = MSG_record_account,
                            .record_account = {.number = 1, .account = {.status = ACCOUNT_VALID, .epoch = 1}}};
  memset(account.record_account.account.id.b, 1, ID_BYTES);
  struct message issuer = {
    .type = MSG_record_issuer,
    .record_issuer = {.number = 2, .issuer = SLICE_LIT("I1"), .der = SLICE_LIT("ca"), .shards = 2}};
  send_one(s, &stock, now_ms, a);
  send_one(s, &account, now_ms, a);
  send_one(s, &issuer, now_ms, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct store_options options = {.path = ":memory:", .profiles = profiles, .profiles_n = 1, .reuse_percent = 100};
  struct store *s;
  struct problem why;
  int64_t now_ms = (int64_t)NOW_MS_S * 1000;
  AUTO_ARENA a;
  arena_init(&a, 256 << 20);
  if (store_open(&options, now_ms, &s, &why) != AVOW_OK)
    abort();
  prepare(s, now_ms, &a);
  struct cursor c = cursor_of(slice_of(data, n));
  for (int i = 0; i < MESSAGES_MAX && cursor_left(&c) > 2; i++) {
    struct message m;
    uint16_t size = cursor_u16(&c);
    struct slice bytes = cursor_take(&c, size < cursor_left(&c) ? size : cursor_left(&c));
    if (message_decode(bytes, &a, &m) == AVOW_OK)
      send_one(s, &m, now_ms++, &a);
    struct message offer;
    if (store_job_offer(s, now_ms, &a, &offer))
      must_encode(&offer);
  }
  struct message schedule = {.type = MSG_schedule_get}, out;
  store_read(s, &schedule, now_ms, &a, &out);
  if (out.type != MSG_schedule)
    abort();
  store_close(s);
  return 0;
}
