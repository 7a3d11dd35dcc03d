/* What avow.conf refuses, with the line that says where, what was there and what was expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "conf/conf.h"

#define PRIVATE "kind = \"private\"\nhost = \"localhost\"\n"
#define TEST "kind = \"test\"\nhost = \"localhost\"\n"

static const struct {
  const char *text, *message;
} files[] = {
  /* keys and kinds */
  {"", "avow.conf: kind: got none, expected private, public or test"},
  {"kind = private", "avow.conf: host: got none, expected a comma list of DNS names and IP addresses"},
  {"kind = secret host = localhost", "avow.conf:1: kind: got \"secret\", expected private, public or test"},
  {PRIVATE "crl.shard = 4", "avow.conf:3: crl.shard: got an unknown key, expected one that avow.conf(5) lists"},
  {PRIVATE "profile x { life = 4d }", "avow.conf:3: profile.x.life: got an unknown key"},
  {PRIVATE "test.memory = true",
   "avow.conf:3: test.memory: got it in a CA of kind private, expected it only in a CA of kind test"},
  {TEST "private.suffixes = localhost",
   "avow.conf:3: private.suffixes: got it in a CA of kind test, expected it only in a CA of kind private"},
  {"kind=public host=ca.example profile x { client_auth = true }",
   "avow.conf:1: profile.x.client_auth: got it in a CA of kind public"},
  /* values */
  {PRIVATE "crl.shards = 0", "avow.conf:3: crl.shards: got \"0\", expected an integer from 1 to 256"},
  {PRIVATE "crl.shards = 0x4", "avow.conf:3: crl.shards: got \"0x4\""},
  {PRIVATE "crl.shards = 04", "avow.conf:3: crl.shards: got \"04\""},
  {PRIVATE "crl.shards = 99999999999", "avow.conf:3: crl.shards: got \"99999999999\""},
  {PRIVATE "front.workers = 64", "expected an integer from 1 to 63"},
  {PRIVATE "crl.lifetime = 11d",
   "avow.conf:3: crl.lifetime: got \"11d\", expected a duration from 2m to 10d, written like 90d, 160h or 1h5m"},
  {PRIVATE "crl.interval = 4d", "avow.conf:3: crl.interval: got an interval of more than half the lifetime"},
  {PRIVATE "crl.lifetime = 1h", "avow.conf:3: crl.lifetime: got an interval of more than half the lifetime"},
  {PRIVATE "validation.http_port = 8080",
   "avow.conf:3: validation.http_port: got another port, expected 80 (others only in a CA of kind test)"},
  {PRIVATE "validation.tls_port = 8443", "avow.conf:3: validation.tls_port: got another port"},
  {PRIVATE "log.level = loud", "avow.conf:3: log.level: got \"loud\", expected debug, info, warn or error"},
  {PRIVATE "profile.default = other",
   "avow.conf:3: profile.default: got an unknown profile, expected one that is defined"},
  {PRIVATE "profile.default = Other", "avow.conf:3: profile.default: got \"Other\", expected the name of a profile"},
  {"kind=private host=\"no_name\"", "avow.conf:1: host: got \"no_name\""},
  {"kind=private host=\"a,,b\"", "avow.conf:1: host: got \"a,,b\""},
  {"kind=private host=\"a,a\"", "avow.conf:1: host: got \"a,a\""},
  {"kind=private host=\"*.example\"", "avow.conf:1: host: got \"*.example\""},
  {"kind=private host=\"1.2.3\"", "avow.conf:1: host: got \"1.2.3\""},
  {"kind=private host=\"\"", "avow.conf:1: host: got \"\""},
  {PRIVATE "listen.https = \"\"", "avow.conf:3: listen.https: got \"\", expected a comma list of ADDRESS:PORT"},
  {PRIVATE "listen.https = \"localhost:443\"", "avow.conf:3: listen.https: got \"localhost:443\""},
  {PRIVATE "listen.https = \"127.0.0.1\"", "avow.conf:3: listen.https: got \"127.0.0.1\""},
  {PRIVATE "listen.https = \"127.0.0.1:0\"", "got \"127.0.0.1:0\""},
  {PRIVATE "listen.https = \"127.0.0.1:65536\"", "got \"127.0.0.1:65536\""},
  {PRIVATE "listen.https = \"::1:443\"", "got \"::1:443\""},
  {PRIVATE "listen.https = \"[::1]443\"", "got \"[::1]443\""},
  {PRIVATE "listen.https = \"[::1\"", "got \"[::1\""},
  {PRIVATE "listen.https = \"127.0.0.1:1, 127.0.0.1:1\"", "got \"127.0.0.1:1, 127.0.0.1:1\""},
  {PRIVATE "listen.http = \"127.0.0.1:14000\"", "avow.conf:3: listen.http: got an endpoint of listen.https"},
  {PRIVATE "http_url = \"https://localhost\"", "avow.conf:3: http_url: got \"https://localhost\""},
  {PRIVATE "http_url = \"http://localhost/\"", "avow.conf:3: http_url: got"},
  {PRIVATE "http_url = \"http://LOCALHOST\"", "avow.conf:3: http_url: got"},
  {PRIVATE "http_url = \"http://user@localhost\"", "avow.conf:3: http_url: got"},
  {PRIVATE "http_url = \"http://localhost:\"", "avow.conf:3: http_url: got"},
  {PRIVATE "https_url = \"https://[1.2.3.4]\"", "avow.conf:3: https_url: got"},
  {PRIVATE "terms_url = \"ftp://x\"", "avow.conf:3: terms_url: got \"ftp://x\", expected an http or https URL"},
  {PRIVATE "terms_url = \"https://x/ y\"", "avow.conf:3: terms_url: got"},
  {PRIVATE "validation.resolvers = \"dns.example\"", "avow.conf:3: validation.resolvers: got"},
  {PRIVATE "validation.trust_anchor = \". A 1.2.3.4\"", "avow.conf:3: validation.trust_anchor: got"},
  {PRIVATE "keys.blocklist = \"/etc/passwd\"", "avow.conf:3: keys.blocklist: got \"/etc/passwd\", expected a comma list"},
  {PRIVATE "keys.blocklist = \"lists/../x\"", "avow.conf:3: keys.blocklist: got"},
  {PRIVATE "keys.blocklist = \"..\"", "avow.conf:3: keys.blocklist: got"},
  {PRIVATE "keys.blocklist = \"lists/\"", "avow.conf:3: keys.blocklist: got"},
  {PRIVATE "keys.blocklist = \"lists//x\"", "avow.conf:3: keys.blocklist: got"},
  {PRIVATE "keys.blocklist = \"a,,b\"", "avow.conf:3: keys.blocklist: got"},
  {PRIVATE "keys.blocklist = \"a b\"", "avow.conf:3: keys.blocklist: got"},
  {PRIVATE "keys.blocklist = \"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\"", "avow.conf:3: keys.blocklist: got"},
  {PRIVATE "private.networks = \"10.0.0.1/8\"",
   "avow.conf:3: private.networks: got \"10.0.0.1/8\", expected a comma list of networks"},
  {PRIVATE "private.networks = \"10.0.0.0\"", "avow.conf:3: private.networks: got"},
  {PRIVATE "private.networks = \"10.0.0.0/33\"", "avow.conf:3: private.networks: got"},
  {PRIVATE "private.suffixes = \".localhost\"", "avow.conf:3: private.suffixes: got"},
  {TEST "test.reject_nonces = 101", "avow.conf:3: test.reject_nonces: got \"101\", expected an integer from 0 to 100"},
  {TEST "test.memory = yes", "avow.conf:3: test.memory: got \"yes\", expected true or false"},
  {TEST "test.clock = tomorrow", "avow.conf:3: test.clock: got \"tomorrow\""},
  /* profiles */
  {PRIVATE "profile x { lifetime = 4m }",
   "avow.conf:3: profile.x.lifetime: got \"4m\", expected a duration from 5m to 3660d"},
  {PRIVATE "profile x {\n lifetime = 1h\n}",
   "avow.conf:4: profile.x.lifetime: got a backdate not shorter than the lifetime"},
  {PRIVATE "profile x { policy_oids = \"2.23.140.1.2.1\" }", "got one of the CA/Browser Forum"},
  {TEST "profile x { policy_oids = \"3.1\" }", "profile.x.policy_oids: got \"3.1\""},
  {TEST "profile x { policy_oids = \"1.40\" }", "profile.x.policy_oids: got \"1.40\""},
  {TEST "profile x { policy_oids = \"1.2,\" }", "profile.x.policy_oids: got \"1.2,\""},
  {TEST "profile x { policy_oids = \"1.2.03\" }", "profile.x.policy_oids: got"},
  {TEST "profile x { policy_oids = \"1.1,1.2,1.3,1.4,1.5\" }", "profile.x.policy_oids: got"},
  {PRIVATE "profile x { ct = true }", "profile.x.ct: got true, expected false in a private CA"},
  {"kind=public host=ca.example profile classic { lifetime = 101d }",
   "profile.classic.lifetime: got more than 100 days"},
  {"kind=public host=ca.example profile classic { ct = false }", "profile.classic.ct: got false"},
  {"kind=public host=ca.example profile classic { crl = false ocsp = false }", "profile.classic.crl: got false"},
  /* syntax: what libconfuse would take otherwise */
  {PRIVATE "crl.shards = 4\ncrl.shards = 5",
   "avow.conf:4: crl.shards: got it a second time, expected it once (line 3 has it)"},
  {PRIVATE "profile x { ct=false ct=false }", "avow.conf:3: ct: got it a second time"},
  {PRIVATE "profile x { ct=false }\nprofile x { crl=false }", "avow.conf:4: profile x: got it a second time"},
  {PRIVATE "website = \"${HOME}\"", "avow.conf:3: got \"${\", which would be replaced from the environment"},
  {PRIVATE "website = ${HOME}", "avow.conf:3: got a character that needs quotes"},
  {PRIVATE "website = 'x'", "avow.conf:3: got a character that needs quotes"},
  {PRIVATE "website = {a, b}", "avow.conf:3: got \"{\", expected a value"},
  {PRIVATE "website += \"x\"", "avow.conf:3: got a character that needs quotes"},
  {PRIVATE "website", "avow.conf:3: got the end of the file, expected \"=\" after the key"},
  {PRIVATE "website =", "avow.conf:3: got the end of the file, expected a value"},
  {PRIVATE "website = \"x", "avow.conf:3: got a string without an end"},
  {PRIVATE "website = \"x\ny\"", "avow.conf:3: got a character in a string that is not printable ASCII"},
  {PRIVATE "website = \"\\x41\"", "avow.conf:3: got an escape other than"},
  {PRIVATE "/* no end", "avow.conf:3: got a comment without an end"},
  {PRIVATE "/*/", "avow.conf:3: got a comment without an end"},
  {PRIVATE "include(\"other\")", "avow.conf:3: got a character that needs quotes"},
  {PRIVATE "profile { }", "avow.conf:3: got \"{\", expected a profile name"},
  {PRIVATE "profile \"X\" { }", "avow.conf:3: got \"X\", expected a profile name"},
  {PRIVATE "profile x { }", "avow.conf:3: got \"}\", expected a key"},
  {PRIVATE "profile x { ct = false", "avow.conf:3: got the end of the file, expected a key or \"}\""},
  {PRIVATE "profile x = 1", "avow.conf:3: got \"=\", expected \"{\""},
  {PRIVATE "}", "avow.conf:3: got \"}\", expected a key"},
};

