#include "http/static.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"

char *http_date(int64_t seconds, char out[HTTP_DATE_TEXT]) {
  static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  struct civil c = time_civil(seconds * SECOND_MS);
  int64_t day = seconds / 86400 % 7; /* 1970-01-01 was a Thursday */
  snprintf(out, HTTP_DATE_TEXT, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * day, c.day,
           months + 3 * (c.month - 1), c.year, c.hour, c.minute, c.second);
  return out;
}

bool etag_matches(struct slice list, const char *etag) {
  struct slice wanted = slice_str(etag);
  if (slice_eq_str(list, "*"))
    return true;
  while (list.n) {
    const uint8_t *comma = memchr(list.p, ',', list.n);
    struct slice one = slice_of(list.p, comma ? (size_t)(comma - list.p) : list.n);
    list = slice_skip(list, one.n + 1);
    while (one.n && (one.p[0] == ' ' || one.p[0] == '\t'))
      one = slice_skip(one, 1);
    while (one.n && (one.p[one.n - 1] == ' ' || one.p[one.n - 1] == '\t'))
      one.n--;
    if (slice_starts(one, SLICE_LIT("W/")))
      one = slice_skip(one, 2);
    if (slice_eq(one, wanted))
      return true;
  }
  return false;
}

avow_err static_make(struct static_answer *a, const char *path, unsigned flags, struct slice content,
                     const char *media_type, const char *headers, struct problem *why) {
  *a = (struct static_answer){0};
  uint8_t digest[32];
  char hex[2 * sizeof digest + 1];
  if (EVP_Digest(content.p, content.n, digest, NULL, EVP_sha256(), NULL) != 1)
    return problem_set(why, ERR_CRYPTO, "no SHA-256");
  snprintf(a->etag, sizeof a->etag, "\"%.32s\"", hex_encode(SLICE_OF(digest), hex));
  char *copy = malloc(content.n + 1), *pattern = strdup(path);
  if (!copy || !pattern ||
      asprintf(&a->headers, "Content-Type: %s\r\nETag: %s\r\n%s", media_type, a->etag, headers ? headers : "") < 0) {
    free(copy);
    free(pattern);
    *a = (struct static_answer){0};
    return problem_set(why, ERR_NO_MEMORY, "no memory for the page %s", path);
  }
  if (content.n)
    memcpy(copy, content.p, content.n);
  a->content = slice_of(copy, content.n);
  a->route = (struct http_route){.pattern = pattern, .methods = HTTP_GET, .flags = flags};
  return AVOW_OK;
}

void static_clear(struct static_answer *a) {
  free((char *)(uintptr_t)a->route.pattern);
  free((uint8_t *)(uintptr_t)a->content.p);
  free(a->headers);
  *a = (struct static_answer){0};
}

void static_answer_put(const struct static_answer *a, const struct http_request *rq, struct http_response *rs) {
  rs->status = etag_matches(http_header_get(rq, "If-None-Match"), a->etag) ? 304 : 200;
  buf_put_str(&rs->headers, a->headers);
}

/* A path whose segments are plain names, so that none can climb or hide; without its leading '/'. */
static bool plain_path(struct slice path, const char *suffix, char out[256]) {
  if (path.n < 2 || path.n > 255 || path.p[0] != '/' || !slice_ends(path, slice_str(suffix)))
    return false;
  bool start = true; /* of a segment, which may be neither empty nor begin with '.' */
  for (size_t i = 1; i < path.n; i++) {
    char c = (char)path.p[i];
    bool name = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
    if (start ? !name : !name && c != '.' && c != '/')
      return false;
    start = c == '/';
    out[i - 1] = c;
  }
  out[path.n - 1] = 0;
  return !start;
}

/* Opens segment by segment, following no link: what a role that writes published/ might plant does not lead out of it.
 */
static int open_beneath(int directory, char *path) {
  AUTO_FD held = -1;
  for (char *slash; (slash = strchr(path, '/')); path = slash + 1) {
    *slash = 0;
    int next = openat(directory, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0)
      return -1;
    fd_close(&held);
    directory = held = next;
  }
  return openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

bool file_answer_put(int published, const struct http_route *route, const struct http_request *rq,
                     struct http_response *rs, int *fd, uint64_t *size) {
  char path[256], etag[ETAG_TEXT], date[HTTP_DATE_TEXT];
  struct stat st;
  if (published < 0 || !plain_path(rq->path, route->suffix, path))
    return false;
  AUTO_FD file = open_beneath(published, path);
  if (file < 0 || fstat(file, &st) != 0 || !S_ISREG(st.st_mode))
    return false;
  snprintf(etag, sizeof etag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%lx\"", (uint64_t)st.st_ino, (uint64_t)st.st_size,
           (uint64_t)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
  http_date(st.st_mtim.tv_sec, date);
  struct slice none_match = http_header_get(rq, "If-None-Match");
  /* RFC 9110, 13.2.2: the date counts only without a tag. Clients send back the date they were given, so equality does.
   */
  bool known =
    none_match.p ? etag_matches(none_match, etag) : slice_eq_str(http_header_get(rq, "If-Modified-Since"), date);
  rs->status = known ? 304 : 200;
  http_header_put(rs, "Content-Type", "%s", route->media_type);
  http_header_put(rs, "ETag", "%s", etag);
  http_header_put(rs, "Last-Modified", "%s", date);
  http_header_put(rs, "Cache-Control", "public, max-age=%d", route->max_age_s);
  *size = (uint64_t)st.st_size;
  *fd = known ? -1 : fd_take(&file);
  return true;
}
