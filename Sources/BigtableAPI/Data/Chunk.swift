// One CellChunk of a ReadRowsResponse, and the names that most rows begin with.

internal import Bytes
internal import DataModel

/// One CellChunk: its bytes are counted first, then written where they belong.
struct Chunk {
  /// nil but in a row's first chunk, and in a message's.
  var key: ByteView?
  /// Family and qualifier as they stand in a chunk (`ChunkNames`); empty where the family is that
  /// of the cell before.
  var names = ByteView()
  /// Where it alone is another one than in the cell before.
  var qualifier: ByteView?
  var timestamp: Int64
  var label: ByteView?
  var value: ByteView
  /// Of the whole cell, in all pieces of it but the last; else 0.
  var valueByteCount = 0
  var isLast = false

  /// Of its message, without tag and length.
  @inline(__always)
  private var byteCount: Int {
    var count = isLast ? 2 : 0
    if let key { count &+= ChunkField.size(bytes: key.count) }
    count &+= names.count
    if let qualifier { count &+= ChunkField.size(wrapping: qualifier) }
    if timestamp != 0 {
      count &+= 1 &+ ByteBuffer.size(varint: UInt64(bitPattern: timestamp))
    }
    if let label { count &+= ChunkField.size(bytes: label.count) }
    if !value.isEmpty { count &+= ChunkField.size(bytes: value.count) }
    if valueByteCount > 0 {
      count &+= 1 &+ ByteBuffer.size(varint: UInt64(valueByteCount))
    }
    return count
  }

  /// As a field 1 of the message.
  @inline(__always)
  func append(to message: inout ByteBuffer) {
    let byteCount = byteCount
    let wholeCount = ChunkField.size(bytes: byteCount)
    var filler = message.filler(for: wholeCount)
    ChunkField.putTag(1, &filler)
    filler.put(varint: byteCount)
    if let key { ChunkField.put(short: key, as: 1, &filler) }
    filler.put(short: names)
    if let qualifier { ChunkField.put(wrapping: qualifier, as: 3, &filler) }
    if timestamp != 0 {
      filler.put(4 << 3)
      filler.put(longVarint: Int(timestamp))
    }
    if let label { ChunkField.put(label, as: 5, &filler) }
    if !value.isEmpty { ChunkField.put(value, as: 6, &filler) }
    if valueByteCount > 0 {
      filler.put(7 << 3)
      filler.put(varint: valueByteCount)
    }
    if isLast {
      filler.put(9 << 3)
      filler.put(1)
    }
    message.take(filler, wholeCount)
  }
}

/// Fields of bytes, with numbers up to 15.
private enum ChunkField {
  /// The wire type of what has a length.
  private static let lengthPrefixed: UInt8 = 2

  /// Of a field of so many bytes, with its tag and length.
  @inline(__always)
  static func size(bytes count: Int) -> Int {
    1 &+ ByteBuffer.size(varint: UInt64(truncatingIfNeeded: count)) &+ count
  }

  /// Of a StringValue or BytesValue, which has one field, left out when empty.
  @inline(__always)
  static func size(wrapping bytes: ByteView) -> Int { size(bytes: innerSize(bytes)) }

  @inline(__always)
  private static func innerSize(_ bytes: ByteView) -> Int {
    bytes.isEmpty ? 0 : size(bytes: bytes.count)
  }

  @inline(__always)
  static func putTag(_ number: UInt8, _ filler: inout ByteFiller) {
    filler.put(number &<< 3 | lengthPrefixed)
  }

  @inline(__always)
  static func put(_ bytes: ByteView, as number: UInt8, _ filler: inout ByteFiller) {
    putTag(number, &filler)
    filler.put(varint: bytes.count)
    filler.put(bytes)
  }

  @inline(__always)
  static func put(short bytes: ByteView, as number: UInt8, _ filler: inout ByteFiller) {
    putTag(number, &filler)
    filler.put(varint: bytes.count)
    filler.put(short: bytes)
  }

  @inline(__always)
  static func put(wrapping bytes: ByteView, as number: UInt8, _ filler: inout ByteFiller) {
    putTag(number, &filler)
    filler.put(varint: innerSize(bytes))
    if bytes.isEmpty { return }
    put(short: bytes, as: 1, &filler)
  }
}

/// Family and qualifier as fields of a chunk. Rows mostly begin with the same ones: those that were
/// asked for last are kept.
struct ChunkNames: ~Copyable {
  private var fields = ByteBuffer()
  private var qualifierCount = 0
  private var familyIndex = -1
  /// The one that the index counts in.
  private var schema: TableSchema?

  /// Of the cell. Valid until the next call.
  @inline(__always)
  mutating func fields(of cell: CellView, in row: RowBuffer) -> ByteView {
    if familyIndex == cell.familyIndex, qualifierCount == cell.qualifier.count,
      row.schema === schema,
      fields.view.dropFirst(fields.count &- qualifierCount).equals(short: cell.qualifier)
    {
      return fields.view
    }
    return make(cell, row.schema)
  }

  private mutating func make(_ cell: CellView, _ schema: TableSchema?) -> ByteView {
    self.schema = schema
    familyIndex = cell.familyIndex
    qualifierCount = cell.qualifier.count
    let family = schema?.familyName(at: cell.familyIndex) ?? ByteView()
    let byteCount = ChunkField.size(wrapping: family) + ChunkField.size(wrapping: cell.qualifier)
    fields.clear()
    fields.append(counted: byteCount) { filler in
      ChunkField.put(wrapping: family, as: 2, &filler)
      ChunkField.put(wrapping: cell.qualifier, as: 3, &filler)
    }
    return fields.view
  }
}
