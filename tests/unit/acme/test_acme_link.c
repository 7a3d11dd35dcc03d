/* The worker's channel: a scripted store on a thread answers, refuses, is late, dies and comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "acme/link.h"

/* What the store does with each request of one channel, in this order; the hello is answered by itself. */
enum act { ANSWER, REFUSE, DIE, STALE, OTHER_TYPE, FROM_FUTURE, END };

struct fake {
  const enum act *script;
  int fd, other; /* the store's end and the front's */
  unsigned requests;
  uint64_t epoch;
  pthread_t thread;
};

enum { FAKES_MAX = 4 };
static struct fake fakes[FAKES_MAX];
static size_t fakes_n, taken;

static void answer(struct channel *ch, struct message *m) {
  assert_int_equal(channel_send(ch, m, -1), AVOW_OK);
}

static void *store_main(void *arg) {
  struct fake *f = arg;
  struct channel ch;
  channel_init(&ch, f->fd, ROLE_store, ROLE_front);
  struct inbox in;
  inbox_init(&in);
  const enum act *act = f->script;
  while (channel_recv(&ch, &in, -1) == AVOW_OK) {
    struct message done = {.type = MSG_done, .request = in.m.request};
    if (in.m.type == MSG_front_hello) {
      ch.state = STATE_READY;
      struct message welcome = {.type = MSG_front_welcome,
                                .request = in.m.request,
                                .front_welcome = {.epoch = f->epoch, .base = UINT64_C(1) << 32}};
      answer(&ch, &welcome);
      continue;
    }
    f->requests++;
    if (*act == DIE || *act == END)
      break;
    switch (*act++) {
    case ANSWER:
      answer(&ch, &done);
      break;
    case REFUSE: {
      struct message no = message_refused(in.m.request, ERR_NOT_FOUND, "nothing here");
      answer(&ch, &no);
      break;
    }
    case STALE: {
      /* An answer to something older comes first: it must be dropped. */
      struct message old = message_refused(in.m.request - 1, ERR_CONFLICT, "late");
      answer(&ch, &old);
      answer(&ch, &done);
      break;
    }
    case OTHER_TYPE: {
      struct message other = {.type = MSG_job_made, .request = in.m.request};
      answer(&ch, &other);
      break;
    }
    case FROM_FUTURE:
      done.request += 1000;
      answer(&ch, &done);
      break;
    case DIE:
    case END:
      break;
    }
  }
  inbox_clear(&in);
  channel_close(&ch);
  return NULL;
}

static int take(void *owner, uint16_t index, int timeout_ms) {
  (void)owner;
  (void)timeout_ms;
  assert_int_equal(index, 3);
  return taken < fakes_n ? fakes[taken++].other : -1;
}

static void add_fake(const enum act *script, uint64_t epoch) {
  int fds[2];
  assert_int_equal(channel_pair(fds), AVOW_OK);
  struct fake *f = &fakes[fakes_n++];
  *f = (struct fake){.script = script, .fd = fds[0], .other = fds[1], .epoch = epoch};
  assert_int_equal(pthread_create(&f->thread, NULL, store_main, f), 0);
}

static void join_fakes(void) {
  for (size_t i = 0; i < fakes_n; i++) {
    if (i >= taken)
      close(fakes[i].other);
    pthread_join(fakes[i].thread, NULL);
  }
  fakes_n = taken = 0;
}

static avow_err ask(struct store_link *l, struct problem *why) {
  struct message m = {.type = MSG_job_outcome, .job_outcome = {.job = {{1}}}};
  return link_call(l, &m, MSG_done, why);
}

struct fixture {
  struct nonce_maker nonces;
  struct store_link link;
  struct problem why;
};

static void begin(struct fixture *x) {
  assert_int_equal(nonce_maker_init(&x->nonces), AVOW_OK);
  link_init(&x->link, 3, take, NULL, &x->nonces);
  x->why = (struct problem){0};
}

static void end(struct fixture *x) {
  link_clear(&x->link);
  nonce_maker_clear(&x->nonces);
}

