/* Which row of a route table a path belongs to, and how methods are named. */
#ifndef AVOW_HTTP_ROUTE_H
#define AVOW_HTTP_ROUTE_H

#include "http/server.h"

/* The first row whose pattern matches `path`, NULL when none does; `param` gets what the first two wildcards stand for.
 */
const struct http_route *route_find(const struct http_route *routes, size_t n, struct slice path,
                                    struct slice param[2]);
bool route_takes(const struct http_route *route, enum http_method method);
enum { ALLOW_TEXT = 32 };
/* "GET, HEAD, OPTIONS", for Allow and Access-Control-Allow-Methods; returns `out`. */
const char *route_allow(unsigned methods, char out[ALLOW_TEXT]);
const char *http_method_text(unsigned method);
const char *http_status_text(int status);

#endif
