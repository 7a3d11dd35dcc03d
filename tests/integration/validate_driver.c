/* The validator without the other roles, for tests: reads one request a line, prints one JSON object an answer.

   usage: validate_driver CONF [KEY=VALUE]…
   requests: mint COUNT
             validate dns|wildcard|ip NAME METHOD TOKEN ACCOUNT(32 hex) THUMBPRINT(64 hex)
             caa dns|wildcard|ip NAME METHOD ACCOUNT
             cancel                       ends all that runs, as when the registrar dies
             later MILLISECONDS           moves the clock
   It ends after the last answer when its input ends. Statements are opened with the ring, as the signer would. */
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "validate/validator.h"

enum { WORDS = 8, LINE_MAX_BYTES = 4096 };

struct driver {
  struct loop loop;
  struct watch input;
  struct validator *validator;
  struct seal_ring ring;
  struct buf lines;
  uint64_t requests;
  int64_t shift_ms;
  bool ended;
};

static json_t *text_of(struct slice s) {
  return json_stringn((const char *)s.p, s.n);
}

static json_t *met_json(const struct rec_met *met, size_t n) {
  json_t *list = json_array();
  for (size_t i = 0; i < n; i++) {
    json_t *row = json_array();
    json_array_append_new(row, text_of(met[i].what));
    json_array_append_new(row, text_of(met[i].subject));
    json_array_append_new(row, text_of(met[i].answer));
    json_array_append_new(list, row);
  }
  return list;
}

static void put_id(json_t *o, const char *key, struct id128 id) {
  char text[ID_TEXT];
  json_object_set_new(o, key, json_string(id_text(id, text)));
}

static json_t *control_json(struct driver *d, struct slice sealed) {
  struct control_statement s;
  struct problem why = {0};
  char thumbprint[65];
  if (control_open(&d->ring, sealed, clock_now_ms(), &s, &why) != AVOW_OK)
    return json_string(why.detail);
  json_t *o = json_object();
  json_object_set_new(o, "name", text_of(s.name));
  json_object_set_new(o, "type", json_integer(s.identifier_type));
  json_object_set_new(o, "method", json_integer(s.method));
  json_object_set_new(o, "scope", json_integer(s.scope));
  json_object_set_new(o, "age_ms", json_integer(clock_now_ms() - s.at_ms));
  json_object_set_new(o, "thumbprint", json_string(hex_encode(SLICE_OF(s.thumbprint), thumbprint)));
  put_id(o, "account", s.account);
  return o;
}

static json_t *caa_json(struct driver *d, struct slice sealed) {
  struct caa_statement s;
  struct problem why = {0};
  if (caa_open(&d->ring, sealed, clock_now_ms(), &s, &why) != AVOW_OK)
    return json_string(why.detail);
  json_t *o = json_object();
  json_object_set_new(o, "name", text_of(s.name));
  json_object_set_new(o, "wildcard", json_boolean(s.wildcard));
  json_object_set_new(o, "method", json_integer(s.method));
  json_object_set_new(o, "verdict", json_integer(s.verdict));
  json_object_set_new(o, "holds_ms", json_integer(s.expires_ms - s.at_ms));
  put_id(o, "account", s.account);
  return o;
}

static void put_outcome(json_t *o, const struct rec_problem *p) {
  struct problem problem = message_problem(p);
  json_object_set_new(o, "error", json_string(err_name(problem.err)));
  json_object_set_new(o, "detail", json_string(problem.detail));
}

static void put_statements(struct driver *d, json_t *o, const char *key, const struct rec_blob *list, size_t n,
                           json_t *(*of)(struct driver *, struct slice)) {
  json_t *statements = json_array();
  for (size_t i = 0; i < n; i++)
    json_array_append_new(statements, of(d, list[i].b));
  json_object_set_new(o, key, statements);
}

static void print_answer(void *user, const struct message *m) {
  struct driver *d = user;
  json_t *o = json_object();
  json_object_set_new(o, "request", json_integer((json_int_t)m->request));
  json_object_set_new(o, "type", json_string(message_text(m->type)));
  if (m->type == MSG_validated) {
    json_object_set_new(o, "good", json_boolean(m->validated.valid));
    put_outcome(o, &m->validated.problem);
    put_statements(d, o, "control", m->validated.control, m->validated.control_n, control_json);
    put_statements(d, o, "caa", m->validated.caa, m->validated.caa_n, caa_json);
    json_object_set_new(o, "caa_expires", json_integer(m->validated.caa_expires));
    json_object_set_new(o, "met", met_json(m->validated.met, m->validated.met_n));
  } else if (m->type == MSG_caa_checked) {
    json_object_set_new(o, "good", json_boolean(m->caa_checked.permitted));
    put_outcome(o, &m->caa_checked.problem);
    put_statements(d, o, "caa", m->caa_checked.caa, m->caa_checked.caa_n, caa_json);
    json_object_set_new(o, "met", met_json(m->caa_checked.met, m->caa_checked.met_n));
  } else if (m->type == MSG_tokens_minted) {
    json_t *tokens = json_array();
    for (size_t i = 0; i < m->tokens_minted.tokens_n; i++)
      json_array_append_new(tokens, text_of(m->tokens_minted.tokens[i].text));
    json_object_set_new(o, "tokens", tokens);
  } else {
    put_outcome(o, &m->refused.problem);
  }
  /* The channel would refuse what is over its limits. */
  AUTO_BUF encoded;
  buf_init(&encoded, MESSAGE_MAX);
  json_object_set_new(o, "encodes", json_boolean(message_encode(m, &encoded) == AVOW_OK));
  char *text = json_dumps(o, JSON_COMPACT);
  puts(text ? text : "{}");
  fflush(stdout);
  free(text);
  json_decref(o);
}

