/* Opening: configuration into what requests are checked with, replay, and what a replay leaves to be done. */
#include "sign/open.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"

enum { SIGNER_ARENA = 4 * 1024 * 1024, BATCH_ARENA = 512 * 1024 * 1024, JOURNAL_VERSION = 1 };

/* ---- what does not change -----------------------------------------------------------------------------------------
 */

static avow_err open_keys(struct signer *s, struct problem *why) {
  const struct signer_setup *setup = &s->setup;
  if (setup->signer_id < 1 || setup->signer_id > 127)
    return problem_set(why, ERR_CONFIG, "a signer's id is 1 to 127");
  avow_err e = cert_parse(setup->root_der, &s->arena, &s->root, why);
  if (e == AVOW_OK)
    e = cert_parse(setup->issuer_der, &s->arena, &s->issuer, why);
  if (e != AVOW_OK)
    return e;
  s->issuer_public = private_key_public(setup->issuer_key);
  if (!slice_eq(s->issuer.spki, public_key_spki(s->issuer_public)))
    return problem_set(why, ERR_CONFIG, "the issuing key does not belong to the certificate of %s", setup->issuer_id);
  if (!s->issuer.is_ca || !slice_eq(s->issuer.issuer, s->root.subject) || s->issuer.subject_key_id.n != 20)
    return problem_set(why, ERR_CONFIG, "the certificate of %s is no CA certificate of this root", setup->issuer_id);
  s->alg = key_signature_alg(public_key_type(s->issuer_public));
  return public_key_from_spki(setup->web_spki, &s->web_key, why);
}

/* "https://HOST" or "https://[IPv6]", then what follows the host in the configured URL: its port. */
static avow_err open_bases(struct signer *s, struct problem *why) {
  const struct config *c = s->setup.config;
  struct slice rest = slice_str(c->https_url);
  if (!slice_starts(rest, SLICE_LIT("https://")))
    return problem_set(why, ERR_CONFIG, "the base URL is not https");
  rest = slice_skip(rest, 8);
  bool bracket = rest.n > 0 && rest.p[0] == '[';
  while (rest.n > 0 && rest.p[0] != (bracket ? ']' : ':'))
    rest = slice_skip(rest, 1);
  if (bracket)
    rest = slice_skip(rest, 1);
  char *port = arena_str(&s->arena, rest);
  s->bases = arena_array(&s->arena, c->hosts_n + 1, sizeof *s->bases);
  if (!s->bases || !port)
    return ERR_NO_MEMORY;
  s->bases[s->bases_n++] = c->https_url;
  for (size_t i = 0; i < c->hosts_n; i++) {
    const char *host = c->hosts[i];
    char *base = strchr(host, ':') ? arena_printf(&s->arena, "https://[%s]%s", host, port)
                                   : arena_printf(&s->arena, "https://%s%s", host, port);
    if (!base)
      return ERR_NO_MEMORY;
    s->bases[s->bases_n++] = base;
  }
  s->ca_url = arena_printf(&s->arena, "%s/ca/%s.cer", c->http_url, s->setup.issuer_id);
  s->ocsp_url = arena_printf(&s->arena, "%s/ocsp", c->http_url);
  return s->ca_url && s->ocsp_url ? AVOW_OK : ERR_NO_MEMORY;
}

static int by_name(const void *a, const void *b) {
  return name_cmp(a, b);
}

static avow_err open_hosts(struct signer *s, struct problem *why) {
  const struct config *c = s->setup.config;
  s->hosts = arena_array(&s->arena, c->hosts_n, sizeof *s->hosts);
  if (!s->hosts || c->hosts_n == 0)
    return problem_set(why, ERR_CONFIG, "no host is configured");
  for (size_t i = 0; i < c->hosts_n; i++) {
    struct slice text = slice_str(c->hosts[i]);
    struct name *out = &s->hosts[s->hosts_n];
    avow_err e = name_parse_ip(text, &s->arena, out, NULL);
    if (e != AVOW_OK)
      e = name_parse_dns(text, &s->arena, out, why);
    if (e != AVOW_OK)
      return e;
    bool twice = false;
    for (size_t k = 0; k < s->hosts_n; k++)
      twice |= name_eq(&s->hosts[k], out);
    s->hosts_n += !twice;
  }
  qsort(s->hosts, s->hosts_n, sizeof *s->hosts, by_name);
  return AVOW_OK;
}

static void open_rules(struct signer *s) {
  const struct config *c = s->setup.config;
  s->names =
    (struct name_policy){.allow_reserved = c->kind == KIND_TEST, .suffixes = c->suffixes, .suffixes_n = c->suffixes_n};
  for (size_t i = 0; i < c->profiles_n; i++)
    if (c->profiles[i].order_lifetime_s * SECOND_MS > s->order_most_ms)
      s->order_most_ms = c->profiles[i].order_lifetime_s * SECOND_MS;
}

/* ---- what the replay leaves
 * -------------------------------------------------------------------------------------------- */

