#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

enum { PACKET_MAX = 160 * 1024, INBOX_ARENA = 16 * 1024 * 1024, PACKET_FDS = 2 };

/* The first byte of a packet says what follows: the message itself, or (in the first descriptor) a memfd with it. */
enum { PACKET_INLINE = 1, PACKET_MEMFD = 2 };

void channel_init(struct channel *ch, int fd, enum role self, enum role peer) {
  *ch = (struct channel){.fd = fd, .self = self, .peer = peer, .state = STATE_FRESH, .next_request = 1};
}

void channel_close(struct channel *ch) {
  fd_close(&ch->fd);
}

avow_err channel_pair(int fds[2]) {
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
    return ERR_IO;
  int room = 1024 * 1024;
  for (int i = 0; i < 2; i++)
    (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  return AVOW_OK;
}

uint64_t channel_request_id(struct channel *ch) {
  return ch->next_request++;
}

static avow_err send_packet(int fd, struct slice head, struct slice body, const int *fds, size_t fds_n, bool wait) {
  struct iovec parts[2] = {{(void *)(uintptr_t)head.p, head.n}, {(void *)(uintptr_t)body.p, body.n}};
  union {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int) * PACKET_FDS)];
  } control;
  memset(&control, 0, sizeof control);
  struct msghdr packet = {.msg_iov = parts, .msg_iovlen = body.n ? 2 : 1};
  if (fds_n > 0) {
    packet.msg_control = control.room;
    packet.msg_controllen = CMSG_SPACE(sizeof(int) * fds_n);
    struct cmsghdr *c = CMSG_FIRSTHDR(&packet);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * fds_n);
    memcpy(CMSG_DATA(c), fds, sizeof(int) * fds_n);
  }
  for (;;) {
    if (sendmsg(fd, &packet, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)) >= 0)
      return AVOW_OK;
    if (errno == EINTR)
      continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
      return ERR_UNAVAILABLE;
    return errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN ? ERR_PEER : ERR_IO;
  }
}

static avow_err memfd_of(struct slice bytes, int *out) {
  AUTO_FD fd = memfd_create("avow-message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0 || fd_write_all(fd, bytes) != AVOW_OK ||
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
    return ERR_NO_MEMORY;
  *out = fd_take(&fd);
  return AVOW_OK;
}

avow_err channel_send(struct channel *ch, const struct message *m, int pass_fd) {
  AUTO_BUF bytes;
  buf_init(&bytes, MESSAGE_MAX);
  avow_err e = message_encode(m, &bytes);
  return e == AVOW_OK ? channel_send_encoded(ch, buf_slice(&bytes), pass_fd, true) : e;
}

avow_err channel_send_encoded(struct channel *ch, struct slice encoded, int pass_fd, bool wait) {
  if (ch->fd < 0)
    return ERR_PEER;
  int fds[PACKET_FDS];
  size_t n = 0;
  AUTO_FD memfd = -1;
  uint8_t kind = PACKET_INLINE;
  if (encoded.n > PACKET_MAX) {
    avow_err e = memfd_of(encoded, &memfd);
    if (e != AVOW_OK)
      return e;
    fds[n++] = memfd;
    kind = PACKET_MEMFD;
  }
  if (pass_fd >= 0)
    fds[n++] = pass_fd;
  return send_packet(ch->fd, slice_of(&kind, 1), kind == PACKET_INLINE ? encoded : SLICE_NONE, fds, n, wait);
}

void inbox_init(struct inbox *in) {
  memset(in, 0, sizeof *in);
  in->fd = -1;
  arena_init(&in->arena, INBOX_ARENA);
  buf_init(&in->bytes, MESSAGE_MAX);
}

void inbox_clear(struct inbox *in) {
  fd_close(&in->fd);
  arena_clear(&in->arena);
  buf_clear(&in->bytes);
}

/* Replaces the buffer's contents by those of a memfd that is sealed against any change. */
static avow_err read_memfd(int fd, struct buf *b) {
  int need = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  struct stat st;
  int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & need) != need || fstat(fd, &st) != 0 || st.st_size < 0 || st.st_size > MESSAGE_MAX)
    return ERR_FORBIDDEN_MESSAGE;
  buf_reset(b);
  size_t size = (size_t)st.st_size, done = 0;
  uint8_t *at = buf_extend(b, size);
  if (!at)
    return ERR_NO_MEMORY;
  while (done < size) {
    ssize_t n = pread(fd, at + done, size - done, (off_t)done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return ERR_IO;
    done += (size_t)n;
  }
  return AVOW_OK;
}

