/* The signer's stream, jobs over restarts, revocation, publication, what operators see: against both engines. */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "store/inner.h"
#include "store/migrate.h"
#include "unit/store/world.h"

static struct id128 certificate_for(struct world *w, struct id128 account, uint8_t seed) {
  struct rec_identifier name = world_dns("example.org", false);
  struct rec_order order = world_order(w, account, &name, 1);
  if (order.status == ORDER_PENDING)
    world_validate(w, account, order.authzs[0].id, METHOD_HTTP_01, true);
  return world_issue(w, account, order.id, seed);
}

static void gaps_and_repeats(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1);
  assert_true(store_next_record(w->s) == 2);
  struct message m = {
    .type = MSG_record_account,
    .record_account = {.number = 1, .account = {.id = account, .status = ACCOUNT_REVOKED, .epoch = 9}}};
  struct message get = {.type = MSG_account_get, .account_get = {.id = account}};
  static const uint64_t ignored[] = {0, 1, 3, UINT64_MAX};
  for (size_t i = 0; i < 4; i++) {
    m.record_account.number = ignored[i];
    assert_int_equal(world_send(w, &m), AVOW_OK);
    assert_true(world_effect(w, EFFECT_RECORDS, NULL)); /* answered by where the stream stands */
    assert_true(store_next_record(w->s) == 2);
    assert_int_equal(world_send(w, &get), AVOW_OK);
    assert_int_equal(w->out.account_is.account.status, ACCOUNT_VALID);
  }
  m.record_account.number = 2;
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_int_equal(world_send(w, &get), AVOW_OK);
  assert_int_equal(w->out.account_is.account.status, ACCOUNT_REVOKED);
  /* A record of an older epoch is taken but changes nothing. */
  m.record_account.number = 3;
  m.record_account.account.epoch = 2;
  m.record_account.account.status = ACCOUNT_VALID;
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_true(store_next_record(w->s) == 4);
  assert_int_equal(world_send(w, &get), AVOW_OK);
  assert_int_equal(w->out.account_is.account.status, ACCOUNT_REVOKED);
}

static void account_jobs(void **state) {
  struct world *w = *state;
  struct message m = {.type = MSG_account_create, .account_create = {.jws = SLICE_LIT("signed newAccount")}};
  memset(m.account_create.thumbprint.b, 5, 32);
  assert_int_equal(world_send(w, &m), AVOW_OK);
  struct id128 id = w->out.job_made.job;
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_true(id_eq(id, w->out.job_made.job)); /* the same key waits for the same job */
  struct message outcome = {.type = MSG_job_outcome, .job_outcome = {.job = id}};
  assert_int_equal(world_send(w, &outcome), ERR_UNAVAILABLE);
  struct message job = world_job(w, MSG_job_account);
  assert_true(slice_eq_str(job.job_account.jws, "signed newAccount"));
  struct message record = {
    .type = MSG_record_account,
    .record_account = {.number = 1, .job = id, .account = {.id = id_make(w->now_ms, 1), .status = ACCOUNT_VALID}}};
  record.record_account.account.thumbprint = m.account_create.thumbprint;
  assert_int_equal(world_send(w, &record), AVOW_OK);
  assert_true(world_effect(w, EFFECT_CHANGED, &id));
  assert_int_equal(world_send(w, &outcome), AVOW_OK);
  assert_int_equal(w->out.type, MSG_done);
  struct message find = {.type = MSG_account_find, .account_find = {.thumbprint = m.account_create.thumbprint}};
  assert_int_equal(world_send(w, &find), AVOW_OK);
  assert_true(id_eq(w->out.account_is.account.id, record.record_account.account.id));
  /* Another key: the account is found by it alone, and its job gets the newest sealed record. */
  struct message changed = record;
  changed.record_account.number = 2;
  changed.record_account.account.epoch = 1;
  changed.record_account.account.jwk = SLICE_LIT("new key");
  changed.record_account.account.sealed = SLICE_LIT("sealed with the new key");
  memset(changed.record_account.account.thumbprint.b, 6, 32);
  assert_int_equal(world_send(w, &changed), AVOW_OK);
  assert_int_equal(world_send(w, &find), ERR_ACCOUNT_UNKNOWN);
  memset(find.account_find.thumbprint.b, 6, 32);
  assert_int_equal(world_send(w, &find), AVOW_OK);
  assert_true(id_eq(w->out.account_is.account.id, record.record_account.account.id));
  assert_true(slice_eq_str(w->out.account_is.account.jwk, "new key") && w->out.account_is.account.epoch == 1);
  /* A change that the signer refuses. */
  struct message change = {.type = MSG_account_change,
                           .account_change = {.account = record.record_account.account.id, .jws = SLICE_LIT("x")}};
  assert_int_equal(world_send(w, &change), AVOW_OK);
  outcome.job_outcome.job = w->out.job_made.job;
  job = world_job(w, MSG_job_account_change);
  assert_true(slice_eq_str(job.job_account_change.account.sealed, "sealed with the new key"));
  struct message refused = {.type = MSG_job_refused,
                            .job_refused = {.job = outcome.job_outcome.job,
                                            .problem = {.err = ERR_UNAUTHORIZED, .detail = SLICE_LIT("not yours")}}};
  assert_int_equal(world_send(w, &refused), AVOW_OK);
  assert_int_equal(world_send(w, &outcome), ERR_UNAUTHORIZED);
  assert_true(slice_eq_str(w->out.refused.problem.detail, "not yours"));
  /* The outcome is kept for an hour. */
  assert_int_equal(store_tidy(w->s, w->now_ms + JOB_OUTCOME_MS), AVOW_OK);
  assert_int_equal(world_send(w, &outcome), ERR_UNAUTHORIZED);
  assert_int_equal(store_tidy(w->s, w->now_ms + JOB_OUTCOME_MS + 1), AVOW_OK);
  assert_int_equal(world_send(w, &outcome), ERR_NOT_FOUND);
}

