/* The signer library: what it grants, what a repeat gets, and that a replay knows what the running signer knew. */
#include "hostile/world.h"

#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "ipc/model.h"
#include "pki/crl.h"
#include "sign/internal.h"

static struct world w;
static const char *const one_name[] = {"www.example.org", NULL};

static int set_up(void **state) {
  (void)state;
  world_make(&w, KIND_PRIVATE, WORLD_NOW);
  world_open(&w);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  world_clear(&w);
  return 0;
}

static void expect(const struct signer_answer *a, avow_err e) {
  if (a->problem.err != e)
    print_error("%s: %s\n", err_name(a->problem.err), a->problem.detail);
  assert_int_equal(a->problem.err, e);
}

static uint64_t granted(const struct message *m) {
  struct signer_answer a = world_ask(&w, m);
  expect(&a, AVOW_OK);
  assert_true(a.record > 0);
  return a.record;
}

static void refused(const struct message *m, avow_err e) {
  struct signer_answer a = world_ask(&w, m);
  expect(&a, e);
}

static uint64_t issue(const struct person *p, const char *const *names) {
  struct issue_spec spec = {.who = p, .names = names};
  struct message m = world_issue(&w, &spec);
  return granted(&m);
}

static struct message crl(uint16_t shard) {
  return (struct message){.type = MSG_sign_crl, .sign_crl = {.issuer = SLICE_LIT("I1"), .shard = shard}};
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

static void first_records(void **state) {
  (void)state;
  assert_int_equal(signer_next_record(w.signer), 3); /* root, I1 */
  struct problem why = {0};
  assert_int_equal(signer_init_records(w.signer, w.now_ms, &why), AVOW_OK);
  uint64_t last = 3 + 1 + (uint64_t)w.config.crl_shards;
  assert_int_equal(signer_next_record(w.signer), last);
  assert_int_equal(signer_init_records(w.signer, w.now_ms, &why), AVOW_OK);
  assert_int_equal(signer_next_record(w.signer), last); /* nothing twice */
  struct message m = world_record(&w, 1);
  assert_true(m.type == MSG_record_issuer && m.record_issuer.root && slice_eq(m.record_issuer.der, buf_slice(&w.root)));
  m = world_record(&w, 2);
  assert_true(m.type == MSG_record_issuer && !m.record_issuer.root && slice_eq_str(m.record_issuer.issuer, "I1"));
  assert_int_equal(m.record_issuer.shards, w.config.crl_shards);
  m = world_record(&w, 3);
  assert_true(m.type == MSG_record_certificate && m.record_certificate.service);
  assert_int_equal(m.record_certificate.names_n, 1);
  assert_true(slice_eq_str(m.record_certificate.names[0].value, "localhost"));
  for (uint64_t i = 0; i < (uint64_t)w.config.crl_shards; i++) {
    m = world_record(&w, 4 + i);
    assert_true(m.type == MSG_record_crl && m.record_crl.shard == i && m.record_crl.crl_number == 1);
    assert_int_equal(m.record_crl.next_update - m.record_crl.this_update, w.config.crl_lifetime_s * SECOND_MS);
  }
  world_open(&w);
  assert_int_equal(signer_next_record(w.signer), last);
  struct message service = {.type = MSG_sign_service};
  assert_int_equal(granted(&service), 3); /* an hour's repeat */
  w.now_ms += HOUR_MS;
  assert_int_equal(granted(&service), last);
}

static void refuses_to_open(void **state) {
  (void)state;
  struct problem why = {0};
  struct signer *s = NULL;
  struct signer_setup setup = world_setup(&w);
  setup.issuer_key = w.web_key;
  assert_int_equal(signer_open(&setup, w.now_ms, &s, &why), ERR_CONFIG);
  setup = world_setup(&w);
  setup.signer_id = 2; /* another signer's journal */
  assert_int_equal(signer_open(&setup, w.now_ms, &s, &why), ERR_CONFIG);
  setup = world_setup(&w);
  setup.issuer_der = setup.root_der;
  assert_int_equal(signer_open(&setup, w.now_ms, &s, &why), ERR_CONFIG);
  setup = world_setup(&w);
  assert_int_equal(signer_open(&setup, w.now_ms - CLOCK_TOLERANCE_MS - 1, &s, &why), ERR_CLOCK);
  assert_null(s);
}

/* ---- accounts ------------------------------------------------------------------------------------------------------
 */

static void accounts(void **state) {
  (void)state;
  static const enum key_type types[] = {KEY_P256, KEY_P384, KEY_RSA, KEY_ED25519};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    struct person p = person_make(&w, types[i]);
    struct id128 job = world_job();
    struct message m = person_new_account(&w, &p, job);
    uint64_t first = granted(&m);
    person_take(&w, &p, first);
    assert_int_equal(granted(&m), first); /* the same job */
    struct message again = person_new_account(&w, &p, world_job());
    uint64_t second = granted(&again); /* the same key: the same account, by a record of its own */
    assert_int_equal(second, first + 1);
    struct message record = world_record(&w, second);
    assert_true(id_eq(record.record_account.account.id, p.id));
    assert_true(slice_eq(record.record_account.account.sealed, p.sealed));
    assert_true(id_eq(record.record_account.job, again.sign_account.job));
    assert_true(record.record_account.account.terms_agreed);
    person_clear(&p);
  }
}

