/* The signer: turns evidence into certificates, CRLs and sealed records, and nothing else. It takes the same messages
   whether it runs as a role or inside `avow init`. It opens no file and no socket; its only durable thing is the
   journal, whose descriptor it is given. docs/protocol/journal.md, docs/protocol/evidence.md. */
#ifndef AVOW_SIGN_SIGNER_H
#define AVOW_SIGN_SIGNER_H

#include "conf/conf.h"
#include "evidence/evidence.h"
#include "ipc/message.h"
#include "pki/key_list.h"

struct signer;

/* Everything is borrowed and must live as long as the signer; the journal's descriptor stays the caller's. */
struct signer_setup {
  const struct config *config;
  uint8_t signer_id;                 /* 1 to 127: the first byte of its serials, the origin of its ids */
  const char *issuer_id;             /* "I1": the name below /ca/ and /crl/ */
  struct slice root_der, issuer_der; /* certificates of the root and of the issuing CA */
  const struct private_key *issuer_key;
  const struct seal_ring *ring_signer;    /* seals accounts, issuances, revocations */
  const struct seal_ring *ring_validator; /* opens control and CAA statements */
  struct slice web_spki;                  /* DER SubjectPublicKeyInfo of the CA's own web key */
  const struct key_list *blocklist;       /* keys that no certificate gets; NULL: none */
  int journal_fd; /* read-write, at best without O_APPEND; an empty file becomes a new journal */
};

/* Replays the journal, rebuilds the state, ends intents that have no outcome, and appends record_issuer for CA
   certificates that the journal does not know. ERR_CONFIG with `why` when the journal is damaged, of another CA kind or
   signer, or when keys and certificates do not belong together; ERR_CLOCK when `now_ms` is behind the journal. */
avow_err signer_open(const struct signer_setup *setup, int64_t now_ms, struct signer **out,
                     struct problem *why) WARN_UNUSED;
void signer_free(struct signer *s);

/* The answer to one request: `journalled` or `refused`, borrowing from the struct. */
struct signer_answer {
  uint64_t record; /* when problem.err is AVOW_OK: the record that holds the result */
  struct problem problem;
  struct rec_subproblem subproblem; /* the identifier at fault, when has_subproblem; borrows from the request */
  bool has_subproblem;
};

enum { SIGNER_BATCH_MAX = 64 };

/* Handles up to SIGNER_BATCH_MAX of sign_account, sign_account_change, sign_issue, sign_revoke, sign_crl, sign_service.
   All intents are made durable by one fdatasync, then everything is signed, then all outcomes (and refusals) are made
   durable by another; only then are the answers valid and the records readable. AVOW_OK whatever the answers say; an
   error means that the journal could not be written: the signer is dead, must be freed, and a new one must replay the
   journal. */
avow_err signer_handle_batch(struct signer *s, const struct message *const *requests, size_t n, int64_t now_ms,
                             struct signer_answer *answers) WARN_UNUSED;
/* Makes the message of an answer. */
struct message signer_answer_message(struct signer_answer *answer, uint64_t request);

/* Records of the stream to the store are numbered from 1 without gaps; this is the number of the next to be made. */
uint64_t signer_next_record(const struct signer *s);
/* One record as its message, read back from the journal; slices borrow from `bytes`, lists from `a`. ERR_NOT_FOUND for
   a number that does not exist. */
avow_err signer_record(struct signer *s, uint64_t number, struct buf *bytes, struct arena *a, struct message *out,
                       struct problem *why) WARN_UNUSED;

/* What `avow init` journals before the first serve: the CA certificates (done by signer_open() already), the CA's own
   web certificate, and the first CRL of each shard. Repeats nothing that is there. */
avow_err signer_init_records(struct signer *s, int64_t now_ms, struct problem *why) WARN_UNUSED;

#endif
