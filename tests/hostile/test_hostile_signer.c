/* A front and a registrar that belong to an attacker, against the real signer process. Each row spoils one fact of a
   request that is granted otherwise; each is refused, with this error, and stands in the journal. */
#include "hostile/rig.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc/model.h"
#include "jose/jws.h"

static struct rig rig;
static struct person alice, mallory;
static const char *const one_name[] = {"www.example.org", NULL};
static const char *const two_names[] = {"ftp.example.org", "www.example.org", NULL};
static const char *const wildcard[] = {"*.example.org", NULL};

static int set_up(void **state) {
  (void)state;
  memset(&rig, 0, sizeof rig);
  world_make(&rig.w, KIND_PRIVATE, clock_now_ms());
  rig_start(&rig, true);
  alice = person_make(&rig.w, KEY_P256);
  mallory = person_make(&rig.w, KEY_P256);
  person_join(&rig.w, &alice);
  person_join(&rig.w, &mallory);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  if (rig.pid > 0)
    (void)rig_kill(&rig);
  person_clear(&alice);
  person_clear(&mallory);
  world_clear(&rig.w);
  inbox_clear(&rig.in);
  free(rig.records);
  return 0;
}

static struct id128 job_of(const struct message *m) {
  return m->type == MSG_sign_account          ? m->sign_account.job
         : m->type == MSG_sign_account_change ? m->sign_account_change.job
         : m->type == MSG_sign_issue          ? m->sign_issue.job
         : m->type == MSG_sign_revoke         ? m->sign_revoke.job
                                              : (struct id128){{0}};
}

static void refused(const char *what, const struct message *m, avow_err expect) {
  uint64_t before = rig.records_n;
  struct signer_answer a = world_ask(&rig.w, m);
  if (a.problem.err != expect)
    fail_msg("%s: %s (%s), expected %s", what, err_name(a.problem.err), a.problem.detail, err_name(expect));
  if (!rig_refusal_is_last(&rig, job_of(m), expect))
    fail_msg("%s: the refusal is not in the journal", what);
  rig_take_records(&rig, 0);
  assert_int_equal(rig.records_n, before);
}

static uint64_t granted(const struct message *m) {
  struct signer_answer a = world_ask(&rig.w, m);
  if (a.problem.err != AVOW_OK)
    fail_msg("a right request was refused: %s (%s)", err_name(a.problem.err), a.problem.detail);
  (void)rig_record(&rig, a.record);
  return a.record;
}

static struct issue_spec good(void) {
  rig.w.now_ms = clock_now_ms();
  return (struct issue_spec){.who = &alice, .names = one_name};
}

static uint64_t issue_good(void) {
  struct issue_spec spec = good();
  struct message m = world_issue(&rig.w, &spec);
  return granted(&m);
}

/* ---- issuance ------------------------------------------------------------------------------------------------------
 */

/* BasicConstraints, critical, cA TRUE; KeyUsage with keyCertSign is no part of any certificate we build. */
static const uint8_t ca_true[] = {0x30, 0x0f, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01,
                                  0xff, 0x04, 0x05, 0x30, 0x03, 0x01, 0x01, 0xff};

