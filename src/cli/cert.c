#include <inttypes.h>

#include "base/base64.h"
#include "base/clock.h"
#include "cli/cli.h"

enum { PAGE = 200, OUT_MAX = 16 * 1024 * 1024 };

static const char *status_text(int status) {
  switch (status) {
  case CERTIFICATE_GOOD:
    return "good";
  case CERTIFICATE_REVOKED:
    return "revoked";
  case CERTIFICATE_HELD:
    return "held";
  default:
    return "unknown";
  }
}

/* RFC 5280, 5.3.1. */
static const char *reason_text(int reason) {
  static const char *const reasons[] = {
    "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
    "superseded",    "cessationOfOperation", "certificateHold", NULL,
    "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};
  size_t n = sizeof reasons / sizeof *reasons;
  return reason >= 0 && (size_t)reason < n && reasons[reason] ? reasons[reason] : "unknown";
}

static void json_put_names(struct buf *b, struct slice names) {
  buf_put_u8(b, '[');
  while (names.n > 0) {
    const uint8_t *comma = memchr(names.p, ',', names.n);
    size_t n = comma ? (size_t)(comma - names.p) : names.n;
    json_put_string(b, slice_of(names.p, n));
    names = slice_skip(names, n + 1);
    if (names.n > 0)
      buf_put_str(b, ", ");
  }
  buf_put_u8(b, ']');
}

/* The members of a certificate's object, without its braces. */
static void json_put_row(struct buf *b, const struct rec_certificate_row *row) {
  char hex[65], when[TIME_TEXT];
  buf_printf(b, "\"serial\": \"%s\", \"status\": \"%s\", ", cli_hex(row->serial, hex), status_text(row->status));
  if (row->status == CERTIFICATE_REVOKED)
    buf_printf(b, "\"revoked\": \"%s\", \"reason\": \"%s\", ", time_rfc3339(row->revoked, when),
               reason_text(row->reason));
  buf_printf(b, "\"not_before\": \"%s\", ", time_rfc3339(row->not_before, when));
  buf_printf(b, "\"not_after\": \"%s\", \"issuer\": ", time_rfc3339(row->not_after, when));
  json_put_string(b, row->issuer);
  buf_put_str(b, ", \"profile\": ");
  json_put_string(b, row->profile);
  buf_put_str(b, ", \"names\": ");
  json_put_names(b, row->names);
}

static void put_status(struct buf *b, int status, bool colour, int width) {
  const char *on = !colour ? "" : status == CERTIFICATE_GOOD ? "\033[32m" : "\033[31m";
  buf_printf(b, "%s%-*s%s", on, width, status_text(status), colour ? "\033[0m" : "");
}

static void put_row(struct buf *b, const struct rec_certificate_row *row, bool colour) {
  char hex[65], when[TIME_TEXT];
  buf_printf(b, "%-40s  ", cli_hex(row->serial, hex));
  put_status(b, row->status, colour, 7);
  buf_printf(b, "  %s  %.*s\n", time_rfc3339(row->not_after, when), (int)row->names.n, (const char *)row->names.p);
}

int cli_cert_list(const struct command *self, int argc, char **argv) {
  const char *dir = NULL;
  bool json = false;
  size_t words_n;
  int status;
  const struct cli_option options[] = {{.name = "dir", .value = &dir}, {.name = "json", .flag = &json}, {0}};
  if (!cli_options(self, argc, argv, options, NULL, 0, &words_n, &status))
    return status;
  if (!dir)
    return cli_usage(self, "--dir is missing");
  struct problem why = {0};
  struct channel store;
  avow_err e = cli_store(dir, &store, &why);
  if (e != AVOW_OK)
    return cli_failed(self, e, &why);
  __attribute__((cleanup(inbox_clear))) struct inbox in;
  inbox_init(&in);
  AUTO_BUF out;
  buf_init(&out, OUT_MAX);
  bool colour = !json && cli_colour(stdout), more = true;
  if (!json)
    buf_printf(&out, "%-40s  %-7s  %-20s  %s\n", "SERIAL", "STATUS", "NOT AFTER", "NAMES");
  struct id128 after = {{0}};
  while (more && e == AVOW_OK) {
    struct message ask = {.type = MSG_admin_certificates, .admin_certificates = {.after = after, .most = PAGE}};
    e = channel_call(&store, &ask, &in, CLI_TIMEOUT_MS, &why);
    if (e == AVOW_OK && in.m.type != MSG_certificate_rows)
      e = problem_set(&why, ERR_FORBIDDEN_MESSAGE, "the store answered something else");
    if (e != AVOW_OK)
      break;
    const struct msg_certificate_rows *rows = &in.m.certificate_rows;
    for (size_t i = 0; i < rows->rows_n; i++) {
      if (json) {
        buf_put_u8(&out, '{');
        json_put_row(&out, &rows->rows[i]);
        buf_put_str(&out, "}\n");
      } else {
        put_row(&out, &rows->rows[i], colour);
      }
      after = rows->rows[i].id;
    }
    more = rows->more && rows->rows_n > 0;
    if (!cli_flush(&out))
      break;
  }
  channel_close(&store);
  return e == AVOW_OK ? EXIT_DONE : cli_failed(self, e, &why);
}

/* A serial as it is printed, or with upper-case digits: its bytes; 0 when it is none. */
static size_t parse_serial(const char *text, uint8_t out[20]) {
  char lower[41];
  size_t n = strlen(text);
  if (n == 0 || n > 40 || n % 2 != 0)
    return 0;
  for (size_t i = 0; i <= n; i++)
    lower[i] = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
  return hex_decode(slice_of(lower, n), out, n / 2) ? n / 2 : 0;
}

static void put_certificate(struct buf *b, const struct msg_admin_certificate_is *is, bool json, bool colour) {
  char id[ID_TEXT], hex[65], when[TIME_TEXT];
  const struct rec_certificate *c = &is->certificate;
  const struct rec_certificate_row *row = &is->row;
  bool of_ca = id_is_zero(is->account);
  if (json) {
    AUTO_BUF pem;
    buf_init(&pem, OUT_MAX);
    pem_put(&pem, "CERTIFICATE", c->der);
    buf_put_u8(b, '{');
    json_put_row(b, row);
    buf_printf(b, ", \"shard\": %u, \"issued\": \"%s\"", c->shard, time_rfc3339(c->issued, when));
    if (!of_ca)
      buf_printf(b, ", \"account\": \"%s\"", id_text(is->account, id));
    buf_put_str(b, ", \"pem\": ");
    json_put_string(b, buf_slice(&pem));
    buf_put_str(b, "}\n");
    return;
  }
  buf_printf(b, "serial      %s\nstatus      ", cli_hex(row->serial, hex));
  put_status(b, row->status, colour, 0);
  if (row->status == CERTIFICATE_REVOKED)
    buf_printf(b, " at %s, %s", time_rfc3339(row->revoked, when), reason_text(row->reason));
  buf_printf(b, "\nnames       %.*s\n", (int)row->names.n, (const char *)row->names.p);
  buf_printf(b, "not before  %s\n", time_rfc3339(row->not_before, when));
  buf_printf(b, "not after   %s\n", time_rfc3339(row->not_after, when));
  buf_printf(b, "issued      %s\n", time_rfc3339(c->issued, when));
  buf_printf(b, "issuer      %.*s, CRL shard %u\n", (int)row->issuer.n, (const char *)row->issuer.p, c->shard);
  buf_printf(b, "profile     %.*s\n", (int)row->profile.n, (const char *)row->profile.p);
  buf_printf(b, "account     %s\n", of_ca ? "none: the CA's own" : id_text(is->account, id));
  pem_put(b, "CERTIFICATE", c->der);
}

int cli_cert_show(const struct command *self, int argc, char **argv) {
  const char *dir = NULL, *word = NULL;
  bool json = false;
  size_t words_n;
  int status;
  const struct cli_option options[] = {{.name = "dir", .value = &dir}, {.name = "json", .flag = &json}, {0}};
  if (!cli_options(self, argc, argv, options, &word, 1, &words_n, &status))
    return status;
  uint8_t serial[20];
  size_t serial_n = words_n == 1 ? parse_serial(word, serial) : 0;
  if (!dir)
    return cli_usage(self, "--dir is missing");
  if (words_n == 0)
    return cli_usage(self, "the serial is missing");
  if (serial_n == 0)
    return cli_usage(self, "'%s' is no serial: expected up to 40 hexadecimal digits, two for a byte", word);
  struct problem why = {0};
  struct channel store;
  avow_err e = cli_store(dir, &store, &why);
  if (e != AVOW_OK)
    return cli_failed(self, e, &why);
  __attribute__((cleanup(inbox_clear))) struct inbox in;
  inbox_init(&in);
  struct message ask = {.type = MSG_admin_certificate, .admin_certificate = {.serial = slice_of(serial, serial_n)}};
  e = channel_call(&store, &ask, &in, CLI_TIMEOUT_MS, &why);
  channel_close(&store);
  if (e == ERR_NOT_FOUND)
    problem_set(&why, e, "there is no certificate with serial %s", word);
  else if (e == AVOW_OK && in.m.type != MSG_admin_certificate_is)
    e = problem_set(&why, ERR_FORBIDDEN_MESSAGE, "the store answered something else");
  if (e != AVOW_OK)
    return cli_failed(self, e, &why);
  AUTO_BUF out;
  buf_init(&out, OUT_MAX);
  put_certificate(&out, &in.m.admin_certificate_is, json, !json && cli_colour(stdout));
  return cli_flush(&out) ? EXIT_DONE : EXIT_FAILED;
}
