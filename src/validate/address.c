#include "validate/address.h"

#include <arpa/inet.h>
#include <stdio.h>

struct special {
  struct network block;
  const char *name;
};

static const struct special specials[] = {
#define SPECIAL(bytes, prefix_bits, block_name, ...) {{bytes, prefix_bits, {__VA_ARGS__}}, block_name},
#include "validate/special_addresses.inc"
#undef SPECIAL
};

/* RFC 5771; not in the registry of special-purpose addresses, which lists unicast only. */
static const struct network multicast4 = {4, 4, {0xe0}};
/* RFC 4291, 2.4 and IANA's IPv6 address space: all global unicast that is allocated lies in 2000::/3; what is outside
   is multicast, deprecated (site-local) or reserved. */
static const struct network unicast6 = {16, 3, {0x20}};

bool address_parse(struct slice text, struct address *out) {
  char copy[ADDRESS_TEXT];
  if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, 0, text.n))
    return false;
  memcpy(copy, text.p, text.n);
  copy[text.n] = 0;
  memset(out, 0, sizeof *out);
  out->n = memchr(text.p, ':', text.n) ? 16 : 4;
  return inet_pton(out->n == 16 ? AF_INET6 : AF_INET, copy, out->b) == 1;
}

char *address_text(const struct address *a, char out[ADDRESS_TEXT]) {
  if (!inet_ntop(a->n == 16 ? AF_INET6 : AF_INET, a->b, out, ADDRESS_TEXT))
    out[0] = 0;
  return out;
}

char *address_reverse(const struct address *a, char out[ADDRESS_REVERSE]) {
  size_t at = 0;
  for (size_t i = a->n; i-- > 0;)
    if (a->n == 4)
      at += (size_t)snprintf(out + at, ADDRESS_REVERSE - at, "%u.", a->b[i]);
    else
      at += (size_t)snprintf(out + at, ADDRESS_REVERSE - at, "%x.%x.", a->b[i] & 15, a->b[i] >> 4);
  (void)snprintf(out + at, ADDRESS_REVERSE - at, "%s", a->n == 4 ? "in-addr.arpa" : "ip6.arpa");
  return out;
}

socklen_t address_socket(const struct address *a, int port, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (a->n == 16) {
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)port);
    memcpy(&in6->sin6_addr, a->b, 16);
    return sizeof *in6;
  }
  struct sockaddr_in *in = (struct sockaddr_in *)out;
  in->sin_family = AF_INET;
  in->sin_port = htons((uint16_t)port);
  memcpy(&in->sin_addr, a->b, 4);
  return sizeof *in;
}

const char *address_special(const struct address *a) {
  for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++)
    if (network_contains(&specials[i].block, a->b, a->n))
      return specials[i].name;
  if (a->n == 4 && network_contains(&multicast4, a->b, 4))
    return "Multicast";
  if (a->n == 16 && !network_contains(&unicast6, a->b, 16))
    return "outside global unicast space";
  return NULL;
}

bool address_allowed(const struct config *config, const struct address *a) {
  if (config->kind == KIND_TEST || !address_special(a))
    return true;
  if (config->kind == KIND_PRIVATE)
    for (size_t i = 0; i < config->networks_n; i++)
      if (network_contains(&config->networks[i], a->b, a->n))
        return true;
  return false;
}