static void spoiled_issuance(void **state) {
  (void)state;
  struct world *w = &rig.w;
  uint64_t first = issue_good();
  static const char *const other_name[] = {"victim.example.org", NULL};
  /* Names that this CA does not certify, whoever shows control of them. */
  static const char *const reserved[] = {"a.test", NULL}, *const single[] = {"intranet", NULL};
  static const char *const suffix[] = {"co.uk", NULL}, *const wide[] = {"*.co.uk", NULL};
  static const char *const arpa[] = {"host.in-addr.arpa", NULL}, *const loopback[] = {"localhost", NULL};
  static const char *const address[] = {"192.0.2.1", NULL};
  const char *mallory_url = world_account_url(w, mallory.id);
  const char *other_order = world_order_url(w, world_order(w), "/finalize");
  /* Rings under which everything is right but one thing. */
  struct seal_ring other_kind = w->ring_validator, other_id = w->ring_validator;
  other_kind.kind = KIND_TEST;
  other_id.keys[0].id = 9;
  const struct {
    const char *what;
    avow_err expect;
    struct issue_spec spec;
  } rows[] = {
    {"altered signature", ERR_MALFORMED, {.spoil_jws = true}},
    {"signed by another account's key", ERR_MALFORMED, {.signed_by = &mallory}},
    {"another account's kid", ERR_EVIDENCE, {.kid = mallory_url, .signed_by = &mallory}},
    {"a kid on a foreign host", ERR_EVIDENCE, {.kid = "https://evil.example/acme/acct/00"}},
    {"signed for another order", ERR_UNAUTHORIZED, {.url = other_order}},
    {"signed for another resource", ERR_UNAUTHORIZED, {.url = WORLD_BASE "/acme/new-order"}},
    {"signed for a foreign host", ERR_UNAUTHORIZED, {.url = "https://evil.example/acme/order/00/finalize"}},
    {"control by another account", ERR_EVIDENCE, {.control_of = &mallory}},
    {"CAA for another account", ERR_EVIDENCE, {.caa_of = &mallory}},
    {"control sealed by a stranger", ERR_EVIDENCE, {.control_ring = &w->foreign}},
    {"CAA sealed by a stranger", ERR_EVIDENCE, {.caa_ring = &w->foreign}},
    {"control sealed with the signer's own ring", ERR_EVIDENCE, {.control_ring = &w->ring_signer}},
    {"control of another kind of CA", ERR_EVIDENCE, {.control_ring = &other_kind}},
    {"control under an unknown key id", ERR_EVIDENCE, {.control_ring = &other_id}},
    {"CAA of another kind of CA", ERR_EVIDENCE, {.caa_ring = &other_kind}},
    {"no control", ERR_EVIDENCE, {.no_control = true}},
    {"no CAA", ERR_EVIDENCE, {.no_caa = true}},
    {"stale control", ERR_EVIDENCE, {.control_age_ms = (int64_t)1000 * DAY_MS}},
    {"stale CAA", ERR_EVIDENCE, {.caa_age_ms = 8 * HOUR_MS + MINUTE_MS}},
    {"expired CAA", ERR_EVIDENCE, {.caa_left_ms = -MINUTE_MS}},
    {"CAA forbids", ERR_CAA, {.verdict = CAA_FORBIDDEN}},
    {"a public name called internal", ERR_EVIDENCE, {.verdict = CAA_INTERNAL}},
    {"control from the future", ERR_CLOCK, {.control_age_ms = -HOUR_MS}},
    {"CAA from the future", ERR_CLOCK, {.caa_age_ms = -HOUR_MS}},
    {"control of another name", ERR_EVIDENCE, {.control_name = "ftp.example.org"}},
    {"control of the parent", ERR_EVIDENCE, {.control_name = "example.org"}},
    {"the parent's tree by http", ERR_EVIDENCE, {.control_name = "example.org", .control_scope = SCOPE_SUBTREE}},
    {"CAA of another name", ERR_EVIDENCE, {.caa_name = "ftp.example.org"}},
    {"a wildcard by http", ERR_EVIDENCE, {.names = wildcard, .method = METHOD_HTTP_01}},
    {"a wildcard by an exact statement", ERR_EVIDENCE, {.names = wildcard, .control_scope = SCOPE_EXACT}},
    {"one name more in the CSR", ERR_BAD_CSR, {.csr_names = two_names}},
    {"one name less in the CSR", ERR_BAD_CSR, {.names = two_names, .csr_names = one_name}},
    {"another name in the CSR", ERR_BAD_CSR, {.csr_names = other_name}},
    {"the wildcard in the CSR", ERR_BAD_CSR, {.csr_names = wildcard}},
    {"a CA's CSR", ERR_BAD_CSR, {.csr_extension = SLICE_OF(ca_true)}},
    {"a CSR that its key did not sign", ERR_BAD_CSR, {.csr_spoil = true}},
    {"a reserved name", ERR_REJECTED_IDENTIFIER, {.names = reserved}},
    {"a single label", ERR_REJECTED_IDENTIFIER, {.names = single}},
    {"a public suffix", ERR_REJECTED_IDENTIFIER, {.names = suffix}},
    {"a wildcard above a public suffix", ERR_REJECTED_IDENTIFIER, {.names = wide}},
    {"a reverse zone", ERR_REJECTED_IDENTIFIER, {.names = arpa}},
    {"the machine itself", ERR_REJECTED_IDENTIFIER, {.names = loopback}},
    {"an address where the profile has none", ERR_REJECTED_IDENTIFIER, {.names = address, .profile = "classic"}},
    {"an address by dns", ERR_EVIDENCE, {.names = address, .profile = "shortlived", .method = METHOD_DNS_01}},
    {"another address", ERR_EVIDENCE, {.names = address, .profile = "shortlived", .control_name = "192.0.2.2"}},
    {"the account's key", ERR_BAD_CSR, {.csr_key = alice.key}},
    {"the issuing key", ERR_BAD_PUBLIC_KEY, {.csr_key = w->issuer_key}},
    {"the root's key", ERR_BAD_PUBLIC_KEY, {.csr_key = w->root_key}},
    {"the web key", ERR_BAD_PUBLIC_KEY, {.csr_key = w->web_key}},
    {"an unknown profile", ERR_INVALID_PROFILE, {.profile = "subca"}},
    {"ten years", ERR_MALFORMED, {.not_after_ms = w->now_ms + (int64_t)3650 * DAY_MS}},
    {"next year's", ERR_MALFORMED, {.not_before_ms = w->now_ms + (int64_t)365 * DAY_MS}},
    {"an order from the future", ERR_EVIDENCE, {.order = id_make(w->now_ms + HOUR_MS, 1)}},
    {"an order from long ago", ERR_EVIDENCE, {.order = id_make(w->now_ms - (int64_t)365 * DAY_MS, 1)}},
    {"another signer's order", ERR_EVIDENCE, {.order = id_make(w->now_ms, 2)}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct issue_spec spec = rows[i].spec;
    spec.who = &alice;
    if (!spec.names)
      spec.names = one_name;
    struct message m = world_issue(w, &spec);
    refused(rows[i].what, &m, rows[i].expect);
  }
  assert_int_equal(issue_good(), first + 1);
  struct issue_spec spec = {.who = &alice, .names = address, .profile = "shortlived"};
  struct message m = world_issue(w, &spec);
  assert_int_equal(granted(&m), first + 2);
  assert_int_equal(rig_count(&rig, FRAME_INTENT), 3);
}

/* What the registrar can mix without any key: parts of right requests of two accounts. */
static void mixed_parts(void **state) {
  (void)state;
  struct world *w = &rig.w;
  struct issue_spec spec = good();
  struct message a = world_issue(w, &spec);
  spec.who = &mallory;
  struct message b = world_issue(w, &spec), m;
  spec.who = &alice;
  spec.names = two_names;
  struct message c = world_issue(w, &spec);

  m = a;
  m.sign_issue.account = mallory.sealed;
  refused("another account's record", &m, ERR_EVIDENCE);
  m = b;
  m.sign_issue.names = a.sign_issue.names;
  refused("another account's statements", &m, ERR_EVIDENCE);
  m = a;
  m.sign_issue.order = b.sign_issue.order;
  refused("another order", &m, ERR_UNAUTHORIZED);
  m = a;
  m.sign_issue.jws = b.sign_issue.jws;
  refused("another account's finalize", &m, ERR_EVIDENCE);
  m = a;
  m.sign_issue.names = c.sign_issue.names;
  m.sign_issue.names_n = 2;
  refused("an order with one name more", &m, ERR_BAD_CSR);
  m = c;
  m.sign_issue.names_n = 1;
  refused("an order with one name less", &m, ERR_BAD_CSR);
  /* Statements under the wrong heading, and in each other's place. */
  struct rec_order_name twisted[2] = {c.sign_issue.names[0], c.sign_issue.names[1]};
  twisted[0].control = c.sign_issue.names[1].control;
  m = c;
  m.sign_issue.names = twisted;
  refused("one name's control for two", &m, ERR_EVIDENCE);
  twisted[0] = twisted[1];
  refused("one name twice", &m, ERR_BAD_CSR);
  struct rec_order_name swapped = a.sign_issue.names[0];
  swapped.control = a.sign_issue.names[0].caa;
  m = a;
  m.sign_issue.names = &swapped;
  refused("a CAA statement as control", &m, ERR_EVIDENCE);
  swapped = a.sign_issue.names[0];
  swapped.caa = a.sign_issue.names[0].control;
  refused("a control statement as CAA", &m, ERR_EVIDENCE);
  struct rec_blob account = {.b = alice.sealed};
  swapped = a.sign_issue.names[0];
  swapped.control = &account;
  refused("an account as control", &m, ERR_EVIDENCE);
  m = a;
  m.sign_issue.account = a.sign_issue.names[0].control[0].b;
  refused("a control statement as account", &m, ERR_EVIDENCE);
  m.sign_issue.account = SLICE_NONE;
  refused("no account", &m, ERR_EVIDENCE);
  m = a;
  m.sign_issue.names_n = 0;
  refused("no name", &m, ERR_BAD_CSR);
  m = a;
  m.sign_issue.jws = SLICE_LIT("{}");
  refused("no JWS", &m, ERR_MALFORMED);
  (void)granted(&a);
  (void)granted(&b);
  (void)granted(&c);
}

/* Every bit of every sealed thing. */
static void flipped_bits(void **state) {
  (void)state;
  struct world *w = &rig.w;
  struct issue_spec spec = good();
  struct message m = world_issue(w, &spec);
  struct slice targets[] = {m.sign_issue.names[0].control[0].b, m.sign_issue.names[0].caa[0].b, m.sign_issue.account};
  size_t before = rig_count(&rig, FRAME_REFUSAL), n = 0;
  for (size_t t = 0; t < 3; t++)
    for (size_t bit = t; bit < 8 * targets[t].n; bit += 3, n++) {
      uint8_t *byte = (uint8_t *)(uintptr_t)&targets[t].p[bit / 8];
      *byte ^= (uint8_t)(1u << bit % 8);
      struct signer_answer a = world_ask(w, &m);
      assert_int_equal(a.problem.err, ERR_EVIDENCE);
      *byte ^= (uint8_t)(1u << bit % 8);
    }
  assert_int_equal(rig_count(&rig, FRAME_REFUSAL), before + n);
  (void)granted(&m);
}

static void finalize_issues_once(void **state) {
  (void)state;
  struct world *w = &rig.w;
  struct issue_spec spec = good();
  spec.order = world_order(w);
  struct message m = world_issue(w, &spec);
  uint64_t number = granted(&m);
  assert_int_equal(granted(&m), number); /* the same job: the journalled result, nothing new */
  struct message again = m;
  again.sign_issue.job = world_job();
  refused("the same finalize in another job", &again, ERR_ORDER_NOT_READY);
  AUTO_PRIVATE_KEY key = NULL;
  assert_int_equal(private_key_generate(KEY_P256, 0, &key), AVOW_OK);
  spec.csr_key = key;
  again = world_issue(w, &spec);
  refused("another CSR for the same URL", &again, ERR_ORDER_NOT_READY);
  again.sign_issue.job = m.sign_issue.job;
  refused("another CSR in the same job", &again, ERR_ORDER_NOT_READY);
  (void)rig_kill(&rig);
  rig_start(&rig, true);
  refused("another CSR after a restart", &again, ERR_ORDER_NOT_READY);
  assert_int_equal(granted(&m), number);
  assert_int_equal(rig_count(&rig, FRAME_INTENT), 1);
}

/* ---- accounts
 * ---------------------------------------------------------------------------------------------------------- */

static void spoiled_accounts(void **state) {
  (void)state;
  struct world *w = &rig.w;
  struct person p = person_make(w, KEY_P256);
  const char *agreed = "{\"termsOfServiceAgreed\":true}";
  const struct {
    const char *what;
    avow_err expect;
    struct jws_spec spec;
  } rows[] = {
    {"altered signature", ERR_MALFORMED, {.spoil = true}},
    {"another's key in the header", ERR_MALFORMED, {.jwk = mallory.jwk}},
    {"signed for new-order", ERR_UNAUTHORIZED, {.url = WORLD_BASE "/acme/new-order"}},
    {"signed for a foreign host", ERR_UNAUTHORIZED, {.url = "https://evil.example/acme/new-account"}},
    {"a kid", ERR_MALFORMED, {.kid = WORLD_BASE "/acme/acct/00"}},
    {"no payload", ERR_MALFORMED, {.payload = ""}},
    {"a list", ERR_MALFORMED, {.payload = "[]"}},
    {"a question only", ERR_EVIDENCE, {.payload = "{\"onlyReturnExisting\":true}"}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct jws_spec spec = rows[i].spec;
    spec.key = p.key;
    if (!spec.kid && !spec.jwk.n)
      spec.jwk = p.jwk;
    if (!spec.url)
      spec.url = WORLD_BASE "/acme/new-account";
    if (!spec.payload)
      spec.payload = agreed;
    struct message m = {.type = MSG_sign_account, .sign_account = {.job = world_job(), .jws = world_jws(w, &spec)}};
    refused(rows[i].what, &m, rows[i].expect);
  }
  person_join(w, &p);
  person_clear(&p);
}

static void deactivated_account(void **state) {
  (void)state;
  struct world *w = &rig.w;
  uint64_t number = issue_good();
  const char *url = world_account_url(w, alice.id);
  const char *off = "{\"status\":\"deactivated\"}";
  struct jws_spec jws = {.key = alice.key, .kid = url, .url = url, .payload = off};
  struct message right = {.type = MSG_sign_account_change};
  right.sign_account_change.job = world_job();
  right.sign_account_change.sealed = alice.sealed;
  right.sign_account_change.jws = world_jws(w, &jws);
  struct message m = right;
  m.sign_account_change.sealed = mallory.sealed;
  refused("another account's deactivation", &m, ERR_EVIDENCE);
  jws.key = mallory.key;
  m = right;
  m.sign_account_change.jws = world_jws(w, &jws);
  refused("signed by another", &m, ERR_MALFORMED);
  jws.key = alice.key;
  jws.url = WORLD_BASE "/acme/new-account";
  m.sign_account_change.jws = world_jws(w, &jws);
  refused("signed for another URL", &m, ERR_UNAUTHORIZED);
  jws.url = url;
  jws.payload = "{}";
  m.sign_account_change.jws = world_jws(w, &jws);
  refused("a mere update", &m, ERR_MALFORMED);

  struct issue_spec spec = good();
  struct message issue = world_issue(w, &spec);
  struct revoke_spec revoke = {.number = number, .by = &alice, .reason = 0};
  struct message taken = world_revoke(w, &revoke);
  uint64_t changed = granted(&right);
  refused("the old epoch's record", &issue, ERR_UNAUTHORIZED);
  issue.sign_issue.account = rig_record(&rig, changed).record_account.account.sealed;
  refused("the deactivated record", &issue, ERR_UNAUTHORIZED);
  refused("a revocation by it", &taken, ERR_UNAUTHORIZED);
  m = right;
  m.sign_account_change.job = world_job();
  refused("deactivated twice", &m, ERR_UNAUTHORIZED);
  m = person_new_account(w, &alice, world_job());
  refused("a new account for its key", &m, ERR_UNAUTHORIZED);
}

static void spoiled_key_change(void **state) {
  (void)state;
  struct world *w = &rig.w;
  struct person next = person_make(w, KEY_P256), last = person_make(w, KEY_P256);
  const char *mallory_url = world_account_url(w, mallory.id);
  const struct {
    const char *what;
    avow_err expect;
    struct key_change_spec spec;
  } rows[] = {
    {"altered outer signature", ERR_MALFORMED, {.spoil = true}},
    {"altered inner signature", ERR_MALFORMED, {.inner_spoil = true}},
    {"signed by another", ERR_MALFORMED, {.by = &mallory}},
    {"signed by the new key alone", ERR_MALFORMED, {.by = &next}},
    {"without the new key's consent", ERR_MALFORMED, {.inner_by = &alice}},
    {"another's consent", ERR_MALFORMED, {.inner_by = &mallory}},
    {"the inner one about another account", ERR_MALFORMED, {.account = mallory_url}},
    {"another account's old key", ERR_MALFORMED, {.old_key = mallory.jwk}},
    {"the new key as the old one", ERR_MALFORMED, {.old_key = next.jwk}},
    {"no old key", ERR_MALFORMED, {.old_key = SLICE_LIT("null")}},
    {"a nonce inside", ERR_MALFORMED, {.inner_nonce = true}},
    {"a kid inside", ERR_MALFORMED, {.inner_kid = true}},
    {"the inner one for another URL", ERR_MALFORMED, {.inner_url = WORLD_BASE "/acme/new-order"}},
    {"both for another URL", ERR_UNAUTHORIZED, {.url = WORLD_BASE "/acme/new-order"}},
    {"both for a foreign host", ERR_UNAUTHORIZED, {.url = "https://evil.example/acme/key-change"}},
    {"for the account's URL", ERR_MALFORMED, {.url = world_account_url(w, alice.id)}},
    {"the present key", ERR_MALFORMED, {.to = &alice}},
    {"another account's key", ERR_CONFLICT, {.to = &mallory}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct key_change_spec spec = rows[i].spec;
    spec.who = &alice;
    if (!spec.to)
      spec.to = &next;
    struct message m = world_key_change(w, &spec);
    refused(rows[i].what, &m, rows[i].expect);
  }
  struct key_change_spec spec = {.who = &alice, .to = &next};
  struct message right = world_key_change(w, &spec), m = right;
  m.sign_account_change.sealed = mallory.sealed;
  refused("another account's record", &m, ERR_EVIDENCE);
  struct issue_spec issue = good();
  struct message before = world_issue(w, &issue);
  uint64_t number = granted(&right);
  next.id = alice.id;
  person_take(w, &next, number);

  /* Played again, with the record of then and of now. */
  m = right;
  m.sign_account_change.job = world_job();
  refused("the old epoch", &m, ERR_EVIDENCE);
  m.sign_account_change.sealed = next.sealed;
  refused("a repeated key change", &m, ERR_MALFORMED);
  refused("a finalize by the old key with its record", &before, ERR_EVIDENCE);
  before.sign_issue.account = next.sealed;
  refused("a finalize by the old key", &before, ERR_MALFORMED);
  spec = (struct key_change_spec){.who = &next, .to = &alice};
  m = world_key_change(w, &spec);
  refused("back to the old key, whose request could then be repeated", &m, ERR_BAD_PUBLIC_KEY);
  m = person_new_account(w, &alice, world_job());
  refused("an account for the old key", &m, ERR_UNAUTHORIZED);

  /* After a restart of the signer, and of the next change. */
  (void)rig_kill(&rig);
  rig_start(&rig, true);
  assert_int_equal(granted(&right), number);
  spec = (struct key_change_spec){.who = &next, .to = &last};
  m = world_key_change(w, &spec);
  number = granted(&m);
  last.id = alice.id;
  person_take(w, &last, number);
  right.sign_account_change.sealed = last.sealed;
  refused("a repeated key change in its own job", &right, ERR_MALFORMED);
  issue = (struct issue_spec){.who = &last, .names = one_name, .control_of = &alice};
  m = world_issue(w, &issue);
  (void)granted(&m);
  person_clear(&next);
  person_clear(&last);
}

/* An account that this CA's ring sealed, but its journal does not know: a stolen seal key is not enough. */
static void unknown_account(void **state) {
  (void)state;
  struct world *w = &rig.w;
  struct person ghost = person_make(w, KEY_P256);
  ghost.id = id_make(w->now_ms, 1);
  struct sealed_account a = {
    .id = ghost.id, .epoch = 1, .status = ACCOUNT_VALID, .created_ms = w->now_ms, .jwk = ghost.jwk, .keys_n = 1};
  memcpy(a.keys[0], ghost.thumbprint, 32);
  AUTO_BUF b;
  buf_init(&b, 8192);
  assert_int_equal(account_seal(&w->ring_signer, &a, &b), AVOW_OK);
  ghost.sealed = buf_slice(&b);
  struct issue_spec spec = {.who = &ghost, .names = one_name};
  struct message m = world_issue(w, &spec);
  refused("an account the journal does not know", &m, ERR_EVIDENCE);
  /* Alice's id with another key and a higher epoch. */
  a.id = ghost.id = alice.id;
  a.epoch = 2;
  buf_reset(&b);
  assert_int_equal(account_seal(&w->ring_signer, &a, &b), AVOW_OK);
  ghost.sealed = buf_slice(&b);
  m = world_issue(w, &spec);
  refused("an epoch the journal does not know", &m, ERR_EVIDENCE);
  person_clear(&ghost);
}

/* ---- revocation
 * ------------------------------------------------------------------------------------------------------------ */

static void spoiled_revocation(void **state) {
  (void)state;
  struct world *w = &rig.w;
  uint64_t mine = issue_good();
  struct issue_spec spec = {.who = &mallory, .names = one_name};
  AUTO_PRIVATE_KEY key = NULL;
  assert_int_equal(private_key_generate(KEY_P256, 0, &key), AVOW_OK);
  spec.csr_key = key;
  struct message m = world_issue(w, &spec);
  uint64_t hers = granted(&m);
  struct rec_certificate theirs = rig_record(&rig, hers).record_certificate.certificate;
  struct slice issuance = rig_record(&rig, mine).record_certificate.certificate.sealed;
  const struct {
    const char *what;
    avow_err expect;
    struct revoke_spec spec;
  } rows[] = {
    {"by another account", ERR_UNAUTHORIZED, {.by = &mallory}},
    {"by another key", ERR_UNAUTHORIZED, {.key = key}},
    {"by the account's key as jwk", ERR_UNAUTHORIZED, {.key = alice.key}},
    {"altered signature", ERR_MALFORMED, {.by = &alice, .spoil = true}},
    {"altered signature of the key", ERR_MALFORMED, {.key = world_csr_key(), .spoil = true}},
    {"another certificate", ERR_EVIDENCE, {.by = &alice, .certificate = theirs.der}},
    {"another issuance record", ERR_UNAUTHORIZED, {.by = &alice, .issuance = theirs.sealed}},
    {"an account as issuance record", ERR_EVIDENCE, {.by = &alice, .issuance = alice.sealed}},
    {"signed for another URL", ERR_UNAUTHORIZED, {.by = &alice, .url = WORLD_BASE "/acme/new-order"}},
    {"a certificate hold", ERR_BAD_REASON, {.by = &alice, .reason = 6}},
    {"privilege withdrawn", ERR_BAD_REASON, {.by = &alice, .reason = 9}},
    {"by the key, for another URL", ERR_UNAUTHORIZED, {.key = world_csr_key(), .url = WORLD_BASE "/acme/new-account"}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct revoke_spec r = rows[i].spec;
    r.number = mine;
    m = world_revoke(w, &r);
    refused(rows[i].what, &m, rows[i].expect);
  }
  struct revoke_spec right = {.number = mine, .by = &alice, .reason = 0};
  m = world_revoke(w, &right);
  for (size_t bit = 0; bit < 8 * issuance.n; bit += 7) {
    AUTO_BUF b;
    buf_init(&b, 8192);
    buf_put(&b, issuance);
    b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    m.sign_revoke.issuance = buf_slice(&b);
    struct signer_answer a = world_ask(w, &m);
    assert_int_equal(a.problem.err, ERR_EVIDENCE);
  }
  m.sign_revoke.issuance = issuance;
  struct message mixed = m;
  mixed.sign_revoke.account = SLICE_NONE;
  refused("an account's request without the account", &mixed, ERR_EVIDENCE);
  mixed.sign_revoke.account = mallory.sealed;
  refused("with another account", &mixed, ERR_UNAUTHORIZED);
  (void)granted(&m);
  m.sign_revoke.job = world_job();
  refused("twice", &m, ERR_ALREADY_REVOKED);
}

static void foreign_crls(void **state) {
  (void)state;
  struct message m = {.type = MSG_sign_crl, .sign_crl = {.issuer = SLICE_LIT("root"), .shard = 0}};
  refused("the root's CRL", &m, ERR_EVIDENCE);
  m.sign_crl.issuer = SLICE_LIT("I1");
  m.sign_crl.shard = (uint16_t)rig.w.config.crl_shards;
  refused("a shard that is not there", &m, ERR_EVIDENCE);
  m.sign_crl.shard = 0;
  (void)granted(&m);
}

/* ---- the process
 * ------------------------------------------------------------------------------------------------------------- */

/* Messages that no registrar may send end its channel, and nothing else: a renewed one works. */
static void forbidden_messages(void **state) {
  (void)state;
  struct issue_spec spec = good();
  struct message right = world_issue(&rig.w, &spec);
  struct message wrong[] = {{.type = MSG_records_from, .records_from = {.next = 1}},
                            {.type = MSG_validator_hello},
                            {.type = MSG_done},
                            {.type = MSG_signer_hello}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct signer_answer a;
    bool ends = wrong[i].type != MSG_done;
    (void)rig_send(&rig, &wrong[i]);
    avow_err e = channel_recv(&rig.registrar, &rig.in, 2000);
    if (ends)
      assert_int_equal(e, ERR_PEER);
    else
      assert_true(e == ERR_PEER || (e == AVOW_OK && rig.in.m.type == MSG_refused));
    rig_renew_registrar(&rig, true);
    assert_true(rig_answer(&rig, rig_send(&rig, &right), 5000, &a));
    assert_int_equal(a.problem.err, AVOW_OK);
  }
  rig_renew_registrar(&rig, false);
  (void)rig_send(&rig, &right); /* before its hello */
  assert_int_equal(channel_recv(&rig.registrar, &rig.in, 2000), ERR_PEER);
  rig_renew_registrar(&rig, true);
  static const uint8_t noise[] = {1, 0, 131, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255};
  assert_int_equal(write(rig.registrar.fd, noise, sizeof noise), sizeof noise);
  assert_int_equal(channel_recv(&rig.registrar, &rig.in, 2000), ERR_PEER);
  rig_renew_registrar(&rig, true);
  (void)issue_good();
}

/* Nothing is signed before the store has said where it stands. */
static void store_speaks_first(void **state) {
  (void)state;
  struct issue_spec spec = good();
  struct message m = world_issue(&rig.w, &spec);
  (void)rig_kill(&rig);
  rig_start(&rig, false);
  struct signer_answer a;
  uint64_t request = rig_send(&rig, &m);
  assert_false(rig_answer(&rig, request, 300, &a));
  rig_greet(&rig, rig.records_n + 1);
  assert_true(rig_answer(&rig, request, 5000, &a));
  assert_int_equal(a.problem.err, AVOW_OK);
}

/* A store that takes without acknowledging gets a window, not a flood; a new channel gets it all again. */
static void store_without_acknowledgement(void **state) {
  (void)state;
  enum { N = 100, WINDOW = 64 };
  rig.silent_store = true;
  uint64_t known = rig.records_n, last = 0;
  for (int i = 0; i < N; i++) {
    struct message m = {.type = MSG_sign_crl, .sign_crl = {.issuer = SLICE_LIT("I1"), .shard = 0}};
    struct signer_answer a = world_ask(&rig.w, &m);
    assert_int_equal(a.problem.err, AVOW_OK);
    last = a.record;
  }
  assert_int_equal(last, known + N);
  rig_take_records(&rig, 300);
  assert_int_equal(rig.records_n, known + WINDOW);
  rig.records_n = 0;
  rig.silent_store = false;
  rig_renew_store(&rig);
  rig_greet(&rig, 1);
  (void)rig_record(&rig, last);
  assert_int_equal(rig.records_n, last);
}

/* A store that undoes a batch, as after a full disk: it stays where it was on the same channel, and is sent it again.
 */
static void store_undoes_a_batch(void **state) {
  (void)state;
  uint64_t number = issue_good();
  rig_take_records(&rig, 100);
  rig.silent_store = true;
  struct message m = {.type = MSG_sign_crl, .sign_crl = {.issuer = SLICE_LIT("I1"), .shard = 0}};
  assert_int_equal(world_ask(&rig.w, &m).record, number + 1);
  assert_int_equal(rig_record(&rig, number + 1).type, MSG_record_crl);
  rig.records_n = number; /* undone */
  rig_greet(&rig, number + 1);
  rig.silent_store = false;
  assert_int_equal(rig_record(&rig, number + 1).type, MSG_record_crl);
  assert_int_equal(issue_good(), number + 2);
}

/* A store that is ahead of the journal: the journal is an old copy. Rather no signatures than numbers used twice. */
static void store_ahead_of_the_journal(void **state) {
  (void)state;
  rig_greet(&rig, rig.records_n + 2);
  int status = rig_wait(&rig);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
  rig_start(&rig, true);
  (void)issue_good();
  rig_greet(&rig, 0);
  status = rig_wait(&rig);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

static void restarts_and_stops(void **state) {
  (void)state;
  uint64_t last = 0;
  for (int i = 0; i < 5; i++) {
    uint64_t number = issue_good();
    assert_true(number > last);
    last = number;
    if (i % 2) {
      (void)rig_kill(&rig);
    } else {
      int status = rig_stop(&rig);
      assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    rig_start(&rig, true);
  }
  /* No serial twice. */
  for (uint64_t a = 1; a <= rig.records_n; a++)
    for (uint64_t b = a + 1; b <= rig.records_n; b++)
      if (rig.records[a - 1].type == MSG_record_certificate && rig.records[b - 1].type == MSG_record_certificate)
        assert_false(slice_eq(rig.records[a - 1].record_certificate.certificate.serial,
                              rig.records[b - 1].record_certificate.certificate.serial));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {TEST(spoiled_issuance),
                                     TEST(mixed_parts),
                                     TEST(flipped_bits),
                                     TEST(finalize_issues_once),
                                     TEST(spoiled_accounts),
                                     TEST(deactivated_account),
                                     TEST(spoiled_key_change),
                                     TEST(unknown_account),
                                     TEST(spoiled_revocation),
                                     TEST(foreign_crls),
                                     TEST(forbidden_messages),
                                     TEST(store_speaks_first),
                                     TEST(store_without_acknowledgement),
                                     TEST(store_undoes_a_batch),
                                     TEST(store_ahead_of_the_journal),
                                     TEST(restarts_and_stops)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
