#include "hostile/world.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "ipc/model.h"
#include "jose/jws.h"
#include "unit/pki/samples.h"

enum { ROOM = 262144 };

static void ok(avow_err e, const struct problem *why) {
  if (e != AVOW_OK)
    print_error("%s: %s\n", err_name(e), why ? why->detail : "");
  assert_int_equal(e, AVOW_OK);
}

/* ---- the CA -------------------------------------------------------------------------------------------------- */

static void make_certificates(struct world *w) {
  AUTO_BUF root_name, name, tbs;
  uint8_t root_id[20];
  int64_t now_s = w->now_ms / 1000;
  buf_init(&root_name, ROOM);
  buf_init(&name, ROOM);
  buf_init(&tbs, ROOM);
  buf_init(&w->root, ROOM);
  buf_init(&w->issuer, ROOM);
  ca_name_put(&root_name, &(struct ca_name){.organization = "Test", .common_name = "Test Root"});
  ca_name_put(&name, &(struct ca_name){.organization = "Test", .common_name = "Test I1"});
  key_id(private_key_public(w->root_key), root_id);
  struct ca_request r = {.serial = SLICE_LIT("\x41serial1"),
                         .alg = SIG_ES256,
                         .issuer_name = buf_slice(&root_name),
                         .subject_name = buf_slice(&root_name),
                         .not_before_s = now_s - 86400,
                         .not_after_s = now_s + (int64_t)3650 * 86400,
                         .key = private_key_public(w->root_key),
                         .path_length = -1,
                         .root = true};
  ok(tbs_ca_put(&tbs, &r), NULL);
  sample_sign(w->root_key, buf_slice(&tbs), &w->root);
  buf_reset(&tbs);
  r.serial = SLICE_LIT("\x41serial2");
  r.subject_name = buf_slice(&name);
  r.issuer_key_id = SLICE_OF(root_id);
  r.key = private_key_public(w->issuer_key);
  r.path_length = 0;
  r.root = false;
  r.server_auth = true;
  r.not_after_s = now_s + (int64_t)1000 * 86400;
  r.policy_oid = "2.5.29.32.0";
  r.ca_url = "http://localhost:14080/ca/root.cer";
  r.crl_url = "http://localhost:14080/crl/root/0.crl";
  ok(tbs_ca_put(&tbs, &r), NULL);
  sample_sign(w->root_key, buf_slice(&tbs), &w->issuer);
}

static void make_ring(struct buf *text, uint8_t kind, struct seal_ring *out) {
  buf_init(text, ROOM);
  ok(seal_ring_generate(text), NULL);
  ok(seal_ring_parse(buf_slice(text), kind, out, NULL), NULL);
}

void world_make(struct world *w, enum ca_kind kind, int64_t now_ms) {
  memset(w, 0, sizeof *w);
  w->now_ms = now_ms;
  arena_init(&w->arena, 256 * 1024 * 1024);
  struct problem why = {0};
  bool test = kind == KIND_TEST;
  static const char *const sets[] = {"log.level=error", "crl.shards=4", "private.suffixes=internal.example",
                                     "private.networks=192.0.2.0/24"};
  w->conf_text = test ? "kind = \"test\"\nhost = \"localhost\"\n" : "kind = \"private\"\nhost = \"localhost\"\n";
  w->sets_text = test ? "log.level=error\ncrl.shards=4\n"
                      : "log.level=error\ncrl.shards=4\nprivate.suffixes=internal.example\n"
                        "private.networks=192.0.2.0/24\n";
  ok(config_parse(slice_str(w->conf_text), "avow.conf", sets, test ? 2 : 4, &w->config, &why), &why);
  ok(private_key_generate(KEY_P256, 0, &w->root_key), NULL);
  ok(private_key_generate(KEY_P256, 0, &w->issuer_key), NULL);
  ok(private_key_generate(KEY_P256, 0, &w->web_key), NULL);
  make_certificates(w);
  make_ring(&w->ring_signer_text, (uint8_t)kind, &w->ring_signer);
  make_ring(&w->ring_validator_text, (uint8_t)kind, &w->ring_validator);
  struct buf foreign;
  make_ring(&foreign, (uint8_t)kind, &w->foreign);
  buf_clear(&foreign);
  w->journal = memfd_create("journal", MFD_CLOEXEC);
  assert_true(w->journal >= 0);
}

