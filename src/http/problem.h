/* Problem documents (RFC 9457) with the types of ACME (RFC 8555, 6.7), and the fixed answers made of them. */
#ifndef AVOW_HTTP_PROBLEM_H
#define AVOW_HTTP_PROBLEM_H

#include "http/http.h"

#define HTTP_PROBLEM_TYPE "urn:ietf:params:acme:error:"

/* Makes `rs` the answer to `e`: its status, Content-Type application/problem+json, and the body of problem_json_put().
   Headers already put stay; a body is replaced. A 5xx gets "Retry-After: 60" unless one was put before.
   `detail` may be NULL: the error's own text. Errors that do not leave the machine become ERR_INTERNAL (or
   ERR_UNAVAILABLE where their status is 503) without their detail. */
void http_problem(struct http_response *rs, avow_err e, const char *detail);
/* The same with raw JSON members after the fixed ones, without the leading comma: "\"algorithms\":[\"ES256\"]"; may be
   NULL. The caller vouches for their syntax. */
void http_problem_with(struct http_response *rs, avow_err e, const char *detail, const char *members);
/* The same for a status that has no avow_err; `type` is the ACME type without its URN. */
void http_problem_status(struct http_response *rs, int status, const char *type, const char *detail);
/* Every 5xx says when to come again (docs/guide/acme.md): "Retry-After: 60", unless one was put before. */
void http_retry_put(struct http_response *rs);
/* Appends {"type":…,"detail":…,"status":…,MEMBERS} for use inside another document. */
void problem_json_put(struct buf *b, avow_err e, const char *detail, const char *members);
/* Appends `text` as a JSON string with its quotes; bytes that are not printable ASCII become '?'. */
void json_string_put(struct buf *b, struct slice text);

#endif
