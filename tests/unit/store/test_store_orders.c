/* From account to certificate and revocation: the same suite against both engines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "unit/store/world.h"

static const struct id128 nobody;

static void whole_way(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1);
  struct rec_identifier names[] = {world_dns("example.org", false), world_dns("example.org", true),
                                   world_dns("example.org", false)};
  struct rec_order order = world_order(w, account, names, 3);
  assert_int_equal(order.status, ORDER_PENDING);
  assert_int_equal(order.authzs_n, 2); /* the repeated name is one authorization */
  assert_true(order.expires == w->now_ms + 7LL * DAY_MS);

  struct rec_authz z = world_authz_get(w, account, order.authzs[0].id),
                   zw = world_authz_get(w, account, order.authzs[1].id);
  assert_int_equal(z.challenges_n, 3);
  assert_int_equal(zw.challenges_n, 1);
  assert_int_equal(zw.challenges[0].method, METHOD_DNS_01);
  assert_true(z.token.n > 0 && !slice_eq(z.token, zw.token));

  struct message finalize = {.type = MSG_order_finalize,
                             .order_finalize = {.account = account, .order = order.id, .jws = SLICE_LIT("j")}};
  assert_int_equal(world_send(w, &finalize), ERR_ORDER_NOT_READY);
  world_validate(w, account, order.authzs[0].id, METHOD_HTTP_01, true);
  assert_true(world_effect(w, EFFECT_CHANGED, &order.id));
  z = world_authz_get(w, account, order.authzs[0].id);
  assert_int_equal(z.status, AUTHZ_VALID);
  assert_int_equal(z.challenges_n, 1); /* only what was tried */
  assert_int_equal(z.challenges[0].status, CHALLENGE_VALID);
  assert_true(z.challenges[0].validated == w->now_ms);
  assert_int_equal(world_order_get(w, account, order.id).status, ORDER_PENDING);
  world_validate(w, account, order.authzs[1].id, METHOD_DNS_01, true);
  assert_int_equal(world_order_get(w, account, order.id).status, ORDER_READY);

  assert_int_equal(world_send(w, &finalize), AVOW_OK);
  assert_int_equal(world_send(w, &finalize), ERR_ORDER_NOT_READY);
  struct message job = world_job(w, MSG_job_issue);
  assert_int_equal(job.job_issue.names_n, 2);
  assert_true(slice_eq_str(job.job_issue.names[1].control[0].b, "control"));
  assert_true(slice_eq_str(job.job_issue.names[1].caa[0].b, "caa"));
  assert_int_equal(job.job_issue.names[1].method, METHOD_DNS_01);
  assert_true(job.job_issue.names[0].caa_expires == w->now_ms + 8 * HOUR_MS);
  assert_true(slice_eq_str(job.job_issue.account.sealed, "sealed"));

  struct message record = {.type = MSG_record_certificate, .record_certificate = world_certificate(w, 9)};
  record.record_certificate.job = job.job_issue.job;
  record.record_certificate.order = order.id;
  record.record_certificate.account = account;
  assert_int_equal(world_send(w, &record), AVOW_OK);
  assert_true(store_next_record(w->s) == w->record);
  order = world_order_get(w, account, order.id);
  assert_int_equal(order.status, ORDER_VALID);
  assert_true(id_eq(order.certificate, record.record_certificate.certificate.id));
  assert_false(store_job_offer(w->s, w->now_ms, &w->a, &job));
  /* The record's answer to the registrar comes after the job's end. */
  struct message told = {.type = MSG_job_signed, .job_signed = {.job = job.job_issue.job, .record = w->record - 1}};
  assert_int_equal(world_send(w, &told), AVOW_OK);
  /* An old order outlives its authorizations. */
  w->now_ms += 400LL * DAY_MS;
  assert_int_equal(world_order_get(w, account, order.id).status, ORDER_VALID);
}

static void failed_validation(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1);
  struct rec_identifier names[] = {world_dns("a.example", false), world_dns("b.example", false)};
  struct rec_order order = world_order(w, account, names, 2);
  world_validate(w, account, order.authzs[1].id, METHOD_TLS_ALPN_01, false);
  order = world_order_get(w, account, order.id);
  assert_int_equal(order.status, ORDER_INVALID);
  assert_int_equal(order.problem.err, ERR_CONNECTION);
  assert_int_equal(order.subproblems_n, 1);
  assert_true(slice_eq_str(order.subproblems[0].identifier.value, "b.example"));
  struct rec_authz z = world_authz_get(w, account, order.authzs[1].id);
  assert_int_equal(z.status, AUTHZ_INVALID);
  assert_int_equal(z.challenges[0].status, CHALLENGE_INVALID);
  assert_true(slice_eq_str(z.challenges[0].problem.detail, "refused on port 80"));
  /* A response to what is decided changes nothing. */
  struct message m = {.type = MSG_challenge_respond,
                      .challenge_respond = {.account = account, .challenge = z.challenges[0].id}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_false(store_job_offer(w->s, w->now_ms, &w->a, &m));
}

