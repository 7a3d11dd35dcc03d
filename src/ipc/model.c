#include "ipc/model.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const account_texts[] = {NULL, "valid", "deactivated", "revoked"};
static const char *const order_texts[] = {NULL, "pending", "ready", "processing", "valid", "invalid"};
static const char *const authz_texts[] = {NULL, "pending", "valid", "invalid", "deactivated", "expired", "revoked"};
static const char *const challenge_texts[] = {NULL, "pending", "processing", "valid", "invalid"};
static const char *const method_texts[] = {NULL, "http-01", "dns-01", "tls-alpn-01"};
static const char *const identifier_texts[] = {NULL, "dns", "ip"};

static const char *text_of(const char *const *texts, size_t n, int value) {
  return value > 0 && (size_t)value < n ? texts[value] : NULL;
}

static int from_text(const char *const *texts, size_t n, struct slice text) {
  for (size_t i = 1; i < n; i++)
    if (slice_eq_str(text, texts[i]))
      return (int)i;
  return 0;
}

const char *account_status_text(int status) {
  return text_of(account_texts, COUNT(account_texts), status);
}

const char *order_status_text(int status) {
  return text_of(order_texts, COUNT(order_texts), status);
}

const char *authz_status_text(int status) {
  return text_of(authz_texts, COUNT(authz_texts), status);
}

const char *challenge_status_text(int status) {
  return text_of(challenge_texts, COUNT(challenge_texts), status);
}

const char *challenge_method_text(int method) {
  return text_of(method_texts, COUNT(method_texts), method);
}

const char *identifier_type_text(int type) {
  return text_of(identifier_texts, COUNT(identifier_texts), type);
}

int challenge_method_from_text(struct slice text) {
  return from_text(method_texts, COUNT(method_texts), text);
}

int identifier_type_from_text(struct slice text) {
  return from_text(identifier_texts, COUNT(identifier_texts), text);
}

#define BIT(state) (1u << (state))

/* Row: the state; value: the states it may become. */
static const unsigned account_moves[] = {
  [ACCOUNT_VALID] = BIT(ACCOUNT_DEACTIVATED) | BIT(ACCOUNT_REVOKED), [ACCOUNT_DEACTIVATED] = 0, [ACCOUNT_REVOKED] = 0};
static const unsigned order_moves[] = {
  [ORDER_PENDING] = BIT(ORDER_READY) | BIT(ORDER_INVALID),
  [ORDER_READY] = BIT(ORDER_PROCESSING) | BIT(ORDER_INVALID),
  [ORDER_PROCESSING] = BIT(ORDER_VALID) | BIT(ORDER_INVALID),
  [ORDER_VALID] = 0,
  [ORDER_INVALID] = 0};
static const unsigned authz_moves[] = {
  [AUTHZ_PENDING] = BIT(AUTHZ_VALID) | BIT(AUTHZ_INVALID) | BIT(AUTHZ_DEACTIVATED) | BIT(AUTHZ_EXPIRED),
  [AUTHZ_VALID] = BIT(AUTHZ_EXPIRED) | BIT(AUTHZ_DEACTIVATED) | BIT(AUTHZ_REVOKED),
  [AUTHZ_INVALID] = 0,
  [AUTHZ_DEACTIVATED] = 0,
  [AUTHZ_EXPIRED] = 0,
  [AUTHZ_REVOKED] = 0};
/* A challenge goes back to pending when its validation was cut short by the CA's own fault. */
static const unsigned challenge_moves[] = {
  [CHALLENGE_PENDING] = BIT(CHALLENGE_PROCESSING),
  [CHALLENGE_PROCESSING] = BIT(CHALLENGE_VALID) | BIT(CHALLENGE_INVALID) | BIT(CHALLENGE_PENDING),
  [CHALLENGE_VALID] = 0,
  [CHALLENGE_INVALID] = 0};

static bool may(const unsigned *moves, size_t n, int from, int to) {
  if (from <= 0 || (size_t)from >= n || to <= 0 || (size_t)to >= n)
    return false;
  return from == to || (moves[from] & BIT(to)) != 0;
}

bool account_may_become(int from, int to) {
  return may(account_moves, COUNT(account_moves), from, to);
}

bool order_may_become(int from, int to) {
  return may(order_moves, COUNT(order_moves), from, to);
}

bool authz_may_become(int from, int to) {
  return may(authz_moves, COUNT(authz_moves), from, to);
}

bool challenge_may_become(int from, int to) {
  return may(challenge_moves, COUNT(challenge_moves), from, to);
}
