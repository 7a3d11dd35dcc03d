#include "cli/cli.h"
#include "proc/supervisor.h"

enum { SETS_MAX = 64 };

int cli_serve(const struct command *self, int argc, char **argv) {
  const char *dir = NULL, *sets[SETS_MAX];
  size_t sets_n = 0, words_n;
  int status;
  const struct cli_option options[] = {
    {.name = "dir", .value = &dir}, {.name = "set", .list = sets, .list_n = &sets_n, .list_max = SETS_MAX}, {0}};
  if (!cli_options(self, argc, argv, options, NULL, 0, &words_n, &status))
    return status;
  if (!dir)
    return cli_usage(self, "--dir is missing");
  for (size_t i = 0; i < sets_n; i++)
    if (!strchr(sets[i], '=') || sets[i][0] == '=')
      return cli_usage(self, "--set %s: expected KEY=VALUE", sets[i]);
  struct problem why = {0};
  avow_err e = supervisor_run(dir, sets, sets_n, &why);
  return e == AVOW_OK ? EXIT_DONE : cli_failed(self, e, &why);
}