static void expiry(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1);
  struct rec_identifier name = world_dns("example.org", false);
  struct rec_order order = world_order(w, account, &name, 1);
  w->now_ms = order.expires - 1;
  assert_int_equal(world_order_get(w, account, order.id).status, ORDER_PENDING);
  w->now_ms = order.expires;
  order = world_order_get(w, account, order.id);
  assert_int_equal(order.status, ORDER_INVALID);
  assert_int_equal(order.problem.err, ERR_UNAUTHORIZED);
  assert_int_equal(world_authz_get(w, account, order.authzs[0].id).status, AUTHZ_EXPIRED);
  struct message list = {.type = MSG_order_list, .order_list = {.account = account, .most = 10}};
  assert_int_equal(world_send(w, &list), AVOW_OK);
  assert_int_equal(w->out.order_ids.orders_n, 0);
}

static void reuse(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1), other = world_account(w, 2);
  struct rec_identifier name = world_dns("example.org", false), wild = world_dns("example.org", true);
  struct rec_order first = world_order(w, account, &name, 1);
  world_validate(w, account, first.authzs[0].id, METHOD_HTTP_01, true);
  int64_t validated = w->now_ms;
  w->now_ms += DAY_MS;
  struct rec_order again = world_order(w, account, &name, 1);
  assert_int_equal(again.status, ORDER_READY);
  assert_true(id_eq(again.authzs[0].id, first.authzs[0].id));
  assert_int_equal(world_order(w, other, &name, 1).status, ORDER_PENDING);
  assert_int_equal(world_order(w, account, &wild, 1).status, ORDER_PENDING);
  /* Shortly before the end the order ends with its authorization; afterwards a new one is made. */
  w->now_ms = validated + 30LL * DAY_MS - 2 * HOUR_MS;
  again = world_order(w, account, &name, 1);
  assert_int_equal(again.status, ORDER_READY);
  assert_true(again.expires == validated + 30LL * DAY_MS);
  w->now_ms += HOUR_MS + 1;
  world_tokens(w, 100); /* the first stock is too old by now */
  assert_int_equal(world_order(w, account, &name, 1).status, ORDER_PENDING);
  /* A profile without reuse. */
  struct message m = {
    .type = MSG_order_new,
    .order_new = {.account = account, .profile = SLICE_LIT("shortlived"), .identifiers = &name, .identifiers_n = 1}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_int_equal(w->out.order_is.order.status, ORDER_PENDING);
}

