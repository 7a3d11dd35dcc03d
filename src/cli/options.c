#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

static void put_name(const struct command *self, FILE *to) {
  fprintf(to, "avow %s%s%s", self->group ? self->group : "", self->group ? " " : "", self->name);
}

void cli_help(const struct command *self, FILE *to) {
  fputs("usage: ", to);
  put_name(self, to);
  fprintf(to, "%s%s%s\n\n%s\n\n%s", self->arguments[0] ? " " : "", self->arguments,
          self->options[0] ? " [options]" : "", self->summary, self->options);
  fputs("  --help               this text\n", to);
}

int cli_usage(const struct command *self, const char *format, ...) {
  va_list args;
  va_start(args, format);
  put_name(self, stderr);
  fputs(": ", stderr);
  vfprintf(stderr, format, args);
  va_end(args);
  fputs("; see: ", stderr);
  put_name(self, stderr);
  fputs(" --help\n", stderr);
  return EXIT_USAGE;
}

int cli_failed(const struct command *self, avow_err e, const struct problem *why) {
  put_name(self, stderr);
  fprintf(stderr, ": %s\n", why && why->detail[0] ? why->detail : err_text(e));
  return e == ERR_NOT_RUNNING ? EXIT_NOT_RUNNING : e == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

static const struct cli_option *find_option(const struct cli_option *options, const char *word, size_t n) {
  for (const struct cli_option *o = options; o->name; o++)
    if (strlen(o->name) == n && strncmp(o->name, word, n) == 0)
      return o;
  return NULL;
}

bool cli_options(const struct command *self, int argc, char **argv, const struct cli_option *options,
                 const char **words, size_t words_max, size_t *words_n, int *status) {
  bool only_words = false;
  *words_n = 0;
  for (int i = 1; i < argc; i++) {
    const char *word = argv[i];
    if (only_words || strncmp(word, "--", 2) != 0) {
      if (!only_words && strcmp(word, "-h") == 0) {
        cli_help(self, stdout);
        *status = EXIT_DONE;
        return false;
      }
      if (*words_n == words_max) {
        *status = cli_usage(self, "unexpected argument '%s'", word);
        return false;
      }
      words[(*words_n)++] = word;
      continue;
    }
    if (word[2] == 0) {
      only_words = true;
      continue;
    }
    if (strcmp(word, "--help") == 0) {
      cli_help(self, stdout);
      *status = EXIT_DONE;
      return false;
    }
    const char *equals = strchr(word + 2, '=');
    size_t n = equals ? (size_t)(equals - word - 2) : strlen(word + 2);
    const struct cli_option *o = find_option(options, word + 2, n);
    if (!o || (o->flag && equals)) {
      *status = cli_usage(self, o ? "%.*s takes no value" : "unknown option '%.*s'", (int)n + 2, word);
      return false;
    }
    if (o->flag) {
      *o->flag = true;
      continue;
    }
    if (!equals && i + 1 == argc) {
      *status = cli_usage(self, "%s needs a value", word);
      return false;
    }
    const char *value = equals ? equals + 1 : argv[++i];
    if (!o->list) {
      *o->value = value;
    } else if (*o->list_n == o->list_max) {
      *status = cli_usage(self, "--%s is given more than %zu times", o->name, o->list_max);
      return false;
    } else {
      o->list[(*o->list_n)++] = value;
    }
  }
  return true;
}
