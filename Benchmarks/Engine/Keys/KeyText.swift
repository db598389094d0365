// Keys and values: 14 digits that look like chance, `:cNN`, and 100 bytes of which half are random.

import Bytes
import Runtime

/// Numbers that stand for rows.
enum RowNumber {
  /// One more than the largest number of 14 digits.
  private static let limit: UInt64 = 100_000_000_000_000

  /// The row that is written `index`-th.
  @inline(__always)
  static func present(_ index: UInt64) -> UInt64 { scattered(index &* 2 &+ 1) }

  /// A row that is not there.
  @inline(__always)
  static func absent(_ index: UInt64) -> UInt64 { scattered((index | 1 << 40) &* 2) }

  private static let bits: UInt64 = 47
  private static let mask: UInt64 = (1 << bits) - 1

  /// Every number below the limit has one of its own: of twenty million drawn ones some two pairs
  /// would be equal, and a scan would miss them.
  @inline(__always)
  private static func scattered(_ number: UInt64) -> UInt64 {
    var mixed = number
    repeat {
      // Each step can be undone, so no two numbers meet; those above the limit go round again.
      mixed = (mixed ^ mixed >> 24) &* 0x9e37_79b9_7f4a_7c15 & mask
      mixed = (mixed ^ mixed >> 23) &* 0xbf58_476d_1ce4_e5b9 & mask
      mixed ^= mixed >> 24
    } while mixed >= limit
    return mixed
  }
}

/// Room for one key, written again and again. One thread's.
final class KeyText {
  static let byteCount = 18
  private static let rowDigits = 14
  private let bytes: UnsafeMutableRawBufferPointer

  init() {
    bytes = .allocate(byteCount: KeyText.byteCount, alignment: 8)
    bytes.copyBytes(from: Array("00000000000000:c00".utf8))
  }

  deinit { bytes.deallocate() }

  /// Valid until the next key.
  @inline(__always)
  func key(_ row: UInt64, column: Int = 0) -> ByteView {
    var (high, low) = (row / 10_000_000, row % 10_000_000)
    for index in stride(from: KeyText.rowDigits / 2 - 1, through: 0, by: -1) {
      bytes[index] = UInt8(truncatingIfNeeded: 48 + high % 10)
      bytes[index + KeyText.rowDigits / 2] = UInt8(truncatingIfNeeded: 48 + low % 10)
      high /= 10
      low /= 10
    }
    bytes[16] = UInt8(truncatingIfNeeded: 48 + column / 10 % 10)
    bytes[17] = UInt8(truncatingIfNeeded: 48 + column % 10)
    return ByteView(UnsafeRawBufferPointer(bytes))
  }

  /// What the keys of a row begin with.
  @inline(__always)
  func prefix(_ row: UInt64) -> ByteView { key(row).prefix(KeyText.rowDigits + 1) }
}

/// Values to choose from: each is fifty random printable bytes, twice.
final class ValuePool: Sendable {
  static let byteCount = 100
  private static let count = 10_000
  private nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer

  init() {
    // Written here only.
    bytes = .allocate(byteCount: ValuePool.count * ValuePool.byteCount, alignment: 8)
    var random = SplitMix64(seed: 7)
    let half = ValuePool.byteCount / 2
    for start in stride(from: 0, to: bytes.count, by: ValuePool.byteCount) {
      for index in start..<start + half {
        bytes[index] = UInt8(truncatingIfNeeded: 32 + random.next() % 95)
        bytes[index + half] = bytes[index]
      }
    }
  }

  deinit { bytes.deallocate() }

  @inline(__always)
  func value(_ index: UInt64) -> ByteView {
    let start = Int(index % UInt64(ValuePool.count)) * ValuePool.byteCount
    return ByteView(UnsafeRawBufferPointer(bytes))[start..<start + ValuePool.byteCount]
  }
}
