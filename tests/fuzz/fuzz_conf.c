/* avow.conf, then a line "%%" and settings as of --set, one a line. */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

enum { SETS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void demand(bool ok) {
  if (!ok)
    abort();
}

static void check(const struct config *c) {
  demand(c->hosts_n > 0 && c->https_n > 0 && c->http_n > 0);
  demand(strncmp(c->https_url, "https://", 8) == 0 && strncmp(c->http_url, "http://", 7) == 0);
  demand(c->kind == KIND_TEST || (c->http_port == 80 && c->tls_port == 443 && !c->memory && c->clock_shift_ms == 0));
  demand(c->kind == KIND_PRIVATE || (c->suffixes_n == 0 && c->networks_n == 0));
  demand(config_profile(c, SLICE_NONE) != NULL);
  for (size_t i = 0; i < c->profiles_n; i++)
    demand(c->profiles[i].lifetime_s > c->profiles[i].backdate_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  const uint8_t *mark = n ? memmem(data, n, "\n%%\n", 4) : NULL;
  size_t text_n = mark ? (size_t)(mark - data) + 1 : n, sets_n = 0;
  char *lines = mark ? strndup((const char *)mark + 4, n - text_n - 3) : strdup(""), *rest = NULL;
  const char *sets[SETS_MAX];
  for (char *line = strtok_r(lines, "\n", &rest); line && sets_n < SETS_MAX; line = strtok_r(NULL, "\n", &rest))
    sets[sets_n++] = line;
  struct config c;
  struct problem why = {0};
  avow_err e = config_parse(slice_of(data, text_n), "avow.conf", sets, sets_n, &c, &why);
  if (e == AVOW_OK)
    check(&c);
  else
    demand(e == ERR_CONFIG && why.detail[0] && !c.arena.blocks);
  config_clear(&c);
  free(lines);
  return 0;
}
