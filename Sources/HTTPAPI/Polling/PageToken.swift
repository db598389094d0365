// Where the next page begins, for the one who asked for this one.
//
//   token := base64url( version: u8 = 1 │ fingerprint: u64 │ crc32c: u32 │ last key )   no padding
//
// Little-endian; the checksum covers fingerprint and key. Opaque to clients: one of another query
// or another server is refused instead of giving the wrong rows.

internal import Bytes
internal import DataModel

struct PageToken: Equatable {
  var fingerprint: UInt64
  /// The last row key passed.
  var key: [UInt8]

  private static let version: UInt8 = 1
  private static let headByteCount = 13

  func write(into buffer: inout ByteBuffer) {
    var bytes = ByteBuffer(capacity: Self.headByteCount + key.count)
    bytes.append(Self.version)
    bytes.append(littleEndian: fingerprint)
    bytes.append(littleEndian: checksum)
    bytes.append(key)
    Self.appendBase64URL(bytes.view, to: &buffer)
  }

  init(fingerprint: UInt64, key: [UInt8]) {
    self.fingerprint = fingerprint
    self.key = key
  }

  /// Reads a token; nil for what no server of ours has written.
  init?(_ text: ByteView) {
    let longest = (Self.headByteCount + DataModelLimits.rowKeyByteCount) * 4 / 3 + 4
    guard text.count <= longest, let bytes = Self.decodeBase64URL(text) else { return nil }
    let token: PageToken? = ByteView.of(bytes) { bytes in
      guard bytes.count > Self.headByteCount, bytes[0] == Self.version else { return nil }
      let token = PageToken(
        fingerprint: bytes.littleEndian64(at: 1), key: bytes.dropFirst(Self.headByteCount).array)
      return token.checksum == bytes.littleEndian32(at: 9) ? token : nil
    }
    guard let token else { return nil }
    self = token
  }

  private var checksum: UInt32 {
    var covered = ByteBuffer(capacity: 8 + key.count)
    covered.append(littleEndian: fingerprint)
    covered.append(key)
    return CRC32C.checksum(covered.view)
  }

  private static func appendBase64URL(_ bytes: ByteView, to buffer: inout ByteBuffer) {
    var pending: UInt32 = 0
    var bitCount: UInt32 = 0
    for index in 0..<bytes.count {
      pending = pending << 8 | UInt32(bytes[index])
      bitCount += 8
      while bitCount >= 6 {
        bitCount -= 6
        buffer.append(digit(pending >> bitCount & 0x3f))
      }
      pending &= (1 << bitCount) - 1
    }
    if bitCount > 0 { buffer.append(digit(pending << (6 - bitCount) & 0x3f)) }
  }

  private static func decodeBase64URL(_ text: ByteView) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count * 3 / 4)
    var pending: UInt32 = 0
    var bitCount: UInt32 = 0
    for index in 0..<text.count {
      guard let value = value(text[index]) else { return nil }
      pending = pending << 6 | value
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: pending >> bitCount))
        pending &= (1 << bitCount) - 1
      }
    }
    return pending == 0 && bitCount < 6 ? bytes : nil
  }

  private static func digit(_ value: UInt32) -> UInt8 {
    let value = UInt8(truncatingIfNeeded: value)
    switch value {
    case 0..<26: return 0x41 + value
    case 26..<52: return 0x61 + value - 26
    case 52..<62: return 0x30 + value - 52
    case 62: return 0x2d
    default: return 0x5f
    }
  }

  private static func value(_ digit: UInt8) -> UInt32? {
    switch digit {
    case 0x41...0x5a: UInt32(digit - 0x41)
    case 0x61...0x7a: UInt32(digit - 0x61 + 26)
    case 0x30...0x39: UInt32(digit - 0x30 + 52)
    case 0x2d: 62
    case 0x5f: 63
    default: nil
    }
  }
}
