/* The rules of orders, authorizations and challenges (RFC 8555, 7.1.6) as pure functions. */
#ifndef AVOW_STORE_MODEL_H
#define AVOW_STORE_MODEL_H

#include "base/id.h"
#include "ipc/model.h"

/* Bits 1 << method that prove control of such an identifier: a wildcard needs dns-01 (RFC 8555, 7.1.3), an address
   cannot have it (RFC 8738, 7). 0 for an unknown type. */
unsigned authz_methods(int identifier_type, bool wildcard);

/* What the authorization is at `now_ms`: pending and valid ones expire. */
int authz_status_at(int status, int64_t expires_ms, int64_t now_ms);

/* What an order of decided status `status` is at `now_ms`, when its authorizations are what `authzs` says (at that
 * time). */
int order_status_at(int status, int64_t expires_ms, const int *authzs, size_t n, int64_t now_ms);

/* A challenge's id is its authorization's with the method in the origin byte; what is no such id gives method 0. */
struct id128 challenge_id(struct id128 authz, int method);
struct id128 challenge_authz(struct id128 challenge, int *method);

/* Origin byte of the ids the store mints (orders, authorizations, jobs). */
enum { STORE_ORIGIN = 1 };

#endif
