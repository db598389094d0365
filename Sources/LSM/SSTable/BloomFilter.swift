// The row filter: which keys a table file surely does not have. A Bloom filter (1970) in cache
// lines (Putze, Sanders, Singler, JEA 2009): all bits of a key are in one line of 64 bytes, so a
// probe touches one line of memory.
//
//   filter := line: 64 bytes × lineCount │ probeCount: u8                lineCount ≥ 1
//
// With h = the key's persisted hash: line = (h >> 32) × lineCount >> 32; the i-th bit of a line is
// g >> 23, g = the low 32 bits of h at first, then multiplied by 0x9e3779b9 (wrapping) each time.

internal import Bytes

/// The filter's shape, shared by writer and reader.
enum BloomFilter {
  static let lineByteCount = 64
  /// A byte that says more is damage.
  static let probeLimit = 24

  @inline(__always)
  static func line(_ hash: UInt64, of lineCount: Int) -> Int {
    Int(truncatingIfNeeded: ((hash >> 32) &* UInt64(truncatingIfNeeded: lineCount)) >> 32)
  }

  /// Appends a filter over `hashes`.
  ///
  /// - Parameter bitsPerKey: 10 give about 1 % false positives.
  static func append(
    _ hashes: [UInt64], bitsPerKey: Int, to buffer: inout ByteBuffer
  ) {
    precondition(bitsPerKey >= 1 && bitsPerKey <= 32, "bits a key within reason")
    let lineCount = max(1, (hashes.count * bitsPerKey + 511) / 512)
    // ln 2 × bits a key is the optimum; rounding down costs nothing measurable and saves a probe.
    let probes = max(1, min(probeLimit, bitsPerKey * 69 / 100))
    var words = [UInt64](repeating: 0, count: lineCount * 8)
    for hash in hashes {
      let first = line(hash, of: lineCount) * 8
      var bits = UInt32(truncatingIfNeeded: hash)
      for _ in 0..<probes {
        let bit = Int(bits >> 23)
        words[first + bit >> 6] |= 1 << UInt64(bit & 63)
        bits &*= 0x9e37_79b9
      }
    }
    buffer.reserve(words.count * 8 + 1)
    for word in words { buffer.append(littleEndian: word) }
    buffer.append(UInt8(probes))
  }

  /// False when the key with this hash is surely not among those the filter was made of.
  static func mayContain(_ hash: UInt64, in filter: ByteView) throws(BlockDamage) -> Bool {
    let lineCount = filter.count / lineByteCount
    guard lineCount >= 1, filter.count == lineCount * lineByteCount + 1 else {
      throw .format("a filter is not made of lines")
    }
    let probes = Int(filter[filter.count - 1])
    guard probes >= 1, probes <= probeLimit else { throw .format("a filter has too many probes") }
    let first = line(hash, of: lineCount) &* lineByteCount
    var bits = UInt32(truncatingIfNeeded: hash)
    for _ in 0..<probes {
      let bit = Int(bits >> 23)
      let word = filter.littleEndian64(at: first &+ (bit >> 6) &* 8)
      if word >> UInt64(bit & 63) & 1 == 0 { return false }
      bits &*= 0x9e37_79b9
    }
    return true
  }
}
