// ReadRowsResponse by hand: rows as chunks of cells, gathered into messages. A cell that is longer
// than a piece is cut, so that no message reaches the 4 MiB that Python's clients take.
//
// A message that begins within a row begins with the row's key: Python's data client
// (google-cloud-bigtable 2.50) takes one without for a row out of order. Where such a message goes
// on with a cut cell, Python wants the key as well, and Go's client refuses one
// (bigtable/reader.go).

internal import Bytes
internal import DataModel

/// The chunks of the message that is being gathered.
struct ChunkWriter: ~Copyable {
  /// Of a cell's value in one chunk.
  static let pieceByteCount = 3 << 20
  /// A message is sent from this size on.
  static let messageByteCount = 256 << 10
  /// No message is longer: a full one and a piece.
  static let longestByteCount = messageByteCount + pieceByteCount + (64 << 10)

  private(set) var message = ByteBuffer()
  private var names = ChunkNames()
  /// Pieces of a cell have the row's key, too.
  var keepsKeyInPieces = false

  mutating func clear(keepingAtMost byteCount: Int = 2 * ChunkWriter.longestByteCount) {
    message.clear(keepingAtMost: byteCount)
  }

  /// Appends a row of at least one cell.
  ///
  /// - Parameter send: Called with a full message before more is added, within long rows too.
  /// - Returns: False when it was called.
  mutating func append(_ row: RowBuffer, send: (ByteView) -> Void) -> Bool {
    var hasSent = false
    for index in row.cells.indices {
      guard ChunkWriter.isPlain(row.cells[index]) else {
        appendAtLength(index, of: row, &hasSent, send)
        continue
      }
      ChunkWriter.chunk(index, of: row, isFirst: message.isEmpty, &names).append(to: &message)
      sendIfFull(&hasSent, send)
    }
    return !hasSent
  }

  @inline(__always)
  private mutating func sendIfFull(_ hasSent: inout Bool, _ send: (ByteView) -> Void) {
    guard message.count >= ChunkWriter.messageByteCount else { return }
    send(message.view)
    hasSent = true
    clear()
  }

  /// Appends a row that is short (`isShort`).
  static func append(
    short row: RowBuffer, _ names: inout ChunkNames, to message: inout ByteBuffer
  ) {
    for index in row.cells.indices {
      chunk(index, of: row, isFirst: false, &names).append(to: &message)
    }
  }

  /// A cell of a row as a chunk, without label and whole. Its views are those of row and names.
  ///
  /// - Parameter isFirst: Of its message.
  @inline(__always)
  private static func chunk(
    _ index: Int, of row: RowBuffer, isFirst: Bool, _ names: inout ChunkNames
  ) -> Chunk {
    let cell = row.cells[index]
    var chunk = Chunk(timestamp: cell.timestamp.microseconds, value: cell.value)
    if index == 0 || isFirst { chunk.key = row.key }
    if index == 0 || row.cells[index &- 1].familyIndex != cell.familyIndex {
      chunk.names = names.fields(of: cell, in: row)
    } else if row.cells[index &- 1].qualifier != cell.qualifier {
      chunk.qualifier = cell.qualifier
    }
    chunk.isLast = index == row.cells.count &- 1
    return chunk
  }

  /// Is a cell one chunk without a label?
  @inline(__always)
  private static func isPlain(_ cell: CellView) -> Bool {
    cell.label == 0 && cell.value.count <= pieceByteCount
  }

  /// Appends a cell with a label, or one that is cut into pieces.
  private mutating func appendAtLength(
    _ index: Int, of row: RowBuffer, _ hasSent: inout Bool, _ send: (ByteView) -> Void
  ) {
    var label = row.label(of: row.cells[index])
    var chunk = ChunkWriter.chunk(index, of: row, isFirst: message.isEmpty, &names)
    let isLast = chunk.isLast
    let whole = chunk.value
    var rest = whole
    while true {
      let isCut = rest.count > ChunkWriter.pieceByteCount
      chunk.value = isCut ? rest.prefix(ChunkWriter.pieceByteCount) : rest
      chunk.valueByteCount = isCut ? whole.count : 0
      chunk.isLast = isLast && !isCut
      if let text = label {
        ByteView.of(text) { bytes in
          chunk.label = bytes
          chunk.append(to: &message)
        }
      } else {
        chunk.append(to: &message)
      }
      sendIfFull(&hasSent, send)
      if !isCut { return }
      rest = rest.dropFirst(ChunkWriter.pieceByteCount)
      // Names, time and label stand in the first piece only.
      chunk = Chunk(key: keepsKeyInPieces ? row.key : nil, timestamp: 0, value: rest)
      label = nil
    }
  }

  /// Whether the row fits into one message for sure, each cell into one chunk without a label.
  static func isShort(_ row: RowBuffer) -> Bool {
    var byteCount = 0
    for cell in row.cells {
      if cell.label != 0 { return false }
      byteCount &+= cell.value.count &+ cell.qualifier.count &+ 128
      if byteCount > messageByteCount { return false }
    }
    return true
  }

  mutating func flush(_ send: (ByteView) -> Void) {
    guard !message.isEmpty else { return }
    send(message.view)
    clear()
  }
}
