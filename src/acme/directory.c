/* The directory (RFC 8555, 7.1.1) and the home page: the same bytes for everyone. */
#include "acme/json.h"
#include "acme/site.h"

static void put_url(struct buf *b, const struct acme_site *s, const char *name, const char *path) {
  char url[1024];
  snprintf(url, sizeof url, "%s%s", s->config->https_url, path);
  json_put_str(b, name, url);
}

static void put_meta(struct buf *b, const struct config *c) {
  json_open(b, "meta", '{');
  if (c->terms_url)
    json_put_str(b, "termsOfService", c->terms_url);
  if (c->website)
    json_put_str(b, "website", c->website);
  json_open(b, "caaIdentities", '[');
  for (size_t i = 0; i < c->caa_identities_n; i++)
    json_put_text(b, NULL, c->caa_identities[i]);
  json_close(b, ']');
  json_put_flag(b, "externalAccountRequired", false);
  json_open(b, "profiles", '{');
  for (size_t i = 0; i < c->profiles_n; i++)
    json_put_str(b, c->profiles[i].name, c->profiles[i].description);
  json_close(b, '}');
  json_close(b, '}');
}

void site_directory_put(const struct acme_site *s, struct buf *out) {
  json_open(out, NULL, '{');
  put_url(out, s, "newNonce", "/acme/new-nonce");
  put_url(out, s, "newAccount", "/acme/new-account");
  put_url(out, s, "newOrder", "/acme/new-order");
  put_url(out, s, "revokeCert", "/acme/revoke-cert");
  put_url(out, s, "keyChange", "/acme/key-change");
  put_meta(out, s->config);
  json_close(out, '}');
  buf_put_u8(out, '\n');
}

static const char home_head[] =
  "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Certificate authority</title>\n"
  "<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;"
  "background:#fff}code{background:#f0f0f0;padding:.1em .3em;overflow-wrap:anywhere}</style>\n</head>\n<body>\n<main>\n"
  "<h1>Certificate authority</h1>\n"
  "<p>This server issues TLS certificates by the ACME protocol (RFC 8555). Give your client this "
  "directory:</p>\n<p><code>";

static const char home_tail[] = "/directory</code></p>\n<ul>\n<li><a href=\"/directory\">ACME directory</a></li>\n"
                                "<li><a href=\"/ca/root.cer\">Root certificate</a> (DER), for your trust store</li>\n"
                                "</ul>\n</main>\n</body>\n</html>\n";

void site_home_put(const struct acme_site *s, struct buf *out) {
  buf_put_str(out, home_head);
  buf_put_str(out, s->config->https_url); /* host names and digits: nothing to escape */
  buf_put_str(out, home_tail);
}
