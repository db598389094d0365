#include "CLinux.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

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

int strata_punch_hole(int file, off_t offset, off_t count) {
  return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, count);
}

void strata_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

// As the kernel has it: the C library knows neither the calls nor the type everywhere.
struct scheduling {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

void strata_set_slice(uint64_t nanoseconds) {
  struct scheduling now;
  if (syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) != 0) return;
  now.runtime = nanoseconds;
  syscall(SYS_sched_setattr, 0, &now, 0);
}

void strata_set_niceness(int niceness) {
  setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), niceness);
}

void strata_set_timer_slack(uint64_t nanoseconds) {
  prctl(PR_SET_TIMERSLACK, (unsigned long)nanoseconds, 0UL, 0UL, 0UL);
}

int strata_begin_writeback(int file, off_t offset, off_t count) {
  return sync_file_range(file, offset, count, SYNC_FILE_RANGE_WRITE);
}

void strata_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

void strata_sleep_while(const void *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void strata_wake_all(const void *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static const size_t huge_page = 2 << 20;

void *strata_map_memory(size_t byte_count) {
  size_t whole = byte_count + huge_page;
  if (whole < byte_count) return NULL;
  char *mapped = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return NULL;
  size_t head = (huge_page - (uintptr_t)mapped % huge_page) % huge_page;
  if (head > 0) munmap(mapped, head);
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t used = (byte_count + page - 1) / page * page;
  if (whole - head > used) munmap(mapped + head + used, whole - head - used);
  madvise(mapped + head, used, MADV_HUGEPAGE);
  return mapped + head;
}

void strata_unmap_memory(void *memory, size_t byte_count) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  munmap(memory, (byte_count + page - 1) / page * page);
}

void strata_bring_pages(void *memory, size_t byte_count) {
#ifdef MADV_POPULATE_WRITE
  // Before Linux 5.14 they come one by one, to whoever touches them.
  madvise(memory, byte_count, MADV_POPULATE_WRITE);
#else
  (void)memory;
  (void)byte_count;
#endif
}

void strata_drop_pages(void *memory, size_t byte_count) {
  madvise(memory, byte_count, MADV_DONTNEED);
}

// One arena: what any thread frees serves all. Blocks of the cache are allocated and freed by
// different threads, and an arena keeps its holes: with two, one lay nearly empty (166 of 181 MiB)
// beside the other that held the cache.
void strata_configure_malloc(void) {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
}

int strata_usable_cores(void) {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return CPU_COUNT(&cores);
}

// A copy into a mapped file that is under way on this thread: where to go when it cannot go on.
static _Thread_local sigjmp_buf *volatile copy_failed;
static _Thread_local const char *copy_start;
static _Thread_local size_t copy_count;
static struct sigaction other_bus_action;
static pthread_once_t bus_handler = PTHREAD_ONCE_INIT;

static void handle_bus(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  size_t distance = (size_t)((const char *)info->si_addr - copy_start);
  // Codes above 0 are faults; others were sent by somebody.
  if (copy_failed != NULL && info->si_code > 0 && distance < copy_count) {
    siglongjmp(*copy_failed, 1);
  }
  // Not ours: the instruction faults again, under whoever was there before.
  sigaction(SIGBUS, &other_bus_action, NULL);
}

static void install_bus_handler(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handle_bus;
  // The handler is left by a jump, which does not unblock the signal.
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGBUS, &action, &other_bus_action);
}

void *strata_map_file(int file, off_t offset, size_t count) {
  pthread_once(&bus_handler, install_bus_handler);
  void *mapped = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset);
  return mapped == MAP_FAILED ? NULL : mapped;
}

void strata_unmap_file(void *mapped, size_t count) { munmap(mapped, count); }

void strata_let_go(void *mapped, size_t count) { madvise(mapped, count, MADV_DONTNEED); }

int strata_copy_to_mapped(void *into, const void *from, size_t count) {
  sigjmp_buf here;
  if (sigsetjmp(here, 0) != 0) {
    copy_failed = NULL;
    return -1;
  }
  copy_start = into;
  copy_count = count;
  copy_failed = &here;
  atomic_signal_fence(memory_order_seq_cst);
  memcpy(into, from, count);
  atomic_signal_fence(memory_order_seq_cst);
  copy_failed = NULL;
  return 0;
}

static void say(const char *text) {
  ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
  (void)ignored;
}

// Only calls that are safe in a signal handler; backtrace was called once before, so that it need
// not load anything now. SA_RESETHAND lets the signal kill the process when it is raised again.
static void report_crash(int signal) {
  say("kvserver: fatal ");
  say(signal == SIGILL    ? "SIGILL (a failed check)"
      : signal == SIGTRAP ? "SIGTRAP (a failed check)"
      : signal == SIGSEGV ? "SIGSEGV"
      : signal == SIGBUS  ? "SIGBUS (a mapped file shrank or the disk failed)"
      : signal == SIGFPE  ? "SIGFPE"
                          : "SIGABRT");
  say("; acknowledged writes are safe. Called from:\n");
  void *frames[64];
  backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
  raise(signal);
}

void strata_report_crashes(void) {
  if (getenv("SWIFT_BACKTRACE") != NULL) return;
  void *frames[1];
  (void)backtrace(frames, 1);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = report_crash;
  action.sa_flags = SA_RESETHAND | SA_NODEFER;
  const int fatal[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
  for (size_t index = 0; index < sizeof fatal / sizeof *fatal; index++) {
    sigaction(fatal[index], &action, NULL);
  }
}

int strata_pin_thread(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (processor < 0 || processor >= CPU_SETSIZE) return -1;
  CPU_SET(processor, &set);
  return sched_setaffinity(0, sizeof set, &set);
}