static void deactivation(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  struct issue_spec spec = {.who = &p, .names = one_name};
  struct message before = world_issue(&w, &spec);
  struct jws_spec jws = {.key = p.key,
                         .kid = world_account_url(&w, p.id),
                         .url = world_account_url(&w, p.id),
                         .payload = "{\"status\":\"valid\"}"};
  struct message m = {.type = MSG_sign_account_change,
                      .sign_account_change = {.job = world_job(), .sealed = p.sealed, .jws = world_jws(&w, &jws)}};
  refused(&m, ERR_MALFORMED);
  jws.payload = "{\"status\":\"deactivated\"}";
  m.sign_account_change.jws = world_jws(&w, &jws);
  uint64_t number = granted(&m);
  assert_int_equal(granted(&m), number); /* the same job */
  struct message other = m;
  jws.payload = "{\"status\": \"deactivated\"}";
  other.sign_account_change.jws = world_jws(&w, &jws);
  refused(&other, ERR_UNAUTHORIZED); /* another request in the same job */
  struct message record = world_record(&w, number);
  assert_int_equal(record.record_account.account.status, ACCOUNT_DEACTIVATED);
  assert_int_equal(record.record_account.account.epoch, 2);
  assert_true(record.record_account.account.terms_agreed);
  m.sign_account_change.job = world_job();
  refused(&m, ERR_UNAUTHORIZED);
  refused(&before, ERR_UNAUTHORIZED); /* with the record of epoch 1, which was right when it was sealed */
  before.sign_issue.account = record.record_account.account.sealed;
  refused(&before, ERR_UNAUTHORIZED);
  struct message again = person_new_account(&w, &p, world_job());
  refused(&again, ERR_UNAUTHORIZED);
  world_open(&w);
  refused(&before, ERR_UNAUTHORIZED);
  person_clear(&p);
}

/* newAccount with the key of an account, in one batch with the end of that account. */
static void deactivation_beside_a_repeat(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  struct issue_spec spec = {.who = &p, .names = one_name};
  struct message before = world_issue(&w, &spec);
  struct jws_spec jws = {.key = p.key,
                         .kid = world_account_url(&w, p.id),
                         .url = world_account_url(&w, p.id),
                         .payload = "{\"status\":\"deactivated\"}"};
  struct message end = {.type = MSG_sign_account_change,
                        .sign_account_change = {.job = world_job(), .sealed = p.sealed, .jws = world_jws(&w, &jws)}};
  struct message again = person_new_account(&w, &p, world_job());
  const struct message *both[] = {&end, &again};
  struct signer_answer answers[2];
  assert_int_equal(signer_handle_batch(w.signer, both, 2, w.now_ms, answers), AVOW_OK);
  expect(&answers[0], AVOW_OK);
  expect(&answers[1], ERR_UNAVAILABLE);
  refused(&before, ERR_UNAUTHORIZED);
  refused(&again, ERR_UNAUTHORIZED);
  world_open(&w);
  refused(&before, ERR_UNAUTHORIZED);
  person_clear(&p);
}

/* `p` gets the key of `to`, as its client would after the answer. */
static uint64_t change_key(struct person *p, struct person *to) {
  struct key_change_spec spec = {.who = p, .to = to};
  struct message m = world_key_change(&w, &spec);
  uint64_t number = granted(&m);
  assert_int_equal(granted(&m), number); /* the same job */
  to->id = p->id;
  person_take(&w, to, number);
  return number;
}