static void jobs_come_back(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1);
  struct rec_identifier name = world_dns("example.org", false);
  struct rec_order order = world_order(w, account, &name, 1);
  struct rec_authz z = world_authz_get(w, account, order.authzs[0].id);
  struct message m = {.type = MSG_challenge_respond,
                      .challenge_respond = {.account = account, .challenge = world_challenge(&z, METHOD_HTTP_01)}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_int_equal(w->out.authz_is.authz.challenges[0].status, CHALLENGE_PROCESSING);
  assert_int_equal(world_send(w, &m), AVOW_OK); /* a second response starts nothing */
  struct message job = world_job(w, MSG_job_validate), none;
  assert_false(store_job_offer(w->s, w->now_ms, &w->a, &none));
  assert_int_equal(store_jobs_offered(w->s), 1);
  store_jobs_release(w->s); /* the registrar died */
  (void)world_job(w, MSG_job_validate);
  /* Again and again, then given up with the problem. */
  struct message again = {
    .type = MSG_job_again,
    .job_again = {.job = job.job_validate.job,
                  .delay_ms = 1000,
                  .problem = {.err = ERR_UNAVAILABLE, .detail = SLICE_LIT("the validator is down")}}};
  for (int i = 1; i < JOB_ATTEMPTS; i++) {
    assert_int_equal(world_send(w, &again), AVOW_OK);
    assert_false(store_job_offer(w->s, w->now_ms, &w->a, &none));
    int64_t due = store_jobs_due(w->s);
    assert_true(due >= w->now_ms + 1000 && due <= w->now_ms + MINUTE_MS);
    w->now_ms = due;
    (void)world_job(w, MSG_job_validate);
  }
  assert_int_equal(world_send(w, &again), AVOW_OK);
  assert_false(store_job_offer(w->s, w->now_ms + DAY_MS, &w->a, &none));
  z = world_authz_get(w, account, z.id);
  assert_int_equal(z.status, AUTHZ_INVALID);
  assert_true(slice_eq_str(z.challenges[0].problem.detail, "the validator is down"));
}

