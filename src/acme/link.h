/* A worker's channel to the store: blocking, renewed when the store was started again. */
#ifndef AVOW_ACME_LINK_H
#define AVOW_ACME_LINK_H

#include "acme/nonce.h"
#include "ipc/channel.h"

/* Gives the newest descriptor of the store channel `index`, waiting up to `timeout_ms` for one: -1 when there is none.
 */
typedef int (*link_take)(void *owner, uint16_t index, int timeout_ms);

struct store_link {
  struct channel ch;
  struct inbox in; /* the last answer; its slices live until the next call */
  uint16_t index;
  link_take take;
  void *owner;
  struct message *ahead;      /* goes out right behind the next request */
  uint64_t asked;             /* the id under which one went out so and was not waited for yet; 0: none */
  struct nonce_maker *nonces; /* told of each welcome */
};

/* `take` is asked for the first descriptor when the link is first used. */
void link_init(struct store_link *l, uint16_t index, link_take take, void *owner, struct nonce_maker *nonces);
void link_clear(struct store_link *l);

/* Says front_hello if this has to be done. ERR_UNAVAILABLE when the store cannot be reached now. */
avow_err link_open(struct store_link *l, struct problem *why) WARN_UNUSED;

/* Sends the request and waits for its answer, which must be of type `expect` and is then in l->in.m. Every request is
   idempotent: when the store goes away meanwhile, it is repeated once over the renewed channel. A refusal comes back as
   its error with `why` filled (l->in.m.refused has its subproblems). ERR_UNAVAILABLE when the store did not answer. */
avow_err link_call(struct store_link *l, struct message *m, enum message_type expect, struct problem *why) WARN_UNUSED;

/* Has `m` sent right behind the request of the next link_call(), so that the store answers both at once; its answer is
   fetched by the link_call() after that, with `m` or with a message of the same id. For what only reads: when another
   call follows, the answer is dropped. */
void link_ahead(struct store_link *l, struct message *m);

#endif
