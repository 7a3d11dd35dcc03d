#include "store/model.h"

/* Above the numbers of signers and fronts, so that the ids of a challenge and of its authorization always differ. */
enum { CHALLENGE_ORIGIN = 0xc0 };

#define METHOD(m) (1u << (m))

unsigned authz_methods(int identifier_type, bool wildcard) {
  if (identifier_type == IDENTIFIER_DNS && wildcard)
    return METHOD(METHOD_DNS_01);
  if (identifier_type == IDENTIFIER_DNS)
    return METHOD(METHOD_HTTP_01) | METHOD(METHOD_DNS_01) | METHOD(METHOD_TLS_ALPN_01);
  if (identifier_type == IDENTIFIER_IP && !wildcard)
    return METHOD(METHOD_HTTP_01) | METHOD(METHOD_TLS_ALPN_01);
  return 0;
}

int authz_status_at(int status, int64_t expires_ms, int64_t now_ms) {
  return expires_ms <= now_ms && authz_may_become(status, AUTHZ_EXPIRED) ? AUTHZ_EXPIRED : status;
}

int order_status_at(int status, int64_t expires_ms, const int *authzs, size_t n, int64_t now_ms) {
  if (status != ORDER_PENDING && status != ORDER_READY)
    return status;
  if (expires_ms <= now_ms || n == 0)
    return ORDER_INVALID;
  size_t valid = 0;
  for (size_t i = 0; i < n; i++) {
    if (authzs[i] != AUTHZ_VALID && authzs[i] != AUTHZ_PENDING)
      return ORDER_INVALID;
    valid += authzs[i] == AUTHZ_VALID;
  }
  return valid == n ? ORDER_READY : ORDER_PENDING;
}

struct id128 challenge_id(struct id128 authz, int method) {
  authz.b[6] = (uint8_t)(CHALLENGE_ORIGIN | method);
  return authz;
}

struct id128 challenge_authz(struct id128 challenge, int *method) {
  int m = challenge.b[6] & ~CHALLENGE_ORIGIN;
  bool is_one = (challenge.b[6] & CHALLENGE_ORIGIN) == CHALLENGE_ORIGIN && challenge_method_text(m);
  *method = is_one ? m : 0;
  challenge.b[6] = STORE_ORIGIN;
  return challenge;
}
