// Views, varints, checksums and hashes: the vectors and orders that files rest on.

import Bytes
import Testing

@Suite struct BytesTests {
  static let checksums: [([UInt8], UInt32)] = [
    ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
    ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
    ([UInt8](0..<32), 0x46dd_794e), (Array("123456789".utf8), 0xe306_9283),
  ]

  @Test("CRC-32C of the vectors of RFC 3720 B.4", arguments: checksums)
  func vectors(bytes: [UInt8], checksum: UInt32) {
    #expect(ByteView.of(bytes) { CRC32C.checksum($0) } == checksum)
  }

  @Test func `a checksum of pieces is the checksum of the whole at every cut`() {
    let bytes = (0..<7_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 3) }
    ByteView.of(bytes) { view in
      let whole = CRC32C.checksum(view)
      for cut in stride(from: 0, through: 7_000, by: 97) {
        let front = CRC32C.checksum(view.prefix(cut))
        #expect(CRC32C.checksum(view.dropFirst(cut), seed: front) == whole)
      }
    }
  }

  @Test(
    "varints come back", arguments: [0, 1, 127, 128, 300, 1 << 32, UInt64.max >> 1, UInt64.max])
  func varint(value: UInt64) throws {
    var buffer = ByteBuffer()
    buffer.append(varint: value)
    var reader = ByteReader(buffer.view)
    #expect(try reader.varint() == value)
    #expect(reader.isAtEnd)
  }

  @Test func `varints of every length come back, whatever follows them`() throws {
    for bits in 0..<64 {
      for value in [1 << UInt64(bits), UInt64.max >> UInt64(bits), 0x1234_5678_9abc_def0 >> bits] {
        for rest in [0, 3, 20] {
          var buffer = ByteBuffer()
          buffer.append(varint: value)
          let count = buffer.count
          for _ in 0..<rest { buffer.append(0xff as UInt8) }
          var reader = ByteReader(buffer.view)
          #expect(try reader.varint() == value)
          #expect(reader.offset == count)
        }
      }
    }
  }

  @Test func `what a filler puts is what a buffer appends`() {
    for bits in 0..<64 {
      for value in [1 << UInt64(bits), UInt64.max >> UInt64(bits), 0x1234_5678_9abc_def0 >> bits] {
        var expected = ByteBuffer()
        for _ in 0..<2 { expected.append(varint: value) }
        expected.append(0x55 as UInt8)
        var written = ByteBuffer()
        written.append(counted: 2 * ByteBuffer.size(varint: value) + 1) { filler in
          filler.put(varint: Int(truncatingIfNeeded: value))
          filler.put(longVarint: Int(truncatingIfNeeded: value))
          filler.put(0x55)
        }
        #expect(written.array == expected.array)
      }
    }
  }

  @Test func `a varint that is cut or too long is refused`() {
    for bytes: [UInt8] in [[], [0x80], [UInt8](repeating: 0xff, count: 9)] {
      ByteView.of(bytes) { view in
        var reader = ByteReader(view)
        #expect(throws: ByteReadError.truncated) { try reader.varint() }
      }
    }
    for bytes in [[UInt8](repeating: 0xff, count: 11), [UInt8](repeating: 0x80, count: 9) + [2]] {
      ByteView.of(bytes) { view in
        var reader = ByteReader(view)
        #expect(throws: ByteReadError.overlongVarint) { try reader.varint() }
      }
    }
  }

  @Test func `views order as bytes do`() {
    let texts = ["", "a", "a\0", "aa", "abcdefgh", "abcdefgh\0", "abcdefghi", "b", "ÿ"]
    for (low, left) in texts.enumerated() {
      for (high, right) in texts.enumerated() {
        let order = ByteView.of(left) { left in ByteView.of(right) { left.compare($0) } }
        #expect(order.signum() == (low - high).signum(), "\(left) and \(right)")
      }
    }
  }

  @Test func `order and common bytes of views of any two lengths are those of their bytes`() {
    for left in 0...20 {
      for right in 0...20 {
        for change in 0..<max(1, min(left, right)) {
          let first = (0..<left).map { UInt8($0) }
          var second = (0..<right).map { UInt8($0) }
          if change < min(left, right) { second[change] ^= 0xc0 }
          let common = zip(first, second).prefix { $0 == $1 }.count
          ByteView.of(first) { first in
            ByteView.of(second) { second in
              #expect(first.sharedPrefixCount(with: second) == common)
              let isLess = first.array.lexicographicallyPrecedes(second.array)
              #expect((first < second) == isLess)
              #expect((first == second) == (first.array == second.array))
              #expect(first.equals(short: second) == (first.array == second.array))
            }
          }
        }
      }
    }
  }

  /// Of the bytes 1, 2, 3 …, as many as the index says.
  static let hashes: [(Int, UInt64)] = [
    (0, 0x0850_f979_4d51_08b4), (1, 0x8ebc_6af0_9c88_c6e3), (7, 0xbad0_c766_5652_76e9),
    (8, 0x5352_e0a5_d729_e5ca), (9, 0x0ac0_61b1_ed79_ab3e), (14, 0xf6e3_d808_c6b1_84a5),
    (15, 0x86bd_d332_0cb8_2023), (16, 0xa58a_3549_70b4_2084), (17, 0x84d2_206e_44f8_85a4),
    (23, 0x9492_0018_d46b_c9a6), (24, 0x9702_d42b_e39f_56b3), (31, 0x1437_6337_1b26_0fea),
    (40, 0xa3d2_38d9_eafb_9931),
  ]

  @Test("the persisted hash never changes", arguments: hashes)
  func hash(count: Int, hash: UInt64) {
    #expect(ByteView.of((0..<count).map { UInt8($0 + 1) }) { $0.persistedHash } == hash)
  }
}
