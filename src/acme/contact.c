/* Contacts (RFC 8555, 7.3): checked, so that a client learns of its mistake, and forgotten. They are personal data
   without a purpose here yet (policy.conf): no copy of one leaves this file, not even in a problem's detail. */
#include "acme/resources.h"

enum { CONTACTS_MAX = 10, ADDRESS_MAX = 254, LOCAL_MAX = 64 };

/* RFC 5322, 3.2.3. */
static bool is_atext(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != 0 && c < 0x80 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* A dot-atom: the local part. */
static bool is_dot_atom(struct slice s) {
  if (s.n == 0 || s.n > LOCAL_MAX || s.p[0] == '.' || s.p[s.n - 1] == '.')
    return false;
  for (size_t i = 0; i < s.n; i++)
    if (!is_atext(s.p[i]) && (s.p[i] != '.' || s.p[i - 1] == '.'))
      return false;
  return true;
}

static avow_err check_address(struct slice address, struct problem *why) {
  /* RFC 6068: "," separates addresses, "?" begins header fields; RFC 8555 allows neither. */
  if (memchr(address.p, '?', address.n))
    return problem_set(why, ERR_INVALID_CONTACT, "A contact must not have header fields (\"?\")");
  if (memchr(address.p, ',', address.n))
    return problem_set(why, ERR_INVALID_CONTACT, "A contact must be one mail address");
  const uint8_t *at = memchr(address.p, '@', address.n);
  if (!at || address.n > ADDRESS_MAX)
    return problem_set(why, ERR_INVALID_CONTACT, "A contact is no mail address");
  size_t local_n = (size_t)(at - address.p);
  struct slice local = slice_of(address.p, local_n), domain = slice_skip(address, local_n + 1);
  AUTO_ARENA a;
  arena_init(&a, 4096);
  struct name name;
  struct problem detail = {0};
  if (!is_dot_atom(local) || name_parse_dns(domain, &a, &name, &detail) != AVOW_OK || name.wildcard ||
      !memchr(domain.p, '.', domain.n))
    return problem_set(why, ERR_INVALID_CONTACT, "A contact is no mail address");
  return AVOW_OK;
}

static avow_err check_contact(const json_t *value, struct problem *why) {
  static const char scheme[] = "mailto:";
  if (!json_is_string(value))
    return problem_set(why, ERR_MALFORMED, "\"contact\" must be a list of URLs");
  struct slice url = slice_of(json_string_value(value), json_string_length(value));
  const uint8_t *colon = url.n ? memchr(url.p, ':', url.n) : NULL;
  if (!colon || colon == url.p)
    return problem_set(why, ERR_INVALID_CONTACT, "A contact is no URL");
  struct slice head = slice_of(url.p, (size_t)(colon - url.p) + 1);
  if (!slice_eq_nocase(head, slice_of(scheme, sizeof scheme - 1)))
    return ERR_UNSUPPORTED_CONTACT;
  return check_address(slice_skip(url, head.n), why);
}

avow_err contact_check(const json_t *account, struct problem *why) {
  const json_t *contacts = json_object_get(account, "contact");
  if (!contacts)
    return AVOW_OK;
  if (!json_is_array(contacts))
    return problem_set(why, ERR_MALFORMED, "\"contact\" must be a list of URLs");
  if (json_array_size(contacts) > CONTACTS_MAX)
    return problem_set(why, ERR_INVALID_CONTACT, "There are more than %d contacts", CONTACTS_MAX);
  for (size_t i = 0; i < json_array_size(contacts); i++) {
    avow_err e = check_contact(json_array_get(contacts, i), why);
    if (e != AVOW_OK)
      return e;
  }
  return AVOW_OK;
}
