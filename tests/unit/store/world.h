/* A store with a clock of its own, driven by messages as the loop would; once in memory and once in a file. */
#ifndef AVOW_TESTS_STORE_WORLD_H
#define AVOW_TESTS_STORE_WORLD_H

#include "store/store.h"

struct world {
  struct store *s;
  char path[64]; /* of the database; ":memory:" */
  int reuse_percent;
  int64_t now_ms;
  struct arena a;
  struct message out; /* the last answer */
  uint64_t record;    /* number of the next record of the pretended signer */
};

/* cmocka's fixtures: one in memory, one in a fresh file. */
int world_in_memory(void **state);
int world_in_file(void **state);
int world_teardown(void **state);
/* Closes the store and opens it again, as after a restart. */
void world_restart(struct world *w);

/* Handles one message: a read, or a batch of one write with its commit. The answer is in w->out; returns its error. */
avow_err world_send(struct world *w, const struct message *m);
/* Whether the last commit had an effect of this kind (on this id, unless it is NULL). */
bool world_effect(struct world *w, enum effect_kind kind, const struct id128 *id);

/* Steps of the usual way, each asserted. */
struct id128 world_account(struct world *w, uint8_t seed);
struct rec_identifier world_dns(const char *name, bool wildcard);
/* An order for these names; the answer's order. */
struct rec_order world_order(struct world *w, struct id128 account, const struct rec_identifier *names, size_t n);
struct rec_order world_order_get(struct world *w, struct id128 account, struct id128 order);
struct rec_authz world_authz_get(struct world *w, struct id128 account, struct id128 authz);
/* The id of the authorization's challenge of this method; zero when it has none. */
struct id128 world_challenge(const struct rec_authz *z, int method);
/* Responds to the challenge, takes the job and ends the validation. */
void world_validate(struct world *w, struct id128 account, struct id128 authz, int method, bool valid);
/* Finalizes, takes the job, and delivers a certificate's record; the certificate's id. */
struct id128 world_issue(struct world *w, struct id128 account, struct id128 order, uint8_t seed);
struct msg_record_certificate world_certificate(struct world *w, uint8_t seed);
/* The next job that is due, which must be of this type. */
struct message world_job(struct world *w, enum message_type type);
void world_tokens(struct world *w, size_t n);

#endif
