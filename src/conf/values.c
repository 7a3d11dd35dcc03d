/* How the text of each type of value becomes a field. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "base/log.h"
#include "conf/internal.h"
#include "pki/name.h"

enum { LIST_MAX = 64, LISTENERS_MAX = 16, URL_MAX = 512, HOSTS_MAX = 16, FILES_MAX = 16, ANCHOR_MAX = 2048 };

static void *field(void *target, size_t offset) {
  return (char *)target + offset;
}

static bool is_digit(uint8_t c) {
  return c >= '0' && c <= '9';
}

/* A decimal number without sign or leading zeros, at most 9 digits. */
static bool number(struct slice text, int64_t *out) {
  if (text.n == 0 || text.n > 9 || (text.p[0] == '0' && text.n > 1))
    return false;
  *out = 0;
  for (size_t i = 0; i < text.n; i++) {
    if (!is_digit(text.p[i]))
      return false;
    *out = *out * 10 + (text.p[i] - '0');
  }
  return true;
}

char *conf_str(struct arena *a, struct slice s) {
  return arena_str(a, s);
}

static struct slice trim(struct slice s) {
  while (s.n > 0 && s.p[0] == ' ')
    s = slice_skip(s, 1);
  while (s.n > 0 && s.p[s.n - 1] == ' ')
    s.n--;
  return s;
}

bool conf_list_next(struct slice *rest, struct slice *element) {
  if (!rest->p)
    return false;
  const uint8_t *comma = rest->n ? memchr(rest->p, ',', rest->n) : NULL;
  size_t n = comma ? (size_t)(comma - rest->p) : rest->n;
  *element = trim(slice_of(rest->p, n));
  *rest = comma ? slice_skip(*rest, n + 1) : SLICE_NONE;
  return true;
}

static bool list_is_empty(struct slice value) {
  return trim(value).n == 0;
}