void world_clear(struct world *w) {
  signer_free(w->signer);
  private_key_free(w->root_key);
  private_key_free(w->issuer_key);
  private_key_free(w->web_key);
  buf_clear(&w->root);
  buf_clear(&w->issuer);
  buf_clear(&w->ring_signer_text);
  buf_clear(&w->ring_validator_text);
  seal_ring_clear(&w->ring_signer);
  seal_ring_clear(&w->ring_validator);
  seal_ring_clear(&w->foreign);
  config_clear(&w->config);
  arena_clear(&w->arena);
  fd_close(&w->journal);
  sample_keys_free();
}

struct signer_setup world_setup(const struct world *w) {
  return (struct signer_setup){.config = &w->config,
                               .signer_id = 1,
                               .issuer_id = "I1",
                               .root_der = buf_slice(&w->root),
                               .issuer_der = buf_slice(&w->issuer),
                               .issuer_key = w->issuer_key,
                               .ring_signer = &w->ring_signer,
                               .ring_validator = &w->ring_validator,
                               .web_spki = public_key_spki(private_key_public(w->web_key)),
                               .journal_fd = w->journal};
}

avow_err world_try_open(struct world *w, struct problem *why) {
  signer_free(w->signer);
  w->signer = NULL;
  struct signer_setup setup = world_setup(w);
  return signer_open(&setup, w->now_ms, &w->signer, why);
}

void world_open(struct world *w) {
  struct problem why = {0};
  ok(world_try_open(w, &why), &why);
}

struct signer_answer world_ask(struct world *w, const struct message *m) {
  if (w->ask)
    return w->ask(w->rig, m);
  struct signer_answer answer;
  ok(signer_handle_batch(w->signer, &m, 1, w->now_ms, &answer), NULL);
  return answer;
}

struct message world_record(struct world *w, uint64_t number) {
  if (w->fetch)
    return w->fetch(w->rig, number);
  AUTO_BUF bytes, encoded;
  AUTO_ARENA lists;
  buf_init(&bytes, MESSAGE_MAX);
  buf_init(&encoded, MESSAGE_MAX);
  arena_init(&lists, ROOM);
  struct message m, out;
  struct problem why = {0};
  ok(signer_record(w->signer, number, &bytes, &lists, &m, &why), &why);
  /* Through the codec: what is read back must be what the table lets pass. */
  ok(message_encode(&m, &encoded), NULL);
  ok(message_decode(arena_dup(&w->arena, buf_slice(&encoded)), &w->arena, &out), NULL);
  return out;
}

/* ---- text ----------------------------------------------------------------------------------------------------------
 */

const char *world_base64(struct world *w, struct slice bytes) {
  AUTO_BUF b;
  buf_init(&b, ROOM);
  base64url_put(&b, bytes);
  return arena_str(&w->arena, buf_slice(&b));
}

const char *world_account_url(struct world *w, struct id128 account) {
  char id[ID_TEXT];
  return arena_printf(&w->arena, WORLD_BASE "/acme/acct/%s", id_text(account, id));
}

const char *world_order_url(struct world *w, struct id128 order, const char *tail) {
  char id[ID_TEXT];
  return arena_printf(&w->arena, WORLD_BASE "/acme/order/%s%s", id_text(order, id), tail);
}

struct id128 world_job(void) {
  return id_make(WORLD_NOW, 1);
}

