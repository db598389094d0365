// Keys and values as functions of numbers, so that an answer can be checked without remembering
// what was written.
//
//   key   := 14 digits: the number itself, or a hash of it
//   value := nonce: 4 hex digits │ a piece of fixed noise, chosen by key, column and nonce

import Bytes
import Runtime

/// How numbers of rows become keys.
enum KeySpace: Sendable {
  /// Neighbours in number are neighbours in the table.
  case ordered
  /// Neighbours in number lie anywhere.
  case hashed
}

/// Writes and checks keys and values in place.
struct RowContents: @unchecked Sendable {
  static let keyByteCount = 14
  static let keyLimit: UInt64 = 100_000_000_000_000
  static let nonceByteCount = 4
  static let longestValue = 4_096
  private static let noiseByteCount = 1 << 16

  /// Letters; lives as long as the program.
  private let noise: UnsafeMutableRawPointer
  private let digits: UnsafeMutablePointer<UInt16>

  init() {
    let count = RowContents.noiseByteCount + RowContents.longestValue
    noise = .allocate(byteCount: count, alignment: 16)
    var random = SplitMix64(seed: 3)
    for index in 0..<count {
      noise.storeBytes(
        of: UInt8(ascii: "a") + UInt8(random.next() % 26), toByteOffset: index, as: UInt8.self)
    }
    digits = .allocate(capacity: 100)
    for number in 0..<UInt16(100) {
      digits[Int(number)] = (48 + number / 10) | (48 + number % 10) << 8
    }
  }

  static func mix(_ number: UInt64) -> UInt64 {
    var mixed = number &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// The number that the key's digits say.
  @inline(__always)
  static func keyNumber(_ number: UInt64, _ space: KeySpace) -> UInt64 {
    space == .ordered ? number : mix(number &* 2 &+ 1) % keyLimit
  }

  @inline(__always)
  func writeKey(_ number: UInt64, _ space: KeySpace, to target: UnsafeMutableRawPointer) {
    var rest = RowContents.keyNumber(number, space)
    var offset = 12
    while offset >= 0 {
      let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
      target.storeBytes(of: digits[Int(pair)], toByteOffset: offset, as: UInt16.self)
      rest = quotient
      offset &-= 2
    }
  }

  @inline(__always)
  private func piece(
    _ key: UnsafeRawPointer, _ column: Int, _ nonce: UInt32
  ) -> UnsafeMutableRawPointer {
    let low = key.loadUnaligned(as: UInt64.self)
    let high = key.loadUnaligned(fromByteOffset: 6, as: UInt64.self)
    let seed = low &* 0x9e37_79b9_7f4a_7c15 ^ high ^ UInt64(nonce) << 24 ^ UInt64(column) << 50
    return noise + Int(RowContents.mix(seed) & UInt64(RowContents.noiseByteCount - 1))
  }

  /// - Parameter nonce: What tells this value from others of the same cell: 16 bits count.
  @inline(__always)
  func writeValue(
    _ count: Int, key: UnsafeRawPointer, column: Int, nonce: UInt64,
    to target: UnsafeMutableRawPointer
  ) {
    // Sixteen bits as four letters from `a` on: text in every protocol.
    let bits = UInt32(truncatingIfNeeded: nonce)
    let word =
      (bits & 15) | (bits >> 4 & 15) << 8 | (bits >> 8 & 15) << 16 | (bits >> 12 & 15) << 24
    let text = word &+ 0x6161_6161
    target.storeBytes(of: text, as: UInt32.self)
    (target + 4).copyMemory(from: piece(key, column, text), byteCount: count - 4)
  }

  /// Whether the `count` bytes at `value` were written for this cell.
  func isValue(
    _ value: UnsafeRawPointer, _ count: Int, key: UnsafeRawPointer, column: Int
  ) -> Bool {
    let text = value.loadUnaligned(as: UInt32.self)
    let left = ByteView(value + 4, count: count - 4)
    return left == ByteView(UnsafeRawPointer(piece(key, column, text)), count: count - 4)
  }

  /// Where in `body` the cell's value is.
  func find(_ count: Int, key: UnsafeRawPointer, column: Int, in body: ByteView) -> Int? {
    guard body.count >= count, let base = body.buffer.baseAddress else { return nil }
    return (0...(body.count - count)).first {
      isValue(base + $0, count, key: key, column: column)
    }
  }
}
