/* RFC 8555 on the front's worker threads: what the front role needs to serve it. */
#ifndef AVOW_ACME_ACME_H
#define AVOW_ACME_ACME_H

#include "acme/link.h"
#include "acme/site.h"
#include "http/server.h"

/* What one worker thread owns: the context of its handlers. */
struct acme_worker {
  struct acme_site *site;
  struct store_link link;
};

/* `index`, `take` and `owner` as for link_init(). */
void acme_worker_init(struct acme_worker *w, struct acme_site *site, uint16_t index, link_take take, void *owner);
void acme_worker_clear(struct acme_worker *w);

/* The rows of the route table that are ACME's; their handlers expect a struct acme_worker as context. */
extern const struct http_route acme_routes[];
extern const size_t acme_routes_n;

/* server_config.decorate for ACME paths: Link rel="index" and, on answers to POST, Replay-Nonce. `site` is a struct
 * acme_site. */
void acme_decorate(void *site, const struct http_request *rq, struct http_response *rs);

#endif