static void key_change(void **state) {
  (void)state;
  static const enum key_type types[] = {KEY_P384, KEY_RSA, KEY_ED25519, KEY_P256};
  struct person first = person_make(&w, KEY_P256), p = first;
  person_join(&w, &p);
  struct person old = p;
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    struct person next = person_make(&w, types[i]);
    struct message record = world_record(&w, change_key(&p, &next));
    const struct rec_account *a = &record.record_account.account;
    assert_true(id_eq(a->id, p.id) && a->epoch == i + 2 && a->status == ACCOUNT_VALID && a->terms_agreed);
    assert_true(slice_eq(a->jwk, next.jwk) && memcmp(a->thumbprint.b, next.thumbprint, 32) == 0);
    struct sealed_account sealed;
    assert_int_equal(account_open(&w.ring_signer, a->sealed, w.now_ms, &sealed, NULL), AVOW_OK);
    assert_int_equal(sealed.keys_n, i + 2);
    assert_memory_equal(sealed.keys[0], first.thumbprint, 32);
    assert_memory_equal(sealed.keys[i + 1], next.thumbprint, 32);
    if (i > 0)
      person_clear(&p);
    p = next;
  }
  /* What the first key showed still counts; what it signs now does not, nor does its record. */
  struct issue_spec spec = {.who = &p, .names = one_name, .control_of = &old};
  struct message m = world_issue(&w, &spec);
  (void)granted(&m);
  spec.signed_by = &old;
  m = world_issue(&w, &spec);
  refused(&m, ERR_MALFORMED);
  spec.who = &old;
  m = world_issue(&w, &spec);
  refused(&m, ERR_EVIDENCE);
  /* A replay of the journal knows all that. */
  world_open(&w);
  refused(&m, ERR_EVIDENCE);
  spec = (struct issue_spec){.who = &p, .names = one_name, .control_of = &old};
  m = world_issue(&w, &spec);
  (void)granted(&m);
  /* A key that was given up makes no account, and is no new key. */
  m = person_new_account(&w, &first, world_job());
  refused(&m, ERR_UNAUTHORIZED);
  struct key_change_spec back = {.who = &p, .to = &first};
  m = world_key_change(&w, &back);
  refused(&m, ERR_BAD_PUBLIC_KEY);
  person_clear(&first);
  person_clear(&p);
}

/* The list of keys is full: the oldest leaves, and statements made under it with it. */
static void many_keys(void **state) {
  (void)state;
  struct person p[ACCOUNT_KEYS_MAX + 1];
  for (size_t i = 0; i <= ACCOUNT_KEYS_MAX; i++)
    p[i] = person_make(&w, KEY_P256);
  person_join(&w, &p[0]);
  for (size_t i = 0; i < ACCOUNT_KEYS_MAX; i++)
    (void)change_key(&p[i], &p[i + 1]);
  struct issue_spec spec = {.who = &p[ACCOUNT_KEYS_MAX], .names = one_name, .control_of = &p[1]};
  struct message m = world_issue(&w, &spec);
  (void)granted(&m);
  spec.control_of = &p[0];
  m = world_issue(&w, &spec);
  refused(&m, ERR_EVIDENCE);
  struct key_change_spec back = {.who = &p[ACCOUNT_KEYS_MAX], .to = &p[0]};
  m = world_key_change(&w, &back);
  refused(&m, ERR_BAD_PUBLIC_KEY);
  for (size_t i = 0; i <= ACCOUNT_KEYS_MAX; i++)
    person_clear(&p[i]);
}

/* In one batch: two accounts to one key, one account twice, a key change beside a newAccount with the new key. */
static void key_changes_in_a_batch(void **state) {
  (void)state;
  struct person a = person_make(&w, KEY_P256), b = person_make(&w, KEY_P256), c = person_make(&w, KEY_P256),
                d = person_make(&w, KEY_P256);
  person_join(&w, &a);
  person_join(&w, &b);
  struct key_change_spec specs[] = {{.who = &a, .to = &c}, {.who = &b, .to = &c}, {.who = &a, .to = &d}};
  struct message m[] = {world_key_change(&w, &specs[0]), world_key_change(&w, &specs[1]),
                        world_key_change(&w, &specs[2]), person_new_account(&w, &c, world_job())};
  const struct message *batch[] = {&m[0], &m[1], &m[2], &m[3]};
  struct signer_answer answers[4];
  assert_int_equal(signer_handle_batch(w.signer, batch, 4, w.now_ms, answers), AVOW_OK);
  expect(&answers[0], AVOW_OK);
  for (size_t i = 1; i < 4; i++)
    expect(&answers[i], ERR_UNAVAILABLE);
  refused(&m[1], ERR_CONFLICT);
  refused(&m[2], ERR_EVIDENCE);
  uint64_t again = granted(&m[3]); /* the new key has an account by now */
  assert_true(id_eq(world_record(&w, again).record_account.account.id, a.id));
  person_clear(&a);
  person_clear(&b);
  person_clear(&c);
  person_clear(&d);
}

/* ---- issuance
 * ---------------------------------------------------------------------------------------------------------- */

