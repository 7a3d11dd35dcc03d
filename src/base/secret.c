#include "base/secret.h"

#include <sys/mman.h>
#include <unistd.h>

avow_err secret_new(struct secret *s, size_t n) {
  *s = (struct secret){0};
  size_t page = (size_t)sysconf(_SC_PAGESIZE), mapped = (n + page) / page * page;
  void *p = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    return ERR_NO_MEMORY;
  /* Locking can fail under a small RLIMIT_MEMLOCK; the page is still kept out of dumps. */
  (void)mlock(p, mapped);
  (void)madvise(p, mapped, MADV_DONTDUMP);
  *s = (struct secret){p, n, mapped};
  return AVOW_OK;
}

avow_err secret_copy(struct secret *s, struct slice from) {
  avow_err e = secret_new(s, from.n);
  if (e == AVOW_OK && from.n)
    memcpy(s->p, from.p, from.n);
  return e;
}

void secret_clear(struct secret *s) {
  if (s->p) {
    secret_wipe(s->p, s->n);
    munmap(s->p, s->mapped);
  }
  *s = (struct secret){0};
}

bool secret_equal(struct slice a, struct slice b) {
  if (a.n != b.n)
    return false;
  volatile uint8_t differ = 0;
  for (size_t i = 0; i < a.n; i++)
    differ |= a.p[i] ^ b.p[i];
  return differ == 0;
}

void secret_wipe(void *p, size_t n) {
  explicit_bzero(p, n);
}
