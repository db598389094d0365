// The two greetings that open a connection. They are the only place of the magic and of versions;
// everything after them is frames.
//
//   client  offset  bytes                       server  offset  bytes           little-endian
//                0  magic "STRATA\r\n"                       0  magic "STRATA\r\n"
//                8  oldest version: u16                      8  version: u16, 0 when refused
//               10  newest version: u16                     10  status: u16
//               12  byteCount: u32                          12  byteCount: u32
//               16  ClientHello, byteCount bytes            16  ServerHello; Error unless status 0

package import Bytes

/// What both greetings share.
package enum Greeting {
  package static let fixedByteCount = 16
  /// "STRATA\r\n": a peer that mangles line ends is caught at once.
  package static let magic: [UInt8] = [0x53, 0x54, 0x52, 0x41, 0x54, 0x41, 0x0d, 0x0a]
  /// The versions that this program speaks.
  package static let versions: ClosedRange<UInt16> = 1...1

  /// Whether `bytes`, perhaps too few, may still become a greeting.
  static func isPossible(_ bytes: ByteView) -> Bool {
    let known = min(bytes.count, magic.count)
    return ByteView.of(magic) { $0.prefix(known) == bytes.prefix(known) }
  }
}

/// Why a greeting was refused.
package enum GreetingError: Error, Equatable {
  case notThisProtocol
  case tooLong(UInt32)
  /// The peer's versions, oldest and newest.
  case noCommonVersion(UInt16, UInt16)
  case malformed(WireError)
  case bodyLimitTooSmall(UInt64)
}

/// Bits of `features`: what a peer must know of the other before it uses it.
package enum ProtocolFeature {
  /// Producers in mutate streams.
  package static let producers: UInt64 = 1 << 0
  package static let all = producers
}

/// The client's greeting.
package struct ClientHello: Equatable, Sendable {
  package var oldestVersion = Greeting.versions.lowerBound
  package var newestVersion = Greeting.versions.upperBound
  package var clientName = ""
  package var features: UInt64 = 0
  package var maxBodyByteCount = ProtocolLimits.defaultBodyByteCount

  package init() {}

  /// Reads the greeting at the start of `bytes`; nil while it is not whole.
  package static func read(
    _ bytes: ByteView
  ) throws(GreetingError) -> (hello: ClientHello, byteCount: Int)? {
    guard Greeting.isPossible(bytes) else { throw .notThisProtocol }
    guard bytes.count >= Greeting.fixedByteCount else { return nil }
    var hello = ClientHello()
    hello.oldestVersion = bytes.littleEndian16(at: 8)
    hello.newestVersion = bytes.littleEndian16(at: 10)
    let count = bytes.littleEndian32(at: 12)
    guard count <= ProtocolLimits.helloByteCount else { throw .tooLong(count) }
    let total = Greeting.fixedByteCount + Int(count)
    guard bytes.count >= total else { return nil }
    // Versions first: the body of another version may be anything.
    guard hello.oldestVersion <= Greeting.versions.upperBound,
      hello.newestVersion >= Greeting.versions.lowerBound,
      hello.oldestVersion <= hello.newestVersion
    else { throw .noCommonVersion(hello.oldestVersion, hello.newestVersion) }
    do { try hello.read(body: bytes[Greeting.fixedByteCount..<total]) } catch {
      throw .malformed(error)
    }
    guard hello.maxBodyByteCount >= ProtocolLimits.smallestBodyByteCount else {
      throw .bodyLimitTooSmall(UInt64(hello.maxBodyByteCount))
    }
    return (hello, total)
  }

  private mutating func read(body: ByteView) throws(WireError) {
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      switch number {
      case 1: clientName = try reader.string()
      case 2: features = try reader.varint()
      case 3:
        let limit = try reader.varint()
        guard let limit = UInt32(exactly: limit) else { throw .malformed("a limit above 32 bits") }
        if limit > 0 { maxBodyByteCount = Int(limit) }
      default: try reader.skip()
      }
    }
  }

  package func encode(into buffer: inout ByteBuffer) {
    var body = ByteBuffer()
    body.appendField(1, string: clientName)
    body.appendField(2, varint: features)
    body.appendField(3, varint: UInt64(clamping: maxBodyByteCount))
    buffer.append(Greeting.magic)
    buffer.append(littleEndian: oldestVersion)
    buffer.append(littleEndian: newestVersion)
    buffer.append(littleEndian: UInt32(clamping: body.count))
    buffer.append(body.view)
  }
}

