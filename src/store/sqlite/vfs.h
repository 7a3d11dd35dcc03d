/* SQLite's own Unix file layer, but names stay as they are given. */
#ifndef AVOW_STORE_SQLITE_VFS_H
#define AVOW_STORE_SQLITE_VFS_H

#include <stdbool.h>

extern const char vfs_name[];
/* Registers it once per process; false when SQLite is out of memory. */
bool vfs_register(void);

#endif
