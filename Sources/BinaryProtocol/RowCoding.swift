// Rows on the wire: runs of cells that name family and qualifier only where they change. Written
// straight from a RowBuffer, read straight into one; no object a cell.
//
//   cell := tag+length │ [1: family] │ [2: qualifier] │ 3: timestamp, 8 bytes LE │ 4: value
//           │ [5: label]
//   row  := [1: key] │ (2: cell)* │ [3: unfinished]

package import Bytes
package import DataModel

/// Writes the cells of read rows.
package enum RowEncoder {
  /// Room that one cell needs beside its value: names, key and tags.
  package static let overheadByteCount =
    DataModelLimits.rowKeyByteCount + DataModelLimits.qualifierByteCount
    + DataModelLimits.familyNameByteCount + 64

  /// How many cells from `start` on fit into `limit` bytes, and their bytes; at least one cell,
  /// however large.
  package static func measure(
    _ row: RowBuffer, from start: Int, limit: Int
  ) -> (end: Int, byteCount: Int) {
    let schema = row.schema
    return row.cells.withUnsafeBufferPointer { cells in
      var total = 0
      var index = start
      while index < cells.count {
        let names = names(cells, index, isFirst: index == start, schema)
        let inner = cellByteCount(cells[index], names, row)
        let size = ProtobufWriter.size(bytes: inner)
        if index > start, size > limit - total { break }
        total += size
        index += 1
      }
      return (index, total)
    }
  }

  /// Appends cells from `start` on as field `number` of the message being written: as many as fit
  /// into `limit` bytes, but at least one, unless that is longer than `most` bytes.
  ///
  /// - Returns: The first that did not fit; nil, and nothing is appended, when `start` is too long.
  package static func append(
    cellsOf row: RowBuffer, from start: Int, limit: Int, most: Int, as number: UInt8,
    to buffer: inout ByteBuffer
  ) -> Int? {
    let schema = row.schema
    return row.cells.withUnsafeBufferPointer { cells in
      var room = limit
      var index = start
      while index < cells.count {
        let names = names(cells, index, isFirst: index == start, schema)
        let inner = cellByteCount(cells[index], names, row)
        let size = ProtobufWriter.size(bytes: inner)
        if size > room {
          if index > start { break }
          if size > most { return nil }
        }
        room -= size
        append(cells[index], names, inner, row, as: number, to: &buffer)
        index += 1
      }
      return index
    }
  }

  /// - Parameter inner: Bytes of the cell's message.
  @inline(__always)
  private static func append(
    _ cell: CellView, _ names: Names, _ inner: Int, _ row: RowBuffer, as number: UInt8,
    to buffer: inout ByteBuffer
  ) {
    buffer.append(counted: ProtobufWriter.size(bytes: inner)) { filler in
      filler.put(tag(number, .bytes))
      filler.put(varint: inner)
      if let family = names.family {
        filler.put(tag(1, .bytes))
        filler.put(varint: family.count)
        filler.put(short: family)
      }
      if names.hasQualifier {
        filler.put(tag(2, .bytes))
        filler.put(varint: cell.qualifier.count)
        filler.put(short: cell.qualifier)
      }
      if cell.timestamp.microseconds != 0 {
        filler.put(tag(3, .fixed64))
        filler.put(littleEndian: UInt64(bitPattern: cell.timestamp.microseconds))
      }
      if !cell.value.isEmpty {
        filler.put(tag(4, .bytes))
        filler.put(varint: cell.value.count)
        filler.put(cell.value)
      }
      guard cell.label != 0, let label = row.label(of: cell) else { return }
      filler.put(tag(5, .bytes))
      filler.put(varint: label.utf8.count)
      ByteView.of(label) { filler.put($0) }
    }
  }

  /// One byte, as those of field numbers up to 15 are.
  @inline(__always)
  private static func tag(_ number: UInt8, _ type: ProtobufReader.WireType) -> UInt8 {
    number &<< 3 | type.rawValue
  }

  /// Appends a Row message, or the piece of it that fits into `limit` bytes, as field `number`;
  /// returns the first cell that did not fit.
  package static func append(
    _ row: RowBuffer, from start: Int, withKey: Bool, limit: Int, as number: UInt64,
    to buffer: inout ByteBuffer
  ) -> Int {
    let (end, cellsByteCount) = measure(row, from: start, limit: limit)
    let isUnfinished = end < row.cells.count
    var byteCount = cellsByteCount + (isUnfinished ? 2 : 0)
    if withKey, !row.key.isEmpty { byteCount += ProtobufWriter.size(bytes: row.key.count) }
    buffer.reserve(byteCount + 12)
    buffer.appendTag(number, .bytes)
    buffer.append(varint: byteCount)
    if withKey { buffer.appendField(1, bytes: row.key) }
    // The same ones: as many as fit into the same limit.
    _ = append(cellsOf: row, from: start, limit: limit, most: .max, as: 2, to: &buffer)
    buffer.appendField(3, bool: isUnfinished)
    return end
  }

  /// What a cell is called, as far as the one before it is not called the same.
  private struct Names {
    var family: ByteView?
    var hasQualifier: Bool
  }

  @inline(__always)
  private static func names(
    _ cells: UnsafeBufferPointer<CellView>, _ index: Int, isFirst: Bool, _ schema: TableSchema?
  ) -> Names {
    let cell = cells[index]
    if !isFirst {
      let before = cells[index - 1]
      if cell.familyIndex == before.familyIndex {
        return Names(family: nil, hasQualifier: cell.qualifier != before.qualifier)
      }
    }
    return Names(family: schema?.familyName(at: cell.familyIndex), hasQualifier: true)
  }

  @inline(__always)
  private static func cellByteCount(_ cell: CellView, _ names: Names, _ row: RowBuffer) -> Int {
    var total = cell.timestamp.microseconds == 0 ? 0 : 9
    if !cell.value.isEmpty { total += ProtobufWriter.size(bytes: cell.value.count) }
    if names.hasQualifier { total += ProtobufWriter.size(bytes: cell.qualifier.count) }
    if let family = names.family { total += ProtobufWriter.size(bytes: family.count) }
    if cell.label != 0, let label = row.label(of: cell) {
      total += ProtobufWriter.size(bytes: label.utf8.count)
    }
    return total
  }
}