static void certificate_in_full(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  static const char *const names[] = {"www.example.org", "*.example.org", "db.internal.example", NULL};
  struct issue_spec spec = {.who = &p, .names = names};
  struct message m = world_issue(&w, &spec);
  uint64_t number = granted(&m);
  struct message r = world_record(&w, number);
  const struct rec_certificate *k = &r.record_certificate.certificate;
  assert_true(id_eq(r.record_certificate.job, m.sign_issue.job) &&
              id_eq(r.record_certificate.order, m.sign_issue.order));
  assert_true(id_eq(r.record_certificate.account, p.id) && !r.record_certificate.service);
  assert_int_equal(r.record_certificate.names_n, 3);
  assert_int_equal(k->serial.n, 17);
  assert_int_equal(k->serial.p[0], 1);
  assert_int_equal(k->shard, k->serial.p[1] % w.config.crl_shards);
  struct cert cert;
  struct problem why = {0};
  assert_int_equal(cert_parse(k->der, &w.arena, &cert, &why), AVOW_OK);
  assert_true(slice_eq(cert.serial, k->serial) && cert.names_n == 3 && !cert.is_ca);
  const struct profile *profile = config_profile(&w.config, SLICE_NONE);
  assert_int_equal(cert.not_after_s - cert.not_before_s + 1, profile->lifetime_s);
  assert_int_equal(cert.not_before_s, w.now_ms / SECOND_MS - profile->backdate_s);
  char url[64];
  snprintf(url, sizeof url, "http://localhost:14080/crl/I1/%u.crl", k->shard);
  assert_non_null(memmem(k->der.p, k->der.n, url, strlen(url)));
  assert_non_null(memmem(k->der.p, k->der.n, "http://localhost:14080/ca/I1.cer", 32));
  struct issuance_record issued;
  assert_int_equal(issuance_open(&w.ring_signer, k->sealed, w.now_ms, &issued, NULL), AVOW_OK);
  assert_true(issued.number == number && id_eq(issued.account, p.id) && id_eq(issued.order, m.sign_issue.order));
  assert_int_equal(granted(&m), number); /* the same job */
  struct message second = m;
  second.sign_issue.job = world_job();
  refused(&second, ERR_ORDER_NOT_READY);
  world_open(&w);
  assert_int_equal(granted(&m), number);
  refused(&second, ERR_ORDER_NOT_READY);
  person_clear(&p);
}

static void dates(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  const struct profile *profile = config_profile(&w.config, SLICE_NONE);
  int64_t life = profile->lifetime_s * SECOND_MS, back = profile->backdate_s * SECOND_MS;
  static const struct {
    int64_t not_before, not_after; /* from now; 0: not asked for */
    bool life;                     /* not_after counts from the longest there is */
    avow_err expect;
  } rows[] = {
    {0, 0, false, AVOW_OK},
    {(int64_t)2 * DAY_MS, 0, false, AVOW_OK},
    {(int64_t)2 * DAY_MS + SECOND_MS, 0, false, ERR_MALFORMED},
    {(int64_t)-2 * DAY_MS, 0, false, AVOW_OK},
    {(int64_t)-2 * DAY_MS - SECOND_MS, 0, false, ERR_MALFORMED},
    {-DAY_MS, DAY_MS, false, AVOW_OK},
    {0, DAY_MS, false, AVOW_OK},
    {0, -SECOND_MS, false, ERR_MALFORMED},
    {0, -SECOND_MS, true, AVOW_OK},
    {0, SECOND_MS, true, ERR_MALFORMED},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct issue_spec spec = {.who = &p, .names = one_name};
    if (rows[i].not_before)
      spec.not_before_ms = w.now_ms + rows[i].not_before;
    if (rows[i].not_after)
      spec.not_after_ms = w.now_ms + rows[i].not_after + (rows[i].life ? life - back - SECOND_MS : 0);
    struct message m = world_issue(&w, &spec);
    struct signer_answer answer = world_ask(&w, &m);
    expect(&answer, rows[i].expect);
    if (rows[i].expect != AVOW_OK)
      continue;
    /* What was asked for is what it says. */
    struct message record = world_record(&w, answer.record);
    const struct rec_certificate *c = &record.record_certificate.certificate;
    assert_true(!rows[i].not_before || c->not_before == spec.not_before_ms);
    assert_true(!spec.not_after_ms || c->not_after == spec.not_after_ms);
  }
  person_clear(&p);
}

/* Many at once: one pair of commits, numbers without gaps, and the CRL of the same batch last. */
static void batches(void **state) {
  (void)state;
  enum { N = 20 };
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  uint64_t old = issue(&p, one_name);
  struct message messages[N + 4];
  const struct message *list[N + 4];
  struct signer_answer answers[N + 4];
  struct revoke_spec revoke = {.number = old, .by = &p, .reason = 4};
  uint16_t shard = world_record(&w, old).record_certificate.certificate.shard;
  messages[0] = crl(shard);
  messages[1] = crl(shard); /* twice in one batch */
  messages[2] = world_revoke(&w, &revoke);
  for (int i = 3; i < N + 4; i++) {
    struct issue_spec spec = {.who = &p, .names = one_name};
    messages[i] = world_issue(&w, &spec);
  }
  messages[N + 3].sign_issue.order = messages[N + 2].sign_issue.order; /* its JWS names another order */
  for (int i = 0; i < N + 4; i++)
    list[i] = &messages[i];
  uint64_t next = signer_next_record(w.signer);
  assert_int_equal(signer_handle_batch(w.signer, list, N + 4, w.now_ms, answers), AVOW_OK);
  expect(&answers[0], AVOW_OK);
  expect(&answers[1], ERR_UNAVAILABLE);
  expect(&answers[N + 3], ERR_UNAUTHORIZED);
  for (int i = 2; i < N + 3; i++) {
    expect(&answers[i], AVOW_OK);
    assert_int_equal(answers[i].record, next++);
  }
  assert_int_equal(answers[0].record, next++);
  assert_int_equal(signer_next_record(w.signer), next);
  struct slice serial = world_record(&w, old).record_certificate.certificate.serial;
  struct slice der = world_record(&w, answers[0].record).record_crl.der;
  assert_non_null(memmem(der.p, der.n, serial.p, serial.n));
  person_clear(&p);
}

