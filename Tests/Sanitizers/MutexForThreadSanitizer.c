// Tells the thread sanitizer of Swift's Mutex.
//
// Its fast path is compiled into our code and seen; where two threads meet, locking and unlocking go
// on in libswiftSynchronization, which is not instrumented, and the sanitizer would report each such
// meeting as a race. Preloaded, these functions stand before that library's and tell what they do.
// Without the sanitizer they change nothing.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

// _MutexHandle._lockSlow(_: UInt32), ._unlockSlow() and ._tryLockSlow() -> Bool.
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define TRY_LOCK_SLOW "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"

typedef SWIFT void LockSlow(uint32_t thread, SELF void *handle);
typedef SWIFT void UnlockSlow(SELF void *handle);
typedef SWIFT bool TryLockSlow(SELF void *handle);

SWIFT void strata_lock_slow(uint32_t thread, SELF void *handle) __asm__(LOCK_SLOW);
SWIFT void strata_unlock_slow(SELF void *handle) __asm__(UNLOCK_SLOW);
SWIFT bool strata_try_lock_slow(SELF void *handle) __asm__(TRY_LOCK_SLOW);

SWIFT void strata_lock_slow(uint32_t thread, SELF void *handle) {
  static LockSlow *lock;
  if (!lock) lock = (LockSlow *)dlsym(RTLD_NEXT, LOCK_SLOW);
  lock(thread, handle);
  if (__tsan_acquire) __tsan_acquire(handle);
}

SWIFT void strata_unlock_slow(SELF void *handle) {
  static UnlockSlow *unlock;
  if (!unlock) unlock = (UnlockSlow *)dlsym(RTLD_NEXT, UNLOCK_SLOW);
  if (__tsan_release) __tsan_release(handle);
  unlock(handle);
}

SWIFT bool strata_try_lock_slow(SELF void *handle) {
  static TryLockSlow *tryLock;
  if (!tryLock) tryLock = (TryLockSlow *)dlsym(RTLD_NEXT, TRY_LOCK_SLOW);
  bool isLocked = tryLock(handle);
  if (isLocked && __tsan_acquire) __tsan_acquire(handle);
  return isLocked;
}