struct id128 world_order(const struct world *w) {
  return id_make(w->now_ms, 1);
}

struct slice world_jws(struct world *w, const struct jws_spec *s) {
  enum signature_alg alg = s->alg ? s->alg : key_signature_alg(public_key_type(private_key_public(s->key)));
  AUTO_BUF header, signature;
  buf_init(&header, ROOM);
  buf_init(&signature, ROOM);
  buf_printf(&header, "{\"alg\":\"%s\",%s\"url\":\"%s\",", jose_alg_text(alg),
             s->no_nonce ? "" : "\"nonce\":\"bm9uY2U\",", s->url);
  if (s->jwk.n > 0)
    buf_printf(&header, "\"jwk\":%.*s}", (int)s->jwk.n, (const char *)s->jwk.p);
  else
    buf_printf(&header, "\"kid\":\"%s\"}", s->kid);
  const char *protected = world_base64(w, buf_slice(&header)), *payload = world_base64(w, slice_str(s->payload));
  const char *input = arena_printf(&w->arena, "%s.%s", protected, payload);
  ok(private_key_sign(s->key, alg, SIGNATURE_RAW, slice_str(input), &signature), NULL);
  if (s->spoil)
    signature.p[5] ^= 1;
  return slice_str(arena_printf(&w->arena, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}", protected,
                                payload, world_base64(w, buf_slice(&signature))));
}

/* ---- subscribers
 * ------------------------------------------------------------------------------------------------------ */

struct person person_make(struct world *w, enum key_type type) {
  struct person p = {0};
  AUTO_BUF jwk;
  buf_init(&jwk, ROOM);
  ok(private_key_generate(type, type == KEY_RSA ? 2048 : 0, &p.key), NULL);
  ok(jwk_write(private_key_public(p.key), &jwk), NULL);
  p.jwk = arena_dup(&w->arena, buf_slice(&jwk));
  struct jwk parsed;
  ok(jwk_parse(p.jwk, &w->arena, &parsed, NULL), NULL);
  memcpy(p.thumbprint, parsed.thumbprint, sizeof p.thumbprint);
  jwk_clear(&parsed);
  return p;
}

void person_clear(struct person *p) {
  private_key_free(p->key);
}

struct message person_new_account(struct world *w, const struct person *p, struct id128 job) {
  struct jws_spec spec = {.key = p->key,
                          .jwk = p->jwk,
                          .url = WORLD_BASE "/acme/new-account",
                          .payload = "{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:a@example.org\"]}"};
  return (struct message){.type = MSG_sign_account, .sign_account = {.job = job, .jws = world_jws(w, &spec)}};
}

void person_take(struct world *w, struct person *p, uint64_t number) {
  struct message m = world_record(w, number);
  assert_int_equal(m.type, MSG_record_account);
  p->id = m.record_account.account.id;
  p->sealed = m.record_account.account.sealed;
}

void person_join(struct world *w, struct person *p) {
  struct message m = person_new_account(w, p, world_job());
  struct signer_answer a = world_ask(w, &m);
  ok(a.problem.err, &a.problem);
  person_take(w, p, a.record);
}

struct message world_key_change(struct world *w, const struct key_change_spec *s) {
  const char *url = s->url ? s->url : WORLD_BASE "/acme/key-change", *kid = world_account_url(w, s->who->id);
  struct slice old_key = s->old_key.n ? s->old_key : s->who->jwk;
  struct jws_spec inner = {.key = s->inner_by ? s->inner_by->key : s->to->key,
                           .jwk = s->inner_kid ? SLICE_NONE : s->to->jwk,
                           .kid = kid,
                           .url = s->inner_url ? s->inner_url : url,
                           .no_nonce = !s->inner_nonce,
                           .spoil = s->inner_spoil,
                           .payload =
                             arena_printf(&w->arena, "{\"account\":\"%s\",\"oldKey\":%.*s}",
                                          s->account ? s->account : kid, (int)old_key.n, (const char *)old_key.p)};
  struct jws_spec outer = {.key = s->by ? s->by->key : s->who->key,
                           .kid = kid,
                           .url = url,
                           .spoil = s->spoil,
                           .payload = arena_str(&w->arena, world_jws(w, &inner))};
  return (struct message){.type = MSG_sign_account_change,
                          .sign_account_change = {.job = id_is_zero(s->job) ? world_job() : s->job,
                                                  .sealed = s->who->sealed,
                                                  .jws = world_jws(w, &outer)}};
}

