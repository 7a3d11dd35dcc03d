#include "validate/hop.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "pki/name.h"

enum { PORT_HTTP = 80, PORT_HTTPS = 443 };

static void url_free(CURLU **u) {
  curl_url_cleanup(*u);
}

/* One part of `u` in `a`; NULL when there is none. */
static char *part_of(CURLU *u, CURLUPart part, unsigned flags, struct arena *a) {
  char *text = NULL;
  if (curl_url_get(u, part, &text, flags) != CURLUE_OK)
    return NULL;
  char *copy = arena_str(a, slice_str(text));
  curl_free(text);
  return copy;
}

static bool host_parse(char *host, struct arena *a, struct hop *out) {
  size_t n = strlen(host);
  struct slice text = slice_of(host, n);
  if (n > 2 && host[0] == '[' && host[n - 1] == ']')
    text = slice_of(host + 1, n - 2);
  if (address_parse(text, &out->address)) {
    out->literal = true;
    char *canonical = arena_alloc(a, ADDRESS_TEXT);
    out->host = canonical ? address_text(&out->address, canonical) : NULL;
    return canonical != NULL;
  }
  struct name name;
  if (name_parse_dns(text, a, &name, NULL) != AVOW_OK || name.wildcard)
    return false;
  out->host = arena_str(a, name.text);
  return out->host != NULL;
}

static bool port_allowed(int port, const struct config *config) {
  return port == PORT_HTTP || port == PORT_HTTPS || port == config->http_port || port == config->tls_port;
}

static avow_err refuse(struct problem *why, const char *reason) {
  return problem_set(why, ERR_UNAUTHORIZED, "The redirect %s", reason);
}

/* libcurl, like browsers, reads "http:/x", "http:///x" and backslashes as somebody may have meant them. RFC 3986 has
   one reading of a URL; what others read differently is refused. */
static bool is_ambiguous(struct slice reference) {
  const struct slice schemes[] = {SLICE_LIT("http:"), SLICE_LIT("https:")};
  struct slice rest = reference;
  for (size_t i = 0; i < 2; i++)
    if (reference.n >= schemes[i].n && slice_eq_nocase(slice_of(reference.p, schemes[i].n), schemes[i]))
      rest = slice_skip(reference, schemes[i].n);
  bool whole = rest.n < reference.n, authority = slice_starts(rest, SLICE_LIT("//"));
  return memchr(reference.p, '\\', reference.n) || (whole && !authority) || slice_starts(rest, SLICE_LIT("///")) ||
         (authority && rest.n == 2);
}

avow_err hop_parse(const char *base, struct slice reference, const struct config *config, struct arena *a,
                   struct hop *out, struct problem *why) {
  memset(out, 0, sizeof *out);
  if (reference.n == 0 || reference.n > HOP_URL_MAX)
    return refuse(why, "has an empty or too long location");
  for (size_t i = 0; i < reference.n; i++)
    if (reference.p[i] <= 0x20 || reference.p[i] >= 0x7f)
      return refuse(why, "has a location with forbidden characters");
  if (is_ambiguous(reference))
    return refuse(why, "has a location that is not a URL");
  __attribute__((cleanup(url_free))) CURLU *u = curl_url();
  char *text = arena_str(a, reference);
  if (!u || !text)
    return problem_set(why, ERR_NO_MEMORY, "no memory for a URL");
  if ((base && curl_url_set(u, CURLUPART_URL, base, 0) != CURLUE_OK) ||
      curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return refuse(why, "has a location that is not a URL");
  char *scheme = part_of(u, CURLUPART_SCHEME, 0, a);
  if (!scheme || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
    return refuse(why, "leads to something other than http or https");
  out->https = scheme[4] == 's';
  if (part_of(u, CURLUPART_USER, 0, a) || part_of(u, CURLUPART_PASSWORD, 0, a))
    return refuse(why, "has a user name or password in its location");
  char *port = part_of(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, a);
  out->port = port ? (int)strtol(port, NULL, 10) : 0;
  if (!port_allowed(out->port, config))
    return refuse(why, "leads to a port other than 80 and 443");
  char *host = part_of(u, CURLUPART_HOST, 0, a);
  if (!host || part_of(u, CURLUPART_ZONEID, 0, a) || !host_parse(host, a, out))
    return refuse(why, "leads to a host that is neither a host name nor an address");
  if (curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK)
    return problem_set(why, ERR_INTERNAL, "a URL without fragment could not be made");
  out->url = part_of(u, CURLUPART_URL, 0, a);
  if (!out->url || strlen(out->url) > HOP_URL_MAX)
    return refuse(why, "has an empty or too long location");
  return AVOW_OK;
}
