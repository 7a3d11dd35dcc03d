#include "conf/schema.h"

#define FIELD(name) offsetof(struct config, name)
#define FIELDS(name) offsetof(struct config, name), offsetof(struct config, name##_n)
#define PROFILE(name) offsetof(struct profile, name)
#define SAME(text)                                                                                                     \
  { text, text, text }

static const char endpoints[] = "a comma list of ADDRESS:PORT (IPv6 in brackets), at most 16 and none twice";

const struct conf_row conf_rows[] = {
  {"kind", IN_ALL, "word", SAME(NULL), NULL, "private, public or test",
   "What this CA is: fixed for the life of its root.", conf_set_kind, FIELD(kind), 0, 0, 0},
  {"host", IN_ALL, "names", SAME(NULL), NULL, "a comma list of DNS names and IP addresses",
   "Names and addresses of this server; the first one is in its URLs, all are in its web certificate.", conf_set_hosts,
   FIELDS(hosts), 0, 0},
  {"listen.https", IN_ALL, "endpoints", SAME("127.0.0.1:14000"), NULL, endpoints,
   "Where ACME and the pages are served over TLS.", conf_set_endpoints, FIELDS(https), 0, 0},
  {"listen.http", IN_ALL, "endpoints", SAME("127.0.0.1:14080"), NULL, endpoints,
   "Where CA certificates, CRLs and status answers are served.", conf_set_endpoints, FIELDS(http), 0, 0},
  {"metrics", IN_ALL, "endpoint", SAME(""), "none: they are not served", "one ADDRESS:PORT on loopback",
   "Where counters of the web process are served to Prometheus, as GET /metrics.", conf_set_loopback, FIELDS(metrics),
   0, 0},
  {"https_url", IN_ALL, "URL", SAME(""), "https://HOST:PORT of host and listen.https",
   "https://HOST or https://HOST:PORT, without a final slash",
   "Base of all ACME URLs, where clients reach the server by another port.", conf_set_base_url, FIELD(https_url), 0, 0,
   0},
  {"http_url", IN_ALL, "URL", SAME(""), "http://HOST:PORT of host and listen.http",
   "http://HOST or http://HOST:PORT, without a final slash", "Base of the URLs written into certificates.",
   conf_set_base_url, FIELD(http_url), 0, 0, 0},
  {"terms_url", IN_ALL, "URL", SAME(""), "none", "an http or https URL",
   "Terms of service that subscribers must agree to.", conf_set_url, FIELD(terms_url), 0, 0, 0},
  {"website", IN_ALL, "URL", SAME(""), "none", "an http or https URL", "The CA's website, shown in the directory.",
   conf_set_url, FIELD(website), 0, 0, 0},
  {"caa.identities", IN_ALL, "names", SAME(""), "the DNS names of host", "a comma list of DNS names",
   "Domain names by which CAA records permit this CA.", conf_set_names, FIELDS(caa_identities), 0, 0},
  {"validation.resolvers", IN_ALL, "endpoints", SAME(""),
   "private: those of /etc/resolv.conf; public: own recursion; test: none set",
   "a comma list of ADDRESS:PORT (IPv6 in brackets), at most 16 and none twice; the port defaults to 53",
   "DNS resolvers to ask.", conf_set_resolvers, FIELDS(resolvers), 0, 0},
  {"validation.trust_anchor", IN_ALL, "records", SAME(""), "public: the root's; others: none",
   "a comma list of DS or DNSKEY records, such as \". DS 20326 8 2 e06d...\"", "DNSSEC trust anchors.", conf_set_anchor,
   FIELD(trust_anchor), 0, 0, 0},
  {"validation.http_port", IN_ALL, "integer", SAME("80"), NULL, NULL,
   "Port of http-01; other than 80 only in a CA of kind test.", conf_set_int, FIELD(http_port), 0, 1, 65535},
  {"validation.tls_port", IN_ALL, "integer", SAME("443"), NULL, NULL,
   "Port of tls-alpn-01; other than 443 only in a CA of kind test.", conf_set_int, FIELD(tls_port), 0, 1, 65535},
  {"private.suffixes", IN_PRIVATE, "names", SAME(""), "none", "a comma list of DNS names without a leading dot",
   "Internal names: at and below these, this CA may validate and certify.", conf_set_names, FIELDS(suffixes), 0, 0},
  {"private.networks", IN_PRIVATE, "networks", SAME(""), "none",
   "a comma list of networks such as 10.0.0.0/8 or fd00::/8, host bits zero",
   "Special-purpose networks in which this CA may validate.", conf_set_networks, FIELDS(networks), 0, 0},
  {"keys.blocklist", IN_ALL, "files", SAME(""), "none",
   "a comma list of at most 16 paths below the CA's folder, without \".\" and \"..\"",
   "Lists of keys that are refused (docs/operations/keys.md); read at the start.", conf_set_files, FIELDS(blocklists),
   0, 0},
  {"profile.default", IN_ALL, "word", SAME("classic"), NULL, "the name of a profile",
   "Profile of orders that name none.", conf_set_profile_name, FIELD(default_profile), 0, 0, 0},
  {"crl.shards",
   IN_ALL,
   "integer",
   {"1", "128", "1"},
   NULL,
   NULL,
   "Over how many CRLs the certificates are spread.",
   conf_set_int,
   FIELD(crl_shards),
   0,
   1,
   256},
  {"crl.interval", IN_ALL, "duration", SAME("6h"), NULL, NULL, "How often each CRL is signed anew.", conf_set_duration,
   FIELD(crl_interval_s), 0, 60, 4 * 86400},
  {"crl.lifetime", IN_ALL, "duration", SAME("7d"), NULL, NULL, "How long a CRL is valid.", conf_set_duration,
   FIELD(crl_lifetime_s), 0, 120, 10 * 86400},
  {"front.workers", IN_ALL, "integer", SAME("8"), NULL, NULL, "Threads that answer ACME requests.", conf_set_int,
   FIELD(workers), 0, 1, 63},
  {"front.max_connections", IN_ALL, "integer", SAME("4096"), NULL, NULL, "Open connections in all.", conf_set_int,
   FIELD(max_connections), 0, 1, 1000000},
  {"front.max_per_address", IN_ALL, "integer", SAME("512"), NULL, NULL, "Open connections of one address.",
   conf_set_int, FIELD(max_per_address), 0, 1, 1000000},
  {"front.timeout.header", IN_ALL, "duration", SAME("10s"), NULL, NULL,
   "How long a TLS handshake and a request head may each take.", conf_set_duration, FIELD(timeout_header_s), 0, 1,
   3600},
  {"front.timeout.body", IN_ALL, "duration", SAME("30s"), NULL, NULL, "How long a request body may take.",
   conf_set_duration, FIELD(timeout_body_s), 0, 1, 3600},
  {"front.timeout.idle", IN_ALL, "duration", SAME("1m"), NULL, NULL,
   "How long a kept-alive connection may wait for its next request.", conf_set_duration, FIELD(timeout_idle_s), 0, 1,
   3600},
  {"limits.address",
   IN_ALL,
   "integer",
   {"500", "500", "100000"},
   NULL,
   NULL,
   "What one address (IPv6: one /64) may spend a second on signed requests, of which one by ES256 costs 1, by EdDSA 2, "
   "by RSA 2 to 8, by ES384 or ES512 10; 0: no limit.",
   conf_set_int,
   FIELD(limit_address),
   0,
   0,
   1000000},
  {"limits.account",
   IN_ALL,
   "integer",
   {"300", "300", "100000"},
   NULL,
   NULL,
   "What one account may spend a second on well-signed requests, at the same prices; 0: no limit.",
   conf_set_int,
   FIELD(limit_account),
   0,
   0,
   1000000},
  {"limits.burst", IN_ALL, "duration", SAME("30s"), NULL, NULL,
   "For how long what was not spent is kept: so much may be spent at once.", conf_set_duration, FIELD(limit_burst_s), 0,
   1, 3600},
  {"log.level", IN_ALL, "word", SAME("info"), NULL, "debug, info, warn or error", "The least level that is logged.",
   conf_set_level, FIELD(log_level), 0, 0, 0},
  {"test.reject_nonces", IN_TEST, "integer", SAME("0"), NULL, NULL,
   "Percent of good nonces that are refused, so that clients show their retry.", conf_set_int, FIELD(reject_nonces), 0,
   0, 100},
  {"test.reuse_authz", IN_TEST, "integer", SAME("100"), NULL, NULL,
   "Percent of the valid authorizations that new orders reuse.", conf_set_int, FIELD(reuse_authz), 0, 0, 100},
  {"test.clock", IN_TEST, "shift", SAME("0s"), NULL, "a duration with an optional sign, such as 90d or -1h",
   "By how much the CA's clock is ahead of the real one.", conf_set_shift, FIELD(clock_shift_ms), 0, 0, 0},
  {"test.memory", IN_TEST, "boolean", SAME("false"), NULL, NULL, "Keep the database in memory only.", conf_set_bool,
   FIELD(memory), 0, 0, 0},
};
const size_t conf_rows_n = sizeof conf_rows / sizeof *conf_rows;

