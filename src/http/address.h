/* How many connections each address has open. An IPv6 host owns its whole /64, so that counts as one address. */
#ifndef AVOW_HTTP_ADDRESS_H
#define AVOW_HTTP_ADDRESS_H

#include <sys/socket.h>

#include "base/error.h"
#include "base/personal.h"

struct address_counts;

avow_err address_counts_new(struct address_counts **out, size_t most) WARN_UNUSED;
void address_counts_free(struct address_counts *counts);
/* Counts one connection more; false, and nothing counted, when the address has its most. Safe from any thread. */
bool address_enter(struct address_counts *counts, const struct personal_ip *ip) WARN_UNUSED;
void address_leave(struct address_counts *counts, const struct personal_ip *ip);
/* The address of a peer; IPv4 in IPv6 clothes (RFC 4291, 2.5.5.2) is IPv4. */
struct personal_ip address_of(const struct sockaddr_storage *peer);

#endif
