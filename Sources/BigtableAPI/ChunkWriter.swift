// ReadRowsResponse by hand: rows as chunks of cells, gathered into messages. A cell that is longer
// than a piece is cut, so that no message comes near the 4 MiB that some clients take.

internal import BinaryProtocol
internal import Bytes
internal import DataModel

/// The chunks of the message that is being gathered.
struct ChunkWriter: ~Copyable {
  /// Of a cell's value in one chunk.
  static let pieceByteCount = 1 << 20
  /// A message is sent from this size on.
  static let messageByteCount = 256 << 10
  /// No message is longer: a full one and a piece.
  static let longestByteCount = messageByteCount + pieceByteCount + (64 << 10)

  private(set) var message = ByteBuffer()
  private var chunk = ByteBuffer()
  private var wrapper = ByteBuffer()

  var isFull: Bool { message.count >= ChunkWriter.messageByteCount }

  mutating func clear() { message.clear(keepingAtMost: 2 * ChunkWriter.longestByteCount) }

  /// Appends a row of at least one cell.
  ///
  /// - Parameter send: Called with a full message before more is added, within long rows too.
  mutating func append(_ row: RowBuffer, send: (ByteView) -> Void) {
    guard let schema = row.schema else { return }
    var previous: CellView?
    for index in row.cells.indices {
      let cell = row.cells[index]
      let isLast = index == row.cells.count - 1
      let isNewFamily = previous?.familyIndex != cell.familyIndex
      let isNewColumn = isNewFamily || previous?.qualifier != cell.qualifier
      chunk.clear()
      if index == 0 { chunk.appendField(1, present: row.key) }
      if isNewFamily {
        ByteView.of(schema.familyNames[cell.familyIndex]) { wrap(2, $0) }
      }
      if isNewColumn { wrap(3, cell.qualifier) }
      chunk.appendField(4, varint: UInt64(bitPattern: cell.timestamp.microseconds))
      appendValue(cell.value, isLast: isLast, send)
      previous = cell
      if isFull { flush(send) }
    }
  }

  /// A StringValue or BytesValue: one field, left out when empty.
  private mutating func wrap(_ number: UInt64, _ bytes: ByteView) {
    wrapper.clear()
    wrapper.appendField(1, bytes: bytes)
    chunk.appendField(number, present: wrapper.view)
  }

  /// The value, in pieces if it is long, behind what `chunk` holds already.
  private mutating func appendValue(
    _ value: ByteView, isLast: Bool, _ send: (ByteView) -> Void
  ) {
    var rest = value
    while rest.count > ChunkWriter.pieceByteCount {
      chunk.appendField(6, present: rest.prefix(ChunkWriter.pieceByteCount))
      chunk.appendField(7, varint: UInt64(value.count))
      endChunk()
      rest = rest.dropFirst(ChunkWriter.pieceByteCount)
      if isFull { flush(send) }
    }
    chunk.appendField(6, bytes: rest)
    if isLast { chunk.appendField(9, bool: true) }
    endChunk()
  }

  private mutating func endChunk() {
    message.appendField(1, present: chunk.view)
    chunk.clear()
  }

  mutating func flush(_ send: (ByteView) -> Void) {
    guard !message.isEmpty else { return }
    send(message.view)
    clear()
  }
}
