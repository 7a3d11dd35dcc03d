#include <inttypes.h>

#include "base/base64.h"
#include "base/clock.h"
#include "cli/cli.h"

enum { PAGE = 200, OUT_MAX = 16 * 1024 * 1024 };

static const char *status_text(int status) {
  const char *text = account_status_text(status);
  return text ? text : "unknown";
}

/* The members of an account's object, without its braces. */
static void json_put_row(struct buf *b, const struct rec_account_row *row) {
  char id[ID_TEXT], when[TIME_TEXT], hex[65];
  buf_printf(b,
             "\"id\": \"%s\", \"status\": \"%s\", \"created\": \"%s\", \"thumbprint\": \"%s\", "
             "\"orders\": %" PRIu64 ", \"certificates\": %" PRIu64,
             id_text(row->id, id), status_text(row->status), time_rfc3339(row->created, when),
             cli_hex(digest_slice(&row->thumbprint), hex), row->orders, row->certificates);
}

int cli_account_list(const struct command *self, int argc, char **argv) {
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
  if (!json)
    buf_printf(&out, "%-32s  %-11s  %-20s  %6s  %s\n", "ID", "STATUS", "CREATED", "ORDERS", "CERTIFICATES");
  struct id128 after = {{0}};
  for (bool more = true; more && e == AVOW_OK;) {
    struct message ask = {.type = MSG_admin_accounts, .admin_accounts = {.after = after, .most = PAGE}};
    e = channel_call(&store, &ask, &in, CLI_TIMEOUT_MS, &why);
    if (e == AVOW_OK && in.m.type != MSG_account_rows)
      e = problem_set(&why, ERR_FORBIDDEN_MESSAGE, "the store answered something else");
    if (e != AVOW_OK)
      break;
    const struct msg_account_rows *rows = &in.m.account_rows;
    for (size_t i = 0; i < rows->rows_n; i++) {
      const struct rec_account_row *row = &rows->rows[i];
      char id[ID_TEXT], when[TIME_TEXT];
      if (json) {
        buf_put_u8(&out, '{');
        json_put_row(&out, row);
        buf_put_str(&out, "}\n");
      } else {
        buf_printf(&out, "%s  %-11s  %s  %6" PRIu64 "  %" PRIu64 "\n", id_text(row->id, id), status_text(row->status),
                   time_rfc3339(row->created, when), row->orders, row->certificates);
      }
      after = row->id;
    }
    more = rows->more && rows->rows_n > 0;
    if (!cli_flush(&out))
      break;
  }
  channel_close(&store);
  return e == AVOW_OK ? EXIT_DONE : cli_failed(self, e, &why);
}

static void put_account(struct buf *b, const struct msg_admin_account_is *is, bool json) {
  char id[ID_TEXT], when[TIME_TEXT], hex[65];
  const struct rec_account_row *row = &is->row;
  if (json) {
    buf_put_u8(b, '{');
    json_put_row(b, row);
    buf_printf(b, ", \"epoch\": %u, \"terms_agreed\": %s, \"jwk\": ", is->account.epoch,
               is->account.terms_agreed ? "true" : "false");
    json_put_string(b, is->account.jwk);
    buf_put_str(b, "}\n");
    return;
  }
  buf_printf(b, "id            %s\nstatus        %s\ncreated       %s\n", id_text(row->id, id),
             status_text(row->status), time_rfc3339(row->created, when));
  buf_printf(b, "terms agreed  %s\nkey epoch     %u\nthumbprint    %s\n", is->account.terms_agreed ? "yes" : "no",
             is->account.epoch, cli_hex(digest_slice(&row->thumbprint), hex));
  buf_printf(b, "orders        %" PRIu64 "\ncertificates  %" PRIu64 "\nkey           %.*s\n", row->orders,
             row->certificates, (int)is->account.jwk.n, (const char *)is->account.jwk.p);
}

int cli_account_show(const struct command *self, int argc, char **argv) {
  const char *dir = NULL, *word = NULL;
  bool json = false;
  size_t words_n;
  int status;
  const struct cli_option options[] = {{.name = "dir", .value = &dir}, {.name = "json", .flag = &json}, {0}};
  if (!cli_options(self, argc, argv, options, &word, 1, &words_n, &status))
    return status;
  struct id128 account;
  if (!dir)
    return cli_usage(self, "--dir is missing");
  if (words_n == 0)
    return cli_usage(self, "the account's id is missing");
  if (!id_parse(slice_str(word), &account))
    return cli_usage(self, "'%s' is no account id: expected 32 lower-case hexadecimal digits", word);
  struct problem why = {0};
  struct channel store;
  avow_err e = cli_store(dir, &store, &why);
  if (e != AVOW_OK)
    return cli_failed(self, e, &why);
  __attribute__((cleanup(inbox_clear))) struct inbox in;
  inbox_init(&in);
  struct message ask = {.type = MSG_admin_account, .admin_account = {.id = account}};
  e = channel_call(&store, &ask, &in, CLI_TIMEOUT_MS, &why);
  channel_close(&store);
  if (e == ERR_NOT_FOUND)
    problem_set(&why, e, "there is no account %s", word);
  else if (e == AVOW_OK && in.m.type != MSG_admin_account_is)
    e = problem_set(&why, ERR_FORBIDDEN_MESSAGE, "the store answered something else");
  if (e != AVOW_OK)
    return cli_failed(self, e, &why);
  AUTO_BUF out;
  buf_init(&out, OUT_MAX);
  put_account(&out, &in.m.admin_account_is, json);
  return cli_flush(&out) ? EXIT_DONE : EXIT_FAILED;
}
