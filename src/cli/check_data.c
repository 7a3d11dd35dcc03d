#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/check.h"
#include "pki/crl.h"
#include "sign/journal.h"
#include "store/migrate.h"

enum { CRL_FILE_MAX = 128 * 1024 * 1024, PATH_ROOM = 4096 };

static const char from_backup[] = "restore it from a backup";

static void check_clock(struct check *c, const struct journal_facts *facts) {
  char text[TIME_TEXT];
  if (c->now_ms < facts->time_ms)
    check_tell(c, CHECK_FAIL, "clock", "set the clock right; nothing is signed until then",
               "it is behind the journal, whose last frame is of %s", time_rfc3339(facts->time_ms, text));
  else
    check_tell(c, CHECK_OK, "clock", NULL, "not behind the journal, whose last frame is of %s",
               time_rfc3339(facts->time_ms, text));
}

void check_journal(struct check *c) {
  static const char path[] = "journal/journal.log";
  AUTO_FD fd = openat(c->dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    check_tell(c, CHECK_FAIL, path, from_backup, "%s", strerror(errno));
    return;
  }
  struct journal_facts facts;
  struct problem why = {0};
  if (journal_check(fd, &facts, &why) != AVOW_OK) {
    check_tell(c, CHECK_FAIL, path, from_backup, "%s", problem_text(&why));
    return;
  }
  if (c->configured && facts.kind != (uint8_t)c->config.kind)
    check_tell(c, CHECK_FAIL, path, "restore avow.conf and the journal of the same CA",
               "it belongs to a CA of another kind");
  else if (facts.torn && !c->running)
    check_tell(c, CHECK_WARN, path, "the next start cuts it off; nothing that was confirmed is lost",
               "%llu frames, the chain holds, the last frame is not complete", (unsigned long long)facts.frames);
  else
    check_tell(c, CHECK_OK, path, NULL, "%llu frames, the chain holds", (unsigned long long)facts.frames);
  check_clock(c, &facts);
}

void check_database(struct check *c) {
  static const char name[] = "db/avow.sqlite";
  if (c->running) {
    check_tell(c, CHECK_OK, name, NULL, "in use by the running CA; it is looked at when that is stopped");
    return;
  }
  char path[PATH_ROOM];
  int n = snprintf(path, sizeof path, "%s/%s", c->dir, name), version;
  struct problem why = {0};
  avow_err e = n < 0 || (size_t)n >= sizeof path ? problem_set(&why, ERR_IO, "the path of the folder is too long")
                                                 : store_check_file(path, &version, &why);
  if (e != AVOW_OK)
    check_tell(c, CHECK_FAIL, name, from_backup, "%s", problem_text(&why));
  else if (version < migrations_n)
    check_tell(c, CHECK_OK, name, NULL, "whole; schema version %d, the next start brings it to %d", version,
               migrations_n);
  else
    check_tell(c, CHECK_OK, name, NULL, "whole; schema version %d", version);
}

/* ---- CRLs ---- */

static const char crl_advice[] = "start the CA, or see the log of registrar and keeper";

static void check_crl_dates(struct check *c, const char *path, const struct crl_head *head, bool by_hand) {
  char text[TIME_TEXT];
  time_rfc3339(head->next_update_s * SECOND_MS, text);
  const char *advice = by_hand ? "it is signed by the root: make a new CA before then" : crl_advice;
  int64_t now = c->now_ms / SECOND_MS, left = head->next_update_s - now;
  if (left <= 0)
    check_tell(c, CHECK_FAIL, path, advice, "number %llu was to be replaced by %s", (unsigned long long)head->number,
               text);
  else if (left < (head->next_update_s - head->this_update_s) / 4)
    check_tell(c, CHECK_WARN, path, advice, "number %llu must be replaced by %s", (unsigned long long)head->number,
               text);
  else
    check_tell(c, CHECK_OK, path, NULL, "number %llu, good until %s", (unsigned long long)head->number, text);
}

static void check_crl(struct check *c, const char *path, const struct cert *issuer, bool by_hand) {
  AUTO_BUF der;
  buf_init(&der, CRL_FILE_MAX);
  if (!check_read(c, path, crl_advice, &der))
    return;
  struct crl_head head;
  struct problem why = {0};
  AUTO_PUBLIC_KEY key = NULL;
  avow_err e = crl_read_head(buf_slice(&der), &head, &why);
  if (e == AVOW_OK)
    e = public_key_from_spki(issuer->spki, &key, &why);
  if (e == AVOW_OK)
    e = crl_second_opinion(buf_slice(&der), key, &why);
  if (e == AVOW_OK)
    check_crl_dates(c, path, &head, by_hand);
  else
    check_tell(c, CHECK_FAIL, path, crl_advice, "%s", problem_text(&why));
}

void check_crls(struct check *c) {
  char path[64];
  if (c->has_root)
    check_crl(c, "published/crl/root/0.crl", &c->root, true);
  if (!c->has_issuing || !c->configured)
    return;
  if (!c->running && faccessat(c->dir_fd, "published/crl/I1", F_OK, 0) != 0) {
    check_tell(c, CHECK_OK, "published/crl/I1", NULL, "published by the first start");
    return;
  }
  for (int i = 0; i < c->config.crl_shards; i++) {
    snprintf(path, sizeof path, "published/crl/I1/%d.crl", i);
    check_crl(c, path, &c->issuing, false);
  }
}