/* Closes all descriptors in `fds`; for packets that bring what their kind does not allow. */
static void close_all(int *fds, size_t n) {
  for (size_t i = 0; i < n; i++)
    fd_close(&fds[i]);
}

static avow_err take_packet(struct channel *ch, struct inbox *in, bool wait) {
  int fds[PACKET_FDS] = {-1, -1};
  size_t fds_n = 0;
  uint8_t kind = 0;
  buf_reset(&in->bytes);
  uint8_t *room = buf_extend(&in->bytes, PACKET_MAX);
  if (!room)
    return ERR_NO_MEMORY;
  struct iovec parts[2] = {{&kind, 1}, {room, PACKET_MAX}};
  union {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int) * PACKET_FDS)];
  } control;
  struct msghdr packet = {
    .msg_iov = parts, .msg_iovlen = 2, .msg_control = control.room, .msg_controllen = sizeof control.room};
  ssize_t n;
  do
    n = recvmsg(ch->fd, &packet, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
  while (n < 0 && errno == EINTR && wait);
  if (n < 0)
    return errno == EAGAIN || errno == EINTR ? ERR_UNAVAILABLE : ERR_PEER;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&packet); c; c = CMSG_NXTHDR(&packet, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
      fds_n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      memcpy(fds, CMSG_DATA(c), fds_n * sizeof(int));
    }
  size_t need = kind == PACKET_MEMFD ? 1 : 0;
  if (n == 0 || (packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || (kind != PACKET_INLINE && kind != PACKET_MEMFD) ||
      fds_n < need || fds_n > need + 1) {
    close_all(fds, PACKET_FDS);
    return n == 0 ? ERR_PEER : ERR_FORBIDDEN_MESSAGE;
  }
  fd_close(&in->fd);
  in->fd = fds[need];
  in->bytes.n = (size_t)n - 1;
  if (kind == PACKET_INLINE)
    return AVOW_OK;
  avow_err e = n == 1 ? read_memfd(fds[0], &in->bytes) : ERR_FORBIDDEN_MESSAGE;
  fd_close(&fds[0]);
  return e;
}

static avow_err read_packet(struct channel *ch, struct inbox *in) {
  avow_err e = message_decode(buf_slice(&in->bytes), &in->arena, &in->m);
  if (e == AVOW_OK && !message_allowed(in->m.type, ch->peer, ch->self, ch->state))
    e = ERR_FORBIDDEN_MESSAGE;
  return e;
}

avow_err channel_await(struct channel *ch, struct inbox *in, int limit_ms) {
  if (ch->fd < 0)
    return ERR_PEER;
  struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
  if (ch->await_ms != limit_ms && setsockopt(ch->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
    return ERR_IO;
  ch->await_ms = limit_ms;
  arena_reset(&in->arena);
  avow_err e = take_packet(ch, in, true);
  return e == AVOW_OK ? read_packet(ch, in) : e;
}

avow_err channel_recv(struct channel *ch, struct inbox *in, int timeout_ms) {
  if (ch->fd < 0)
    return ERR_PEER;
  arena_reset(&in->arena);
  int64_t until = timeout_ms > 0 ? clock_mono_ms() + timeout_ms : 0;
  for (;;) {
    avow_err e = take_packet(ch, in, false);
    if (e == AVOW_OK)
      break;
    if (e != ERR_UNAVAILABLE || timeout_ms == 0)
      return e;
    int wait = timeout_ms;
    if (timeout_ms > 0) {
      int64_t left = until - clock_mono_ms();
      if (left <= 0)
        return ERR_UNAVAILABLE;
      wait = (int)left;
    }
    struct pollfd p = {.fd = ch->fd, .events = POLLIN};
    if (poll(&p, 1, wait) < 0 && errno != EINTR)
      return ERR_IO;
  }
  return read_packet(ch, in);
}

avow_err channel_call(struct channel *ch, struct message *m, struct inbox *in, int timeout_ms, struct problem *why) {
  m->request = channel_request_id(ch);
  avow_err e = channel_send(ch, m, -1);
  if (e == AVOW_OK)
    e = channel_recv(ch, in, timeout_ms);
  if (e == AVOW_OK && in->m.request != m->request)
    e = ERR_FORBIDDEN_MESSAGE;
  if (e != AVOW_OK)
    return problem_set(why, e, "%s", err_text(e));
  if (in->m.type != MSG_refused)
    return AVOW_OK;
  struct problem p = message_problem(&in->m.refused.problem);
  if (why)
    *why = p;
  return p.err == AVOW_OK ? ERR_FORBIDDEN_MESSAGE : p.err;
}