static void files_are_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    struct config c;
    struct problem why = {0};
    avow_err e = config_parse(slice_str(files[i].text), "/a/path/avow.conf", NULL, 0, &c, &why);
    if (e != ERR_CONFIG || !strstr(why.detail, files[i].message))
      print_error("row %zu: %s: got: %s\n", i, files[i].text, e == AVOW_OK ? "accepted" : why.detail);
    assert_int_equal(e, ERR_CONFIG);
    assert_non_null(strstr(why.detail, files[i].message));
    assert_null(strchr(why.detail, '\n'));
    assert_null(c.hosts);
    assert_null(c.arena.blocks);
  }
}

static const struct {
  const char *set, *message;
} sets[] = {
  {"crl.shards", "--set: got \"crl.shards\", expected KEY=VALUE"},
  {"=4", "--set: got \"=4\", expected KEY=VALUE"},
  {"crl.shards=none", "--set: crl.shards: got \"none\", expected an integer from 1 to 256"},
  {"crl.shard=4", "--set: crl.shard: got an unknown key"},
  {"kind=public", "--set: kind: got \"public\", expected private: the kind is fixed for the life of the root"},
  {"test.memory=true", "--set: test.memory: got it in a CA of kind private"},
  {"profile.classic.life=1d", "--set: profile.classic.life: got an unknown key"},
  {"profile.Classic.lifetime=1d", "--set: got \"profile.Classic.lifetime=1d\", expected a profile name"},
  {"profile..lifetime=1d", "--set: got \"profile..lifetime=1d\", expected a profile name"},
  {"profile.classic=1d", "--set: profile.classic: got an unknown key"},
  {"website=a\nb", "--set: website: got a character that is not printable ASCII"},
};

