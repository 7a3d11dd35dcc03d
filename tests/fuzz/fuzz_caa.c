/* CAA and TXT rdata: whatever the records say, they permit only what names this CA and its account. Input: a byte that
   chooses the question, then records, each preceded by its length as u16. */
#include <stdlib.h>

#include "validate/caa.h"
#include "validate/dns01.h"

enum { RECORDS = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Somewhere in the bytes, in any case. */
static bool mentions(const uint8_t *data, size_t n, const char *text) {
  size_t length = strlen(text);
  for (size_t i = 0; i + length <= n; i++)
    if (slice_eq_nocase(slice_of(data + i, length), slice_str(text)))
      return true;
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const struct slice identity = {(const uint8_t *)"ca.example", 10};
  AUTO_ARENA a;
  arena_init(&a, 1 << 22);
  struct cursor c = cursor_of(slice_of(data, n));
  uint8_t choice = cursor_u8(&c);
  struct slice rdata[RECORDS];
  size_t count = 0;
  bool issue = false;
  for (; count < RECORDS && cursor_left(&c) > 0; count++) {
    size_t length = cursor_u16(&c);
    rdata[count] = cursor_take(&c, length < cursor_left(&c) ? length : cursor_left(&c));
    struct caa_record r;
    if (caa_parse(rdata[count], &r)) {
      if (r.tag.n + r.value.n + 2 != rdata[count].n)
        abort();
      issue = issue || slice_eq_nocase(r.tag, SLICE_LIT("issue"));
    }
    struct slice text = dns01_txt(rdata[count], &a);
    if (text.p && text.n >= rdata[count].n)
      abort();
  }
  struct caa_question q = {.wildcard = choice & 1,
                           .identities = &identity,
                           .identities_n = 1,
                           .account_uri = SLICE_LIT("https://ca.example/acct/1"),
                           .method = SLICE_LIT("http-01")};
  struct problem why = {.err = AVOW_OK};
  avow_err e = caa_evaluate(rdata, count, "name.example", &q, &why);
  if (e != why.err || (e != AVOW_OK && e != ERR_CAA))
    abort();
  if (e == AVOW_OK && issue && !mentions(data, n, "ca.example"))
    abort();
  if (strlen(caa_text(rdata, count, &a)) > 4096)
    abort();
  return 0;
}