/* Durations and limits: the three Let's Encrypt profiles, field by field, but for status, as this CA answers OCSP. */
const struct conf_row conf_profile_rows[] = {
  {"description",
   IN_ALL,
   "text",
   {"Certificates for all clients: 90 days", "For servers that renew often: 45 days, no common name",
    "Valid for 160 hours, for names and addresses: no waiting for revocation"},
   NULL,
   "printable ASCII text of at most 255 characters",
   "What the directory says of this profile.",
   conf_set_text,
   PROFILE(description),
   0,
   0,
   255},
  {"lifetime",
   IN_ALL,
   "duration",
   {"90d", "45d", "160h"},
   NULL,
   NULL,
   "From notBefore to notAfter, both included.",
   conf_set_duration,
   PROFILE(lifetime_s),
   0,
   300,
   (int64_t)3660 * 86400},
  {"backdate", IN_ALL, "duration", SAME("1h5m"), NULL, NULL, "How long before the signature notBefore lies.",
   conf_set_duration, PROFILE(backdate_s), 0, 0, 2 * 86400},
  {"pending_authz",
   IN_ALL,
   "duration",
   {"7d", "1h", "1h"},
   NULL,
   NULL,
   "How long an authorization may stay pending.",
   conf_set_duration,
   PROFILE(pending_authz_s),
   0,
   60,
   30 * 86400},
  {"authz_reuse",
   IN_ALL,
   "duration",
   {"30d", "7h", "7h"},
   NULL,
   NULL,
   "How long a proof of control may be used.",
   conf_set_duration,
   PROFILE(authz_reuse_s),
   0,
   60,
   200 * 86400},
  {"order_lifetime",
   IN_ALL,
   "duration",
   {"7d", "8h", "8h"},
   NULL,
   NULL,
   "How long an order may take to be finalized.",
   conf_set_duration,
   PROFILE(order_lifetime_s),
   0,
   60,
   30 * 86400},
  {"common_name",
   IN_ALL,
   "boolean",
   {"true", "false", "false"},
   NULL,
   NULL,
   "Write a name of the certificate as common name too.",
   conf_set_bool,
   PROFILE(common_name),
   0,
   0,
   0},
  {"key_encipherment",
   IN_ALL,
   "boolean",
   {"true", "false", "false"},
   NULL,
   NULL,
   "Allow key encipherment with RSA keys.",
   conf_set_bool,
   PROFILE(key_encipherment),
   0,
   0,
   0},
  {"subject_key_id",
   IN_ALL,
   "boolean",
   {"true", "false", "false"},
   NULL,
   NULL,
   "Write a subject key identifier.",
   conf_set_bool,
   PROFILE(subject_key_id),
   0,
   0,
   0},
  {"client_auth", IN_PRIVATE | IN_TEST, "boolean", SAME("false"), NULL, NULL, "Allow TLS client authentication too.",
   conf_set_bool, PROFILE(client_auth), 0, 0, 0},
  {"ip_identifiers",
   IN_ALL,
   "boolean",
   {"false", "false", "true"},
   NULL,
   NULL,
   "Allow IP addresses.",
   conf_set_bool,
   PROFILE(ip_identifiers),
   0,
   0,
   0},
  {"max_names",
   IN_ALL,
   "integer",
   {"100", "25", "25"},
   NULL,
   NULL,
   "Most names in a certificate.",
   conf_set_int,
   PROFILE(max_names),
   0,
   1,
   100},
  {"ocsp",
   IN_ALL,
   "boolean",
   {"true", "true", "false"},
   NULL,
   NULL,
   "Write the OCSP URL.",
   conf_set_bool,
   PROFILE(ocsp),
   0,
   0,
   0},
  {"crl", IN_ALL, "boolean", SAME("true"), NULL, NULL, "Write the CRL URL.", conf_set_bool, PROFILE(crl), 0, 0, 0},
  {"ct", IN_ALL, "boolean", SAME("false"), "public: true; others: false", NULL,
   "Log to certificate transparency and write the SCTs.", conf_set_bool, PROFILE(ct), 0, 0, 0},
  {"policy_oids", IN_ALL, "identifiers", SAME(""), "public: 2.23.140.1.2.1; others: none",
   "a comma list of at most 4 object identifiers in dotted decimals", "Certificate policies.", conf_set_oids,
   PROFILE(policy_oids), PROFILE(policy_oids_n), 0, 0},
};
const size_t conf_profile_rows_n = sizeof conf_profile_rows / sizeof *conf_profile_rows;