/* Another job was answered with a record that names the first: both end with it, whichever message comes first. */
static void signed_before_record(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1), certificate = certificate_for(w, account, 1);
  struct message m = {.type = MSG_revoke,
                      .revoke = {.certificate = certificate, .account = account, .jws = SLICE_LIT("signed revoke")}};
  struct id128 ids[3];
  for (int i = 0; i < 3; i++) {
    assert_int_equal(world_send(w, &m), AVOW_OK);
    ids[i] = w->out.job_made.job;
    struct message job = world_job(w, MSG_job_revoke);
    assert_true(id_eq(job.job_revoke.account_id, account));
    assert_true(slice_eq_str(job.job_revoke.certificate.sealed, "sealed"));
  }
  struct message told = {.type = MSG_job_signed, .job_signed = {.job = ids[1], .record = w->record}};
  assert_int_equal(world_send(w, &told), AVOW_OK);
  assert_int_equal(store_jobs_offered(w->s), 2);
  struct message outcome = {.type = MSG_job_outcome, .job_outcome = {.job = ids[1]}};
  assert_int_equal(world_send(w, &outcome), ERR_UNAVAILABLE);
  struct message record = {.type = MSG_record_revocation,
                           .record_revocation = {.number = w->record++,
                                                 .job = ids[0],
                                                 .certificate = certificate,
                                                 .serial = SLICE_LIT("s"),
                                                 .reason = 4,
                                                 .revoked = w->now_ms,
                                                 .sealed = SLICE_LIT("r")}};
  assert_int_equal(world_send(w, &record), AVOW_OK);
  told.job_signed.job = ids[2];
  assert_int_equal(world_send(w, &told), AVOW_OK);
  for (int i = 0; i < 3; i++) {
    outcome.job_outcome.job = ids[i];
    assert_int_equal(world_send(w, &outcome), AVOW_OK);
  }
  assert_int_equal(store_jobs_offered(w->s), 0);
  assert_int_equal(world_send(w, &m), ERR_ALREADY_REVOKED);
  struct message get = {.type = MSG_certificate_get,
                        .certificate_get = {.account = account, .certificate = certificate}};
  assert_int_equal(world_send(w, &get), AVOW_OK);
  assert_int_equal(w->out.certificate_is.certificate.status, CERTIFICATE_REVOKED);
  assert_int_equal(w->out.certificate_is.certificate.reason, 4);

  /* Its own key may still say that it is compromised (TLS BR 7.2.2): that stands, once. */
  m.revoke.account = (struct id128){{0}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  record.record_revocation.number = w->record++;
  record.record_revocation.job = w->out.job_made.job;
  record.record_revocation.reason = 1;
  assert_int_equal(world_send(w, &record), AVOW_OK);
  assert_int_equal(world_send(w, &get), AVOW_OK);
  assert_int_equal(w->out.certificate_is.certificate.reason, 1);
  assert_int_equal(world_send(w, &m), ERR_ALREADY_REVOKED);
}

