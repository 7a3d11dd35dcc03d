/* The signer's journal: an append-only file of frames, each chained to the one before by SHA-256. Format and rules:
   docs/protocol/journal.md. The file is opened by someone else; nothing here calls open(). */
#ifndef AVOW_SIGN_JOURNAL_H
#define AVOW_SIGN_JOURNAL_H

#include "base/buf.h"
#include "base/error.h"

enum frame_type { FRAME_HEADER = 1, FRAME_INTENT = 2, FRAME_RECORD = 3, FRAME_ORPHAN = 4, FRAME_REFUSAL = 5 };

enum {
  FRAME_HEAD = 25,  /* u32 payload length, u8 type, u64 number, u64 time, u32 check */
  FRAME_CHAIN = 32, /* SHA-256(chain of the frame before, head, payload) */
  FRAME_PAYLOAD_MAX = 128 * 1024 * 1024 + 65536
};

struct frame {
  enum frame_type type;
  uint64_t number; /* 0 for the header, then rising by one */
  int64_t time_ms; /* never falling */
  struct slice payload;
  uint64_t offset;
};

/* Told of every frame: at replay, and live once it is durable. */
typedef avow_err (*journal_visit)(void *context, const struct frame *f, struct problem *why);

struct journal {
  int fd;
  uint64_t end;         /* bytes that are durable and checked */
  uint64_t next_number; /* of the next frame */
  int64_t time_ms;      /* highest of all frames */
  uint8_t chain[FRAME_CHAIN];
  struct buf pending; /* appended, not yet written */
  journal_visit visit;
  void *context;
  bool dead; /* a write or sync failed: what is on disk is unknown until a replay */
};

/* Which of a batch's two commits this is; it names the fault points (docs/protocol/faults.md). */
enum journal_stage { STAGE_INTENT, STAGE_OUTCOME };

/* Takes an empty file (and writes the header frame with this payload) or replays one, whose header payload must be the
   same. A torn tail is cut off: *torn gets its length. Anything else that is wrong is ERR_CONFIG with `why`. */
avow_err journal_open(struct journal *j, int fd, struct slice header, int64_t now_ms, journal_visit visit,
                      void *context, uint64_t *torn, struct problem *why) WARN_UNUSED;
void journal_clear(struct journal *j);

/* What the journal of a CA says of itself. */
struct journal_facts {
  uint64_t frames, bytes;
  int64_t time_ms; /* highest of all frames: no clock may be behind it */
  uint8_t kind, signer_id;
  bool torn; /* its last frame is not complete: it is being written, or the signer died within it */
};
/* Reads a journal from its beginning and checks heads, order, times and the chain; changes nothing. ERR_CONFIG or
   ERR_IO with `why`. */
avow_err journal_check(int fd, struct journal_facts *out, struct problem *why) WARN_UNUSED;
/* Adds a frame to the next commit; its time is `now_ms`, or the highest so far when that is later. Returns its number
 *through number (may be NULL). */
avow_err journal_append(struct journal *j, enum frame_type type, struct slice payload, int64_t now_ms,
                        uint64_t *number) WARN_UNUSED;
/* Writes and syncs what was appended, then tells the visitor. An error leaves the journal dead. */
avow_err journal_commit(struct journal *j, enum journal_stage stage, struct problem *why) WARN_UNUSED;
/* Reads the durable frame at `offset` and checks it; the payload borrows from `bytes`. ERR_IO with `why`. */
avow_err journal_read(const struct journal *j, uint64_t offset, struct buf *bytes, struct frame *out,
                      struct problem *why) WARN_UNUSED;
/* The offset behind a frame. */
uint64_t frame_end(const struct frame *f);

/* One frame from the front of `bytes`, which follow a frame with chain value `chain` (updated on success). For the
   replay and its fuzz harness. FRAME_TORN: the bytes end within a frame, or only zeros follow. */
enum frame_parse { FRAME_OK, FRAME_TORN, FRAME_BROKEN };
enum frame_parse frame_parse(struct slice bytes, uint8_t chain[FRAME_CHAIN], struct frame *out, struct problem *why);

#endif