/* RFC 8555, 7.5.2, before and after validation. */
static void deactivated(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1), other = world_account(w, 2);
  struct rec_identifier name = world_dns("example.org", false);
  struct rec_order order = world_order(w, account, &name, 1);
  struct message m = {.type = MSG_authz_deactivate,
                      .authz_deactivate = {.account = other, .authz = order.authzs[0].id}};
  assert_int_equal(world_send(w, &m), ERR_NOT_FOUND);
  m.authz_deactivate.account = account;
  for (int i = 0; i < 2; i++) { /* again changes nothing */
    assert_int_equal(world_send(w, &m), AVOW_OK);
    assert_int_equal(w->out.authz_is.authz.status, AUTHZ_DEACTIVATED);
  }
  assert_true(world_effect(w, EFFECT_CHANGED, &order.id));
  order = world_order_get(w, account, order.id);
  assert_int_equal(order.status, ORDER_INVALID);
  assert_int_equal(order.problem.err, ERR_UNAUTHORIZED);
  assert_true(slice_eq_str(order.problem.detail, "the authorization was deactivated"));
  struct rec_authz z = world_authz_get(w, account, order.authzs[0].id);
  struct message respond = {.type = MSG_challenge_respond,
                            .challenge_respond = {.account = account, .challenge = z.challenges[0].id}};
  assert_int_equal(world_send(w, &respond), AVOW_OK);
  struct message job;
  assert_false(store_job_offer(w->s, w->now_ms, &w->a, &job));

  /* While it is validated: what comes out does not revive it. */
  order = world_order(w, account, &name, 1);
  m.authz_deactivate.authz = order.authzs[0].id;
  z = world_authz_get(w, account, order.authzs[0].id);
  respond.challenge_respond.challenge = world_challenge(&z, METHOD_HTTP_01);
  assert_int_equal(world_send(w, &respond), AVOW_OK);
  job = world_job(w, MSG_job_validate);
  assert_int_equal(world_send(w, &m), AVOW_OK);
  struct rec_blob control = {SLICE_LIT("control")};
  struct message end = {.type = MSG_job_validated,
                        .job_validated = {.job = job.job_validate.job,
                                          .challenge = job.job_validate.challenge,
                                          .valid = true,
                                          .control = &control,
                                          .control_n = 1}};
  assert_int_equal(world_send(w, &end), AVOW_OK);
  assert_int_equal(world_authz_get(w, account, z.id).status, AUTHZ_DEACTIVATED);

  /* Valid: two orders end with it, it is not used again, and a finalize that waits gets nothing of it. */
  order = world_order(w, account, &name, 1);
  world_validate(w, account, order.authzs[0].id, METHOD_HTTP_01, true);
  struct rec_order second = world_order(w, account, &name, 1);
  assert_int_equal(second.status, ORDER_READY);
  struct message finalize = {.type = MSG_order_finalize,
                             .order_finalize = {.account = account, .order = second.id, .jws = SLICE_LIT("j")}};
  assert_int_equal(world_send(w, &finalize), AVOW_OK);
  m.authz_deactivate.authz = order.authzs[0].id;
  assert_int_equal(world_send(w, &m), AVOW_OK);
  job = world_job(w, MSG_job_issue);
  assert_int_equal(job.job_issue.names_n, 1);
  assert_int_equal(job.job_issue.names[0].control_n, 0);
  assert_int_equal(world_order_get(w, account, order.id).status, ORDER_INVALID);
  finalize.order_finalize.order = order.id;
  assert_int_equal(world_send(w, &finalize), ERR_ORDER_NOT_READY);
  assert_int_equal(world_order(w, account, &name, 1).status, ORDER_PENDING);
  struct id128 kept = order.authzs[0].id;

  /* One that failed has nothing to give up. */
  order = world_order(w, account, &name, 1);
  world_validate(w, account, order.authzs[0].id, METHOD_HTTP_01, false);
  m.authz_deactivate.authz = order.authzs[0].id;
  assert_int_equal(world_send(w, &m), ERR_MALFORMED);
  if (strcmp(w->path, ":memory:") == 0)
    return;
  world_restart(w);
  assert_int_equal(world_authz_get(w, account, kept).status, AUTHZ_DEACTIVATED);
}

static void refused_orders(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1);
  struct rec_identifier name = world_dns("example.org", false), odd = {.type = 9, .value = SLICE_LIT("x")};
  struct message m = {
    .type = MSG_order_new,
    .order_new = {.account = account, .profile = SLICE_LIT("classic"), .identifiers = &name, .identifiers_n = 1}};
  m.order_new.account = nobody;
  assert_int_equal(world_send(w, &m), ERR_ACCOUNT_UNKNOWN);
  m.order_new.account = account;
  m.order_new.profile = SLICE_LIT("none");
  assert_int_equal(world_send(w, &m), ERR_INVALID_PROFILE);
  m.order_new.profile = SLICE_LIT("classic");
  m.order_new.identifiers_n = 0;
  assert_int_equal(world_send(w, &m), ERR_MALFORMED);
  m.order_new.identifiers = &odd;
  m.order_new.identifiers_n = 1;
  assert_int_equal(world_send(w, &m), ERR_UNSUPPORTED_IDENTIFIER);
  /* Without tokens nothing is made; with them the same request goes through. */
  w->now_ms += 2LL * DAY_MS;
  m.order_new.identifiers = &name;
  assert_int_equal(world_send(w, &m), ERR_UNAVAILABLE);
  struct message list = {.type = MSG_order_list, .order_list = {.account = account, .most = 10}};
  assert_int_equal(world_send(w, &list), AVOW_OK);
  assert_int_equal(w->out.order_ids.orders_n, 0);
  assert_true(store_tokens_wanted(w->s, w->now_ms) > 0);
  world_tokens(w, 1);
  assert_int_equal(world_send(w, &m), AVOW_OK);
}

