/* The registrar against peers that answer what was not asked: the test plays store, validator and signer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ipc/model.h"
#include "jobs/registrar.h"

enum { SOON_MS = 5000, PEERS = 3 };
static const enum role roles[PEERS] = {ROLE_store, ROLE_validator, ROLE_signer};

struct fixture {
  struct config config;
  struct registrar r;
  struct channel peers[PEERS]; /* their ends */
  struct inbox in, registrar_in;
};

static struct channel *peer(struct fixture *f, enum role role) {
  for (int i = 0; i < PEERS; i++)
    if (roles[i] == role)
      return &f->peers[i];
  return NULL;
}

/* What the registrar says to `role` next. */
static const struct message *heard(struct fixture *f, enum role role) {
  assert_int_equal(channel_recv(peer(f, role), &f->in, SOON_MS), AVOW_OK);
  return &f->in.m;
}

/* `role` says `m`, and the registrar takes it. */
static void say(struct fixture *f, enum role role, const struct message *m) {
  assert_int_equal(channel_send(peer(f, role), m, -1), AVOW_OK);
  assert_int_equal(channel_recv(&registrar_peer(&f->r, role)->ch, &f->registrar_in, SOON_MS), AVOW_OK);
  registrar_take(&f->r, role, &f->registrar_in);
}

static int set_up(void **state) {
  static struct fixture fixture;
  struct fixture *f = *state = &fixture;
  registrar_init(&f->r, &f->config);
  inbox_init(&f->in);
  inbox_init(&f->registrar_in);
  for (int i = 0; i < PEERS; i++) {
    int pair[2];
    assert_int_equal(channel_pair(pair), AVOW_OK);
    channel_init(&f->peers[i], pair[0], roles[i], ROLE_registrar);
    registrar_connect(&f->r, roles[i], pair[1]);
    (void)heard(f, roles[i]); /* its hello */
    f->peers[i].state = STATE_READY;
  }
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  registrar_clear(&f->r);
  for (int i = 0; i < PEERS; i++)
    channel_close(&f->peers[i]);
  inbox_clear(&f->in);
  inbox_clear(&f->registrar_in);
  return 0;
}

static const struct rec_identifier name = {.type = IDENTIFIER_DNS, .value = {(const uint8_t *)"www.example.org", 15}};
static const struct id128 job = {{1}};

/* Offers a job of each kind that asks the validator or the signer; the id of the request that this leads to. */
static uint64_t offer_validation(struct fixture *f) {
  struct message m = {.type = MSG_job_validate,
                      .job_validate = {.job = job, .identifier = name, .method = METHOD_HTTP_01}};
  say(f, ROLE_store, &m);
  assert_int_equal(heard(f, ROLE_validator)->type, MSG_validate);
  return f->in.m.request;
}

static uint64_t offer_issuance(struct fixture *f) {
  struct rec_order_name names = {.identifier = name, .method = METHOD_HTTP_01};
  struct message m = {.type = MSG_job_issue, .job_issue = {.job = job, .names = &names, .names_n = 1}};
  say(f, ROLE_store, &m);
  assert_int_equal(heard(f, ROLE_validator)->type, MSG_caa_check);
  return f->in.m.request;
}

static uint64_t offer_account(struct fixture *f) {
  struct message m = {.type = MSG_job_account, .job_account = {.job = job}};
  say(f, ROLE_store, &m);
  assert_int_equal(heard(f, ROLE_signer)->type, MSG_sign_account);
  return f->in.m.request;
}

/* The store hears nothing of it, and the peer is no longer listened to. */
static void is_ended(struct fixture *f, enum role role) {
  assert_int_equal(channel_recv(peer(f, ROLE_store), &f->in, 0), ERR_UNAVAILABLE);
  assert_int_equal(channel_recv(peer(f, role), &f->in, SOON_MS), ERR_PEER);
  assert_int_equal(f->r.works_n, 1);
}

static void caa_for_a_validation(void **state) {
  struct fixture *f = *state;
  struct message m = {.type = MSG_caa_checked, .request = offer_validation(f)};
  m.caa_checked.problem = (struct rec_problem){.err = ERR_CAA, .detail = SLICE_LIT("no")};
  say(f, ROLE_validator, &m);
  is_ended(f, ROLE_validator);
}

static void validation_for_caa(void **state) {
  struct fixture *f = *state;
  struct message m = {.type = MSG_validated, .request = offer_issuance(f), .validated = {.valid = true}};
  say(f, ROLE_validator, &m);
  is_ended(f, ROLE_validator);
}

static void done_for_a_record(void **state) {
  struct fixture *f = *state;
  struct message m = {.type = MSG_done, .request = offer_account(f)};
  say(f, ROLE_signer, &m);
  is_ended(f, ROLE_signer);
}

/* The right answers, in the same way. */
static void answers(void **state) {
  struct fixture *f = *state;
  struct message m = {.type = MSG_validated, .request = offer_validation(f), .validated = {.valid = true}};
  say(f, ROLE_validator, &m);
  assert_int_equal(heard(f, ROLE_store)->type, MSG_job_validated);
  m = (struct message){.type = MSG_caa_checked, .request = offer_issuance(f), .caa_checked = {.permitted = true}};
  say(f, ROLE_validator, &m);
  assert_int_equal(heard(f, ROLE_signer)->type, MSG_sign_issue);
  m = (struct message){.type = MSG_journalled, .request = f->in.m.request, .journalled = {.record = 7}};
  say(f, ROLE_signer, &m);
  assert_int_equal(heard(f, ROLE_store)->type, MSG_job_signed);
  assert_int_equal(f->in.m.job_signed.record, 7);
  m = message_refused(offer_account(f), ERR_BAD_PUBLIC_KEY, "weak");
  say(f, ROLE_signer, &m);
  assert_int_equal(heard(f, ROLE_store)->type, MSG_job_refused);
  assert_int_equal(f->r.works_n, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {TEST(caa_for_a_validation), TEST(validation_for_caa), TEST(done_for_a_record),
                                     TEST(answers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