/* ---- evidence
 * ------------------------------------------------------------------------------------------------------------ */

static struct slice kept(struct world *w, struct buf *b) {
  struct slice s = arena_dup(&w->arena, buf_slice(b));
  buf_reset(b);
  return s;
}

struct slice world_control(struct world *w, const struct control_statement *s) {
  AUTO_BUF b;
  buf_init(&b, ROOM);
  ok(control_seal(&w->ring_validator, s, &b), NULL);
  return kept(w, &b);
}

struct slice world_caa(struct world *w, const struct caa_statement *s) {
  AUTO_BUF b;
  buf_init(&b, ROOM);
  ok(caa_seal(&w->ring_validator, s, &b), NULL);
  return kept(w, &b);
}

static size_t count(const char *const *names) {
  size_t n = 0;
  while (names[n])
    n++;
  return n;
}

const struct private_key *world_csr_key(void) {
  return sample_key(KEY_P256);
}

/* GeneralNames without their SEQUENCE: dNSName and iPAddress (RFC 5280, 4.2.1.6), each shorter than 128 bytes. */
static void put_names(const char *const *names, struct buf *b) {
  for (; *names; names++) {
    uint8_t ip[4];
    bool is_ip = inet_pton(AF_INET, *names, ip) == 1;
    struct slice value = is_ip ? SLICE_OF(ip) : slice_str(*names);
    buf_put_u8(b, is_ip ? 0x87 : 0x82);
    buf_put_u8(b, (uint8_t)value.n);
    buf_put(b, value);
  }
}

static struct slice make_csr(struct world *w, const struct issue_spec *s) {
  AUTO_BUF san;
  buf_init(&san, ROOM);
  put_names(s->csr_names ? s->csr_names : s->names, &san);
  struct sample_csr spec = {.key = s->csr_key ? s->csr_key : world_csr_key(),
                            .san = buf_slice(&san),
                            .extension = s->csr_extension,
                            .spoil = s->csr_spoil};
  AUTO_BUF b;
  buf_init(&b, ROOM);
  sample_csr_put(&b, &spec);
  return kept(w, &b);
}

static void make_name(struct world *w, const struct issue_spec *s, const char *text, struct rec_order_name *out) {
  bool ip = text[0] >= '0' && text[0] <= '9', wildcard = text[0] == '*';
  const char *base = wildcard ? text + 2 : text;
  uint8_t method = s->method ? s->method : wildcard ? METHOD_DNS_01 : METHOD_HTTP_01;
  const struct person *control_of = s->control_of ? s->control_of : s->who, *caa_of = s->caa_of ? s->caa_of : s->who;
  *out = (struct rec_order_name){
    .identifier = {.type = ip ? IDENTIFIER_IP : IDENTIFIER_DNS, .wildcard = wildcard, .value = slice_str(base)},
    .method = method};
  struct control_statement control = {.identifier_type = out->identifier.type,
                                      .name = slice_str(s->control_name ? s->control_name : base),
                                      .method = s->control_method ? s->control_method : method,
                                      .scope = s->control_scope ? s->control_scope
                                               : wildcard       ? SCOPE_WILDCARD
                                                                : SCOPE_EXACT,
                                      .account = control_of->id,
                                      .at_ms = w->now_ms - s->control_age_ms};
  memcpy(control.thumbprint, control_of->thumbprint, sizeof control.thumbprint);
  struct caa_statement caa = {.name = slice_str(s->caa_name ? s->caa_name : base),
                              .wildcard = wildcard,
                              .account = caa_of->id,
                              .method = control.method,
                              .verdict = s->verdict ? s->verdict : CAA_PERMITTED,
                              .at_ms = w->now_ms - s->caa_age_ms,
                              .expires_ms = w->now_ms + (s->caa_left_ms ? s->caa_left_ms : CAA_MOST_MS)};
  AUTO_BUF b;
  buf_init(&b, ROOM);
  out->control = arena_array(&w->arena, 1, sizeof *out->control);
  out->caa = arena_array(&w->arena, 1, sizeof *out->caa);
  ok(control_seal(s->control_ring ? s->control_ring : &w->ring_validator, &control, &b), NULL);
  out->control[0].b = kept(w, &b);
  ok(caa_seal(s->caa_ring ? s->caa_ring : &w->ring_validator, &caa, &b), NULL);
  out->caa[0].b = kept(w, &b);
  out->control_n = !s->no_control;
  out->caa_n = !s->no_caa && !ip;
}