static void send_crl(struct world *w, uint16_t shard, uint64_t number) {
  struct message m = {.type = MSG_record_crl,
                      .record_crl = {.number = w->record++,
                                     .issuer = SLICE_LIT("I1"),
                                     .shard = shard,
                                     .crl_number = number,
                                     .this_update = w->now_ms,
                                     .next_update = w->now_ms + DAY_MS,
                                     .der = SLICE_LIT("crl")}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_true(world_effect(w, EFFECT_PUBLISH, NULL));
}

static void the_ca_itself(void **state) {
  struct world *w = *state;
  struct message chain = {.type = MSG_web_chain_get}, schedule = {.type = MSG_schedule_get};
  assert_int_equal(world_send(w, &chain), ERR_UNAVAILABLE);
  struct message issuer = {
    .type = MSG_record_issuer,
    .record_issuer = {.number = w->record++, .issuer = SLICE_LIT("I1"), .der = SLICE_LIT("ca"), .shards = 3}};
  assert_int_equal(world_send(w, &issuer), AVOW_OK);
  struct message service = {.type = MSG_record_certificate, .record_certificate = world_certificate(w, 7)};
  service.record_certificate.service = true;
  assert_int_equal(world_send(w, &service), AVOW_OK);
  assert_true(world_effect(w, EFFECT_WEB_CHAIN, NULL));
  assert_int_equal(world_send(w, &chain), AVOW_OK);
  assert_true(slice_eq(w->out.web_chain.leaf, service.record_certificate.certificate.der));
  assert_true(slice_eq_str(w->out.web_chain.issuer, "ca"));
  /* Shards without a CRL are in the schedule from the start. */
  assert_int_equal(world_send(w, &schedule), AVOW_OK);
  assert_int_equal(w->out.schedule.crls_n, 3);
  assert_true(w->out.schedule.crls[2].crl_number == 0);
  assert_true(w->out.schedule.web_not_after == w->now_ms + DAY_MS);
  send_crl(w, 2, 1);
  struct id128 account = world_account(w, 1), certificate = certificate_for(w, account, 1);
  struct message revocation = {.type = MSG_record_revocation,
                               .record_revocation = {.number = w->record++,
                                                     .certificate = certificate,
                                                     .serial = SLICE_LIT("s"),
                                                     .reason = 1,
                                                     .revoked = w->now_ms,
                                                     .blocked_key = {{1}}}};
  assert_int_equal(world_send(w, &revocation), AVOW_OK);
  assert_int_equal(world_send(w, &schedule), AVOW_OK);
  assert_true(w->out.schedule.crls[2].revocations == 1 && w->out.schedule.crls[2].crl_number == 1);
  send_crl(w, 2, 2);
  assert_int_equal(world_send(w, &schedule), AVOW_OK);
  assert_true(w->out.schedule.crls[2].revocations == 0 && w->out.schedule.crls[2].crl_number == 2);
  /* The stream is not held up by what is not known here. */
  revocation.record_revocation.number = w->record++;
  revocation.record_revocation.certificate = account;
  assert_int_equal(world_send(w, &revocation), AVOW_OK);
  assert_true(store_next_record(w->s) == w->record);
}

static void publication(void **state) {
  struct world *w = *state;
  struct message file,
    issuer = {.type = MSG_record_issuer,
              .record_issuer = {.number = w->record++, .issuer = SLICE_LIT("I1"), .der = SLICE_LIT("ca")}};
  assert_false(store_publication(w->s, 0, &w->a, &file));
  assert_int_equal(world_send(w, &issuer), AVOW_OK);
  send_crl(w, 0, 1);
  assert_true(store_publication(w->s, 0, &w->a, &file));
  assert_true(slice_eq_str(file.publish.path, "ca/I1.cer") && slice_eq_str(file.publish.content, "ca"));
  assert_true(store_publication(w->s, file.publish.version, &w->a, &file));
  assert_true(slice_eq_str(file.publish.path, "crl/I1/0.crl"));
  assert_false(store_publication(w->s, file.publish.version, &w->a, &file));
  send_crl(w, 0, 2);
  /* An acknowledgement of the older content leaves the newer one to be written. */
  struct message old = {.type = MSG_published, .published = {.path = SLICE_LIT("crl/I1/0.crl"), .version = 2}};
  assert_int_equal(world_send(w, &old), AVOW_OK);
  assert_true(store_publication(w->s, 1, &w->a, &file));
  assert_true(file.publish.version == 3);
  old.published.version = 3;
  assert_int_equal(world_send(w, &old), AVOW_OK);
  assert_false(store_publication(w->s, 1, &w->a, &file));
  assert_true(store_publication(w->s, 0, &w->a, &file)); /* the CA certificate still waits */
}

static void request_begin(void **state) {
  struct world *w = *state;
  struct message hello = {.type = MSG_front_hello};
  assert_int_equal(world_send(w, &hello), AVOW_OK);
  struct msg_front_welcome welcome = w->out.front_welcome;
  struct message m = {.type = MSG_request_begin,
                      .request_begin = {.epoch = welcome.epoch, .counter = welcome.base, .account = id_make(1, 1)}};
  assert_int_equal(world_send(w, &m), ERR_ACCOUNT_UNKNOWN);
  assert_int_equal(world_send(w, &m), ERR_BAD_NONCE); /* spent all the same */
  m.request_begin.account = world_account(w, 1);
  m.request_begin.counter++;
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_int_equal(w->out.request_begun.status, ACCOUNT_VALID);
  assert_int_equal(w->out.request_begun.epoch, 1);
  m.request_begin.account = (struct id128){{0}};
  m.request_begin.counter++;
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_int_equal(w->out.request_begun.status, 0);
}

static void finding_certificates(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1);
  for (uint8_t seed = 1; seed <= 5; seed++) {
    (void)certificate_for(w, account, seed);
    w->now_ms++;
  }
  struct message find = {.type = MSG_certificate_find};
  uint8_t der[1000];
  memset(der, 4, sizeof der);
  sha256(SLICE_OF(der), find.certificate_find.sha256.b);
  assert_int_equal(world_send(w, &find), AVOW_OK);
  assert_true(slice_eq(w->out.certificate_is.certificate.der, SLICE_OF(der)));
  assert_true(id_eq(w->out.certificate_is.account, account));
  find.certificate_find.sha256.b[31] ^= 1; /* the short index alone does not decide */
  assert_int_equal(world_send(w, &find), ERR_NOT_FOUND);

  struct message list = {.type = MSG_admin_certificates, .admin_certificates = {.most = 3}};
  assert_int_equal(world_send(w, &list), AVOW_OK);
  assert_int_equal(w->out.certificate_rows.rows_n, 3);
  assert_true(w->out.certificate_rows.more);
  assert_true(slice_eq_str(w->out.certificate_rows.rows[0].names, "example.org,*.example.org"));
  list.admin_certificates.after = w->out.certificate_rows.rows[2].id;
  assert_int_equal(world_send(w, &list), AVOW_OK);
  assert_int_equal(w->out.certificate_rows.rows_n, 2);
  assert_false(w->out.certificate_rows.more);
  struct message show = {.type = MSG_admin_certificate, .admin_certificate = {.serial = slice_of(der, 17)}};
  assert_int_equal(world_send(w, &show), AVOW_OK);
  assert_true(slice_eq(w->out.admin_certificate_is.certificate.der, SLICE_OF(der)));
  show.admin_certificate.serial = slice_of(der, 16);
  assert_int_equal(world_send(w, &show), ERR_NOT_FOUND);

  struct message accounts = {.type = MSG_admin_accounts};
  assert_int_equal(world_send(w, &accounts), AVOW_OK);
  assert_int_equal(w->out.account_rows.rows_n, 1);
  assert_true(w->out.account_rows.rows[0].orders == 5 && w->out.account_rows.rows[0].certificates == 5);
  struct message one = {.type = MSG_admin_account, .admin_account = {.id = account}};
  assert_int_equal(world_send(w, &one), AVOW_OK);
  assert_true(slice_eq_str(w->out.admin_account_is.account.sealed, "sealed"));
  one.admin_account.id.b[15] ^= 1;
  assert_int_equal(world_send(w, &one), ERR_NOT_FOUND);
}

