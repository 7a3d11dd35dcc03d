/* The URLs of ACME (docs/guide/acme.md) and what answers them. */
#include "acme/resources.h"

void acme_worker_init(struct acme_worker *w, struct acme_site *site, uint16_t index, link_take take, void *owner) {
  w->site = site;
  link_init(&w->link, index, take, owner, &site->nonces);
}

void acme_worker_clear(struct acme_worker *w) {
  link_clear(&w->link);
}

/* Last, if the step asks the store first about the object in the path: .reads. */
#define RESOURCE(resource, before, after, with_id, who, run, ...)                                                      \
  static enum http_verdict handle_##resource(struct http_worker *w, void *context, struct http_exchange *x) {          \
    static const struct acme_resource it = {.name = #resource,                                                         \
                                            .prefix = before,                                                          \
                                            .suffix = after,                                                           \
                                            .has_id = with_id,                                                         \
                                            .signer = who,                                                             \
                                            .step = run,                                                               \
                                            ##__VA_ARGS__};                                                            \
    return acme_run(w, context, x, &it);                                                                               \
  }

RESOURCE(new_nonce, "/acme/new-nonce", "", false, SIGNER_NOBODY, new_nonce_get)
RESOURCE(new_account, "/acme/new-account", "", false, SIGNER_KEY, new_account_post)
RESOURCE(account, "/acme/acct/", "", true, SIGNER_ACCOUNT, account_post)
RESOURCE(key_change, "/acme/key-change", "", false, SIGNER_ACCOUNT, key_change_post)
RESOURCE(account_orders, "/acme/acct/", "/orders", true, SIGNER_ACCOUNT, account_orders_post)
RESOURCE(new_order, "/acme/new-order", "", false, SIGNER_ACCOUNT, new_order_post)
RESOURCE(order, "/acme/order/", "", true, SIGNER_ACCOUNT, order_post, .reads = MSG_order_get)
RESOURCE(finalize, "/acme/order/", "/finalize", true, SIGNER_ACCOUNT, order_finalize_post, .reads = MSG_order_get)
RESOURCE(authz, "/acme/authz/", "", true, SIGNER_ACCOUNT, authz_post, .reads = MSG_authz_get)
RESOURCE(challenge, "/acme/chall/", "", true, SIGNER_ACCOUNT, challenge_post, .reads = MSG_challenge_get)
RESOURCE(certificate, "/acme/cert/", "", true, SIGNER_ACCOUNT, certificate_post, .reads = MSG_certificate_get)
RESOURCE(revoke, "/acme/revoke-cert", "", false, SIGNER_EITHER, revoke_post)

#define ROW(path, allowed, run)                                                                                        \
  {                                                                                                                    \
    .pattern = path, .methods = allowed, .flags = ROUTE_TLS | ROUTE_ACME, .kind = ROUTE_WORKER,                        \
    .handler = handle_##run                                                                                            \
  }

const struct http_route acme_routes[] = {
  ROW("/acme/new-nonce", HTTP_GET | HTTP_HEAD, new_nonce),
  ROW("/acme/new-account", HTTP_POST, new_account),
  ROW("/acme/new-order", HTTP_POST, new_order),
  ROW("/acme/revoke-cert", HTTP_POST, revoke),
  ROW("/acme/key-change", HTTP_POST, key_change),
  ROW("/acme/acct/*", HTTP_POST, account),
  ROW("/acme/acct/*/orders", HTTP_POST, account_orders),
  ROW("/acme/order/*", HTTP_POST, order),
  ROW("/acme/order/*/finalize", HTTP_POST, finalize),
  ROW("/acme/authz/*", HTTP_POST, authz),
  ROW("/acme/chall/*", HTTP_POST, challenge),
  ROW("/acme/cert/*", HTTP_POST, certificate),
  {.pattern = "/acme/**", .flags = ROUTE_TLS | ROUTE_ACME, .kind = ROUTE_NOT_FOUND},
};
const size_t acme_routes_n = sizeof acme_routes / sizeof acme_routes[0];
