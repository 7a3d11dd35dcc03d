/* What the validator of a CA under load meets: a DNS server and an http-01 server, each one thread on loopback. */
#ifndef AVOW_BENCH_RESPONDERS_H
#define AVOW_BENCH_RESPONDERS_H

#include "base/bytes.h"

/* Answers every name: A 127.0.0.1, AAAA and CAA empty, TXT of _acme-challenge.NAME what responders_set_txt() said. */
bool responders_start(int dns_port, int http_port);
/* The thumbprint (base64url) of the account whose names carry ".<index>." as their second label. */
void responders_set_thumbprint(unsigned index, const char *thumbprint);
/* dns-01: the TXT value for all names of account `index` under the label `name`. */
void responders_set_txt(unsigned index, const char *value);

#endif