static void leaves(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1);
  (void)certificate_for(w, account, 6);
  AUTO_BUF leaf;
  buf_init(&leaf, 65536);
  int64_t key;
  assert_int_equal(leaf_next(w->s->db, 0, &w->a, &key, &leaf), AVOW_OK);
  struct cursor c = cursor_of(buf_slice(&leaf));
  assert_int_equal(cursor_u8(&c), LEAF_ACCOUNT);
  (void)cursor_take(&c, 8 + 4 + 1 + 8);
  struct slice commitment = cursor_take(&c, SHA256_BYTES);
  assert_true(cursor_at_end(&c));
  /* The opening shows which account the commitment is about. */
  uint8_t opening[32], what[8 + ID_BYTES], again[SHA256_BYTES];
  struct query q = db_query(w->s->db, "SELECT opening FROM ledger_openings WHERE leaf = ?1");
  query_int(&q, key);
  assert_true(query_next(&q));
  query_get_fixed(&q, opening, sizeof opening);
  assert_int_equal(query_end(&q), AVOW_OK);
  memcpy(what, "account", 8);
  memcpy(what + 8, account.b, ID_BYTES);
  hmac_sha256(SLICE_OF(opening), SLICE_OF(what), again);
  assert_true(slice_eq(commitment, SLICE_OF(again)));
  /* A certificate's leaf carries the certificate. */
  buf_reset(&leaf);
  assert_int_equal(leaf_next(w->s->db, key, &w->a, &key, &leaf), AVOW_OK);
  assert_int_equal(leaf.p[0], LEAF_CERTIFICATE);
  assert_int_equal(leaf.n, 1 + 8 + 1000);
  assert_int_equal(leaf.p[9], 6);
  assert_int_equal(leaf_next(w->s->db, key, &w->a, &key, &leaf), AVOW_OK);
  assert_int_equal(key, 0);
}

/* One failed message in a batch undoes only itself. */
static void batches(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1);
  struct rec_identifier name = world_dns("example.org", false);
  struct message good = {
    .type = MSG_order_new,
    .order_new = {.account = account, .profile = SLICE_LIT("classic"), .identifiers = &name, .identifiers_n = 1}};
  struct rec_identifier half[] = {name, {.type = 9, .value = SLICE_LIT("x")}};
  struct message bad = good, out[3];
  bad.order_new.identifiers = half;
  bad.order_new.identifiers_n = 2; /* fails after its first authorization was written */
  assert_int_equal(store_batch_begin(w->s), AVOW_OK);
  store_write(w->s, &good, w->now_ms, &w->a, &out[0]);
  store_write(w->s, &bad, w->now_ms, &w->a, &out[1]);
  store_write(w->s, &good, w->now_ms, &w->a, &out[2]);
  assert_int_equal(store_batch_commit(w->s), AVOW_OK);
  assert_int_equal(out[0].type, MSG_order_is);
  assert_int_equal(out[1].type, MSG_refused);
  assert_int_equal(out[2].type, MSG_order_is);
  struct query q = db_query(w->s->db, "SELECT (SELECT count(*) FROM authzs), (SELECT count(*) FROM orders)");
  assert_true(query_next(&q));
  assert_int_equal(query_get_int(&q), 2);
  assert_int_equal(query_get_int(&q), 2);
  assert_int_equal(query_end(&q), AVOW_OK);
}