static void sets_are_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    struct config c;
    struct problem why = {0};
    avow_err e = config_parse(SLICE_LIT(PRIVATE), "avow.conf", &sets[i].set, 1, &c, &why);
    if (e != ERR_CONFIG || !strstr(why.detail, sets[i].message))
      print_error("row %zu: %s: got: %s\n", i, sets[i].set, e == AVOW_OK ? "accepted" : why.detail);
    assert_int_equal(e, ERR_CONFIG);
    assert_non_null(strstr(why.detail, sets[i].message));
  }
}

static void nul_and_size(void **state) {
  (void)state;
  struct config c;
  struct problem why = {0};
  assert_int_equal(config_parse(SLICE_LIT(PRIVATE "\0crl.shards = none"), "avow.conf", NULL, 0, &c, &why), ERR_CONFIG);
  assert_string_equal(why.detail, "avow.conf:3: got a NUL byte, expected text");
  static uint8_t large[(1 << 20) + 1];
  memset(large, ' ', sizeof large);
  assert_int_equal(config_parse(SLICE_OF(large), "avow.conf", NULL, 0, &c, &why), ERR_CONFIG);
}

static void too_many_profiles(void **state) {
  (void)state;
  static const char *const many[] = {
    "profile.a.ct=false", "profile.b.ct=false", "profile.c.ct=false", "profile.d.ct=false", "profile.e.ct=false",
    "profile.f.ct=false", "profile.g.ct=false", "profile.h.ct=false", "profile.i.ct=false", "profile.j.ct=false",
    "profile.k.ct=false", "profile.l.ct=false", "profile.m.ct=false", "profile.n.ct=false"};
  struct config c;
  struct problem why = {0};
  assert_int_equal(config_parse(SLICE_LIT(PRIVATE), "avow.conf", many, 13, &c, &why), AVOW_OK);
  config_clear(&c);
  assert_int_equal(config_parse(SLICE_LIT(PRIVATE), "avow.conf", many, 14, &c, &why), ERR_CONFIG);
  assert_string_equal(why.detail, "--set: profile.n.ct: got one profile more, expected at most 16");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(files_are_refused),
    cmocka_unit_test(sets_are_refused),
    cmocka_unit_test(nul_and_size),
    cmocka_unit_test(too_many_profiles),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
