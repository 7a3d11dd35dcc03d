#include "acme/authenticate.h"

#include "base/random.h"

static avow_err check_headers(struct acme_request *r) {
  /* RFC 8555, 6.2: the media type exactly, 415 otherwise. */
  if (!slice_eq_nocase(http_header_get(&r->x->rq, "Content-Type"), SLICE_LIT("application/jose+json")))
    return ERR_MEDIA_TYPE;
  if (http_header_get(&r->x->rq, "Replay-Nonce").p)
    return problem_set(&r->why, ERR_MALFORMED, "Replay-Nonce is no request header: the nonce belongs into the JWS");
  return AVOW_OK;
}

static avow_err check_signer(struct acme_request *r) {
  if (r->resource->signer == SIGNER_ACCOUNT && r->jws.has_jwk)
    return problem_set(&r->why, ERR_MALFORMED,
                       "This URL takes a JWS with \"kid\", the account's URL, and without \"jwk\"");
  if (r->resource->signer == SIGNER_KEY && !r->jws.has_jwk)
    return problem_set(&r->why, ERR_MALFORMED, "This URL takes a JWS with \"jwk\" and without \"kid\"");
  return AVOW_OK;
}

/* Reads the account from the store into the cache; r->key and `epoch` are then those of the store. */
static avow_err load_account(struct acme_request *r, uint32_t *epoch) {
  struct message m = {.type = MSG_account_get, .account_get = {.id = r->account}};
  avow_err e = acme_call(r, &m, MSG_account_is);
  if (e == ERR_NOT_FOUND || e == ERR_ACCOUNT_UNKNOWN)
    return problem_set(&r->why, ERR_ACCOUNT_UNKNOWN, "There is no account with this URL");
  if (e != AVOW_OK)
    return e;
  const struct rec_account *account = &acme_answer(r)->account_is.account;
  struct jwk jwk = {0};
  e = jwk_parse(account->jwk, r->arena, &jwk, &r->why);
  if (e == AVOW_OK) {
    public_key_free(r->key);
    r->key = public_key_ref(jwk.key);
    *epoch = account->epoch;
    key_cache_put(r->site->keys, r->account, account->epoch, r->key);
  }
  jwk_clear(&jwk);
  return e == AVOW_OK ? e : problem_set(&r->why, ERR_INTERNAL, "the stored key of an account cannot be read");
}

/* What the step will ask first goes to the store together with the nonce: one wait less for most requests. It only
   reads, and nothing of it is used before the request has passed all checks. */
static void read_ahead(struct acme_request *r) {
  struct message m = {.type = r->resource->reads};
  switch ((int)m.type) {
  case MSG_order_get:
    m.order_get = (struct msg_order_get){.account = r->account, .order = r->id};
    break;
  case MSG_authz_get:
    m.authz_get = (struct msg_authz_get){.account = r->account, .authz = r->id};
    break;
  case MSG_challenge_get:
    m.challenge_get = (struct msg_challenge_get){.account = r->account, .challenge = r->id};
    break;
  case MSG_certificate_get:
    m.certificate_get = (struct msg_certificate_get){.account = r->account, .certificate = r->id};
    break;
  default:
    return;
  }
  r->ahead = arena_alloc(r->arena, sizeof *r->ahead);
  if (!r->ahead)
    return;
  *r->ahead = m;
  link_ahead(r->store, r->ahead);
}

/* Opens the nonce and spends it at the store, which also says what the account is now. */
static avow_err spend_nonce(struct acme_request *r, struct msg_request_begun *begun) {
  uint64_t epoch, counter;
  bool spared;
  if (!r->jws.nonce.p)
    return problem_set(&r->why, ERR_BAD_NONCE, "The JWS has no nonce");
  avow_err e = nonce_open(&r->site->nonces, r->jws.nonce, r->arena, &epoch, &counter, &spared);
  if (e != AVOW_OK)
    return e;
  struct message m = {.type = MSG_request_begin,
                      .request_begin = {.epoch = epoch, .counter = counter, .account = r->account}};
  read_ahead(r);
  e = acme_call(r, &m, MSG_request_begun);
  if (e == ERR_NOT_FOUND)
    e = ERR_ACCOUNT_UNKNOWN;
  if (e != AVOW_OK)
    return e;
  *begun = acme_answer(r)->request_begun;
  /* test.reject_nonces: clients must survive a badNonce, but never two in a row for the same request. */
  if (!spared && random_u64() % 100 < (uint64_t)r->site->config->reject_nonces)
    return ERR_BAD_NONCE;
  return AVOW_OK;
}

