#include "unit/store/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "crypto/digest.h"

enum { START_MS_S = 1800000000 };

static const struct profile profiles[] = {
  {.name = "classic", .order_lifetime_s = 7 * 86400, .pending_authz_s = 7 * 86400, .authz_reuse_s = 30 * 86400},
  {.name = "shortlived", .order_lifetime_s = 7 * 86400, .pending_authz_s = 7 * 86400, .authz_reuse_s = 0},
};

static void open_store(struct world *w) {
  struct problem why = {0};
  struct store_options options = {
    .path = w->path, .profiles = profiles, .profiles_n = 2, .reuse_percent = w->reuse_percent};
  avow_err e = store_open(&options, w->now_ms, &w->s, &why);
  if (e != AVOW_OK)
    fail_msg("%s", why.detail);
}

static int setup(void **state, const char *path) {
  struct world *w = calloc(1, sizeof *w);
  snprintf(w->path, sizeof w->path, "%s", path);
  w->now_ms = (int64_t)START_MS_S * 1000;
  w->reuse_percent = 100;
  w->record = 1;
  arena_init(&w->a, 256 * 1024 * 1024);
  open_store(w);
  world_tokens(w, 1000);
  *state = w;
  return 0;
}

int world_in_memory(void **state) {
  return setup(state, ":memory:");
}

int world_in_file(void **state) {
  char path[] = "/tmp/avow-store-XXXXXX", name[64];
  if (!mkdtemp(path))
    return -1;
  snprintf(name, sizeof name, "%s/avow.sqlite", path);
  return setup(state, name);
}

int world_teardown(void **state) {
  struct world *w = *state;
  store_close(w->s);
  arena_clear(&w->a);
  if (w->path[0] == '/') {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[80];
    for (size_t i = 0; i < 4; i++) {
      snprintf(name, sizeof name, "%s%s", w->path, ends[i]);
      unlink(name);
    }
    *strrchr(w->path, '/') = 0;
    assert_int_equal(rmdir(w->path), 0);
  }
  free(w);
  return 0;
}

void world_restart(struct world *w) {
  store_close(w->s);
  open_store(w);
  world_tokens(w, 1000);
}

avow_err world_send(struct world *w, const struct message *m) {
  if (store_writes(m->type)) {
    assert_int_equal(store_batch_begin(w->s), AVOW_OK);
    store_write(w->s, m, w->now_ms, &w->a, &w->out);
    assert_int_equal(store_batch_commit(w->s), AVOW_OK);
  } else {
    store_read(w->s, m, w->now_ms, &w->a, &w->out);
  }
  /* What the store answers can be sent. */
  AUTO_BUF encoded;
  buf_init(&encoded, MESSAGE_MAX);
  if (w->out.type != MSG_none)
    assert_int_equal(message_encode(&w->out, &encoded), AVOW_OK);
  return w->out.type == MSG_refused ? (avow_err)w->out.refused.problem.err : AVOW_OK;
}

bool world_effect(struct world *w, enum effect_kind kind, const struct id128 *id) {
  size_t n;
  const struct effect *effects = store_effects(w->s, &n);
  for (size_t i = 0; i < n; i++)
    if (effects[i].kind == kind && (!id || id_eq(*id, effects[i].id)))
      return true;
  return false;
}

