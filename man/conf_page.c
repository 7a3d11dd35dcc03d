/* Writes avow.conf(5) from the table that the parser reads, so that no key goes undocumented. */
#include <stdio.h>

#include "base/buf.h"
#include "conf/schema.h"

static const char head[] = ".Dd November 22, 2026\n"
                           ".Dt AVOW.CONF 5\n"
                           ".Os\n"
                           ".Sh NAME\n"
                           ".Nm avow.conf\n"
                           ".Nd configuration of an Avow certificate authority\n"
                           ".Sh DESCRIPTION\n"
                           "Each CA has one configuration file,\n"
                           ".Pa DIR/avow.conf .\n"
                           "It is written by\n"
                           ".Ic avow init ,\n"
                           "with every key and its default as a comment, and read when\n"
                           ".Ic avow serve\n"
                           "starts.\n"
                           ".Pp\n"
                           "A line assigns one value to one key:\n"
                           ".Dl listen.https = \\(dq0.0.0.0:443, [::]:443\\(dq\n"
                           ".Pp\n"
                           "Comments begin with a number sign.\n"
                           "A key may stand once.\n"
                           "An unknown key, a value that is not what is expected, or a key that does not belong to the "
                           "CA's kind is refused with file,\n"
                           "line and what was expected.\n"
                           "The option\n"
                           ".Fl -set Ar KEY Ns = Ns Ar VALUE\n"
                           "of\n"
                           ".Ic avow serve\n"
                           "overrides the file; the last one counts.\n"
                           ".Pp\n"
                           "Durations are numbers with units:\n"
                           ".Cm w , d , h , m , s ;\n"
                           "each unit once and in this order, such as 90d, 160h or 1h5m.\n";

static const char tail[] = ".Sh FILES\n"
                           ".Bl -tag -width Ds\n"
                           ".It Pa DIR/avow.conf\n"
                           "The configuration.\n"
                           ".It Pa DIR/policy.conf\n"
                           "The privacy policy that the CA carries out.\n"
                           ".El\n"
                           ".Sh SEE ALSO\n"
                           ".Xr avow 1\n";

/* Text as mdoc: no line may begin as a macro, and a backslash begins an escape. */
static void put_text(const char *text) {
  if (*text == '.' || *text == '\'')
    fputs("\\&", stdout);
  for (; *text; text++) {
    if (*text == '\\')
      fputs("\\e", stdout);
    else
      putchar(*text);
  }
}

static void put_default(const struct conf_row *row, size_t columns) {
  if (row->def_note) {
    fputs("Default: ", stdout);
    put_text(row->def_note);
    puts(".");
    return;
  }
  if (!row->def[0]) {
    puts("It must be given.");
    return;
  }
  bool same = true;
  for (size_t i = 1; i < columns; i++)
    same = same && row->def[i] && strcmp(row->def[i], row->def[0]) == 0;
  fputs("Default: ", stdout);
  for (size_t i = 0; i < (same ? 1 : columns); i++) {
    fputs(i > 0 ? ", " : "", stdout);
    put_text(row->def[i] && row->def[i][0] ? row->def[i] : "none");
    if (!same)
      printf(" (%s)", conf_profile_names[i]);
  }
  puts(".");
}

static void put_kinds(unsigned kinds) {
  if (kinds == IN_ALL)
    return;
  fputs("Only in a CA of kind ", stdout);
  const char *separator = "";
  static const struct {
    unsigned bit;
    const char *name;
  } names[] = {{IN_PRIVATE, "private"}, {IN_PUBLIC, "public"}, {IN_TEST, "test"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (kinds & names[i].bit) {
      printf("%s%s", separator, names[i].name);
      separator = " or ";
    }
  puts(".");
}

static void put_rows(const struct conf_row *rows, size_t n) {
  puts(".Bl -tag -width Ds");
  for (size_t i = 0; i < n; i++) {
    AUTO_BUF expected;
    buf_init(&expected, 1024);
    conf_row_expected(&rows[i], &expected);
    buf_put_u8(&expected, 0);
    printf(".It Ic %s Pq Ar %s\n", rows[i].key, rows[i].type);
    put_text(rows[i].help);
    fputs("\nExpected: ", stdout);
    put_text((const char *)expected.p);
    puts(".");
    put_default(&rows[i], DEF_COLUMNS);
    put_kinds(rows[i].kinds);
  }
  puts(".El");
}

int main(void) {
  fputs(head, stdout);
  puts(".Sh KEYS");
  put_rows(conf_rows, conf_rows_n);
  puts(".Sh PROFILES\n"
       "What a subscriber certificate looks like is a profile, which an order chooses by name.\n"
       "Three are built in and may be changed; one of another name starts as a copy of\n"
       ".Cm classic .\n"
       "Their keys stand in a section:\n"
       ".Bd -literal -offset indent\n"
       "profile \"classic\" {\n"
       "  lifetime = \"60d\"\n"
       "}\n"
       ".Ed\n"
       ".Pp\n"
       "or, as an option,\n"
       ".Fl -set Ar profile.classic.lifetime=60d .");
  put_rows(conf_profile_rows, conf_profile_rows_n);
  fputs(tail, stdout);
  return fflush(stdout) == 0 ? 0 : 1;
}
