// Counts what a program takes from malloc: linked into it, these functions stand before glibc's.
#pragma once

#include <stdint.h>

/// Allocations of all threads since the start.
uint64_t strata_allocations(void);
/// Of the calling thread.
uint64_t strata_thread_allocations(void);
