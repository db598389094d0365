// Linux calls that Swift's Glibc module leaves out or cannot express.
#ifndef C_LINUX_H
#define C_LINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>
#include <sys/uio.h>

/// accept4(2) with SOCK_NONBLOCK | SOCK_CLOEXEC.
int strata_accept(int listener);
/// pread that answers -1/EAGAIN instead of waiting for the disk (preadv2(2) with RWF_NOWAIT).
ssize_t strata_pread_nowait(int file, void *into, size_t count, off_t offset);
/// fallocate(2), default mode: blocks reserved and the size extended.
int strata_preallocate(int file, off_t offset, off_t count);
/// Frees the blocks of a range, which reads as zeros from then on; the file keeps its length
/// (fallocate(2)).
int strata_punch_hole(int file, off_t offset, off_t count);
/// Names the calling thread as tools show it, at most 15 bytes.
void strata_name_thread(const char *name);
/// How readily the calling thread gives way to others: 0 as usual, 19 always (setpriority(2), which
/// on Linux is per thread).
void strata_set_niceness(int niceness);
/// How long the calling thread runs before another one that is ready has its turn, and, against those
/// with longer turns, how soon it has its own when it wakes (sched_setattr(2); Linux 6.12, earlier ones
/// take no notice). From 100,000 to 100,000,000 nanoseconds.
void strata_set_slice(uint64_t nanoseconds);
/// How much later than asked the kernel may wake the calling thread from a timed wait (prctl(2),
/// PR_SET_TIMERSLACK); 50,000 nanoseconds unless told otherwise, and 1 at least.
void strata_set_timer_slack(uint64_t nanoseconds);
/// Starts writing dirty pages of the range to the device and does not wait (sync_file_range(2)).
int strata_begin_writeback(int file, off_t offset, off_t count);
/// Maps bytes of a file that is open for reading and writing; what is stored there is in the file at
/// once, for all processes, and outlives this one (mmap(2), MAP_SHARED). NULL with errno where the
/// file system has no such thing.
void *strata_map_file(int file, off_t offset, size_t count);
void strata_unmap_file(void *mapped, size_t count);
/// Whole pages of a mapped file leave the process's memory until they are touched again (madvise(2),
/// MADV_DONTNEED); the file keeps what was stored in them.
void strata_let_go(void *mapped, size_t count);
/// memcpy(3) into a mapped file: 0, or -1 where the file system would not take the bytes, which it
/// says by SIGBUS. How many of them it took is then unknown.
int strata_copy_to_mapped(void *into, const void *from, size_t count);
/// Keeps the calling thread on one processor (sched_setaffinity(2)).
int strata_pin_thread(int processor);
/// Spin-loop hint.
void strata_pause(void);
/// Sleeps while the 32-bit word has that value, until it is woken; may return early (futex(2),
/// FUTEX_WAIT_PRIVATE).
void strata_sleep_while(const void *word, uint32_t value);
/// Wakes all that sleep on the word. It need not be there any more: then nobody sleeps on it.
void strata_wake_all(const void *word);
/// Brings the line of the address into the processor's cache.
static inline void strata_prefetch(const void *address) { __builtin_prefetch(address); }
/// Zeroed memory of its own mapping, in huge pages where the system has them: what is touched all
/// over then misses the processor's table of pages less often. NULL when there is none.
void *strata_map_memory(size_t byte_count);
void strata_unmap_memory(void *memory, size_t byte_count);
/// Brings all pages in at once, without a change of what they hold (madvise(2),
/// MADV_POPULATE_WRITE): who writes to them next does not wait for the system to clear them.
void strata_bring_pages(void *memory, size_t byte_count);
/// Gives the pages back to the system; they read as zeros until they are written again.
void strata_drop_pages(void *memory, size_t byte_count);
/// Keeps the resident size near what is in use: one malloc arena, early trimming.
void strata_configure_malloc(void);
/// Cores this process may run on.
int strata_usable_cores(void);
/// From now on a fatal signal (a trap of Swift among them) says which it was and where, on standard
/// error, before it kills the process. Leaves it to Swift's own backtracer where that is on.
void strata_report_crashes(void);

#endif