/// Reads rows into RowBuffers, giving families their indices.
///
/// Views in a filled buffer point into the frame that was read, except in rows of several pieces.
package struct RowDecoder {
  /// What the family indices count in; grows when a row names a family it does not have.
  package private(set) var schema: TableSchema
  private var lastFamily = 0

  package init(_ definition: TableDefinition) {
    schema = RowDecoder.schema(of: definition)
  }

  private static func schema(of definition: TableDefinition) -> TableSchema {
    TableSchema(
      definition: definition, familyIDs: Array(0..<UInt32(definition.families.count)), version: 0)
  }

  /// Appends the cells of a Row message to `row` and takes its key, if it has one.
  ///
  /// - Returns: Whether the next Row message continues this one.
  package mutating func read(
    row message: ByteView, into row: RowBuffer
  ) throws(WireError) -> Bool {
    var reader = ProtobufReader(message)
    var isUnfinished = false
    var isFirst = true
    while let number = try reader.next() {
      switch number {
      case 1: row.key = try reader.bytes()
      case 2:
        try read(cell: try reader.bytes(), into: row, isFirst: isFirst)
        isFirst = false
      case 3: isUnfinished = try reader.bool()
      default: try reader.skip()
      }
    }
    row.schema = schema
    return isUnfinished
  }

  /// Appends the cells of a message whose field 1 they are: the answer to a get.
  package mutating func read(
    cells message: ByteView, into row: RowBuffer
  ) throws(WireError) {
    var reader = ProtobufReader(message)
    var isFirst = true
    while let number = try reader.next() {
      if number == 1 {
        try read(cell: try reader.bytes(), into: row, isFirst: isFirst)
        isFirst = false
      } else {
        try reader.skip()
      }
    }
    row.schema = schema
  }

  /// Appends one Cell message to `row`.
  package mutating func read(
    cell message: ByteView, into row: RowBuffer, isFirst: Bool
  ) throws(WireError) {
    var reader = ProtobufReader(message)
    var family: ByteView?
    var qualifier: ByteView?
    var timestamp: Int64 = 0
    var value = ByteView()
    var label: UInt32 = 0
    while let number = try reader.next() {
      switch number {
      case 1: family = try reader.bytes()
      case 2: qualifier = try reader.bytes()
      case 3: timestamp = try reader.sfixed64()
      case 4: value = try reader.bytes()
      case 5: label = try row.number(ofLabel: reader.string())
      default: try reader.skip()
      }
    }
    let before = isFirst ? nil : row.cells.last
    let index: Int
    if let family {
      index = try familyIndex(of: family, in: row)
    } else if let before {
      index = before.familyIndex
    } else {
      throw .malformed("the first cell names no family")
    }
    guard let qualifier = qualifier ?? (family == nil ? before?.qualifier : nil) else {
      throw .malformed("a cell names a family and no qualifier")
    }
    row.cells.append(
      CellView(
        familyIndex: index, qualifier: qualifier, timestamp: Timestamp(microseconds: timestamp),
        value: value, label: label))
  }

  private mutating func familyIndex(
    of name: ByteView, in row: RowBuffer
  ) throws(WireError) -> Int {
    if lastFamily < schema.familyNames.count,
      ByteView.of(schema.familyNames[lastFamily], { $0 == name })
    {
      return lastFamily
    }
    if let index = schema.familyIndex(of: name) {
      lastFamily = index
      return index
    }
    guard name.count <= DataModelLimits.familyNameByteCount,
      schema.familyNames.count < 10 * DataModelLimits.familyCount
    else { throw .tooLarge("too many families, or too long a family's name") }
    let added = try wireString(name)
    var definition = schema.definition
    definition = TableDefinition(
      name: definition.name, families: definition.families + [FamilyDefinition(name: added)],
      gcOnRead: definition.gcOnRead)
    let grown = RowDecoder.schema(of: definition)
    renumber(row, from: schema, to: grown)
    schema = grown
    guard let index = grown.familyIndex(of: name) else {
      throw .malformed("a family's name")
    }
    lastFamily = index
    return index
  }

  /// Cells already read keep their families when the schema grows in the middle of a row.
  private func renumber(_ row: RowBuffer, from old: TableSchema, to new: TableSchema) {
    for index in row.cells.indices {
      let cell = row.cells[index]
      guard cell.familyIndex < old.familyNames.count,
        let moved = ByteView.of(old.familyNames[cell.familyIndex], { new.familyIndex(of: $0) })
      else { continue }
      row.cells[index] = CellView(
        familyIndex: moved, qualifier: cell.qualifier, timestamp: cell.timestamp,
        value: cell.value, label: cell.label)
    }
  }
}
