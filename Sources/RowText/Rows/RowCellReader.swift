// The cells of a row as JSON (see RowJSONReader), turned into mutations one by one.

internal import Bytes
internal import DataModel
internal import JSON

/// Reads `{F: {Q: value or versions}}`, with storage of its own for what must be decoded.
struct RowCellReader: ~Copyable {
  private let schema: RowTextSchema
  /// A null in place of a column's value deletes the column; else it is refused (but for json).
  var nullDeletes = false
  private var qualifierBytes = ByteBuffer()
  private var valueBytes = ByteBuffer()

  init(_ schema: RowTextSchema) { self.schema = schema }

  /// Reads the next value as families with their columns.
  mutating func readFamilies(
    from reader: inout JSONReader, _ timestamp: Timestamp, into list: inout MutationList
  ) throws {
    try reader.beginObject()
    while let name = try reader.nextMember() {
      guard let index = schema.familyIndex(named: name) else {
        throw reader.refusal(.unknownFamily, at: reader.offset, schema.unknownFamily(name))
      }
      let family = Family(name: name, index: index, aggregate: schema.families[index].aggregate)
      try reader.beginObject()
      while let text = try reader.nextMember() {
        guard let qualifier = ValueText.qualifier(text, into: &qualifierBytes) else {
          throw reader.refusal(
            .invalidRow, at: reader.offset, "\(name):\(text): not base64 after 'base64:'")
        }
        guard qualifier.count <= DataModelLimits.qualifierByteCount else {
          throw reader.refusal(
            .limitExceeded, at: reader.offset,
            "a qualifier of \(qualifier.count) bytes is over the limit of "
              + "\(DataModelLimits.qualifierByteCount)")
        }
        try readColumn(family, qualifier, from: &reader, timestamp, into: &list)
      }
    }
  }

  private struct Family {
    let name: ByteView
    let index: Int
    let aggregate: AggregateKind?
  }

  private mutating func readColumn(
    _ family: Family, _ qualifier: ByteView, from reader: inout JSONReader,
    _ timestamp: Timestamp, into list: inout MutationList
  ) throws {
    let type = schema.type(familyIndex: family.index, qualifier: qualifier)
    let column = ColumnName(family: family.name, qualifier: qualifier)
    if nullDeletes, try reader.peek() == .null {
      try reader.null()
      return list.deleteFromColumn(family: family.name, qualifier: qualifier)
    }
    guard try reader.peek() == .array else {
      let value = try ValueText.read(type, of: column, from: &reader, into: &valueBytes)
      return add(value, family, qualifier, timestamp, to: &list)
    }
    if type == .json {
      let start = reader.offset
      let value = try reader.rawValue()
      var versions = JSONReader(ByteView())
      versions.reset(to: reader.text.prefix(reader.offset), startingAt: start)
      guard try RowCellReader.isVersionList(&versions) else {
        return add(value, family, qualifier, timestamp, to: &list)
      }
      versions.reset(to: reader.text.prefix(reader.offset), startingAt: start)
      return try readVersions(family, column, type, from: &versions, timestamp, into: &list)
    }
    try readVersions(family, column, type, from: &reader, timestamp, into: &list)
  }

  private mutating func readVersions(
    _ family: Family, _ column: ColumnName, _ type: ValueType?, from reader: inout JSONReader,
    _ rowTimestamp: Timestamp, into list: inout MutationList
  ) throws {
    try reader.beginArray()
    while try reader.nextElement() {
      var timestamp = rowTimestamp
      var value: ByteView?
      var hasOwnTimestamp = false
      guard try reader.peek() == .object else {
        throw reader.refusal(
          .wrongValueType, at: reader.offset,
          "\(column): a list holds versions, each {\"value\": …, \"timestamp\": µs}")
      }
      let start = reader.offset
      try reader.beginObject()
      while let name = try reader.nextMember() {
        if name.spells("value"), value == nil {
          value = try ValueText.read(type, of: column, from: &reader, into: &valueBytes)
        } else if name.spells("timestamp"), !hasOwnTimestamp {
          timestamp = try ValueText.readTimestamp(from: &reader)
          hasOwnTimestamp = true
        } else {
          throw reader.refusal(
            .invalidRow, at: reader.offset,
            "\(column): '\(name)' is no member of a version, or is given twice: value, timestamp")
        }
      }
      guard let value else {
        throw reader.refusal(.invalidRow, at: start, "\(column): a version has no \"value\"")
      }
      add(value, family, column.qualifier, timestamp, to: &list)
    }
  }

  /// Whether the next value is a non-empty array of objects that have exactly `value` and
  /// `timestamp`.
  private static func isVersionList(_ reader: inout JSONReader) throws -> Bool {
    var count = 0
    try reader.beginArray()
    while try reader.nextElement() {
      guard try reader.peek() == .object else { return false }
      var values = 0
      var timestamps = 0
      try reader.beginObject()
      while let name = try reader.nextMember() {
        if name.spells("value") {
          values += 1
        } else if name.spells("timestamp"), try reader.peek() == .number {
          timestamps += 1
        } else {
          return false
        }
        try reader.skipValue()
      }
      guard values == 1, timestamps == 1 else { return false }
      count += 1
    }
    return count > 0
  }

  private func add(
    _ value: ByteView, _ family: Family, _ qualifier: ByteView, _ timestamp: Timestamp,
    to list: inout MutationList
  ) {
    if family.aggregate != nil, value.count == 8 {
      list.addToCell(
        family: family.name, qualifier: qualifier, timestamp: timestamp,
        input: Int64(bitPattern: value.bigEndian64(at: 0)))
    } else {
      list.setCell(
        family: family.name, qualifier: qualifier, timestamp: timestamp, value: value)
    }
  }
}
