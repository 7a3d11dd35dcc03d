/* Messages and channels: every message of the table goes through, every mutilated one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc/outbox.h"
#include "sample.h"

static void test_every_message_round_trips(void **state) {
  (void)state;
  for (size_t i = 0; i < message_rows_n; i++) {
    AUTO_ARENA a;
    arena_init(&a, 1 << 20);
    AUTO_BUF once;
    AUTO_BUF twice;
    buf_init(&once, 1 << 20);
    buf_init(&twice, 1 << 20);
    struct message m = sample_message(message_rows[i].type, &a), back;
    assert_int_equal(message_encode(&m, &once), AVOW_OK);
    assert_int_equal(message_decode(buf_slice(&once), &a, &back), AVOW_OK);
    assert_int_equal(back.request, 77);
    assert_int_equal(message_encode(&back, &twice), AVOW_OK);
    assert_true(slice_eq(buf_slice(&once), buf_slice(&twice)));
    /* Shorter and longer: refused. */
    for (size_t n = 0; n < once.n; n++)
      assert_int_equal(message_decode(slice_of(once.p, n), &a, &back), ERR_FORBIDDEN_MESSAGE);
    buf_put_u8(&once, 0);
    assert_int_equal(message_decode(buf_slice(&once), &a, &back), ERR_FORBIDDEN_MESSAGE);
  }
}

