// CRC-32C in three interleaved streams on SSE 4.2: the instruction has a latency of three cycles
// and a throughput of one, so one stream uses a third of the machine. The streams are joined by
// shifting a checksum over the bytes that follow it (multiplication by x^8n in GF(2), by table).
// A table-driven version serves processors without the instruction.

#include "CChecksum.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u  // 0x1EDC6F41, bits reversed
#define LANE 1024               // bytes per stream in one round

static uint32_t byte_table[8][256];
static uint32_t shift_table[4][256];  // the effect of LANE zero bytes on each byte of a checksum
static int has_instruction;
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static uint32_t multiply_by_vector(const uint32_t *matrix, uint32_t vector) {
  uint32_t sum = 0;
  for (int bit = 0; vector; vector >>= 1, bit++)
    if (vector & 1) sum ^= matrix[bit];
  return sum;
}

static void square(uint32_t *out, const uint32_t *matrix) {
  for (int bit = 0; bit < 32; bit++) out[bit] = multiply_by_vector(matrix, matrix[bit]);
}

static void build_tables(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    byte_table[0][byte] = crc;
  }
  for (uint32_t byte = 0; byte < 256; byte++)
    for (int slice = 1; slice < 8; slice++)
      byte_table[slice][byte] =
          (byte_table[slice - 1][byte] >> 8) ^ byte_table[0][byte_table[slice - 1][byte] & 255];

  // The operator for one zero bit, squared until it stands for LANE * 8 zero bits.
  uint32_t odd[32], even[32];
  odd[0] = POLYNOMIAL;
  for (int bit = 1; bit < 32; bit++) odd[bit] = 1u << (bit - 1);
  uint32_t *from = odd, *to = even;
  for (size_t bits = 1; bits < (size_t)LANE * 8; bits *= 2) {
    square(to, from);
    uint32_t *swap = from;
    from = to;
    to = swap;
  }
  for (int lane = 0; lane < 4; lane++)
    for (uint32_t byte = 0; byte < 256; byte++)
      shift_table[lane][byte] = multiply_by_vector(from, byte << (8 * lane));
#if defined(__x86_64__)
  has_instruction = __builtin_cpu_supports("sse4.2");
#endif
}

static uint32_t shift_lane(uint32_t crc) {
  return shift_table[0][crc & 255] ^ shift_table[1][(crc >> 8) & 255] ^
         shift_table[2][(crc >> 16) & 255] ^ shift_table[3][crc >> 24];
}

static inline uint64_t load64(const unsigned char *at) {
  uint64_t word;
  memcpy(&word, at, 8);
  return word;
}

static uint32_t by_table(uint32_t crc, const unsigned char *at, size_t count) {
  for (; count >= 8; at += 8, count -= 8) {
    uint64_t word = load64(at) ^ crc;
    crc = 0;
    for (int slice = 0; slice < 8; slice++)
      crc ^= byte_table[7 - slice][(word >> (8 * slice)) & 255];
  }
  for (; count; at++, count--) crc = (crc >> 8) ^ byte_table[0][(crc ^ *at) & 255];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(
    uint32_t start, const unsigned char *at, size_t count) {
  uint64_t crc = start;
  for (; count >= 3 * LANE; at += 3 * LANE, count -= 3 * LANE) {
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < LANE; i += 8) {
      crc = __builtin_ia32_crc32di(crc, load64(at + i));
      second = __builtin_ia32_crc32di(second, load64(at + LANE + i));
      third = __builtin_ia32_crc32di(third, load64(at + 2 * LANE + i));
    }
    crc = shift_lane((uint32_t)crc) ^ second;
    crc = shift_lane((uint32_t)crc) ^ third;
  }
  for (; count >= 8; at += 8, count -= 8) crc = __builtin_ia32_crc32di(crc, load64(at));
  uint32_t narrow = (uint32_t)crc;
  for (; count; at++, count--) narrow = __builtin_ia32_crc32qi(narrow, *at);
  return narrow;
}
#endif

uint32_t strata_crc32c(uint32_t crc, const void *bytes, size_t count) {
  pthread_once(&tables_once, build_tables);
  crc = ~crc;
#if defined(__x86_64__)
  if (has_instruction) return ~by_instruction(crc, bytes, count);
#endif
  return ~by_table(crc, bytes, count);
}