/* Everything that was acknowledged is there after a restart, and unfinished jobs are offered again. */
static void restart(void **state) {
  struct world *w = *state;
  struct id128 account = world_account(w, 1), certificate = certificate_for(w, account, 1);
  struct rec_identifier name = world_dns("example.org", false);
  struct rec_order order = world_order(w, account, &name, 1);
  assert_int_equal(order.status, ORDER_READY);
  struct message finalize = {.type = MSG_order_finalize,
                             .order_finalize = {.account = account, .order = order.id, .jws = SLICE_LIT("again")}};
  assert_int_equal(world_send(w, &finalize), AVOW_OK);
  (void)world_job(w, MSG_job_issue);
  struct message hello = {.type = MSG_front_hello};
  assert_int_equal(world_send(w, &hello), AVOW_OK);
  uint64_t epoch = w->out.front_welcome.epoch;
  world_restart(w);
  assert_true(store_next_record(w->s) == w->record);
  assert_int_equal(world_send(w, &hello), AVOW_OK);
  assert_true(w->out.front_welcome.epoch != epoch);
  struct message job = world_job(w, MSG_job_issue);
  assert_true(slice_eq_str(job.job_issue.jws, "again"));
  struct message get = {.type = MSG_certificate_get,
                        .certificate_get = {.account = account, .certificate = certificate}};
  assert_int_equal(world_send(w, &get), AVOW_OK);
  assert_int_equal(world_order_get(w, account, order.id).status, ORDER_PROCESSING);
}

static void newer_schema(void **state) {
  struct world *w = *state;
  struct problem why = {0};
  int version;
  assert_int_equal(store_schema_version(w->s->db, &version), AVOW_OK);
  assert_int_equal(version, migrations_n);
  assert_int_equal(store_migrate(w->s->db, w->now_ms, &why), AVOW_OK); /* nothing to do */
  assert_int_equal(db_exec(w->s->db, "INSERT INTO schema_version(version, applied) VALUES(1000, 0)"), AVOW_OK);
  assert_int_equal(store_migrate(w->s->db, w->now_ms, &why), ERR_DATABASE);
  assert_non_null(strstr(why.detail, "schema version 1000"));
}

/* Only one store opens a database file. */
static void second_store(void **state) {
  struct world *w = *state;
  struct problem why = {0};
  struct db *second;
  assert_int_equal(db_open(w->path, &second, &why), ERR_DATABASE);
  assert_non_null(strstr(why.detail, "locked"));
}

/* What `avow check` says of a file: whole and known, of a newer program, damaged, not there. */
static void file_checked(void **state) {
  struct world *w = *state;
  struct problem why = {0};
  int version = 0;
  assert_int_equal(store_check_file(w->path, &version, &why), AVOW_OK); /* with the log of the store that runs */
  assert_int_equal(version, migrations_n);
  assert_int_equal(db_exec(w->s->db, "INSERT INTO schema_version(version, applied) VALUES(1000, 0)"), AVOW_OK);
  assert_int_equal(store_check_file(w->path, &version, &why), ERR_DATABASE);
  assert_non_null(strstr(why.detail, "1000"));
  assert_int_equal(store_check_file("/nowhere/at#all?", &version, &why), ERR_DATABASE);
}

#define BOTH(test)                                                                                                     \
  {#test " (memory)", test, world_in_memory, world_teardown, NULL}, {                                                  \
#test " (file)", test, world_in_file, world_teardown, NULL                                                         \
  }

int main(void) {
  const struct CMUnitTest tests[] = {
    BOTH(gaps_and_repeats),
    BOTH(account_jobs),
    BOTH(jobs_come_back),
    BOTH(signed_before_record),
    BOTH(the_ca_itself),
    BOTH(publication),
    BOTH(request_begin),
    BOTH(finding_certificates),
    BOTH(leaves),
    BOTH(batches),
    BOTH(newer_schema),
    cmocka_unit_test_setup_teardown(restart, world_in_file, world_teardown),
    cmocka_unit_test_setup_teardown(second_store, world_in_file, world_teardown),
    cmocka_unit_test_setup_teardown(file_checked, world_in_file, world_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
