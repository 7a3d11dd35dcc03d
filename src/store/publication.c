/* Files that the keeper writes below published/. Their version is the record they came with, so that one number says
   what is new. */
#include "base/fault.h"
#include "store/inner.h"

avow_err publication_put(struct call *c, const char *path, struct slice content, uint64_t version) {
  fault_point("store.publication");
  struct query q =
    db_query(c->db, "INSERT INTO publication(path, version, published_version, content) VALUES(?1, ?2, 0, ?3) "
                    "ON CONFLICT(path) DO UPDATE SET version = excluded.version, content = excluded.content");
  query_text(&q, slice_str(path));
  query_int(&q, (int64_t)version);
  query_blob(&q, content);
  effect_add(c->s, (struct effect){.kind = EFFECT_PUBLISH, .number = (int64_t)version});
  return query_run(&q);
}

avow_err publication_published(struct call *c) {
  const struct msg_published *m = &c->in->published;
  struct query q = db_query(c->db, "UPDATE publication SET published_version = ?2 WHERE path = ?1 "
                                   "AND published_version < ?2 AND version >= ?2");
  query_text(&q, m->path);
  query_int(&q, (int64_t)m->version);
  return query_run(&q);
}

bool store_publication(struct store *s, uint64_t above, struct arena *a, struct message *out) {
  *out = (struct message){.type = MSG_publish};
  struct query q = db_query(s->db, "SELECT path, version, content FROM publication "
                                   "WHERE version > ?1 AND version > published_version ORDER BY version LIMIT 1");
  query_int(&q, (int64_t)above);
  bool found = query_next(&q);
  if (found) {
    out->publish.path = query_get_bytes(&q, a);
    out->publish.version = (uint64_t)query_get_int(&q);
    out->publish.content = query_get_bytes(&q, a);
  }
  return query_end(&q) == AVOW_OK && found;
}
