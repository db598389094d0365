// CRC-32C (RFC 3720 appendix B.4 has test vectors) over views.

internal import CChecksum

/// The Castagnoli checksum.
@usableFromInline
package enum CRC32C {
  /// The checksum of `bytes`, or of earlier bytes with checksum `seed` followed by `bytes`.
  package static func checksum(_ bytes: ByteView, seed: UInt32 = 0) -> UInt32 {
    strata_crc32c(seed, bytes.buffer.baseAddress, bytes.count)
  }
}
