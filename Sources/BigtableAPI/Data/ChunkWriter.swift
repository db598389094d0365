// ReadRowsResponse by hand: rows as chunks of cells, gathered into messages. A cell that is longer
// than a piece is cut, so that no message reaches the 4 MiB that Python's clients take.
//
// A message that begins within a row begins with the row's key: Python's data client
// (google-cloud-bigtable 2.50) takes one without for a row out of order. Where such a message goes
// on with a cut cell, Python wants the key as well, and Go's client refuses one
// (bigtable/reader.go).

internal import Bytes
internal import DataModel

/// One CellChunk: its bytes are counted first, then written where they belong.
private struct Chunk {
  /// nil but in a row's first chunk, and in a message's.
  var key: ByteView?
  /// nil where they are those of the cell before.
  var family: ByteView?
  var qualifier: ByteView?
  var timestamp: Int64
  var label: ByteView?
  var value: ByteView
  /// Of the whole cell, in all pieces of it but the last; else 0.
  var valueByteCount = 0
  var isLast = false

  /// The wire type of what has a length.
  private static let lengthPrefixed: UInt8 = 2

  /// Of a field of so many bytes, with its tag and length.
  @inline(__always)
  private static func size(bytes count: Int) -> Int {
    1 &+ ByteBuffer.size(varint: UInt64(truncatingIfNeeded: count)) &+ count
  }

  @inline(__always)
  private static func wrapped(_ bytes: ByteView) -> Int {
    bytes.isEmpty ? 0 : size(bytes: bytes.count)
  }

  var byteCount: Int {
    var count = isLast ? 2 : 0
    if let key { count &+= Chunk.size(bytes: key.count) }
    if let family { count &+= Chunk.size(bytes: Chunk.wrapped(family)) }
    if let qualifier { count &+= Chunk.size(bytes: Chunk.wrapped(qualifier)) }
    if timestamp != 0 {
      count &+= 1 &+ ByteBuffer.size(varint: UInt64(bitPattern: timestamp))
    }
    if let label { count &+= Chunk.size(bytes: label.count) }
    if !value.isEmpty { count &+= Chunk.size(bytes: value.count) }
    if valueByteCount > 0 {
      count &+= 1 &+ ByteBuffer.size(varint: UInt64(valueByteCount))
    }
    return count
  }

  /// As a field 1 of the message.
  func append(to message: inout ByteBuffer) {
    let byteCount = byteCount
    message.append(counted: Chunk.size(bytes: byteCount)) { filler in
      Chunk.putTag(1, &filler)
      filler.put(varint: byteCount)
      if let key {
        Chunk.putTag(1, &filler)
        Chunk.put(key, &filler)
      }
      if let family { Chunk.put(wrapping: family, as: 2, &filler) }
      if let qualifier { Chunk.put(wrapping: qualifier, as: 3, &filler) }
      if timestamp != 0 {
        filler.put(4 << 3)
        filler.put(varint: Int(timestamp))
      }
      if let label {
        Chunk.putTag(5, &filler)
        Chunk.put(label, &filler)
      }
      if !value.isEmpty {
        Chunk.putTag(6, &filler)
        Chunk.put(value, &filler)
      }
      if valueByteCount > 0 {
        filler.put(7 << 3)
        filler.put(varint: valueByteCount)
      }
      if isLast {
        filler.put(9 << 3)
        filler.put(1)
      }
    }
  }

  @inline(__always)
  private static func putTag(_ number: UInt8, _ filler: inout ByteFiller) {
    filler.put(number &<< 3 | lengthPrefixed)
  }

  @inline(__always)
  private static func put(_ bytes: ByteView, _ filler: inout ByteFiller) {
    filler.put(varint: bytes.count)
    filler.put(bytes)
  }

  /// A StringValue or BytesValue: one field, left out when empty.
  @inline(__always)
  private static func put(
    wrapping bytes: ByteView, as number: UInt8, _ filler: inout ByteFiller
  ) {
    putTag(number, &filler)
    filler.put(varint: wrapped(bytes))
    if bytes.isEmpty { return }
    putTag(1, &filler)
    put(bytes, &filler)
  }
}

/// The chunks of the message that is being gathered.
struct ChunkWriter: ~Copyable {
  /// Of a cell's value in one chunk.
  static let pieceByteCount = 3 << 20
  /// A message is sent from this size on.
  static let messageByteCount = 256 << 10
  /// No message is longer: a full one and a piece.
  static let longestByteCount = messageByteCount + pieceByteCount + (64 << 10)

