/* CAA of one name: the climb of RFC 8659, 3, by DNS. */
#ifndef AVOW_VALIDATE_CAA_CHECK_H
#define AVOW_VALIDATE_CAA_CHECK_H

#include "validate/caa.h"
#include "validate/probe.h"

struct caa_check {
  struct probe *probe;
  struct dns_query query;
  const char *at; /* the name whose records are asked for; the rest of the authorization's name */
  const char *account_uri;
  outcome_fn *done;
  void *user;
};

/* Names that public CAA cannot speak of: below a listed internal suffix (kind private); reserved and single-label
   names, and all names when no resolver is configured (kind test). */
bool caa_is_internal(const struct config *config, const struct name *name);

/* Looks the records up, nearest first, and judges the first set found. No set anywhere permits. ERR_CAA when forbidden,
   ERR_DNS when a look-up failed: that is never permission. */
void caa_check_start(struct caa_check *c, struct probe *probe, outcome_fn *done, void *user);
void caa_check_cancel(struct caa_check *c);

#endif
