/* Addresses of applicants' machines, and which of them this CA may contact. */
#ifndef AVOW_VALIDATE_ADDRESS_H
#define AVOW_VALIDATE_ADDRESS_H

#include <sys/socket.h>

#include "conf/conf.h"

struct address {
  uint8_t n; /* 4 or 16 */
  uint8_t b[16];
};

enum { ADDRESS_TEXT = 46, ADDRESS_REVERSE = 80 };

/* Dotted quad or RFC 4291 text without brackets or zone; false otherwise. */
bool address_parse(struct slice text, struct address *out);
char *address_text(const struct address *a, char out[ADDRESS_TEXT]);
/* The name below in-addr.arpa or ip6.arpa, without a final dot (RFC 8738, 6: what tls-alpn-01 asks for by SNI). */
char *address_reverse(const struct address *a, char out[ADDRESS_REVERSE]);
socklen_t address_socket(const struct address *a, int port, struct sockaddr_storage *out);

/* The special-purpose block the address lies in (IANA's registries, data/special-addresses; multicast; outside IPv6's
   allocated unicast space): its name, NULL when it is an ordinary address. */
const char *address_special(const struct address *a);
/* May this CA contact the address? Ordinary ones always; special ones in kind test, and in kind private when they lie
   in private.networks. */
bool address_allowed(const struct config *config, const struct address *a);

#endif
