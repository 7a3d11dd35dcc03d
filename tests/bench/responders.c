#include "responders.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCOUNTS = 256, TEXT = 64 };

static char thumbprints[ACCOUNTS][TEXT];
static char txts[ACCOUNTS][TEXT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void responders_set_thumbprint(unsigned index, const char *thumbprint) {
  pthread_mutex_lock(&lock);
  snprintf(thumbprints[index % ACCOUNTS], TEXT, "%s", thumbprint);
  pthread_mutex_unlock(&lock);
}

void responders_set_txt(unsigned index, const char *value) {
  pthread_mutex_lock(&lock);
  snprintf(txts[index % ACCOUNTS], TEXT, "%s", value);
  pthread_mutex_unlock(&lock);
}

/* Names are "nK-J.aINDEX.load.test": the account's index follows ".a". */
static unsigned account_of(const char *name) {
  const char *at = strstr(name, ".a");
  return at ? (unsigned)atoi(at + 2) % ACCOUNTS : 0;
}

/* Builds the answer to `query` in place of it; 0 when it is no plain query. */
static size_t dns_answer(uint8_t *m, size_t n, size_t room) {
  if (n < 17 || m[5] != 1)
    return 0;
  char name[256];
  size_t at = 12, used = 0;
  while (at < n && m[at] != 0 && m[at] < 64 && at + 1 + m[at] < n && used + m[at] + 2 < sizeof name) {
    memcpy(name + used, m + at + 1, m[at]);
    used += m[at];
    name[used++] = '.';
    at += 1 + m[at];
  }
  name[used] = 0;
  if (at + 5 > n)
    return 0;
  unsigned type = (unsigned)m[at + 1] << 8 | m[at + 2];
  size_t end = at + 5;
  m[2] = 0x84 | (m[2] & 1);
  m[3] = 0x80;
  memset(m + 6, 0, 6);
  if (type == 1 && end + 16 <= room) {
    static const uint8_t a[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 127, 0, 0, 1};
    memcpy(m + end, a, sizeof a);
    m[7] = 1;
    end += sizeof a;
  } else if (type == 16 && strncmp(name, "_acme-challenge.", 16) == 0) {
    char value[TEXT];
    pthread_mutex_lock(&lock);
    memcpy(value, txts[account_of(name)], TEXT);
    pthread_mutex_unlock(&lock);
    size_t v = strlen(value);
    if (end + 13 + v <= room) {
      const uint8_t head[] = {0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, (uint8_t)(v + 1), (uint8_t)v};
      memcpy(m + end, head, sizeof head);
      memcpy(m + end + sizeof head, value, v);
      m[7] = 1;
      end += sizeof head + v;
    }
  }
  return end;
}

static void *dns_run(void *arg) {
  int fd = *(int *)arg;
  for (;;) {
    uint8_t m[1500];
    struct sockaddr_storage from;
    socklen_t from_n = sizeof from;
    ssize_t n = recvfrom(fd, m, sizeof m, 0, (struct sockaddr *)&from, &from_n);
    size_t out = n > 0 ? dns_answer(m, (size_t)n, sizeof m) : 0;
    if (out > 0)
      (void)sendto(fd, m, out, 0, (struct sockaddr *)&from, from_n);
  }
  return NULL;
}

static void http_answer(int fd, char *rq) {
  char *token = strstr(rq, "/.well-known/acme-challenge/"), *host = strstr(rq, "\r\nHost:");
  if (!host)
    host = strstr(rq, "\r\nhost:");
  if (!token || !host)
    return;
  token += strlen("/.well-known/acme-challenge/");
  size_t n = strcspn(token, " ");
  host[8 + strcspn(host + 8, "\r")] = 0;
  char body[256], out[512];
  pthread_mutex_lock(&lock);
  int body_n = snprintf(body, sizeof body, "%.*s.%s", (int)n, token, thumbprints[account_of(host)]);
  pthread_mutex_unlock(&lock);
  int out_n =
    snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", body_n, body);
  (void)send(fd, out, (size_t)out_n, MSG_NOSIGNAL);
}

/* One connection of the http-01 server. Go's client opens some that it never uses: none may hold up the others. */
struct visitor {
  char rq[2048];
  size_t n;
};

/* Reads what came; true when the connection is done with. */
static bool visit(int fd, struct visitor *v) {
  ssize_t got = recv(fd, v->rq + v->n, sizeof v->rq - 1 - v->n, MSG_DONTWAIT);
  if (got <= 0)
    return true;
  v->n += (size_t)got;
  v->rq[v->n] = 0;
  if (!strstr(v->rq, "\r\n\r\n"))
    return v->n == sizeof v->rq - 1;
  http_answer(fd, v->rq);
  return true;
}

static void *http_run(void *arg) {
  enum { VISITORS = 512 };
  static struct visitor visitors[VISITORS];
  static struct pollfd fds[VISITORS + 1];
  nfds_t n = 1;
  fds[0] = (struct pollfd){.fd = *(int *)arg, .events = POLLIN};
  for (;;) {
    fds[0].events = n <= VISITORS ? POLLIN : 0;
    if (poll(fds, n, -1) < 0)
      continue;
    for (nfds_t i = n - 1; i >= 1; i--) {
      if (!fds[i].revents || !visit(fds[i].fd, &visitors[i - 1]))
        continue;
      close(fds[i].fd);
      n--;
      fds[i] = fds[n];
      visitors[i - 1] = visitors[n - 1];
    }
    int fd = fds[0].revents ? accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (fd >= 0) {
      fds[n] = (struct pollfd){.fd = fd, .events = POLLIN};
      visitors[n - 1].n = 0;
      n++;
    }
  }
  return NULL;
}

static bool serve(int type, int port, void *(*run)(void *)) {
  int *fd = malloc(sizeof *fd), on = 1;
  *fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  struct sockaddr_in at = {
    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  pthread_t thread;
  return bind(*fd, (struct sockaddr *)&at, sizeof at) == 0 && (type == SOCK_DGRAM || listen(*fd, 1024) == 0) &&
         pthread_create(&thread, NULL, run, fd) == 0;
}

bool responders_start(int dns_port, int http_port) {
  return serve(SOCK_DGRAM, dns_port, dns_run) && serve(SOCK_STREAM, http_port, http_run);
}
