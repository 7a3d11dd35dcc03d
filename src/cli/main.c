/* avow: the command. The same program is every role: the supervisor starts it again as "avow: ROLE". */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "proc/role.h"

#define DIR_OPTION "  --dir DIR            the folder of the CA\n"
#define JSON_OPTION "  --json               one JSON object per line\n"

static const struct command commands[] = {
  {NULL, "init", "", "Makes a new CA: keys, CA certificates, database, configuration.",
   "  --dir DIR            where to make it; must be empty or not exist\n"
   "  --kind KIND          private (default), public or test\n"
   "  --host NAME[,NAME]   names or addresses of its web server (default: localhost)\n"
   "  --name ORG           organization in the CA certificates (default: Avow private CA)\n"
   "  --country CC         country in the CA certificates: two letters (default: none)\n"
   "  --key TYPE           CA keys: p256 (default), p384, rsa2048 or rsa3072\n",
   cli_init},
  {NULL, "serve", "", "Serves a CA until it gets SIGTERM or SIGINT.",
   DIR_OPTION "  --set KEY=VALUE      overrides a value of DIR/avow.conf; may be given often\n", cli_serve},
  {"cert", "list", "", "Lists the certificates, the oldest first.", DIR_OPTION JSON_OPTION, cli_cert_list},
  {"cert", "show", "SERIAL", "Shows one certificate.", DIR_OPTION JSON_OPTION, cli_cert_show},
  {"account", "list", "", "Lists the ACME accounts, the oldest first.", DIR_OPTION JSON_OPTION, cli_account_list},
  {"account", "show", "ID", "Shows one ACME account.", DIR_OPTION JSON_OPTION, cli_account_show},
  {NULL, "check", "", "Looks whether a CA is in order, running or stopped.",
   DIR_OPTION JSON_OPTION "  --set KEY=VALUE      as avow serve was given\n", cli_check},
  {NULL, "version", "", "Prints the version.",
   "  --dir DIR            taken as by every command; no CA needs to be there\n" JSON_OPTION, cli_version},
};
enum { COMMANDS_N = sizeof commands / sizeof *commands };

int cli_version(const struct command *self, int argc, char **argv) {
  const char *dir = NULL;
  bool json = false;
  size_t words_n;
  int status;
  const struct cli_option options[] = {{.name = "dir", .value = &dir}, {.name = "json", .flag = &json}, {0}};
  if (!cli_options(self, argc, argv, options, NULL, 0, &words_n, &status))
    return status;
  puts(json ? "{\"version\": \"" AVOW_VERSION "\"}" : "avow " AVOW_VERSION);
  return EXIT_DONE;
}

static void help(FILE *to, const char *group) {
  fprintf(to, "usage: avow %s%s [options]\n\n", group ? group : "COMMAND", group ? " COMMAND" : "");
  for (size_t i = 0; i < COMMANDS_N; i++) {
    const struct command *c = &commands[i];
    if (group && (!c->group || strcmp(group, c->group) != 0))
      continue;
    char name[40];
    snprintf(name, sizeof name, "%s%s%s", c->group ? c->group : "", c->group ? " " : "", c->name);
    fprintf(to, "  %-14s %s\n", name, c->summary);
  }
  fputs("\nEach has --help. Exit status: 0 done, 1 failed, 2 wrong usage, 3 the CA is not running.\n", to);
}

static bool asks_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run_command(int argc, char **argv) {
  const char *word = argc > 1 ? argv[1] : "";
  if (strcmp(word, "--version") == 0)
    word = "version";
  if (asks_help(word) || strcmp(word, "help") == 0) {
    help(stdout, NULL);
    return EXIT_DONE;
  }
  bool group = false;
  for (size_t i = 0; i < COMMANDS_N; i++) {
    const struct command *c = &commands[i];
    if (!c->group && strcmp(c->name, word) == 0)
      return c->run(c, argc - 1, argv + 1);
    if (!c->group || strcmp(c->group, word) != 0)
      continue;
    group = true;
    if (argc > 2 && strcmp(c->name, argv[2]) == 0)
      return c->run(c, argc - 2, argv + 2);
  }
  if (group && argc > 2 && asks_help(argv[2])) {
    help(stdout, word);
    return EXIT_DONE;
  }
  if (argc < 2)
    fputs("avow: a command is missing; see: avow --help\n", stderr);
  else if (group)
    fprintf(stderr, "avow: there is no command '%s %s'; see: avow %s --help\n", word, argc > 2 ? argv[2] : "", word);
  else
    fprintf(stderr, "avow: there is no command '%s'; see: avow --help\n", word);
  return EXIT_USAGE;
}

/* The role that the supervisor started this process as; ROLE_none for a command. Both the name and the variable must
   agree, so that a variable left in somebody's shell does nothing. */
static enum role started_as(int argc, char **argv) {
  static const char prefix[] = "avow: ";
  const char *variable = getenv("AVOW_ROLE");
  if (argc != 1 || !variable || strncmp(argv[0], prefix, strlen(prefix)) != 0 ||
      strcmp(argv[0] + strlen(prefix), variable) != 0)
    return ROLE_none;
  enum role role = role_from_text(slice_str(variable));
  unsetenv("AVOW_ROLE");
  return role;
}

/* Descriptors 0 to 2 must be open before anything else is, or a key file would become standard output. */
static void fill_standard_descriptors(void) {
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
      abort();
}

int main(int argc, char **argv) {
  fill_standard_descriptors();
  enum role role = started_as(argc, argv);
  return role == ROLE_none ? run_command(argc, argv) : role_run(role);
}
