/* CAA: what one RRset permits (RFC 8659, RFC 8657). Pure: the climb is caa_check.h's. */
#ifndef AVOW_VALIDATE_CAA_H
#define AVOW_VALIDATE_CAA_H

#include "base/arena.h"
#include "base/error.h"

struct caa_record {
  uint8_t flags;
  struct slice tag, value;
};

/* What is asked of the RRset. */
struct caa_question {
  bool wildcard;
  const struct slice *identities; /* issuer domain names of this CA */
  size_t identities_n;
  struct slice account_uri;
  struct slice method; /* "dns-01" */
};

/* Parses rdata (RFC 8659, 4.1): at least one octet of tag, letters and digits only. Borrows. */
bool caa_parse(struct slice rdata, struct caa_record *out);

/* Does this value of an issue or issuewild property permit? False for every value that does not follow the grammar of
   RFC 8659, 4.2; for another issuer; for another account or method (RFC 8657, 3 and 4); for a parameter of RFC 8657
   that is given twice. Unknown parameters are ignored. */
bool caa_value_permits(struct slice value, const struct caa_question *q);

/* Does the relevant RRset (all rdata of it) permit? ERR_CAA with `why` when not: no property permits, a record is
   malformed, or an unknown property is critical. `name` is where the set was found. */
avow_err caa_evaluate(const struct slice *rdata, size_t n, const char *name, const struct caa_question *q,
                      struct problem *why) WARN_UNUSED;

/* The set in words, for the record: `issue "ca.example"; iodef "mailto:…"`; in `a`, never NULL. */
const char *caa_text(const struct slice *rdata, size_t n, struct arena *a);

#endif
