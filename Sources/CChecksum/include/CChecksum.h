// CRC-32C (Castagnoli polynomial 0x1EDC6F41), with the processor's instruction where it has one.
#ifndef C_CHECKSUM_H
#define C_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// Extends `crc` (0 to start) by `count` bytes.
uint32_t strata_crc32c(uint32_t crc, const void *bytes, size_t count);

#endif