static void test_limits(void **state) {
  (void)state;
  AUTO_ARENA a;
  arena_init(&a, 1 << 20);
  AUTO_BUF b;
  buf_init(&b, 1 << 20);
  char long_text[300];
  memset(long_text, 'a', sizeof long_text);
  struct message m = {.type = MSG_ctl_file, .ctl_file = {.name = slice_of(long_text, 65)}};
  assert_int_equal(message_encode(&m, &b), ERR_FORBIDDEN_MESSAGE);
  static const char *const bad_text[] = {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3"};
  for (size_t i = 0; i < sizeof bad_text / sizeof bad_text[0]; i++) {
    buf_reset(&b);
    m.ctl_file.name = slice_str(bad_text[i]);
    assert_int_equal(message_encode(&m, &b), ERR_FORBIDDEN_MESSAGE);
  }
  buf_reset(&b);
  m.ctl_file.name = slice_of("a\0b", 3);
  assert_int_equal(message_encode(&m, &b), ERR_FORBIDDEN_MESSAGE);
  /* An unknown number and a flag that is neither 0 nor 1. */
  struct message back;
  assert_int_equal(message_decode(SLICE_LIT("\xff\xff\0\0\0\0\0\0\0\0"), &a, &back), ERR_FORBIDDEN_MESSAGE);
  buf_reset(&b);
  m = (struct message){.type = MSG_order_ids};
  assert_int_equal(message_encode(&m, &b), AVOW_OK);
  b.p[b.n - 1] = 2;
  assert_int_equal(message_decode(buf_slice(&b), &a, &back), ERR_FORBIDDEN_MESSAGE);
}

static void test_permissions(void **state) {
  (void)state;
  assert_true(message_allowed(MSG_sign_issue, ROLE_registrar, ROLE_signer, STATE_READY));
  assert_false(message_allowed(MSG_sign_issue, ROLE_front, ROLE_signer, STATE_READY));
  assert_false(message_allowed(MSG_sign_issue, ROLE_registrar, ROLE_signer, STATE_FRESH));
  assert_false(message_allowed(MSG_sign_issue, ROLE_registrar, ROLE_store, STATE_READY));
  assert_false(message_allowed((enum message_type)9999, ROLE_registrar, ROLE_store, STATE_READY));
  /* The web process reaches nobody but the store: no message lets it. */
  for (size_t i = 0; i < message_rows_n; i++)
    if (message_rows[i].senders == 1u << ROLE_front)
      assert_int_equal(message_rows[i].receivers, 1u << ROLE_store);
  /* Records come from the signer alone. */
  assert_false(message_allowed(MSG_record_certificate, ROLE_registrar, ROLE_store, STATE_READY));
}

static void test_numbers_are_unique(void **state) {
  (void)state;
  for (size_t i = 0; i < message_rows_n; i++)
    for (size_t k = i + 1; k < message_rows_n; k++)
      assert_true(message_rows[i].type != message_rows[k].type);
}

static void pair(struct channel *store, struct channel *registrar) {
  int fds[2];
  assert_int_equal(channel_pair(fds), AVOW_OK);
  channel_init(store, fds[0], ROLE_store, ROLE_registrar);
  channel_init(registrar, fds[1], ROLE_registrar, ROLE_store);
  store->state = registrar->state = STATE_READY;
}

static void test_channel(void **state) {
  (void)state;
  struct channel store, registrar;
  pair(&store, &registrar);
  struct inbox in;
  inbox_init(&in);
  assert_int_equal(channel_recv(&store, &in, 0), ERR_UNAVAILABLE);
  assert_int_equal(channel_recv(&store, &in, 20), ERR_UNAVAILABLE);
  struct message m = {.type = MSG_schedule_get, .request = 5};
  int pipe_fds[2];
  assert_int_equal(pipe(pipe_fds), 0);
  assert_int_equal(channel_send(&registrar, &m, pipe_fds[1]), AVOW_OK);
  assert_int_equal(channel_recv(&store, &in, 0), AVOW_OK);
  assert_int_equal(in.m.type, MSG_schedule_get);
  assert_true(in.fd >= 0);
  assert_int_equal(write(in.fd, "x", 1), 1);
  /* A large message travels by memfd. */
  size_t n = 3 * 1024 * 1024;
  uint8_t *content = calloc(1, n);
  content[n - 1] = 9;
  m = (struct message){.type = MSG_publish,
                       .publish = {.path = slice_str("crl/I1/0.crl"), .content = slice_of(content, n)}};
  store.peer = ROLE_keeper;
  registrar.self = ROLE_keeper;
  assert_int_equal(channel_send(&store, &m, -1), AVOW_OK);
  assert_int_equal(channel_recv(&registrar, &in, 100), AVOW_OK);
  assert_int_equal(in.m.publish.content.n, n);
  assert_int_equal(in.m.publish.content.p[n - 1], 9);
  free(content);
  /* A forbidden message, garbage, and the end of the peer. */
  m = (struct message){.type = MSG_records_from};
  assert_int_equal(channel_send(&store, &m, -1), AVOW_OK);
  assert_int_equal(channel_recv(&registrar, &in, 100), ERR_FORBIDDEN_MESSAGE);
  assert_int_equal(send(store.fd, "\x01zz", 3, 0), 3);
  assert_int_equal(channel_recv(&registrar, &in, 100), ERR_FORBIDDEN_MESSAGE);
  assert_int_equal(send(store.fd, "\x07", 1, 0), 1);
  assert_int_equal(channel_recv(&registrar, &in, 100), ERR_FORBIDDEN_MESSAGE);
  channel_close(&store);
  assert_int_equal(channel_recv(&registrar, &in, 100), ERR_PEER);
  assert_int_equal(channel_send(&registrar, &m, -1), ERR_PEER);
  channel_close(&registrar);
  inbox_clear(&in);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

static void test_await(void **state) {
  (void)state;
  struct channel store, registrar;
  pair(&store, &registrar);
  struct inbox in;
  inbox_init(&in);
  struct message m = {.type = MSG_schedule_get, .request = 7};
  assert_int_equal(channel_await(&store, &in, 1), ERR_UNAVAILABLE);
  assert_int_equal(channel_send(&registrar, &m, -1), AVOW_OK);
  assert_int_equal(channel_await(&store, &in, 60000), AVOW_OK);
  assert_int_equal(in.m.request, 7);
  assert_int_equal(channel_await(&store, &in, 1), ERR_UNAVAILABLE); /* the limit is the last one again */
  assert_int_equal(send(registrar.fd, "\x01zz", 3, 0), 3);
  assert_int_equal(channel_await(&store, &in, 60000), ERR_FORBIDDEN_MESSAGE);
  channel_close(&registrar);
  assert_int_equal(channel_await(&store, &in, 60000), ERR_PEER);
  channel_close(&store);
  assert_int_equal(channel_await(&store, &in, 60000), ERR_PEER);
  inbox_clear(&in);
}

/* More than the socket takes waits in the outbox and arrives in order. */
static void test_outbox(void **state) {
  (void)state;
  struct channel store, registrar;
  pair(&store, &registrar);
  struct outbox out = {0};
  enum { MANY = 20000 };
  struct message m = {.type = MSG_schedule_get};
  for (unsigned i = 0; i < MANY; i++) {
    m.request = i;
    assert_int_equal(outbox_send(&out, &registrar, &m), AVOW_OK);
  }
  assert_true(outbox_waits(&out));
  struct inbox in;
  inbox_init(&in);
  for (unsigned i = 0; i < MANY; i++) {
    while (channel_recv(&store, &in, 0) == ERR_UNAVAILABLE)
      assert_int_equal(outbox_flush(&out, &registrar), AVOW_OK);
    assert_int_equal(in.m.request, i);
  }
  assert_false(outbox_waits(&out));
  inbox_clear(&in);
  channel_close(&store);
  assert_int_equal(outbox_send(&out, &registrar, &m), ERR_PEER);
  channel_close(&registrar);
}

static void test_states(void **state) {
  (void)state;
  assert_true(order_may_become(ORDER_PENDING, ORDER_READY));
  assert_false(order_may_become(ORDER_PENDING, ORDER_PROCESSING));
  assert_false(order_may_become(ORDER_VALID, ORDER_INVALID));
  assert_false(order_may_become(ORDER_INVALID, ORDER_PENDING));
  assert_true(challenge_may_become(CHALLENGE_PROCESSING, CHALLENGE_PENDING));
  assert_false(challenge_may_become(CHALLENGE_INVALID, CHALLENGE_PROCESSING));
  assert_false(authz_may_become(AUTHZ_INVALID, AUTHZ_VALID));
  assert_false(account_may_become(ACCOUNT_DEACTIVATED, ACCOUNT_VALID));
  assert_false(order_may_become(0, ORDER_READY));
  assert_false(order_may_become(ORDER_READY, 99));
  for (int s = ORDER_PENDING; s <= ORDER_INVALID; s++)
    assert_non_null(order_status_text(s));
  assert_null(order_status_text(0));
  assert_int_equal(challenge_method_from_text(slice_str("tls-alpn-01")), METHOD_TLS_ALPN_01);
  assert_int_equal(challenge_method_from_text(slice_str("tls-sni-01")), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_every_message_round_trips),
    cmocka_unit_test(test_limits),
    cmocka_unit_test(test_permissions),
    cmocka_unit_test(test_numbers_are_unique),
    cmocka_unit_test(test_channel),
    cmocka_unit_test(test_await),
    cmocka_unit_test(test_outbox),
    cmocka_unit_test(test_states),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