static avow_err check_url(struct acme_request *r) {
  if (!r->jws.url.p)
    return problem_set(&r->why, ERR_MALFORMED, "The JWS has no \"url\"");
  /* RFC 8555, 6.4; compared with the configured bases, never with what the Host header claims. */
  if (!slice_eq(site_path(r->site, r->jws.url), r->x->rq.target))
    return problem_set(&r->why, ERR_UNAUTHORIZED, "The JWS was made for another URL than this one");
  return AVOW_OK;
}

static avow_err check_status(struct acme_request *r, uint8_t status) {
  if (status == ACCOUNT_VALID)
    return AVOW_OK;
  return problem_set(&r->why, ERR_UNAUTHORIZED,
                     status == ACCOUNT_DEACTIVATED ? "The account is deactivated"
                                                   : "The account was revoked by the CA");
}

static avow_err limited(struct acme_request *r, int64_t wait_ms, const char *whose) {
  r->retry_ms = wait_ms;
  return problem_set(&r->why, ERR_RATE_LIMITED, "This %s sends more than it may; come again after Retry-After", whose);
}

/* Before the signature is verified. The address pays for whatever it sends. The account is only asked: whose name an
   unverified request bears, must not pay for it. */
static avow_err spend_address(struct acme_request *r) {
  struct budget *b = r->site->addresses;
  int64_t wait = budget_spend(b, budget_key_of_address(b, &r->x->rq.peer), budget_cost(r->jws.alg, r->jws.signature.n),
                              clock_mono_ms());
  return wait == 0 ? AVOW_OK : limited(r, wait, "address");
}

static avow_err ask_account(struct acme_request *r, uint64_t *key, int *cost) {
  struct budget *b = r->site->accounts;
  *key = budget_key(b, id_slice(&r->account));
  *cost = budget_cost(r->jws.alg, r->jws.signature.n);
  int64_t wait = budget_ask(b, *key, *cost, clock_mono_ms());
  return wait == 0 ? AVOW_OK : limited(r, wait, "account");
}

static avow_err authenticate_account(struct acme_request *r) {
  if (!site_account_of(r->site, r->jws.kid, &r->account))
    return problem_set(&r->why, ERR_ACCOUNT_UNKNOWN, "\"kid\" is no account URL of this server");
  uint64_t spender;
  int cost;
  avow_err e = ask_account(r, &spender, &cost);
  if (e != AVOW_OK)
    return e;
  /* Without a channel there is no nonce key yet either: open it first. */
  e = link_open(r->store, &r->why);
  if (e != AVOW_OK)
    return e;
  uint32_t epoch = 0;
  r->key = key_cache_get(r->site->keys, r->account, &epoch);
  if (!r->key) {
    e = load_account(r, &epoch);
    if (e != AVOW_OK)
      return e;
  }
  e = jws_verify(&r->jws, r->key, &r->why);
  struct msg_request_begun begun = {0};
  bool verified = e == AVOW_OK;
  if (!verified) {
    /* The key may have changed since it was cached. */
    uint32_t fresh = epoch;
    avow_err other = load_account(r, &fresh);
    if (other != AVOW_OK)
      return other;
    if (fresh == epoch)
      return e;
    epoch = fresh;
    e = jws_verify(&r->jws, r->key, &r->why);
    if (e != AVOW_OK)
      return e;
  }
  int64_t wait = budget_spend(r->site->accounts, spender, cost, clock_mono_ms());
  if (wait > 0)
    return limited(r, wait, "account");
  e = spend_nonce(r, &begun);
  if (e != AVOW_OK)
    return e;
  if (begun.epoch != epoch) {
    /* The account's record is newer than the key that verified: it must verify under the current one. */
    e = load_account(r, &epoch);
    if (e == AVOW_OK)
      e = jws_verify(&r->jws, r->key, &r->why);
    if (e != AVOW_OK)
      return e;
  }
  e = check_url(r);
  return e == AVOW_OK ? check_status(r, begun.status) : e;
}

static avow_err authenticate_key(struct acme_request *r) {
  avow_err e = link_open(r->store, &r->why);
  if (e != AVOW_OK)
    return e;
  r->key = public_key_ref(r->jws.jwk.key);
  e = jws_verify(&r->jws, r->key, &r->why);
  if (e != AVOW_OK)
    return e;
  struct msg_request_begun begun;
  e = spend_nonce(r, &begun);
  return e == AVOW_OK ? check_url(r) : e;
}

avow_err acme_authenticate(struct acme_request *r) {
  avow_err e = check_headers(r);
  if (e == AVOW_OK)
    e = jws_parse(r->x->rq.body, r->arena, &r->jws, &r->why);
  if (e == AVOW_OK)
    e = check_signer(r);
  if (e == AVOW_OK)
    e = spend_address(r);
  if (e != AVOW_OK)
    return e;
  return r->jws.has_jwk ? authenticate_key(r) : authenticate_account(r);
}