/* Whatever is another's does not exist. */
static void foreign_objects(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1), other = world_account(w, 2);
  struct rec_identifier name = world_dns("example.org", false);
  struct rec_order order = world_order(w, account, &name, 1);
  struct rec_authz z = world_authz_get(w, account, order.authzs[0].id);
  struct id128 challenge = z.challenges[0].id;
  world_validate(w, account, z.id, METHOD_HTTP_01, true);
  struct id128 certificate = world_issue(w, account, order.id, 3);
  struct message rows[] = {
    {.type = MSG_order_get, .order_get = {.account = other, .order = order.id}},
    {.type = MSG_order_get, .order_get = {.account = account, .order = z.id}},
    {.type = MSG_order_finalize, .order_finalize = {.account = other, .order = order.id}},
    {.type = MSG_authz_get, .authz_get = {.account = other, .authz = z.id}},
    {.type = MSG_authz_get, .authz_get = {.account = account, .authz = order.id}},
    {.type = MSG_challenge_get, .challenge_get = {.account = other, .challenge = challenge}},
    {.type = MSG_challenge_get, .challenge_get = {.account = account, .challenge = z.id}},
    {.type = MSG_challenge_respond, .challenge_respond = {.account = other, .challenge = challenge}},
    {.type = MSG_certificate_get, .certificate_get = {.account = other, .certificate = certificate}},
    {.type = MSG_certificate_get, .certificate_get = {.account = account, .certificate = order.id}},
    {.type = MSG_certificate_find},
    {.type = MSG_job_outcome, .job_outcome = {.job = order.id}},
    {.type = MSG_revoke, .revoke = {.certificate = order.id, .account = account}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_int_equal(world_send(w, &rows[i]), ERR_NOT_FOUND);
}

static void issuance_refused(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1);
  struct rec_identifier name = world_dns("example.org", false);
  struct rec_order order = world_order(w, account, &name, 1);
  world_validate(w, account, order.authzs[0].id, METHOD_HTTP_01, true);
  struct message m = {.type = MSG_order_finalize,
                      .order_finalize = {.account = account, .order = order.id, .jws = SLICE_LIT("j")}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  struct message job = world_job(w, MSG_job_issue);
  struct rec_subproblem sub = {.identifier = name,
                               .problem = {.err = ERR_CAA, .detail = SLICE_LIT("CAA of example.org")}};
  struct rec_met met = {1, SLICE_LIT("caa"), SLICE_LIT("example.org"), SLICE_LIT("issue \";\"")};
  struct message refused = {.type = MSG_job_refused,
                            .job_refused = {.job = job.job_issue.job,
                                            .problem = {.err = ERR_CAA, .detail = SLICE_LIT("forbidden")},
                                            .subproblems = &sub,
                                            .subproblems_n = 1,
                                            .met = &met,
                                            .met_n = 1}};
  assert_int_equal(world_send(w, &refused), AVOW_OK);
  assert_true(world_effect(w, EFFECT_CHANGED, &order.id));
  assert_int_equal(world_send(w, &refused), AVOW_OK); /* told twice */
  order = world_order_get(w, account, order.id);
  assert_int_equal(order.status, ORDER_INVALID);
  assert_int_equal(order.problem.err, ERR_CAA);
  assert_int_equal(order.subproblems_n, 1);
  assert_true(slice_eq_str(order.subproblems[0].problem.detail, "CAA of example.org"));
  assert_int_equal(world_send(w, &m), ERR_ORDER_NOT_READY);
  assert_false(store_job_offer(w->s, w->now_ms, &w->a, &job));
}

static void order_lists(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1), ids[5];
  for (int i = 0; i < 5; i++) {
    struct rec_identifier name = world_dns("example.org", false);
    ids[i] = world_order(w, account, &name, 1).id;
    w->now_ms++;
  }
  struct message m = {.type = MSG_order_list, .order_list = {.account = account, .most = 3}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_int_equal(w->out.order_ids.orders_n, 3);
  assert_true(w->out.order_ids.more);
  assert_true(id_eq(w->out.order_ids.orders[0].id, ids[4]));
  m.order_list.before = w->out.order_ids.orders[2].id;
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_int_equal(w->out.order_ids.orders_n, 2);
  assert_false(w->out.order_ids.more);
  assert_true(id_eq(w->out.order_ids.orders[1].id, ids[0]));
}

#define BOTH(test)                                                                                                     \
  {#test " (memory)", test, world_in_memory, world_teardown, NULL}, {                                                  \
#test " (file)", test, world_in_file, world_teardown, NULL                                                         \
  }

int main(void) {
  const struct CMUnitTest tests[] = {
    BOTH(whole_way),       BOTH(failed_validation), BOTH(expiry),      BOTH(reuse),       BOTH(refused_orders),
    BOTH(foreign_objects), BOTH(issuance_refused),  BOTH(order_lists), BOTH(deactivated),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