  private(set) var message = ByteBuffer()
  /// Pieces of a cell have the row's key, too.
  private let keepsKeyInPieces: Bool

  init(keepsKeyInPieces: Bool = false) { self.keepsKeyInPieces = keepsKeyInPieces }

  mutating func clear() { message.clear(keepingAtMost: 2 * ChunkWriter.longestByteCount) }

  /// Appends a row of at least one cell.
  ///
  /// - Parameter send: Called with a full message before more is added, within long rows too.
  /// - Returns: False when it was called.
  mutating func append(_ row: RowBuffer, send: (ByteView) -> Void) -> Bool {
    var hasSent = false
    let keepsKeyInPieces = keepsKeyInPieces
    row.cells.withUnsafeBufferPointer { cells in
      let source = Source(row, cells)
      for index in cells.indices {
        source.append(
          index, isFirst: message.isEmpty, keepsKeyInPieces, to: &message
        ) { message in
          guard message.count >= ChunkWriter.messageByteCount else { return }
          send(message.view)
          hasSent = true
          message.clear(keepingAtMost: 2 * ChunkWriter.longestByteCount)
        }
      }
    }
    return !hasSent
  }

  /// Appends a row whose values are together shorter than a message.
  static func append(short row: RowBuffer, to message: inout ByteBuffer) {
    row.cells.withUnsafeBufferPointer { cells in
      let source = Source(row, cells)
      for index in cells.indices {
        source.append(index, isFirst: false, false, to: &message) { _ in }
      }
    }
  }

  /// Whether the row fits into one message for sure.
  static func isShort(_ row: RowBuffer) -> Bool {
    var byteCount = 0
    for cell in row.cells {
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

/// A row whose cells become chunks.
private struct Source {
  /// Whoever made this holds them: a count of references for each cell would cost as much as it.
  private unowned(unsafe) let row: RowBuffer
  private let schema: Unmanaged<TableSchema>?
  private let cells: UnsafeBufferPointer<CellView>
  private let key: ByteView

  /// - Parameter cells: The row's.
  init(_ row: RowBuffer, _ cells: UnsafeBufferPointer<CellView>) {
    self.row = row
    self.cells = cells
    key = row.key
    schema = row.schema.map { Unmanaged.passUnretained($0) }
  }

  /// - Parameters:
  ///   - isFirst: Of its message.
  ///   - written: Called after each chunk.
  @inline(__always)
  func append(
    _ index: Int, isFirst: Bool, _ keepsKeyInPieces: Bool, to message: inout ByteBuffer,
    written: (inout ByteBuffer) -> Void
  ) {
    let cell = cells[index]
    var chunk = Chunk(timestamp: cell.timestamp.microseconds, value: cell.value)
    var isNewFamily = true
    if index == 0 || isFirst { chunk.key = key }
    if index > 0 { isNewFamily = cells[index - 1].familyIndex != cell.familyIndex }
    if isNewFamily {
      chunk.family = schema?._withUnsafeGuaranteedRef { $0.familyName(at: cell.familyIndex) }
    }
    if isNewFamily || cells[index - 1].qualifier != cell.qualifier {
      chunk.qualifier = cell.qualifier
    }
    let isLast = index == cells.count - 1
    guard cell.label == 0, cell.value.count <= ChunkWriter.pieceByteCount else {
      return Source.appendAtLength(
        &chunk, row.label(of: cell), isLast: isLast, keepsKeyInPieces ? key : nil, &message,
        written)
    }
    chunk.isLast = isLast
    chunk.append(to: &message)
    written(&message)
  }

  /// A cell with a label, or one that is cut into pieces.
  ///
  /// - Parameter key: Of all pieces; nil where only the first may have it.
  private static func appendAtLength(
    _ chunk: inout Chunk, _ label: String?, isLast: Bool, _ key: ByteView?,
    _ message: inout ByteBuffer, _ written: (inout ByteBuffer) -> Void
  ) {
    var label = label
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
      written(&message)
      if !isCut { return }
      rest = rest.dropFirst(ChunkWriter.pieceByteCount)
      // Names, time and label stand in the first piece only.
      chunk = Chunk(key: key, timestamp: 0, value: rest)
      label = nil
    }
  }
}
