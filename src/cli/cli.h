/* What the sub-commands share: the table of commands, options, the exit status, and how things are printed. */
#ifndef AVOW_CLI_CLI_H
#define AVOW_CLI_CLI_H

#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"
#include "ipc/channel.h"

/* What scripts may rely on. */
enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_RUNNING = 3 };

/* One command, "cert list" or "serve". `run` gets the words after it; its first is the command's last word. */
struct command {
  const char *group; /* "cert", or NULL */
  const char *name;
  const char *arguments; /* "SERIAL", or "" */
  const char *summary;   /* one line, for the list of commands */
  const char *options;   /* lines of the form "  --dir DIR      what it does\n", for --help */
  int (*run)(const struct command *self, int argc, char **argv);
};

int cli_init(const struct command *self, int argc, char **argv);
int cli_serve(const struct command *self, int argc, char **argv);
int cli_cert_list(const struct command *self, int argc, char **argv);
int cli_cert_show(const struct command *self, int argc, char **argv);
int cli_account_list(const struct command *self, int argc, char **argv);
int cli_account_show(const struct command *self, int argc, char **argv);
int cli_check(const struct command *self, int argc, char **argv);
int cli_version(const struct command *self, int argc, char **argv);

/* One line on standard error, "avow cert show: …", and EXIT_USAGE with a pointer to --help. */
int cli_usage(const struct command *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One line on standard error, and the exit status that belongs to `e`. */
int cli_failed(const struct command *self, avow_err e, const struct problem *why);
void cli_help(const struct command *self, FILE *to);

/* An option of a command: its last value, all its values, or that it was given. Exactly one of the three. */
struct cli_option {
  const char *name; /* without "--"; NULL ends the list */
  const char **value;
  bool *flag;
  const char **list;
  size_t *list_n, list_max;
};
/* Reads "--name VALUE", "--name=VALUE" and "--help"; other words go to `words`. False when the command is not to go on:
   `*status` is then its exit status (done after --help, otherwise wrong usage, already told). */
bool cli_options(const struct command *self, int argc, char **argv, const struct cli_option *options,
                 const char **words, size_t words_max, size_t *words_n, int *status);

/* A string as JSON, with its quotes. */
void json_put_string(struct buf *b, struct slice text);
/* Writes all of `b` to standard output and empties it; false when the reader is gone. */
bool cli_flush(struct buf *b);
/* True if `stream` is a terminal that likes colour (and NO_COLOR is not set). */
bool cli_colour(FILE *stream);
/* Lower-case hexadecimal of `bytes` (at most 32) in `out`. */
char *cli_hex(struct slice bytes, char out[65]);

/* Connects to the store of the CA that runs in `dir` and says hello. */
avow_err cli_store(const char *dir, struct channel *store, struct problem *why) WARN_UNUSED;
enum { CLI_TIMEOUT_MS = 30000 };

#endif
