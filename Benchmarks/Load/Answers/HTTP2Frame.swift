// Frames of HTTP/2 (RFC 9113, 4.1), as far as a client of gRPC writes and reads them.
//
//   frame := length (big-endian 24) │ type │ flags │ stream (big-endian 32) │ payload

import Bytes

enum HTTP2Frame {
  enum Kind: UInt8 {
    case data = 0
    case headers = 1
    case priority = 2
    case resetStream = 3
    case settings = 4
    case pushPromise = 5
    case ping = 6
    case goAway = 7
    case windowUpdate = 8
    case continuation = 9
  }

  static let headerByteCount = 9
  static let streamOffset = 5
  static let acknowledgement: UInt8 = 0x1
  static let endStream: UInt8 = 0x1
  static let endHeaders: UInt8 = 0x4
  static let padded: UInt8 = 0x8
  static let hasPriority: UInt8 = 0x20
  /// The most that a window can be.
  static let widestWindow = 0x7fff_ffff
  /// What windows are before anybody speaks of them.
  static let firstWindow = 65_535

  static func header(
    _ kind: Kind, flags: UInt8 = 0, _ payloadByteCount: Int, stream: UInt32 = 0
  ) -> [UInt8] {
    var bytes = ByteBuffer()
    bytes.append(
      bigEndian: UInt32(truncatingIfNeeded: payloadByteCount) << 8 | UInt32(kind.rawValue))
    bytes.append(flags)
    bytes.append(bigEndian: stream)
    return bytes.array
  }

  /// What a client says first: streams and the connection have the widest windows, nothing is
  /// pushed.
  static var greeting: [UInt8] {
    var bytes = ByteBuffer()
    bytes.append("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    bytes.append(header(.settings, 12))
    for (setting, value) in [(2, 0), (4, UInt32(widestWindow))] as [(UInt32, UInt32)] {
      bytes.append(UInt8(0))
      bytes.append(UInt8(truncatingIfNeeded: setting))
      bytes.append(bigEndian: value)
    }
    bytes.append(windowUpdate(widestWindow - firstWindow, stream: 0))
    return bytes.array
  }

  static func windowUpdate(_ byteCount: Int, stream: UInt32) -> [UInt8] {
    var bytes = ByteBuffer()
    bytes.append(header(.windowUpdate, 4, stream: stream))
    bytes.append(bigEndian: UInt32(truncatingIfNeeded: byteCount))
    return bytes.array
  }
}

extension ByteView {
  @inline(__always)
  func bigEndian24(at offset: Int) -> Int {
    Int(self[offset]) << 16 | Int(self[offset &+ 1]) << 8 | Int(self[offset &+ 2])
  }
}
