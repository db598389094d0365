// malloc and its like, counted. glibc's own are behind their __libc names.
#include "CAllocationCount.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static _Atomic uint64_t of_all;
static _Thread_local uint64_t of_thread;

static void count_one(void) {
  of_thread += 1;
  atomic_fetch_add_explicit(&of_all, 1, memory_order_relaxed);
}

uint64_t strata_allocations(void) { return atomic_load_explicit(&of_all, memory_order_relaxed); }
uint64_t strata_thread_allocations(void) { return of_thread; }

void *malloc(size_t size) {
  count_one();
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  count_one();
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  count_one();
  return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count_one();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  count_one();
  *memory = __libc_memalign(alignment, size);
  return *memory == NULL ? ENOMEM : 0;
}
