/* Payloads of newAccount and newOrder: whatever comes, an error has a reason, no contact is in it, and what is accepted
 * is canonical. */
#include <stdlib.h>

#include "acme/resources.h"

/* The last time that is written with four digits of a year. */
#define TIME_MOST 253402300799999

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_list(const struct identifier_list *list, struct arena *a) {
  for (size_t i = 0; i < list->n; i++) {
    const struct rec_identifier *id = &list->items[i];
    struct name again;
    avow_err e = id->type == IDENTIFIER_DNS ? name_parse_dns(id->value, a, &again, NULL)
                                            : name_parse_ip(id->value, a, &again, NULL);
    if (e != AVOW_OK || again.wildcard || !slice_eq(again.text, id->value))
      abort();
  }
}

/* A time that is taken is the same one, to the second, when it is given back in the order. */
static void check_time(const json_t *o, const char *name) {
  struct slice text;
  struct problem why = {0};
  int64_t ms, again;
  char out[TIME_TEXT];
  if (payload_text(o, name, &text, &why) != AVOW_OK || !text.p || !time_rfc3339_parse(text, &ms))
    return;
  if (ms > 0 && ms <= TIME_MOST &&
      (!time_rfc3339_parse(slice_str(time_rfc3339(ms, out)), &again) || again != ms - ms % SECOND_MS))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const struct profile profile = {.name = "p", .max_names = 100, .ip_identifiers = true};
  static const struct name_policy policy = {.allow_reserved = true};
  AUTO_ARENA a;
  arena_init(&a, 1 << 22);
  AUTO_JSON o = NULL;
  struct problem why = {0};
  if (payload_parse(slice_of(data, n), &o, &why) != AVOW_OK)
    return 0;
  check_time(o, "notBefore");
  check_time(o, "notAfter");
  avow_err contact = contact_check(o, &why);
  if (contact != AVOW_OK && err_http(contact) != 400)
    abort();
  struct identifier_list list;
  why = (struct problem){0};
  avow_err e = identifiers_parse(o, &policy, &profile, &a, &list, &why);
  if (e == AVOW_OK ? list.n == 0 || list.bad_n > 0 : e != ERR_NO_MEMORY && why.err != e)
    abort();
  if (e == AVOW_OK)
    check_list(&list, &a);
  /* What goes back to the sender is JSON whatever it sent. */
  AUTO_BUF b;
  buf_init(&b, 1 << 20);
  json_open(&b, NULL, '[');
  for (size_t i = 0; i < list.bad_n; i++) {
    acme_put_identifier(&b, NULL, &list.bad[i].identifier, true);
    acme_put_problem(&b, NULL, &list.bad[i].problem, NULL, 0);
  }
  json_close(&b, ']');
  json_t *back = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
  if (!back)
    abort();
  json_decref(back);
  return 0;
}