/* ---- revocation and CRLs
 * -------------------------------------------------------------------------------------------------- */

static bool crl_lists(uint16_t shard, struct slice serial) {
  struct message m = crl(shard);
  struct slice der = world_record(&w, granted(&m)).record_crl.der;
  assert_int_equal(crl_second_opinion(der, private_key_public(w.issuer_key), NULL), AVOW_OK);
  return memmem(der.p, der.n, serial.p, serial.n) != NULL;
}

static void revocation_reasons(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  uint64_t number = issue(&p, one_name);
  for (int reason = 2; reason <= 11; reason++) {
    struct revoke_spec spec = {.number = number, .by = &p, .reason = reason};
    if (reason >= 3 && reason <= 5)
      continue;
    struct message m = world_revoke(&w, &spec);
    refused(&m, ERR_BAD_REASON);
  }
  static const int allowed[] = {-1, 0, 1, 3, 4, 5};
  for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
    struct revoke_spec spec = {.number = issue(&p, one_name), .by = &p, .reason = allowed[i]};
    struct message m = world_revoke(&w, &spec);
    struct message r = world_record(&w, granted(&m));
    assert_int_equal(r.record_revocation.reason, allowed[i] < 0 ? 0 : allowed[i]);
    assert_int_equal(r.record_revocation.blocked_key.b[0], 0);
  }
  person_clear(&p);
}

static void revocation_by_account(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256), other = person_make(&w, KEY_P256);
  person_join(&w, &p);
  person_join(&w, &other);
  uint64_t number = issue(&p, one_name);
  struct message record = world_record(&w, number);
  const struct rec_certificate *k = &record.record_certificate.certificate;
  assert_false(crl_lists(k->shard, k->serial));
  struct revoke_spec spec = {.number = number, .by = &other, .reason = 0};
  struct message m = world_revoke(&w, &spec);
  refused(&m, ERR_UNAUTHORIZED);
  spec.by = &p;
  m = world_revoke(&w, &spec);
  uint64_t revoked = granted(&m);
  assert_int_equal(granted(&m), revoked); /* the same job */
  struct message r = world_record(&w, revoked);
  assert_true(id_eq(r.record_revocation.certificate, k->id) && slice_eq(r.record_revocation.serial, k->serial));
  struct revocation_record sealed;
  assert_int_equal(revocation_open(&w.ring_signer, r.record_revocation.sealed, w.now_ms, &sealed, NULL), AVOW_OK);
  assert_true(sealed.number == revoked && sealed.by == REVOKED_BY_ACCOUNT);
  assert_true(crl_lists(k->shard, k->serial));
  for (uint16_t shard = 0; shard < w.config.crl_shards; shard++)
    assert_true(shard == k->shard || !crl_lists(shard, k->serial));
  m.sign_revoke.job = world_job();
  refused(&m, ERR_ALREADY_REVOKED);
  world_open(&w);
  refused(&m, ERR_ALREADY_REVOKED);
  assert_true(crl_lists(k->shard, k->serial));
  w.now_ms += 5 * SECOND_MS;
  spec.reason = 1; /* only this one may follow, and it keeps the date */
  m = world_revoke(&w, &spec);
  r = world_record(&w, granted(&m));
  assert_int_equal(r.record_revocation.reason, 1);
  assert_int_equal(r.record_revocation.revoked, sealed.revoked_ms);
  m.sign_revoke.job = world_job();
  refused(&m, ERR_ALREADY_REVOKED);
  person_clear(&p);
  person_clear(&other);
}

static void revocation_by_key_blocks_it(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  uint64_t number = issue(&p, one_name);
  struct revoke_spec spec = {.number = number, .key = world_csr_key(), .reason = 4};
  struct message m = world_revoke(&w, &spec);
  struct message r = world_record(&w, granted(&m));
  assert_int_equal(r.record_revocation.reason, 1);
  struct digest spki = digest_of(public_key_spki(private_key_public(world_csr_key())));
  assert_memory_equal(r.record_revocation.blocked_key.b, spki.b, 32);
  for (int round = 0; round < 2; round++) {
    struct issue_spec again = {.who = &p, .names = one_name};
    m = world_issue(&w, &again);
    refused(&m, ERR_BAD_PUBLIC_KEY);
    struct person thief = {.key = (struct private_key *)(uintptr_t)world_csr_key()};
    AUTO_BUF jwk;
    buf_init(&jwk, 4096);
    assert_int_equal(jwk_write(private_key_public(thief.key), &jwk), AVOW_OK);
    thief.jwk = buf_slice(&jwk);
    m = person_new_account(&w, &thief, world_job());
    refused(&m, ERR_BAD_PUBLIC_KEY);
    world_open(&w); /* and after a replay */
  }
  person_clear(&p);
}

