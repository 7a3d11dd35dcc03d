/* One ACME request from its bytes to its answer: authentication (RFC 8555, 6), waiting, errors. */
#ifndef AVOW_ACME_REQUEST_H
#define AVOW_ACME_REQUEST_H

#include "acme/acme.h"
#include "acme/json.h"
#include "base/clock.h"
#include "jose/jws.h"

struct acme_request;

/* One step of a resource: AVOW_OK when the answer is complete or the request waits (acme_wait), an error otherwise,
   with its detail in r->why. */
typedef avow_err (*acme_step)(struct acme_request *r);

/* Who may sign (RFC 8555, 6.2). */
enum acme_signer { SIGNER_NOBODY, SIGNER_ACCOUNT, SIGNER_KEY, SIGNER_EITHER };

struct acme_resource {
  const char *name;   /* in log lines */
  const char *prefix; /* of the path; an id follows when `has_id` */
  const char *suffix; /* after the id */
  bool has_id;
  enum acme_signer signer;
  acme_step step;
  enum message_type reads; /* what the step asks the store first, about the object in the path; MSG_none: nothing */
};

struct acme_request {
  const struct acme_resource *resource;
  struct acme_site *site;
  struct store_link *store;
  struct http_worker *http;
  struct http_exchange *x;
  struct arena *arena;
  int64_t began;   /* monotonic */
  int64_t now;     /* wall clock of this step */
  struct id128 id; /* of the object in the path */
  /* Known after authentication; jws and key are gone after the first step. */
  struct jws jws;
  struct public_key *key;
  struct id128 account;  /* zero when a key signed */
  struct message *ahead; /* what `reads` says, sent with the nonce and not fetched yet */
  /* The error, when a step fails. */
  struct problem why;
  struct rec_subproblem *subproblems;
  size_t subproblems_n;
  int64_t retry_ms; /* with ERR_RATE_LIMITED: when to come again */
  bool terms_link;  /* the answer carries Link rel="terms-of-service" (RFC 8555, 7.3.3) */
  /* Waiting. */
  acme_step resume;
  acme_step done; /* after a job */
  struct id128 job;
  uint8_t thumbprint[32]; /* newAccount: of the key that signed; keyChange: of the new one */
  void *kept;             /* the resource's own over a wait, in the arena */
  int64_t until;          /* monotonic */
};

/* The body of every handler: runs the resource's step, or the step that waited. */
enum http_verdict acme_run(struct http_worker *w, void *context, struct http_exchange *x,
                           const struct acme_resource *resource);

/* Registers a wait for `id` that ends after `ms` at the latest; the step returns AVOW_OK after it, and `next` runs
 * then. */
void acme_wait(struct acme_request *r, struct id128 id, int64_t ms, acme_step next);
/* The same without an event: only until `ms` have passed. */
void acme_sleep(struct acme_request *r, int64_t ms, acme_step next);
/* Waits for a durable job: `done` runs after its good end, its refusal is the answer otherwise, and 503 after ten
 * seconds. */
avow_err acme_wait_job(struct acme_request *r, struct id128 job, acme_step done) WARN_UNUSED;
/* True once the time of the wait is over. */
bool acme_waited(const struct acme_request *r);

/* link_call() with the error in r->why; subproblems of a refusal are kept. */
avow_err acme_call(struct acme_request *r, struct message *m, enum message_type expect) WARN_UNUSED;
/* The answer of the last acme_call(). */
static inline struct message *acme_answer(struct acme_request *r) {
  return &r->store->in.m;
}

/* AVOW_OK when this is a POST-as-GET (RFC 8555, 6.3). */
avow_err acme_expect_empty(struct acme_request *r) WARN_UNUSED;

/* ---- answers ---- */

/* BASE PATH ID SUFFIX in the arena; never NULL (the arena's cap is far above it: memory is then out and the process
 * ends). */
const char *acme_url(const struct acme_request *r, const char *path, struct id128 id, const char *suffix);
/* Sets status and media type; the body is then written to the returned buffer. */
struct buf *acme_begin_answer(struct acme_request *r, int status, const char *media_type);
struct buf *acme_begin_json(struct acme_request *r, int status);
void acme_put_link(struct acme_request *r, const char *url, const char *relation);
/* Retry-After of one second (docs/guide/acme.md). */
void acme_put_retry(struct acme_request *r);
/* {"type":…} of an identifier as it stands in an order ("*." in its value) or an authorization. */
void acme_put_identifier(struct buf *b, const char *name, const struct rec_identifier *i, bool with_wildcard);
/* A problem inside an object. */
void acme_put_problem(struct buf *b, const char *name, const struct rec_problem *p, const struct rec_subproblem *subs,
                      size_t subs_n);

#endif
