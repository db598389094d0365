// Scans: rows are handed on as their frames arrive, credit is granted as they are consumed, so
// that memory holds one window whatever the length of the result.

internal import BinaryProtocol
internal import Bytes
package import DataModel

/// Puts rows together that may come in pieces.
struct RowAssembly {
  private(set) var decoder: RowDecoder
  private let row = RowBuffer()
  private var isUnfinished = false

  init(_ decoder: RowDecoder) { self.decoder = decoder }

  /// Calls `body` with each whole row of the message (rows are its field 1), until it answers
  /// false; then returns false too.
  mutating func read<Failure: Error>(
    _ message: ByteView, _ body: (RowBuffer) throws(Failure) -> Bool
  ) throws -> Bool {
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      guard number == 1 else {
        try reader.skip()
        continue
      }
      try append(try reader.bytes())
      if !isUnfinished, try !body(row) { return false }
    }
    return true
  }

  /// The same for a `body` that cannot fail.
  mutating func read(
    _ message: ByteView, _ body: (RowBuffer) -> Bool
  ) throws(WireError) {
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      guard number == 1 else {
        try reader.skip()
        continue
      }
      try append(try reader.bytes())
      if !isUnfinished, !body(row) { return }
    }
  }

  private mutating func append(_ message: ByteView) throws(WireError) {
    let continues = isUnfinished
    if !continues { row.clear() }
    let count = row.cells.count
    isUnfinished = try decoder.read(row: message, into: row)
    guard continues || isUnfinished else { return }
    // The frame goes before the row does: its cells move to bytes that stay.
    row.cells.removeLast(row.cells.count - count)
    let held = HeldBytes(message)
    row.pins.append(held)
    isUnfinished = try decoder.read(row: held.bytes.view, into: row)
  }
}

/// A piece of a row, kept while the others arrive.
private final class HeldBytes {
  var bytes: ByteBuffer

  init(_ view: ByteView) {
    bytes = ByteBuffer(capacity: view.count)
    bytes.append(view)
  }
}

extension StoreClient {
  /// Bytes that may be on their way or waiting at a time.
  private static let windowByteCount = 1 << 20

  /// Row by row in order, at the consumer's pace; memory does not grow with the result. `body`
  /// gets a buffer that is valid during the call and returns false to stop; it must not call this
  /// client. Family indices count in the buffer's `schema` (definition only; ids and version mean
  /// nothing on this side).
  package func scan(
    _ table: String, _ request: ScanRequest, _ body: (borrowing RowBuffer) throws -> Bool
  ) throws {
    var assembly = RowAssembly(RowDecoder(try self.table(table)))
    let id = try self.request(.scan) {
      ReadRequestEncoder.scan(
        table, request, creditByteCount: UInt64(StoreClient.windowByteCount), into: &$0)
    }
    var consumed = 0
    while true {
      let frame = try nextFrame(of: id)
      do {
        guard try assembly.read(frame.body, { row in try body(row) }) else {
          return try abandon(id, frame)
        }
      } catch let error as WireError {
        throw wire.unreadable(error)
      } catch {
        try? abandon(id, frame)
        throw error
      }
      if frame.isLast { return }
      consumed += frame.body.count
      if consumed >= StoreClient.windowByteCount / 2 {
        try wire.append(.scanCredit, id) {
          ScanCredit(byteCount: UInt64(consumed)).encode(into: &$0)
        }
        try wire.flush()
        consumed = 0
      }
    }
  }

  /// Cancels a scan and passes over what is on its way, so that the connection can be used on.
  private func abandon(_ id: UInt64, _ frame: ReceivedFrame) throws(ClientError) {
    if frame.isLast { return }
    try wire.append(.cancel, id) { _ in }
    try wire.flush()
    while true {
      let next = try wire.nextFrame()
      if next.header.requestID != id {
        try deliver(next)
      } else if next.isLast {
        return
      }
    }
  }
}