/* An entry stays until the first CRL after the certificate's end, and that one still has it. */
static void entries_leave_after_expiry(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  uint64_t number = issue(&p, one_name);
  struct message record = world_record(&w, number);
  const struct rec_certificate *k = &record.record_certificate.certificate;
  struct revoke_spec spec = {.number = number, .by = &p, .reason = -1};
  struct message m = world_revoke(&w, &spec);
  (void)granted(&m);
  w.now_ms = k->not_after;
  assert_true(crl_lists(k->shard, k->serial));
  w.now_ms = k->not_after + SECOND_MS;
  assert_true(crl_lists(k->shard, k->serial));
  assert_false(crl_lists(k->shard, k->serial));
  world_open(&w);
  assert_false(crl_lists(k->shard, k->serial));
  m.sign_revoke.job = world_job();
  refused(&m, ERR_UNAUTHORIZED); /* expired */
  person_clear(&p);
}

static void crl_numbers_rise(void **state) {
  (void)state;
  uint64_t last = 0;
  for (int i = 0; i < 6; i++) {
    struct message m = crl(0);
    struct message r = world_record(&w, granted(&m));
    assert_true(r.record_crl.crl_number > last);
    last = r.record_crl.crl_number;
    if (i % 2)
      world_open(&w);
  }
  struct message m = crl((uint16_t)w.config.crl_shards);
  refused(&m, ERR_EVIDENCE);
  m = crl(0);
  m.sign_crl.issuer = SLICE_LIT("root");
  refused(&m, ERR_EVIDENCE);
}

/* ---- time
 * ---------------------------------------------------------------------------------------------------------------------
 */

static void clock_behind(void **state) {
  (void)state;
  struct message m = crl(0);
  (void)granted(&m);
  int64_t now = w.now_ms;
  w.now_ms = now - CLOCK_TOLERANCE_MS;
  (void)granted(&m);
  w.now_ms = now - CLOCK_TOLERANCE_MS - 1;
  refused(&m, ERR_CLOCK);
  struct person p = person_make(&w, KEY_P256);
  struct message a = person_new_account(&w, &p, world_job());
  refused(&a, ERR_CLOCK);
  struct problem why = {0};
  assert_int_equal(world_try_open(&w, &why), ERR_CLOCK);
  w.now_ms = now;
  world_open(&w);
  (void)granted(&a);
  person_clear(&p);
}

static void orders_age(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  const struct profile *profile = config_profile(&w.config, SLICE_NONE);
  int64_t life = profile->order_lifetime_s * SECOND_MS + ORDER_SLACK_MS;
  struct issue_spec spec = {.who = &p, .names = one_name, .order = id_make(w.now_ms - life, 1)};
  struct message m = world_issue(&w, &spec);
  (void)granted(&m);
  spec.order = id_make(w.now_ms - life - 1, 1);
  m = world_issue(&w, &spec);
  refused(&m, ERR_EVIDENCE);
  spec.order = id_make(w.now_ms + CLOCK_TOLERANCE_MS + 1, 1);
  m = world_issue(&w, &spec);
  refused(&m, ERR_EVIDENCE);
  spec.order = id_make(w.now_ms, 2); /* another signer's */
  m = world_issue(&w, &spec);
  refused(&m, ERR_EVIDENCE);
  /* Forgotten orders cannot be used again: they are too old by then. */
  spec.order = id_make(w.now_ms, 1);
  struct message used = world_issue(&w, &spec);
  (void)granted(&used);
  size_t before = w.signer->state.orders.n;
  w.now_ms += life;
  spec.order = (struct id128){{0}};
  struct message young = world_issue(&w, &spec);
  (void)granted(&young);
  w.now_ms += (int64_t)2 * HOUR_MS;
  struct message tick = crl(0);
  (void)granted(&tick);
  assert_true(w.signer->state.orders.n < before + 1);
  used.sign_issue.job = world_job();
  refused(&used, ERR_EVIDENCE);
  young.sign_issue.job = world_job();
  refused(&young, ERR_ORDER_NOT_READY); /* still known */
  person_clear(&p);
}

/* ---- a replay
 * -------------------------------------------------------------------------------------------------------------------
 */

static bool tables_equal(const struct table *a, const struct table *b) {
  const void *e;
  if (a->n != b->n)
    return false;
  for (size_t at = 0; (e = table_next(a, &at));) {
    const void *f = table_find(b, e);
    if (!f || memcmp(e, f, a->entry_n) != 0)
      return false;
  }
  return true;
}