/// The server's greeting.
package struct ServerHello: Equatable, Sendable {
  package var version: UInt16 = Greeting.versions.upperBound
  package var serverName = ""
  package var features: UInt64 = 0
  package var maxBodyByteCount = ProtocolLimits.bodyByteCount
  package var maxRequestsInFlight: UInt32 = 0
  package var maxBytesInFlight: UInt64 = 0

  package init() {}

  /// What a server answers.
  package enum Answer: Equatable, Sendable {
    case welcome(ServerHello)
    /// A `Status`, or a number of a newer server.
    case refusal(status: UInt16, ErrorMessage)
  }

  /// Reads the greeting at the start of `bytes`; nil while it is not whole.
  package static func read(
    _ bytes: ByteView
  ) throws(GreetingError) -> (answer: Answer, byteCount: Int)? {
    guard Greeting.isPossible(bytes) else { throw .notThisProtocol }
    guard bytes.count >= Greeting.fixedByteCount else { return nil }
    let version = bytes.littleEndian16(at: 8)
    let status = bytes.littleEndian16(at: 10)
    let count = bytes.littleEndian32(at: 12)
    guard count <= ProtocolLimits.helloByteCount else { throw .tooLong(count) }
    let total = Greeting.fixedByteCount + Int(count)
    guard bytes.count >= total else { return nil }
    let body = bytes[Greeting.fixedByteCount..<total]
    do throws(WireError) {
      if status != Status.ok.rawValue {
        return (.refusal(status: status, try ErrorMessage(wire: body)), total)
      }
      guard Greeting.versions.contains(version) else { throw .malformed("an unknown version") }
      return (.welcome(try ServerHello(wire: body, version: version)), total)
    } catch {
      throw .malformed(error)
    }
  }

  private init(wire body: ByteView, version: UInt16) throws(WireError) {
    self.version = version
    maxBodyByteCount = ProtocolLimits.defaultBodyByteCount
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      switch number {
      case 1: serverName = try reader.string()
      case 2: features = try reader.varint()
      case 3:
        let limit = UInt32(truncatingIfNeeded: try reader.varint())
        if limit > 0 { maxBodyByteCount = Int(limit) }
      case 4: maxRequestsInFlight = UInt32(truncatingIfNeeded: try reader.varint())
      case 5: maxBytesInFlight = try reader.varint()
      default: try reader.skip()
      }
    }
  }

  package func encode(into buffer: inout ByteBuffer) {
    var body = ByteBuffer()
    body.appendField(1, string: serverName)
    body.appendField(2, varint: features)
    body.appendField(3, varint: UInt64(clamping: maxBodyByteCount))
    body.appendField(4, varint: UInt64(maxRequestsInFlight))
    body.appendField(5, varint: maxBytesInFlight)
    ServerHello.append(version: version, status: .ok, body.view, to: &buffer)
  }

  /// Writes the greeting that refuses a client.
  package static func refuse(
    _ status: Status, _ error: ErrorMessage, into buffer: inout ByteBuffer
  ) {
    var body = ByteBuffer()
    error.encode(into: &body)
    append(version: 0, status: status, body.view, to: &buffer)
  }

  private static func append(
    version: UInt16, status: Status, _ body: ByteView, to buffer: inout ByteBuffer
  ) {
    buffer.append(Greeting.magic)
    buffer.append(littleEndian: version)
    buffer.append(littleEndian: status.rawValue)
    buffer.append(littleEndian: UInt32(clamping: body.count))
    buffer.append(body)
  }
}