/* docs/decisions/0006: an intent without outcome counts as issued and is listed as revoked. */
static avow_err end_intents(struct signer *s, int64_t now_ms) {
  const struct intent_state *i;
  for (size_t at = 0; (i = table_next(&s->state.intents, &at));) {
    char hex[2 * sizeof i->serial.b + 1];
    log_event(LOG_WARN, "signer.orphan", L_TEXT(serial, hex_encode(serial_slice(&i->serial), hex)),
              L_ID(order, i->order), L_ID(job, i->job));
    avow_err e = append_orphan(s, i->frame, now_ms);
    if (e != AVOW_OK)
      return e;
  }
  return AVOW_OK;
}

static avow_err add_issuer(struct signer *s, const char *id, struct slice der, bool root, uint64_t *number,
                           int64_t now_ms) {
  struct entry entry = {.m = {.type = MSG_record_issuer}};
  entry.m.record_issuer = (struct msg_record_issuer){
    .issuer = slice_str(id), .der = der, .root = root, .shards = root ? 0 : (uint16_t)s->setup.config->crl_shards};
  struct digest known = issuer_digest(&entry.m.record_issuer);
  if (table_find(&s->state.issuers, &known))
    return AVOW_OK;
  entry.m.record_issuer.number = (*number)++;
  return append_record(s, &entry, now_ms);
}

static avow_err open_journal(struct signer *s, int64_t now_ms, struct problem *why) {
  uint8_t header[] = {'a', 'v', 'o', 'w', JOURNAL_VERSION, (uint8_t)s->setup.config->kind, s->setup.signer_id};
  uint64_t torn = 0;
  avow_err e =
    journal_open(&s->journal, s->setup.journal_fd, SLICE_OF(header), now_ms, state_apply, &s->state, &torn, why);
  if (e != AVOW_OK)
    return e;
  if (torn > 0)
    log_event(LOG_WARN, "signer.journal_tail_cut", L_NUM(bytes, torn));
  if (now_ms + CLOCK_TOLERANCE_MS < s->journal.time_ms)
    return problem_set(why, ERR_CLOCK, "the clock is %lld s behind the journal: set it right",
                       (long long)((s->journal.time_ms - now_ms) / SECOND_MS));
  uint64_t number = s->state.next_record;
  e = end_intents(s, now_ms);
  if (e == AVOW_OK)
    e = add_issuer(s, "root", s->setup.root_der, true, &number, now_ms);
  if (e == AVOW_OK)
    e = add_issuer(s, s->setup.issuer_id, s->setup.issuer_der, false, &number, now_ms);
  return e == AVOW_OK ? journal_commit(&s->journal, STAGE_OUTCOME, why) : e;
}

avow_err signer_open(const struct signer_setup *setup, int64_t now_ms, struct signer **out, struct problem *why) {
  *out = NULL;
  struct signer *s = calloc(1, sizeof *s);
  if (!s)
    return ERR_NO_MEMORY;
  s->setup = *setup;
  s->pruned_ms = now_ms;
  state_init(&s->state);
  arena_init(&s->arena, SIGNER_ARENA);
  arena_init(&s->batch, BATCH_ARENA);
  avow_err e = open_keys(s, why);
  if (e == AVOW_OK)
    e = open_bases(s, why);
  if (e == AVOW_OK)
    e = open_hosts(s, why);
  if (e == AVOW_OK) {
    open_rules(s);
    e = open_journal(s, now_ms, why);
  }
  if (e != AVOW_OK) {
    signer_free(s);
    return e;
  }
  *out = s;
  return AVOW_OK;
}

void signer_free(struct signer *s) {
  if (!s)
    return;
  for (size_t i = 0; i < KEY_CACHE; i++)
    public_key_free(s->cache[i].key);
  public_key_free(s->web_key);
  journal_clear(&s->journal);
  state_clear(&s->state);
  arena_clear(&s->batch);
  arena_clear(&s->arena);
  free(s);
}

/* ---- the first records
 * --------------------------------------------------------------------------------------------------- */

avow_err signer_init_records(struct signer *s, int64_t now_ms, struct problem *why) {
  for (int i = -1; i < s->setup.config->crl_shards; i++) {
    uint16_t shard = (uint16_t)(i < 0 ? 0 : i);
    struct message m = {.type = i < 0 ? MSG_sign_service : MSG_sign_crl};
    if (i >= 0)
      m.sign_crl = (struct msg_sign_crl){.issuer = slice_str(s->setup.issuer_id), .shard = shard};
    if (i < 0 ? s->state.service.record != 0 : table_find(&s->state.crls, &shard) != NULL)
      continue;
    const struct message *request = &m;
    struct signer_answer answer;
    avow_err e = signer_handle_batch(s, &request, 1, now_ms, &answer);
    if (e != AVOW_OK)
      return problem_set(why, e, "the journal cannot be written");
    if (answer.problem.err != AVOW_OK) {
      if (why)
        *why = answer.problem;
      return answer.problem.err;
    }
  }
  return AVOW_OK;
}