void world_tokens(struct world *w, size_t n) {
  struct rec_token tokens[1000];
  char text[1000][32];
  for (size_t i = 0; i < n; i++) {
    snprintf(text[i], sizeof text[i], "token-%zu-%zu", (size_t)w->now_ms, i);
    tokens[i].text = slice_str(text[i]);
  }
  struct message m = {.type = MSG_token_stock, .token_stock = {.tokens = tokens, .tokens_n = n}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
}

struct id128 world_account(struct world *w, uint8_t seed) {
  struct message m = {.type = MSG_record_account,
                      .record_account = {.number = w->record++,
                                         .account = {.id = id_make(w->now_ms, 1),
                                                     .status = ACCOUNT_VALID,
                                                     .epoch = 1,
                                                     .jwk = SLICE_LIT("{}"),
                                                     .sealed = SLICE_LIT("sealed"),
                                                     .created = w->now_ms,
                                                     .terms_agreed = true}}};
  memset(m.record_account.account.thumbprint.b, seed, 32);
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_true(world_effect(w, EFFECT_RECORDS, NULL));
  return m.record_account.account.id;
}

struct rec_identifier world_dns(const char *name, bool wildcard) {
  return (struct rec_identifier){.type = IDENTIFIER_DNS, .wildcard = wildcard, .value = slice_str(name)};
}

struct rec_order world_order(struct world *w, struct id128 account, const struct rec_identifier *names, size_t n) {
  struct message m = {.type = MSG_order_new,
                      .order_new = {.account = account,
                                    .profile = SLICE_LIT("classic"),
                                    .identifiers = (struct rec_identifier *)(uintptr_t)names,
                                    .identifiers_n = n}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_int_equal(w->out.type, MSG_order_is);
  return w->out.order_is.order;
}

struct rec_order world_order_get(struct world *w, struct id128 account, struct id128 order) {
  struct message m = {.type = MSG_order_get, .order_get = {.account = account, .order = order}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  return w->out.order_is.order;
}

struct rec_authz world_authz_get(struct world *w, struct id128 account, struct id128 authz) {
  struct message m = {.type = MSG_authz_get, .authz_get = {.account = account, .authz = authz}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  return w->out.authz_is.authz;
}

struct id128 world_challenge(const struct rec_authz *z, int method) {
  for (size_t i = 0; i < z->challenges_n; i++)
    if (z->challenges[i].method == method)
      return z->challenges[i].id;
  return (struct id128){{0}};
}

struct message world_job(struct world *w, enum message_type type) {
  struct message m;
  assert_true(store_job_offer(w->s, w->now_ms, &w->a, &m));
  assert_int_equal(m.type, type);
  return m;
}

void world_validate(struct world *w, struct id128 account, struct id128 authz, int method, bool valid) {
  struct rec_authz z = world_authz_get(w, account, authz);
  struct message m = {.type = MSG_challenge_respond,
                      .challenge_respond = {.account = account, .challenge = world_challenge(&z, method)}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  struct message job = world_job(w, MSG_job_validate);
  assert_true(id_eq(job.job_validate.authz, authz));
  assert_int_equal(job.job_validate.method, method);
  struct rec_blob control[] = {{SLICE_LIT("control")}}, caa[] = {{SLICE_LIT("caa")}};
  struct rec_met met[] = {{1, SLICE_LIT("dns"), SLICE_LIT("A?"), SLICE_LIT("192.0.2.1")}};
  struct message end = {
    .type = MSG_job_validated,
    .job_validated = {
      .job = job.job_validate.job, .challenge = job.job_validate.challenge, .valid = valid, .met = met, .met_n = 1}};
  if (valid) {
    end.job_validated.control = control;
    end.job_validated.caa = caa;
    end.job_validated.control_n = end.job_validated.caa_n = 1;
    end.job_validated.caa_expires = w->now_ms + 8 * HOUR_MS;
  } else {
    end.job_validated.problem = (struct rec_problem){.err = ERR_CONNECTION, .detail = SLICE_LIT("refused on port 80")};
  }
  assert_int_equal(world_send(w, &end), AVOW_OK);
  assert_true(world_effect(w, EFFECT_CHANGED, &authz));
}

struct msg_record_certificate world_certificate(struct world *w, uint8_t seed) {
  uint8_t *der = arena_alloc(&w->a, 1000), *serial = arena_alloc(&w->a, 17);
  memset(der, seed, 1000);
  memset(serial, seed, 17);
  static struct rec_identifier names[2];
  names[0] = world_dns("example.org", false);
  names[1] = world_dns("example.org", true);
  return (struct msg_record_certificate){.number = w->record++,
                                         .certificate = {.id = id_make(w->now_ms, 1),
                                                         .serial = slice_of(serial, 17),
                                                         .der = slice_of(der, 1000),
                                                         .issuer = SLICE_LIT("I1"),
                                                         .profile = SLICE_LIT("classic"),
                                                         .shard = 2,
                                                         .issued = w->now_ms,
                                                         .not_before = w->now_ms,
                                                         .not_after = w->now_ms + DAY_MS,
                                                         .status = CERTIFICATE_GOOD,
                                                         .sealed = SLICE_LIT("sealed")},
                                         .names = names,
                                         .names_n = 2};
}

struct id128 world_issue(struct world *w, struct id128 account, struct id128 order, uint8_t seed) {
  struct message m = {.type = MSG_order_finalize,
                      .order_finalize = {.account = account, .order = order, .jws = SLICE_LIT("signed finalize")}};
  assert_int_equal(world_send(w, &m), AVOW_OK);
  assert_int_equal(w->out.order_is.order.status, ORDER_PROCESSING);
  struct message job = world_job(w, MSG_job_issue);
  assert_true(slice_eq_str(job.job_issue.jws, "signed finalize"));
  struct message record = {.type = MSG_record_certificate, .record_certificate = world_certificate(w, seed)};
  record.record_certificate.job = job.job_issue.job;
  record.record_certificate.order = order;
  record.record_certificate.account = account;
  assert_int_equal(world_send(w, &record), AVOW_OK);
  assert_true(world_effect(w, EFFECT_CHANGED, &order));
  return record.record_certificate.certificate.id;
}
