/* What the loop answers without a worker: immutable contents in memory, and the published files. */
#ifndef AVOW_HTTP_STATIC_H
#define AVOW_HTTP_STATIC_H

#include "http/route.h"

enum { ETAG_TEXT = 64, HTTP_DATE_TEXT = 30 };

struct static_answer {
  struct http_route route; /* its pattern is the path */
  struct slice content;
  char *headers; /* complete lines, Content-Type and ETag among them */
  char etag[ETAG_TEXT];
};

avow_err static_make(struct static_answer *a, const char *path, unsigned flags, struct slice content,
                     const char *media_type, const char *headers, struct problem *why) WARN_UNUSED;
void static_clear(struct static_answer *a);
/* Fills `rs` but for the body, which is a->content when the status is 200. */
void static_answer_put(const struct static_answer *a, const struct http_request *rq, struct http_response *rs);

/* Opens the file that `rq`'s path names beneath `published` and fills `rs` but for the body. True when there is one:
 *then fd has *size bytes of body, or is -1 when the client has it already (304). */
bool file_answer_put(int published, const struct http_route *route, const struct http_request *rq,
                     struct http_response *rs, int *fd, uint64_t *size) WARN_UNUSED;

/* True if If-None-Match names `etag` (RFC 9110, 13.1.2: weak comparison). */
bool etag_matches(struct slice if_none_match, const char *etag);
/* IMF-fixdate (RFC 9110, 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT"; returns `out`. */
char *http_date(int64_t seconds, char out[HTTP_DATE_TEXT]);

#endif