static const struct {
  uint8_t letter;
  int64_t seconds;
} units[] = {{'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
enum { UNITS = sizeof units / sizeof *units };

bool conf_duration(struct slice text, int64_t *seconds) {
  static const int64_t most = (int64_t)100 * 366 * 86400;
  size_t next = 0; /* the first unit that may still come */
  *seconds = 0;
  if (text.n == 0)
    return false;
  while (text.n > 0) {
    size_t digits = 0, unit = next;
    while (digits < text.n && is_digit(text.p[digits]))
      digits++;
    int64_t value;
    if (digits == text.n || !number(slice_of(text.p, digits), &value))
      return false;
    while (unit < UNITS && text.p[digits] != units[unit].letter)
      unit++;
    if (unit == UNITS)
      return false;
    *seconds += value * units[unit].seconds;
    if (*seconds > most)
      return false;
    next = unit + 1;
    text = slice_skip(text, digits + 1);
  }
  return true;
}

void conf_duration_put(struct buf *out, int64_t seconds) {
  if (seconds == 0)
    buf_put_str(out, "0s");
  for (size_t i = 1; i < UNITS; i++) { /* days read better than weeks */
    if (seconds / units[i].seconds > 0)
      buf_printf(out, "%lld%c", (long long)(seconds / units[i].seconds), units[i].letter);
    seconds %= units[i].seconds;
  }
}

bool conf_set_kind(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  (void)a;
  return ca_kind_parse(value, field(target, row->offset));
}

bool conf_set_int(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  (void)a;
  int64_t v;
  if (!number(value, &v) || v < row->min || v > row->max)
    return false;
  *(int *)field(target, row->offset) = (int)v;
  return true;
}

bool conf_set_duration(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  (void)a;
  int64_t v;
  if (!conf_duration(value, &v) || v < row->min || v > row->max)
    return false;
  *(int64_t *)field(target, row->offset) = v;
  return true;
}

bool conf_set_shift(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  (void)a;
  bool minus = slice_starts(value, SLICE_LIT("-"));
  int64_t v;
  if (!conf_duration(slice_skip(value, minus || slice_starts(value, SLICE_LIT("+")) ? 1 : 0), &v))
    return false;
  *(int64_t *)field(target, row->offset) = (minus ? -v : v) * 1000;
  return true;
}

bool conf_set_bool(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  (void)a;
  bool yes = slice_eq_str(value, "true");
  if (!yes && !slice_eq_str(value, "false"))
    return false;
  *(bool *)field(target, row->offset) = yes;
  return true;
}

bool conf_set_level(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  (void)a;
  static const char *const names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
  for (int i = LOG_DEBUG; i <= LOG_ERROR; i++)
    if (slice_eq_str(value, names[i])) {
      *(int *)field(target, row->offset) = i;
      return true;
    }
  return false;
}

bool conf_set_text(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  (void)a;
  if (value.n > (size_t)row->max)
    return false;
  char *out = field(target, row->offset);
  memcpy(out, value.p, value.n);
  out[value.n] = 0;
  return true;
}

bool conf_set_profile_name(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  (void)a;
  if (!conf_profile_name_ok(value))
    return false;
  char *out = field(target, row->offset);
  memcpy(out, value.p, value.n);
  out[value.n] = 0;
  return true;
}

/* Text of a host in a URL or a list: a DNS name in lower case or an address in its canonical form. */
static char *host_text(struct arena *a, struct slice text) {
  struct name name;
  if (name_parse_ip(text, a, &name, NULL) == AVOW_OK)
    return conf_str(a, name.text);
  return name_parse_dns(text, a, &name, NULL) == AVOW_OK && !name.wildcard ? conf_str(a, name.text) : NULL;
}

bool conf_set_hosts(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  char **list = arena_array(a, HOSTS_MAX, sizeof *list);
  size_t n = 0;
  struct slice element;
  while (list && conf_list_next(&value, &element)) {
    char *host = n < HOSTS_MAX ? host_text(a, element) : NULL;
    if (!host)
      return false;
    for (size_t i = 0; i < n; i++)
      if (strcmp(list[i], host) == 0)
        return false;
    list[n++] = host;
  }
  *(char ***)field(target, row->offset) = list;
  *(size_t *)field(target, row->count_offset) = n;
  return n > 0;
}

bool conf_set_names(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  struct slice *list = arena_array(a, LIST_MAX, sizeof *list);
  size_t n = 0;
  struct slice element;
  if (!list)
    return false;
  bool more = !list_is_empty(value);
  while (more && conf_list_next(&value, &element)) {
    struct name name;
    if (n == LIST_MAX || name_parse_dns(element, a, &name, NULL) != AVOW_OK || name.wildcard)
      return false;
    list[n++] = name.text;
  }
  *(struct slice **)field(target, row->offset) = list;
  *(size_t *)field(target, row->count_offset) = n;
  return true;
}

/* A relative path whose every part is a name of letters, digits, "_", "-" and inner dots: nothing leads out of the
 * folder.
 */
static bool path_ok(struct slice path) {
  enum { PATH_LENGTH = 200 };
  for (size_t i = 0; i < path.n; i++) {
    uint8_t c = path.p[i];
    bool inner = i > 0 && path.p[i - 1] != '/';
    bool name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
    if (!name && !(inner && (c == '-' || c == '.' || c == '/')))
      return false;
  }
  return path.n > 0 && path.n <= PATH_LENGTH && path.p[path.n - 1] != '/';
}

bool conf_set_files(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  char **list = arena_array(a, FILES_MAX, sizeof *list);
  size_t n = 0;
  struct slice element;
  if (!list)
    return false;
  bool more = !list_is_empty(value);
  while (more && conf_list_next(&value, &element)) {
    if (n == FILES_MAX || !path_ok(element) || !(list[n] = conf_str(a, element)))
      return false;
    n++;
  }
  *(char ***)field(target, row->offset) = list;
  *(size_t *)field(target, row->count_offset) = n;
  return true;
}

int conf_endpoint_port(const struct endpoint *e) {
  const struct sockaddr *address = (const struct sockaddr *)&e->address;
  return ntohs(address->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                              : ((const struct sockaddr_in *)address)->sin_port);
}

bool conf_endpoint(struct slice text, int default_port, struct endpoint *out) {
  *out = (struct endpoint){0};
  char host[INET6_ADDRSTRLEN + 1];
  bool v6 = slice_starts(text, SLICE_LIT("["));
  const uint8_t *end = text.n ? memchr(text.p, v6 ? ']' : ':', text.n) : NULL;
  if (text.n == 0 || text.n >= sizeof out->text || (v6 && !end))
    return false;
  struct slice rest = end ? slice_skip(text, (size_t)(end - text.p) + v6) : SLICE_NONE;
  struct slice name = slice_of(text.p + v6, (end ? (size_t)(end - text.p) : text.n) - v6);
  int64_t port = default_port;
  if (rest.n > 0 && (rest.p[0] != ':' || !number(slice_skip(rest, 1), &port)))
    return false;
  if (port < 1 || port > 65535 || name.n == 0 || name.n >= sizeof host)
    return false;
  memcpy(host, name.p, name.n);
  host[name.n] = 0;
  memcpy(out->text, text.p, text.n);
  if (v6) {
    struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&out->address;
    a6->sin6_family = AF_INET6;
    a6->sin6_port = htons((uint16_t)port);
    out->n = sizeof *a6;
    return inet_pton(AF_INET6, host, &a6->sin6_addr) == 1;
  }
  struct sockaddr_in *a4 = (struct sockaddr_in *)&out->address;
  a4->sin_family = AF_INET;
  a4->sin_port = htons((uint16_t)port);
  out->n = sizeof *a4;
  return inet_pton(AF_INET, host, &a4->sin_addr) == 1;
}

static bool endpoint_in(const struct endpoint *list, size_t n, const struct endpoint *e) {
  for (size_t i = 0; i < n; i++)
    if (memcmp(&list[i].address, &e->address, sizeof e->address) == 0)
      return true;
  return false;
}

bool conf_set_endpoints(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  struct endpoint *list = arena_array(a, LISTENERS_MAX, sizeof *list);
  size_t n = 0;
  struct slice element;
  while (list && conf_list_next(&value, &element)) {
    struct endpoint e;
    if (n == LISTENERS_MAX || !conf_endpoint(element, 0, &e) || endpoint_in(list, n, &e))
      return false;
    list[n++] = e;
  }
  *(struct endpoint **)field(target, row->offset) = list;
  *(size_t *)field(target, row->count_offset) = n;
  return n > 0;
}

bool conf_set_loopback(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  if (list_is_empty(value)) {
    *(size_t *)field(target, row->count_offset) = 0;
    return true;
  }
  if (!conf_set_endpoints(a, target, row, value) || *(size_t *)field(target, row->count_offset) != 1)
    return false;
  const struct sockaddr *at = (const struct sockaddr *)&(*(struct endpoint **)field(target, row->offset))->address;
  if (at->sa_family == AF_INET6)
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)at)->sin6_addr);
  return ntohl(((const struct sockaddr_in *)at)->sin_addr.s_addr) >> 24 == 127;
}