const char *const conf_profile_names[DEF_COLUMNS] = {"classic", "tlsserver", "shortlived"};

const struct conf_row *conf_row_find(const struct conf_row *rows, size_t n, struct slice key) {
  for (size_t i = 0; i < n; i++)
    if (slice_eq_str(key, rows[i].key))
      return &rows[i];
  return NULL;
}

void conf_row_expected(const struct conf_row *row, struct buf *out) {
  if (row->expected) {
    buf_put_str(out, row->expected);
  } else if (row->set == conf_set_duration) {
    buf_put_str(out, "a duration from ");
    conf_duration_put(out, row->min);
    buf_put_str(out, " to ");
    conf_duration_put(out, row->max);
    buf_put_str(out, ", written like 90d, 160h or 1h5m");
  } else if (row->set == conf_set_bool) {
    buf_put_str(out, "true or false");
  } else {
    buf_printf(out, "an integer from %lld to %lld", (long long)row->min, (long long)row->max);
  }
}

size_t conf_kind_column(enum ca_kind kind) {
  return (size_t)kind - 1;
}

size_t conf_profile_column(struct slice name) {
  for (size_t i = 0; i < DEF_COLUMNS; i++)
    if (slice_eq_str(name, conf_profile_names[i]))
      return i;
  return DEF_CLASSIC;
}

bool conf_profile_name_ok(struct slice name) {
  if (name.n == 0 || name.n > PROFILE_NAME_MAX || name.p[name.n - 1] == '-')
    return false;
  for (size_t i = 0; i < name.n; i++) {
    uint8_t c = name.p[i];
    bool letter = c >= 'a' && c <= 'z', inner = (c >= '0' && c <= '9') || c == '-';
    if (!letter && (!inner || i == 0))
      return false;
  }
  return true;
}
