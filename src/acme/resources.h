/* The steps of all ACME resources, each in the file of its name, and what they share. */
#ifndef AVOW_ACME_RESOURCES_H
#define AVOW_ACME_RESOURCES_H

#include "acme/request.h"

avow_err new_nonce_get(struct acme_request *r) WARN_UNUSED;       /* RFC 8555, 7.2 */
avow_err new_account_post(struct acme_request *r) WARN_UNUSED;    /* 7.3 */
avow_err account_post(struct acme_request *r) WARN_UNUSED;        /* 7.3.2, 7.3.6 */
avow_err key_change_post(struct acme_request *r) WARN_UNUSED;     /* 7.3.5 */
avow_err account_orders_post(struct acme_request *r) WARN_UNUSED; /* 7.1.2.1 */
avow_err new_order_post(struct acme_request *r) WARN_UNUSED;      /* 7.4 */
avow_err order_post(struct acme_request *r) WARN_UNUSED;          /* 7.1.3 */
avow_err order_finalize_post(struct acme_request *r) WARN_UNUSED; /* 7.4 */
avow_err authz_post(struct acme_request *r) WARN_UNUSED;          /* 7.1.4 */
avow_err challenge_post(struct acme_request *r) WARN_UNUSED;      /* 7.5.1 */
avow_err certificate_post(struct acme_request *r) WARN_UNUSED;    /* 7.4.2 */
avow_err revoke_post(struct acme_request *r) WARN_UNUSED;         /* 7.6 */

/* How long a signed POST to a challenge or finalize is held for its result (docs/guide/acme.md). */
enum { HOLD_MS = 250 };

/* An account object with its Location. */
void account_answer(struct acme_request *r, int status, const struct rec_account *a);
/* Asks for the account whose present key is r->thumbprint: account_is, ERR_ACCOUNT_UNKNOWN. */
avow_err account_find(struct acme_request *r) WARN_UNUSED;
/* Makes this request the job that changes its account, and answers with the account that it leaves. */
avow_err account_change(struct acme_request *r) WARN_UNUSED;
/* An order object with its Location, and Retry-After while it is pending or processing. */
void order_answer(struct acme_request *r, int status, const struct rec_order *o);

/* Checks "contact" (RFC 8555, 7.3): mailto only, one address, no header fields. The addresses are not kept.
   ERR_MALFORMED, ERR_UNSUPPORTED_CONTACT, ERR_INVALID_CONTACT. */
avow_err contact_check(const json_t *account, struct problem *why) WARN_UNUSED;

/* The identifiers of a newOrder, canonical, sorted, without duplicates, in the arena. A single bad one comes back as
   its error; several as subproblems under their common error or ERR_COMPOUND. */
struct identifier_list {
  struct rec_identifier *items;
  size_t n;
  struct rec_subproblem *bad;
  size_t bad_n;
};
avow_err identifiers_parse(const json_t *order, const struct name_policy *policy, const struct profile *profile,
                           struct arena *a, struct identifier_list *out, struct problem *why) WARN_UNUSED;

#endif
