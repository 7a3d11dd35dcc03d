#include "store/sqlite/vfs.h"

#include <sqlite3.h>
#include <string.h>

const char vfs_name[] = "avow";

/* SQLite's unix layer turns a name into an absolute path and so looks at every folder above the database. A role that
   runs under its own user below a 0700 folder may not do that: it changes into the folder it was given as a descriptor
   and opens the database, its log and its journal by bare names. */
static int full_pathname(sqlite3_vfs *vfs, const char *name, int room, char *out) {
  (void)vfs;
  size_t n = strlen(name);
  if (room <= 0 || n >= (size_t)room)
    return SQLITE_CANTOPEN;
  memcpy(out, name, n + 1);
  return SQLITE_OK;
}

bool vfs_register(void) {
  static sqlite3_vfs vfs;
  if (sqlite3_vfs_find(vfs_name))
    return true;
  sqlite3_vfs *base = sqlite3_vfs_find("unix");
  if (!base)
    return false;
  vfs = *base;
  vfs.zName = vfs_name;
  vfs.pNext = NULL;
  vfs.xFullPathname = full_pathname;
  return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
}
