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

  @Test func `the persisted hash never changes`() {
    let hash = ByteView.of("90000000000184") { $0.persistedHash }
    #expect(hash == ByteView.of(Array("90000000000184".utf8)) { $0.persistedHash })
    #expect(hash != ByteView.of("90000000000185") { $0.persistedHash })
  }
}
