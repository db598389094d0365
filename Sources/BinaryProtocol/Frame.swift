// The frame: sixteen bytes, then a body, which is one protobuf message (proto/PROTOCOL.md).
//
//   offset  bytes                            little-endian
//        0  bodyByteCount: u32
//        4  operation: u8                    Operation
//        5  flags: u8                        1 answer │ 2 more │ 4 end │ 8 reserved │ 16… ignorable
//        6  status: u16                      Status; 0 in what a client sends
//        8  requestID: u64                   chosen by the client; 0 speaks of the connection
//       16  body

package import Bytes

/// What a frame asks or answers. Persisted in every client: never renumber.
package enum Operation: UInt8, CaseIterable, Sendable {
  case ping = 1
  case listTables = 2
  case describeTable = 3
  case createTable = 4
  case alterTable = 5
  case dropTable = 6
  case statistics = 7
  case get = 16
  case batchGet = 17
  case scan = 18
  case scanCredit = 19
  case cancel = 20
  case mutate = 32
  case checkAndMutate = 33
  case readModifyWrite = 34
  case mutateStream = 35
  case goAway = 64
  case connectionError = 65
}

/// How a request went. Persisted in every client: never renumber.
package enum Status: UInt16, CaseIterable, Sendable {
  case ok = 0
  /// The request is wrong and will stay so.
  case invalid = 1
  case notFound = 2
  case conflict = 3
  /// Overloaded or shutting down: the same request may succeed later.
  case retryLater = 4
  /// The device is full; reads go on.
  case full = 5
  case corruptData = 6
  /// Writes are refused until the server is restarted.
  case readOnly = 7
  case closed = 8
  /// An operation, flag or version that this server does not know.
  case unsupported = 9
  /// A body that is not the message it should be.
  case malformed = 10
  /// A body, key, value or answer longer than allowed.
  case tooLarge = 11
  case cancelled = 12
}

/// The flags of a frame.
package struct FrameFlags: OptionSet, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }
  /// From the server.
  package static var answer: FrameFlags { FrameFlags(rawValue: 1) }
  /// Further frames of this answer follow.
  package static var more: FrameFlags { FrameFlags(rawValue: 2) }
  /// The last frame of a mutate stream, from the client.
  package static var end: FrameFlags { FrameFlags(rawValue: 4) }
  /// Flags that a receiver must know to understand the frame; it may ignore the others.
  package static var critical: FrameFlags { FrameFlags(rawValue: 0x0f) }
  package static var known: FrameFlags { [.answer, .more, .end] }
}

/// The first sixteen bytes of a frame.
package struct FrameHeader: Equatable, Sendable {
  package static let byteCount = 16

  package var bodyByteCount: UInt32
  /// An `Operation`, or a number of a newer peer.
  package var operation: UInt8
  package var flags: FrameFlags
  /// A `Status`, or a number of a newer peer.
  package var status: UInt16
  package var requestID: UInt64

  package init(
    operation: Operation, flags: FrameFlags = [], status: Status = .ok, requestID: UInt64,
    bodyByteCount: UInt32 = 0
  ) {
    self.bodyByteCount = bodyByteCount
    self.operation = operation.rawValue
    self.flags = flags
    self.status = status.rawValue
    self.requestID = requestID
  }

  /// The header at the start of `bytes`; nil while fewer than sixteen are there.
  package init?(_ bytes: ByteView) {
    guard bytes.count >= FrameHeader.byteCount else { return nil }
    bodyByteCount = bytes.littleEndian32(at: 0)
    operation = bytes[4]
    flags = FrameFlags(rawValue: bytes[5])
    status = bytes.littleEndian16(at: 6)
    requestID = bytes.littleEndian64(at: 8)
  }

  // Asked of every frame, and cheap: generic comparisons of enumerations and option sets are not.

  /// Does a client's frame speak as one of the server's: as an answer, or with a status?
  package var isAnswer: Bool { flags.rawValue & FrameFlags.answer.rawValue != 0 || status != 0 }

  /// Has it a flag that a receiver must know, and that no request has?
  package var hasUnknownFlags: Bool {
    let allowed = FrameFlags.known.rawValue & ~FrameFlags.more.rawValue
    return flags.rawValue & FrameFlags.critical.rawValue & ~allowed != 0
  }

  package func encode(into buffer: inout ByteBuffer) {
    buffer.append(littleEndian: bodyByteCount)
    buffer.append(operation)
    buffer.append(flags.rawValue)
    buffer.append(littleEndian: status)
    buffer.append(littleEndian: requestID)
  }
}

/// A frame being written at the end of a buffer: header first, length when the body is done.
package struct FrameWriter {
  private let start: Int

  /// Writes the header; the body follows by appending to `buffer`.
  package init(_ header: FrameHeader, into buffer: inout ByteBuffer) {
    start = buffer.count
    header.encode(into: &buffer)
  }

  package func bodyByteCount(in buffer: borrowing ByteBuffer) -> Int {
    buffer.count - start - FrameHeader.byteCount
  }

  /// Fills in the length. The body is everything appended since `init`.
  package func finish(in buffer: inout ByteBuffer) {
    let count = bodyByteCount(in: buffer)
    precondition(count >= 0 && count <= Int(UInt32.max), "a body's length fits its field")
    buffer.overwrite(littleEndian: UInt32(count), at: start)
  }

  /// Finishes with other flags (and status `ok`) than it was begun with.
  package func finish(
    _ operation: Operation, flags: FrameFlags, in buffer: inout ByteBuffer
  ) {
    let word = UInt32(operation.rawValue) | UInt32(flags.rawValue) << 8
    buffer.overwrite(littleEndian: word, at: start + 4)
    finish(in: &buffer)
  }

  /// Takes the frame back.
  package func discard(from buffer: inout ByteBuffer) { buffer.truncate(to: start) }
}

/// Limits of the protocol; the smaller ones of a server are in its hello.
package enum ProtocolLimits {
  /// A body, either way: the largest value with its key and names fits.
  package static let bodyByteCount = 104 << 20
  /// What every peer takes, so that one cell's names and key fit beside a value.
  package static let smallestBodyByteCount = 64 << 10
  /// A client that says nothing takes this.
  package static let defaultBodyByteCount = 1 << 20
  /// A hello after its fixed part.
  package static let helloByteCount = 4_096
  package static let pingByteCount = 1_024
  /// Where long answers are cut into frames.
  package static let answerPieceByteCount = 1 << 20
  package static let defaultScanCredit = 256 << 10
  /// Filters and rules in one message, nested ones included.
  package static let nodeCount = 10_000
}