/* libunbound takes "address@port". */
bool conf_set_resolvers(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  char **list = arena_array(a, LISTENERS_MAX, sizeof *list);
  struct endpoint *seen = arena_array(a, LISTENERS_MAX, sizeof *seen);
  size_t n = 0;
  struct slice element;
  if (!list || !seen)
    return false;
  bool more = !list_is_empty(value);
  while (more && conf_list_next(&value, &element)) {
    char host[INET6_ADDRSTRLEN];
    if (n == LISTENERS_MAX || !conf_endpoint(element, 53, &seen[n]) || endpoint_in(seen, n, &seen[n]))
      return false;
    const struct sockaddr *address = (const struct sockaddr *)&seen[n].address;
    const void *bytes = address->sa_family == AF_INET6
                          ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
                          : (const void *)&((const struct sockaddr_in *)address)->sin_addr;
    if (!inet_ntop(address->sa_family, bytes, host, sizeof host))
      return false;
    list[n] = arena_printf(a, "%s@%d", host, conf_endpoint_port(&seen[n]));
    if (!list[n++])
      return false;
  }
  *(char ***)field(target, row->offset) = list;
  *(size_t *)field(target, row->count_offset) = n;
  return true;
}

static bool network_parse(struct slice text, struct network *out) {
  *out = (struct network){0};
  const uint8_t *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
  char address[INET6_ADDRSTRLEN];
  int64_t prefix;
  if (!slash || (size_t)(slash - text.p) >= sizeof address ||
      !number(slice_skip(text, (size_t)(slash - text.p) + 1), &prefix))
    return false;
  size_t n = (size_t)(slash - text.p);
  memcpy(address, text.p, n);
  address[n] = 0;
  out->family_bytes = memchr(address, ':', n) ? 16 : 4;
  if (inet_pton(out->family_bytes == 16 ? AF_INET6 : AF_INET, address, out->b) != 1 || prefix > out->family_bytes * 8)
    return false;
  out->prefix = (uint8_t)prefix;
  for (int bit = out->prefix; bit < out->family_bytes * 8; bit++)
    if (out->b[bit / 8] & 0x80 >> bit % 8)
      return false;
  return true;
}