static void replay_knows_the_same(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  for (int i = 0; i < 40; i++) {
    uint64_t number = issue(&p, one_name);
    struct revoke_spec spec = {.number = number, .by = &p, .reason = 4};
    struct message m = i % 3 ? crl((uint16_t)(i % w.config.crl_shards)) : world_revoke(&w, &spec);
    (void)granted(&m);
    m = crl(999);
    refused(&m, ERR_EVIDENCE);
  }
  struct signer *live = w.signer;
  w.signer = NULL;
  world_open(&w);
  const struct state *a = &live->state, *b = &w.signer->state;
  assert_true(tables_equal(&a->accounts, &b->accounts) && tables_equal(&a->account_keys, &b->account_keys));
  assert_true(tables_equal(&a->orders, &b->orders) && tables_equal(&a->revoked, &b->revoked));
  assert_true(tables_equal(&a->blocked, &b->blocked) && tables_equal(&a->crls, &b->crls));
  assert_true(tables_equal(&a->issuers, &b->issuers) && a->intents.n == 0 && b->intents.n == 0);
  assert_int_equal(a->next_record, b->next_record);
  assert_int_equal(a->refusals, 40);
  assert_int_equal(b->refusals, 40);
  for (uint64_t i = 1; i < a->next_record; i++)
    (void)world_record(&w, i);
  for (uint64_t i = a->next_record - 1; i > 0; i--) /* and in no helpful order */
    (void)world_record(&w, i);
  AUTO_BUF bytes;
  buf_init(&bytes, 1024);
  struct message m;
  assert_int_equal(signer_record(w.signer, 0, &bytes, &w.arena, &m, NULL), ERR_NOT_FOUND);
  assert_int_equal(signer_record(w.signer, a->next_record, &bytes, &w.arena, &m, NULL), ERR_NOT_FOUND);
  signer_free(live);
  person_clear(&p);
}

/* A journal whose frames contradict each other is refused, however right their chain is. */
static avow_err apply(struct state *s, uint64_t frame, enum frame_type type, const struct buf *payload) {
  struct frame f = {.type = type, .number = frame, .time_ms = 5, .payload = buf_slice(payload)};
  return state_apply(s, &f, NULL);
}

static void contradictions(void **state) {
  (void)state;
  static const struct {
    const char *what;
    uint64_t record[2], crl[2];
    avow_err second;
  } rows[] = {{"in order", {1, 2}, {1, 2}, AVOW_OK},
              {"a CRL number again", {1, 2}, {1, 1}, ERR_CONFIG},
              {"a CRL number that falls", {1, 2}, {3, 2}, ERR_CONFIG},
              {"a record number again", {1, 1}, {1, 2}, ERR_CONFIG},
              {"a record number left out", {1, 3}, {1, 2}, ERR_CONFIG}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct state s;
    state_init(&s);
    for (int k = 0; k < 2; k++) {
      struct entry e = {.m = {.type = MSG_record_crl}};
      e.m.record_crl = (struct msg_record_crl){
        .number = rows[i].record[k], .crl_number = rows[i].crl[k], .issuer = SLICE_LIT("I1"), .der = SLICE_LIT("x")};
      AUTO_BUF b;
      buf_init(&b, 4096);
      assert_int_equal(entry_put(&e, &b), AVOW_OK);
      if (apply(&s, (uint64_t)k + 1, FRAME_RECORD, &b) != (k ? rows[i].second : AVOW_OK))
        fail_msg("%s", rows[i].what);
    }
    state_clear(&s);
  }
  struct state s;
  state_init(&s);
  AUTO_BUF b;
  buf_init(&b, 4096);
  assert_int_equal(orphan_put(&(struct orphan){.intent = 7}, &b), AVOW_OK);
  assert_int_equal(apply(&s, 1, FRAME_ORPHAN, &b), ERR_CONFIG); /* of no intent */
  struct entry e = {.m = {.type = MSG_record_certificate}, .intent = 7};
  e.m.record_certificate.number = 1;
  buf_reset(&b);
  assert_int_equal(entry_put(&e, &b), AVOW_OK);
  assert_int_equal(apply(&s, 2, FRAME_RECORD, &b), ERR_CONFIG);
  state_clear(&s);
}

/* The process died between intent and outcome: the serial is listed as revoked, the job's repeat succeeds with another.
 */