static struct rec_identifier identifier_of(const char *kind, const char *name) {
  return (struct rec_identifier){.type = strcmp(kind, "ip") == 0 ? IDENTIFIER_IP : IDENTIFIER_DNS,
                                 .wildcard = strcmp(kind, "wildcard") == 0,
                                 .value = slice_str(name)};
}

static void take_line(struct driver *d, char *line) {
  char *words[WORDS] = {NULL}, *rest = NULL;
  size_t n = 0;
  for (char *w = strtok_r(line, " ", &rest); w && n < WORDS; w = strtok_r(NULL, " ", &rest))
    words[n++] = w;
  struct message m = {.request = ++d->requests};
  if (n == 2 && strcmp(words[0], "mint") == 0) {
    m.type = MSG_tokens_mint;
    m.tokens_mint.count = (uint16_t)atoi(words[1]);
  } else if (n == 7 && strcmp(words[0], "validate") == 0) {
    m.type = MSG_validate;
    m.validate.identifier = identifier_of(words[1], words[2]);
    m.validate.method = (uint8_t)atoi(words[3]);
    m.validate.token = slice_str(words[4]);
    if (!id_parse(slice_str(words[5]), &m.validate.account) ||
        !hex_decode(slice_str(words[6]), m.validate.thumbprint.b, 32))
      exit(2);
  } else if (n == 5 && strcmp(words[0], "caa") == 0) {
    m.type = MSG_caa_check;
    m.caa_check.identifier = identifier_of(words[1], words[2]);
    m.caa_check.method = (uint8_t)atoi(words[3]);
    if (!id_parse(slice_str(words[4]), &m.caa_check.account))
      exit(2);
  } else if (n == 1 && strcmp(words[0], "cancel") == 0) {
    validator_cancel_all(d->validator);
    return;
  } else if (n == 2 && strcmp(words[0], "later") == 0) {
    d->shift_ms += atoll(words[1]);
    clock_shift(d->shift_ms);
    d->loop.now_ms = clock_now_ms();
    return;
  } else {
    exit(2);
  }
  if (validator_take(d->validator, &m) != AVOW_OK)
    exit(1);
}

static void input_ready(void *user, short events) {
  (void)events;
  struct driver *d = user;
  char bytes[LINE_MAX_BYTES];
  ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
  if (n < 0)
    return;
  if (n == 0) {
    d->ended = true;
    loop_unwatch(&d->loop, &d->input);
    return;
  }
  buf_put(&d->lines, slice_of(bytes, (size_t)n));
  for (uint8_t *end; d->lines.n > 0 && (end = memchr(d->lines.p, '\n', d->lines.n));) {
    *end = 0;
    char *line = strdup((char *)d->lines.p);
    buf_consume(&d->lines, (size_t)(end - d->lines.p) + 1);
    if (!line)
      exit(1);
    take_line(d, line);
    free(line);
  }
}

static void fail(const struct problem *why) {
  fprintf(stderr, "%s\n", problem_text(why));
  exit(1);
}

int main(int argc, char **argv) {
  struct driver d = {0};
  struct problem why = {0};
  struct config config;
  AUTO_BUF text, ring;
  buf_init(&text, 1024 * 1024);
  buf_init(&ring, 65536);
  buf_init(&d.lines, 1024 * 1024);
  if (argc < 2 || signal(SIGPIPE, SIG_IGN) == SIG_ERR || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return 2;
  if (file_read(AT_FDCWD, argv[1], &text, &why) != AVOW_OK ||
      config_parse(buf_slice(&text), argv[1], (const char *const *)argv + 2, (size_t)argc - 2, &config, &why) !=
        AVOW_OK ||
      seal_ring_generate(&ring) != AVOW_OK ||
      seal_ring_parse(buf_slice(&ring), (uint8_t)config.kind, &d.ring, &why) != AVOW_OK ||
      loop_init(&d.loop) != AVOW_OK)
    fail(&why);
  uint8_t key[32];
  random_bytes(key, sizeof key);
  struct validator_options options = {.config = &config,
                                      .ring = &d.ring,
                                      .token_key = SLICE_OF(key),
                                      .loop = &d.loop,
                                      .answer = print_answer,
                                      .user = &d};
  if (validator_new(&options, &d.validator, &why) != AVOW_OK)
    fail(&why);
  loop_watch(&d.loop, &d.input, STDIN_FILENO, POLLIN, input_ready, &d);
  while (!d.ended || validator_busy(d.validator) > 0)
    if (loop_step(&d.loop, 1000) != AVOW_OK)
      return 1;
  validator_free(d.validator);
  loop_clear(&d.loop);
  seal_ring_clear(&d.ring);
  buf_clear(&d.lines);
  config_clear(&config);
  curl_global_cleanup();
  return 0;
}
