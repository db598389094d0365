#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/socket.h>

int strata_accept(int listener) {
  return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

ssize_t strata_pread_nowait(int file, void *into, size_t count, off_t offset) {
  struct iovec piece = {into, count};
  return preadv2(file, &piece, 1, offset, RWF_NOWAIT);
}

int strata_preallocate(int file, off_t offset, off_t count) {
  return fallocate(file, 0, offset, count);
}

void strata_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void strata_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

void strata_configure_malloc(void) {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
}