static void intent_without_outcome(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  struct issue_spec spec = {.who = &p, .names = one_name};
  struct message m = world_issue(&w, &spec);
  struct serial orphans[ORPHANS_MOST];
  for (int i = 0; i < ORPHANS_MOST; i++) {
    uint64_t end = w.signer->journal.end;
    uint64_t number = granted(&m);
    orphans[i] = serial_key(world_record(&w, number).record_certificate.certificate.serial);
    /* Cut the outcome off, as if it had never been written. */
    AUTO_BUF bytes;
    buf_init(&bytes, 1024 * 1024);
    struct frame f;
    assert_int_equal(journal_read(&w.signer->journal, end, &bytes, &f, NULL), AVOW_OK);
    assert_int_equal(f.type, FRAME_INTENT);
    assert_int_equal(ftruncate(w.journal, (off_t)frame_end(&f)), 0);
    world_open(&w);
    assert_non_null(table_find(&w.signer->state.revoked, &orphans[i]));
    assert_int_equal(w.signer->state.intents.n, 0);
    assert_int_equal(signer_next_record(w.signer), number);
  }
  refused(&m, ERR_INTERNAL); /* cut short too often */
  spec.order = (struct id128){{0}};
  m = world_issue(&w, &spec);
  uint64_t number = granted(&m);
  struct serial fresh = serial_key(world_record(&w, number).record_certificate.certificate.serial);
  for (int i = 0; i < ORPHANS_MOST; i++) {
    assert_memory_not_equal(&fresh, &orphans[i], sizeof fresh);
    uint16_t shard = (uint16_t)(orphans[i].b[1] % (unsigned)w.config.crl_shards);
    assert_true(crl_lists(shard, serial_slice(&orphans[i])));
  }
  world_open(&w);
  assert_int_equal(granted(&m), number);
  person_clear(&p);
}

/* BR 6.1.1.3 (4), (5): the signer looks for itself, whatever front let pass; and again after a restart. */
static void listed_keys(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  AUTO_PRIVATE_KEY key = NULL;
  assert_int_equal(private_key_generate(KEY_P256, 0, &key), AVOW_OK);
  struct digest sum = digest_of(public_key_spki(private_key_public(key)));
  struct key_list list;
  key_list_init(&list);
  char hex[2 * sizeof sum.b + 1];
  assert_int_equal(key_list_add(&list, slice_str(hex_encode(digest_slice(&sum), hex)), "list", NULL), AVOW_OK);
  key_list_sort(&list);
  struct issue_spec spec = {.who = &p, .names = one_name, .csr_key = key};
  struct message m = world_issue(&w, &spec);
  w.signer->setup.blocklist = &list;
  refused(&m, ERR_BAD_PUBLIC_KEY);
  issue(&p, one_name); /* another key */
  w.signer->setup.blocklist = NULL;
  granted(&m);
  key_list_clear(&list);
  person_clear(&p);
}

/* A profile that asks for what no certificate may be: nothing is signed, and the refusal is in the journal. */
static void bad_profile(void **state) {
  (void)state;
  struct person p = person_make(&w, KEY_P256);
  person_join(&w, &p);
  struct profile *profile = &w.config.profiles[0];
  const struct profile good = *profile;
  struct issue_spec spec = {.who = &p, .names = one_name, .profile = good.name};
  for (int i = 0; i < 2; i++) {
    *profile = good;
    if (i == 0)
      profile->crl = profile->ocsp = false; /* neither way to learn of a revocation */
    else
      profile->lifetime_s = INT64_C(201) * 86400, strcpy(profile->policy_oids[0], "2.23.140.1.2.1"),
      profile->policy_oids_n = 1;
    uint64_t next = signer_next_record(w.signer), end = w.signer->journal.end;
    struct message m = world_issue(&w, &spec);
    refused(&m, ERR_LINT);
    assert_int_equal(signer_next_record(w.signer), next);
    AUTO_BUF bytes;
    buf_init(&bytes, 1024 * 1024);
    struct frame f;
    struct refusal refusal;
    assert_int_equal(journal_read(&w.signer->journal, end, &bytes, &f, NULL), AVOW_OK);
    assert_int_equal(f.type, FRAME_REFUSAL); /* no intent: the key was not asked */
    assert_int_equal(refusal_get(f.payload, &refusal, NULL), AVOW_OK);
    assert_int_equal(refusal.err, ERR_LINT);
    assert_true(id_eq(refusal.job, m.sign_issue.job));
    assert_int_equal(frame_end(&f), w.signer->journal.end);
  }
  *profile = good;
  issue(&p, one_name);
  person_clear(&p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {TEST(first_records),
                                     TEST(refuses_to_open),
                                     TEST(accounts),
                                     TEST(deactivation),
                                     TEST(deactivation_beside_a_repeat),
                                     TEST(key_change),
                                     TEST(many_keys),
                                     TEST(key_changes_in_a_batch),
                                     TEST(certificate_in_full),
                                     TEST(dates),
                                     TEST(batches),
                                     TEST(revocation_reasons),
                                     TEST(revocation_by_account),
                                     TEST(revocation_by_key_blocks_it),
                                     TEST(entries_leave_after_expiry),
                                     TEST(crl_numbers_rise),
                                     TEST(clock_behind),
                                     TEST(orders_age),
                                     TEST(replay_knows_the_same),
                                     TEST(contradictions),
                                     TEST(intent_without_outcome),
                                     TEST(listed_keys),
                                     TEST(bad_profile)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
