// Requests that read: get, batch get, scan. The server sees them as views into the frame; the
// client writes them from its arguments.

package import Bytes
package import DataModel

/// A get as it arrived; views into the frame.
package struct GetRequestView {
  package var table = ByteView()
  package var key = ByteView()
  /// A ReadOptions message; empty asks for the defaults.
  package var options = ByteView()

  package init(_ body: ByteView) throws(WireError) {
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      switch number {
      case 1: table = try reader.bytes()
      case 2: key = try reader.bytes()
      case 3: options = try reader.bytes()
      default: try reader.skip()
      }
    }
  }
}

/// A batch get as it arrived; views into the frame.
package struct BatchGetRequestView {
  package var table = ByteView()
  package var keys: [ByteView] = []
  package var options = ByteView()

  package init(_ body: ByteView) throws(WireError) {
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      switch number {
      case 1: table = try reader.bytes()
      case 2:
        guard keys.count < DataModelLimits.batchGetKeyCount else {
          throw .tooLarge("more than \(DataModelLimits.batchGetKeyCount) keys in one batch")
        }
        keys.append(try reader.bytes())
      case 3: options = try reader.bytes()
      default: try reader.skip()
      }
    }
  }
}

/// A scan as it arrived.
package struct ScanRequestView {
  package var table = ByteView()
  package var request = ScanRequest()
  package var creditByteCount: UInt64 = 0

  package init(_ body: ByteView) throws(WireError) {
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      switch number {
      case 1: table = try reader.bytes()
      case 2: request.range = try RowRange(wire: try reader.bytes())
      case 3: request.reversed = try reader.bool()
      case 4:
        guard let limit = Int(exactly: try reader.varint()) else {
          throw .tooLarge("a limit above 9,223,372,036,854,775,807")
        }
        request.limit = limit
      case 5: request.options = try ReadOptions(wire: try reader.bytes())
      case 6: creditByteCount = try reader.varint()
      default: try reader.skip()
      }
    }
  }
}

/// Writes requests that read.
package enum ReadRequestEncoder {
  package static func get(
    _ table: String, key: [UInt8], options: ReadOptions, into buffer: inout ByteBuffer
  ) {
    buffer.appendField(1, string: table)
    buffer.appendField(2, bytes: key)
    append(options, as: 3, to: &buffer)
  }

  package static func batchGet(
    _ table: String, keys: [[UInt8]], options: ReadOptions, into buffer: inout ByteBuffer
  ) {
    buffer.appendField(1, string: table)
    for key in keys { buffer.appendField(2, present: key) }
    append(options, as: 3, to: &buffer)
  }

  package static func scan(
    _ table: String, _ request: ScanRequest, creditByteCount: UInt64,
    into buffer: inout ByteBuffer
  ) {
    buffer.appendField(1, string: table)
    if request.range != .all { buffer.appendMessage(2) { request.range.encode(into: &$0) } }
    buffer.appendField(3, bool: request.reversed)
    buffer.appendField(4, varint: UInt64(clamping: request.limit))
    append(request.options, as: 5, to: &buffer)
    buffer.appendField(6, varint: creditByteCount)
  }

  private static func append(
    _ options: ReadOptions, as number: UInt64, to buffer: inout ByteBuffer
  ) {
    if options != ReadOptions() { buffer.appendMessage(number) { options.encode(into: &$0) } }
  }
}

/// A grant of scan credit.
package struct ScanCredit: Equatable, Sendable {
  package var byteCount: UInt64
  package init(byteCount: UInt64) { self.byteCount = byteCount }

  package init(wire body: ByteView) throws(WireError) {
    byteCount = 0
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      if number == 1 { byteCount = try reader.varint() } else { try reader.skip() }
    }
  }

  package func encode(into buffer: inout ByteBuffer) {
    buffer.appendField(1, varint: byteCount)
  }
}
