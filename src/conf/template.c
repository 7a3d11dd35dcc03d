/* A fresh avow.conf, from the table. */
#include <stdio.h>

#include "conf/internal.h"

static void put_value(struct buf *out, struct slice value) {
  buf_put_u8(out, '"');
  for (size_t i = 0; i < value.n; i++) {
    if (value.p[i] == '"' || value.p[i] == '\\')
      buf_put_u8(out, '\\');
    buf_put_u8(out, value.p[i]);
  }
  buf_put_str(out, "\"\n");
}

/* Text broken into comment lines. */
static void put_comment(struct buf *out, const char *indent, const char *text) {
  enum { WIDTH = 100 };
  while (*text) {
    size_t n = strlen(text);
    if (n > WIDTH) {
      n = WIDTH;
      while (n > 0 && text[n] != ' ')
        n--;
    }
    buf_printf(out, "%s# %.*s\n", indent, (int)n, text);
    text += n;
    while (*text == ' ')
      text++;
  }
}

static void put_row(struct buf *out, const char *indent, const struct conf_row *row, size_t column,
                    const struct setting *given) {
  char text[600];
  AUTO_BUF expected;
  buf_init(&expected, 200);
  conf_row_expected(row, &expected);
  snprintf(text, sizeof text, "%s Value: %.*s.%s%s%s", row->help, (int)expected.n, (const char *)expected.p,
           row->def_note ? " Default: " : "", row->def_note ? row->def_note : "", row->def_note ? "." : "");
  put_comment(out, indent, text);
  buf_printf(out, "%s%s%s = ", indent, given ? "" : "#", row->key);
  put_value(out, given ? given->value : slice_str(row->def[column] ? row->def[column] : ""));
  buf_put_u8(out, '\n');
}

static void put_profile(struct buf *out, unsigned kind_bit, struct slice name, const struct settings *given) {
  bool any = false;
  for (size_t i = 0; i < given->n; i++)
    any |= given->list[i].profile.p && slice_eq(given->list[i].profile, name);
  /* A section without a key is refused, so the section of a profile without a setting is a comment too. */
  buf_printf(out, "%sprofile \"%.*s\" {\n", any ? "" : "#", (int)name.n, (const char *)name.p);
  for (size_t i = 0; i < conf_profile_rows_n; i++)
    if (conf_profile_rows[i].kinds & kind_bit)
      put_row(out, "  ", &conf_profile_rows[i], conf_profile_column(name),
              conf_setting_find(given, name, conf_profile_rows[i].key));
  buf_put_str(out, any ? "}\n\n" : "#}\n\n");
}

static bool is_built_in(struct slice name) {
  for (size_t i = 0; i < DEF_COLUMNS; i++)
    if (slice_eq_str(name, conf_profile_names[i]))
      return true;
  return false;
}

void config_template_put(struct buf *out, enum ca_kind kind, const char *hosts, const char *const *sets,
                         size_t sets_n) {
  struct settings given = {.file = "avow.conf"};
  size_t column = conf_kind_column(kind);
  unsigned kind_bit = 1u << column;
  given.list[given.n++] = (struct setting){.key = SLICE_LIT("kind"), .value = slice_str(ca_kind_text(kind))};
  given.list[given.n++] = (struct setting){.key = SLICE_LIT("host"), .value = slice_str(hosts)};
  for (size_t i = 0; i < sets_n; i++)
    if (conf_add_set(sets[i], &given, NULL) != AVOW_OK)
      out->failed = true;

  put_comment(
    out, "",
    "Configuration of this certificate authority; avow.conf(5) explains it. Keys that begin with # show their "
    "default. `avow serve --set KEY=VALUE` overrides a key for one run.");
  buf_put_u8(out, '\n');
  for (size_t i = 0; i < conf_rows_n; i++)
    if (conf_rows[i].kinds & kind_bit)
      put_row(out, "", &conf_rows[i], column, conf_setting_find(&given, SLICE_NONE, conf_rows[i].key));

  put_comment(out, "",
              "Profiles: what certificates look like. Orders choose one by name. Further ones may be added; they start "
              "with the defaults of classic.");
  buf_put_u8(out, '\n');
  for (size_t i = 0; i < DEF_COLUMNS; i++)
    put_profile(out, kind_bit, slice_str(conf_profile_names[i]), &given);
  for (size_t i = 0; i < given.n; i++) {
    struct slice name = given.list[i].profile;
    bool again = !name.p || is_built_in(name);
    for (size_t k = 0; k < i && !again; k++)
      again = given.list[k].profile.p && slice_eq(given.list[k].profile, name);
    if (!again)
      put_profile(out, kind_bit, name, &given);
  }
}