struct message world_issue(struct world *w, const struct issue_spec *s) {
  struct message m = {.type = MSG_sign_issue};
  struct msg_sign_issue *i = &m.sign_issue;
  i->job = id_is_zero(s->job) ? world_job() : s->job;
  i->account = s->who->sealed;
  i->order = id_is_zero(s->order) ? world_order(w) : s->order;
  i->profile = slice_str(s->profile);
  i->not_before = s->not_before_ms;
  i->not_after = s->not_after_ms;
  i->names_n = count(s->names);
  i->names = arena_array(&w->arena, i->names_n, sizeof *i->names);
  for (size_t k = 0; k < i->names_n; k++)
    make_name(w, s, s->names[k], &i->names[k]);
  const struct person *by = s->signed_by ? s->signed_by : s->who;
  struct jws_spec jws = {.key = by->key,
                         .kid = s->kid ? s->kid : world_account_url(w, s->who->id),
                         .url = s->url ? s->url : world_order_url(w, i->order, "/finalize"),
                         .payload = arena_printf(&w->arena, "{\"csr\":\"%s\"}", world_base64(w, make_csr(w, s))),
                         .spoil = s->spoil_jws};
  i->jws = world_jws(w, &jws);
  return m;
}

struct message world_revoke(struct world *w, const struct revoke_spec *s) {
  struct message record = world_record(w, s->number);
  assert_int_equal(record.type, MSG_record_certificate);
  struct slice der = s->certificate.n ? s->certificate : record.record_certificate.certificate.der;
  AUTO_BUF jwk;
  buf_init(&jwk, ROOM);
  struct jws_spec jws = {
    .key = s->by ? s->by->key : s->key, .url = s->url ? s->url : WORLD_BASE "/acme/revoke-cert", .spoil = s->spoil};
  if (s->by) {
    jws.kid = world_account_url(w, s->by->id);
  } else {
    ok(jwk_write(private_key_public(s->key), &jwk), NULL);
    jws.jwk = buf_slice(&jwk);
  }
  const char *b64 = world_base64(w, der);
  jws.payload = s->reason < 0 ? arena_printf(&w->arena, "{\"certificate\":\"%s\"}", b64)
                              : arena_printf(&w->arena, "{\"certificate\":\"%s\",\"reason\":%d}", b64, s->reason);
  struct message m = {.type = MSG_sign_revoke};
  m.sign_revoke.job = id_is_zero(s->job) ? world_job() : s->job;
  m.sign_revoke.account = s->by ? s->by->sealed : SLICE_NONE;
  m.sign_revoke.issuance = s->issuance.n ? s->issuance : record.record_certificate.certificate.sealed;
  m.sign_revoke.jws = world_jws(w, &jws);
  return m;
}