bool conf_set_networks(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  struct network *list = arena_array(a, LIST_MAX, sizeof *list);
  size_t n = 0;
  struct slice element;
  if (!list)
    return false;
  bool more = !list_is_empty(value);
  while (more && conf_list_next(&value, &element))
    if (n == LIST_MAX || !network_parse(element, &list[n++]))
      return false;
  *(struct network **)field(target, row->offset) = list;
  *(size_t *)field(target, row->count_offset) = n;
  return true;
}

/* Printable ASCII without what would end a URL in a header, a page or a certificate. */
static bool url_characters(struct slice s) {
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("\"<>\\^`{|}", s.p[i]))
      return false;
  return s.n <= URL_MAX;
}

static bool store_string(struct arena *a, char **at, struct slice value) {
  *at = value.n ? conf_str(a, value) : NULL;
  return *at || value.n == 0;
}

bool conf_set_url(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  bool http = slice_starts(value, SLICE_LIT("http://")) && value.n > 7;
  bool https = slice_starts(value, SLICE_LIT("https://")) && value.n > 8;
  if (value.n > 0 && (!(http || https) || !url_characters(value)))
    return false;
  return store_string(a, field(target, row->offset), value);
}

/* SCHEME://HOST[:PORT], where the scheme is what the key begins with. */
bool conf_set_base_url(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  if (value.n == 0)
    return store_string(a, field(target, row->offset), value);
  struct slice scheme = row->key[4] == 's' ? SLICE_LIT("https://") : SLICE_LIT("http://");
  if (!slice_starts(value, scheme) || !url_characters(value))
    return false;
  struct slice rest = slice_skip(value, scheme.n), host = rest;
  bool v6 = slice_starts(rest, SLICE_LIT("["));
  const uint8_t *end = rest.n ? memchr(rest.p, v6 ? ']' : ':', rest.n) : NULL;
  if (v6 && !end)
    return false;
  if (end) {
    host = slice_of(rest.p + v6, (size_t)(end - rest.p) - v6);
    struct slice port = slice_skip(rest, (size_t)(end - rest.p) + v6);
    int64_t n;
    if (port.n > 0 && (port.p[0] != ':' || !number(slice_skip(port, 1), &n) || n < 1 || n > 65535))
      return false;
  }
  const char *canonical = host_text(a, host);
  return canonical && v6 == (strchr(canonical, ':') != NULL) && slice_eq_str(host, canonical) &&
         store_string(a, field(target, row->offset), value);
}

/* One record a line, as libunbound wants one a call. Whether the record is right is libunbound's to say. */
bool conf_set_anchor(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  AUTO_BUF lines;
  buf_init(&lines, ANCHOR_MAX);
  struct slice element;
  bool more = !list_is_empty(value);
  while (more && conf_list_next(&value, &element)) {
    char text[ANCHOR_MAX], *rest = NULL;
    if (element.n == 0 || element.n >= sizeof text)
      return false;
    memcpy(text, element.p, element.n);
    text[element.n] = 0;
    buf_printf(&lines, "%s%s", lines.n ? "\n" : "", text);
    bool is_key = false;
    int words = 0;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest), words++)
      is_key |= words > 0 && (strcmp(word, "DS") == 0 || strcmp(word, "DNSKEY") == 0);
    if (!is_key || words < 6)
      return false;
  }
  return !lines.failed && store_string(a, field(target, row->offset), buf_slice(&lines));
}

/* X.660: the first arc is 0 to 2, the second below 40 under 0 and 1. */
static bool is_oid(struct slice text) {
  int arcs = 0;
  int64_t first = 0;
  while (true) {
    const uint8_t *dot = text.n ? memchr(text.p, '.', text.n) : NULL;
    int64_t arc;
    if (!number(slice_of(text.p, dot ? (size_t)(dot - text.p) : text.n), &arc))
      return false;
    if ((arcs == 0 && arc > 2) || (arcs == 1 && first < 2 && arc > 39))
      return false;
    if (arcs == 0)
      first = arc;
    arcs++;
    if (!dot)
      return arcs >= 2;
    text = slice_skip(text, (size_t)(dot - text.p) + 1);
  }
}

bool conf_set_oids(struct arena *a, void *target, const struct conf_row *row, struct slice value) {
  (void)a;
  char(*list)[64] = field(target, row->offset);
  size_t *n = field(target, row->count_offset);
  struct slice element;
  *n = 0;
  bool more = !list_is_empty(value);
  while (more && conf_list_next(&value, &element)) {
    if (*n == POLICY_OIDS_MAX || element.n >= sizeof list[0] || !is_oid(element))
      return false;
    memcpy(list[*n], element.p, element.n);
    list[(*n)++][element.n] = 0;
  }
  return true;
}