/* A question asked ahead is sent once, fetched by its own call, and dropped when another call follows. */
static void test_ahead(void **state) {
  (void)state;
  static const enum act script[] = {ANSWER, REFUSE, ANSWER, REFUSE, ANSWER, DIE, END}, after[] = {ANSWER, ANSWER, END};
  struct fixture x;
  begin(&x);
  add_fake(script, 5);
  add_fake(after, 6);
  struct message ahead = {.type = MSG_job_outcome, .job_outcome = {.job = {{2}}}};
  link_ahead(&x.link, &ahead);
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK);
  assert_int_equal(link_call(&x.link, &ahead, MSG_done, &x.why), ERR_NOT_FOUND);
  link_ahead(&x.link, &ahead);
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK);
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK); /* not the refusal, which was for `ahead` */
  /* The store dies over the first: both are asked again, each in its turn. */
  link_ahead(&x.link, &ahead);
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK);
  assert_int_equal(link_call(&x.link, &ahead, MSG_done, &x.why), AVOW_OK);
  end(&x);
  join_fakes();
}

static void test_answers(void **state) {
  (void)state;
  static const enum act script[] = {ANSWER, REFUSE, STALE, OTHER_TYPE, ANSWER, END};
  struct fixture x;
  begin(&x);
  add_fake(script, 5);
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK);
  assert_int_equal(x.nonces.epoch, 5);
  assert_int_equal(ask(&x.link, &x.why), ERR_NOT_FOUND);
  assert_int_equal(x.why.err, ERR_NOT_FOUND);
  assert_string_equal(x.why.detail, "nothing here");
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK);
  assert_int_equal(ask(&x.link, &x.why), ERR_FORBIDDEN_MESSAGE);
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK);
  end(&x);
  assert_int_equal(fakes[0].requests, 5);
  join_fakes();
}

static void test_renewal(void **state) {
  (void)state;
  static const enum act dies[] = {ANSWER, DIE}, lives[] = {ANSWER, ANSWER, END};
  struct fixture x;
  begin(&x);
  add_fake(dies, 1);
  add_fake(lives, 2);
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK);
  assert_int_equal(x.nonces.epoch, 1);
  /* The store dies over this request: it is repeated to the next one, which has another epoch. */
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK);
  assert_int_equal(x.nonces.epoch, 2);
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK);
  end(&x);
  join_fakes();
}

static void test_gone(void **state) {
  (void)state;
  static const enum act dies[] = {DIE}, lies[] = {FROM_FUTURE, END}, lives[] = {ANSWER, END};
  struct fixture x;
  begin(&x);
  assert_int_equal(link_open(&x.link, &x.why), ERR_UNAVAILABLE);
  add_fake(dies, 1);
  add_fake(dies, 2);
  add_fake(lies, 3);
  /* Twice in a row: the request ends, the next one finds the next store. One that answers what was not asked is left as
   * well. */
  assert_int_equal(ask(&x.link, &x.why), ERR_UNAVAILABLE);
  assert_int_equal(ask(&x.link, &x.why), ERR_UNAVAILABLE);
  add_fake(lives, 4);
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK);
  end(&x);
  join_fakes();
}

static void test_unencodable(void **state) {
  (void)state;
  static const enum act script[] = {ANSWER, END};
  static const uint8_t big[60000];
  struct fixture x;
  begin(&x);
  add_fake(script, 1);
  struct message m = {.type = MSG_account_create, .account_create = {.jws = SLICE_OF(big)}};
  m.account_create.jws.n = sizeof big;
  /* Over the table's limit: refused here, and the channel stays. */
  assert_int_equal(link_call(&x.link, &m, MSG_job_made, &x.why), ERR_FORBIDDEN_MESSAGE);
  assert_int_equal(ask(&x.link, &x.why), AVOW_OK);
  assert_int_equal(taken, 1);
  end(&x);
  join_fakes();
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_ahead), cmocka_unit_test(test_answers),     cmocka_unit_test(test_renewal),
    cmocka_unit_test(test_gone),  cmocka_unit_test(test_unencodable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
