/* The memory of requests. Idle connections hold none of it: it is lent from the first byte to the last of the answer.
 */
#include <stdlib.h>

#include "http/inside.h"

struct work *work_get(struct loop *loop) {
  struct work *w = loop->free;
  if (w) {
    loop->free = w->next;
    loop->free_n--;
    return w;
  }
  w = calloc(1, sizeof *w);
  if (!w)
    return NULL;
  http_parser_init(&w->parser);
  arena_init(&w->arena, HTTP_ARENA_MAX);
  buf_init(&w->x.rs.headers, HTTP_HEADERS_OUT);
  buf_init(&w->x.rs.body, HTTP_ANSWER_MAX);
  buf_init(&w->out, HTTP_ANSWER_MAX + HTTP_OUTPUT);
  w->x.arena = &w->arena;
  w->loop = loop->index;
  return w;
}

void work_free(struct work *w) {
  http_parser_clear(&w->parser);
  arena_clear(&w->arena);
  buf_clear(&w->x.rs.headers);
  buf_clear(&w->x.rs.body);
  buf_clear(&w->out);
  free(w);
}

void work_put(struct loop *loop, struct work *w) {
  /* One large request does not make all later ones large. */
  size_t room = w->out.room + w->x.rs.body.room + w->parser.body.room + w->parser.head.room;
  if (loop->free_n == HTTP_WORK_KEPT || room > HTTP_OUTPUT) {
    work_free(w);
    return;
  }
  http_parser_reset(&w->parser);
  arena_reset(&w->arena);
  struct http_response rs = {.headers = w->x.rs.headers, .body = w->x.rs.body};
  buf_reset(&rs.headers);
  buf_reset(&rs.body);
  buf_reset(&w->out);
  w->x = (struct http_exchange){.rs = rs, .arena = &w->arena};
  w->next = loop->free;
  loop->free = w;
  loop->free_n++;
}
