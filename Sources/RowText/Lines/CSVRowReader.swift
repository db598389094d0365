// CSV records turned into mutations. The header names the columns: `key` first or anywhere,
// `timestamp` (µs, for the record's cells) where wanted, else `family:qualifier`. An empty field
// without quotes writes nothing. Fields by type: ValueText.

package import Bytes
package import DataModel
internal import JSON

/// Reads the records of one CSV stream.
package struct CSVRowReader: ~Copyable {
  private enum Column {
    case key
    case timestamp
    case cell(family: Int, qualifier: [UInt8], type: ValueType?)
  }

  private let schema: RowTextSchema
  private var columns: [Column] = []
  private var fields = CSVFields()
  private var number = JSONReader(ByteView())
  private var values = PlainValueReader()
  private var keyBytes = ByteBuffer()
  private var valueBytes = ByteBuffer()

  private let timestamp: Timestamp

  /// - Parameters:
  ///   - header: The first record, without its line end.
  ///   - timestamp: For records without their own.
  package init(
    _ schema: RowTextSchema, header: ByteView, line: Int = 1, timestamp: Timestamp = .server
  ) throws(RowTextError) {
    self.schema = schema
    self.timestamp = timestamp
    do {
      try readHeader(header)
    } catch {
      throw RowTextError.folded(error, line: line)
    }
  }

  private mutating func readHeader(_ header: ByteView) throws {
    try fields.split(header)
    var names: Set<[UInt8]> = []
    for field in fields.fields {
      guard names.insert(field.text.array).inserted else {
        throw CSVFields.malformed(
          "column '\(field.text)' is there twice", at: field.offset, in: header)
      }
      if field.text.spells("key") {
        columns.append(.key)
      } else if field.text.spells("timestamp") {
        columns.append(.timestamp)
      } else {
        columns.append(try cellColumn(field, header))
      }
    }
    guard names.contains(Array("key".utf8)) else {
      throw CSVFields.malformed(
        "the header has no column 'key': it reads like key,s:score,s:model", at: 0, in: header)
    }
  }

  private mutating func cellColumn(_ field: CSVFields.Field, _ header: ByteView) throws -> Column {
    let text = field.text
    guard let colon = (0..<text.count).first(where: { text[$0] == UInt8(ascii: ":") }) else {
      throw CSVFields.malformed(
        "column '\(text)' is neither key, timestamp nor family:qualifier", at: field.offset,
        in: header)
    }
    let name = text.prefix(colon)
    guard let family = schema.familyIndex(named: name) else {
      throw CSVFields.refusal(
        .unknownFamily, schema.unknownFamily(name), at: field.offset, in: header)
    }
    guard let qualifier = ValueText.qualifier(text.dropFirst(colon + 1), into: &valueBytes),
      qualifier.count <= DataModelLimits.qualifierByteCount
    else {
      throw CSVFields.malformed(
        "column '\(text)': the qualifier is too long or not base64", at: field.offset, in: header)
    }
    return .cell(
      family: family, qualifier: qualifier.array,
      type: schema.type(familyIndex: family, qualifier: qualifier))
  }

  /// Appends the record's mutations to the list. After an error the list is as it was.
  package mutating func read(
    _ record: ByteView, line: Int = 1, into list: inout MutationList
  ) throws(RowTextError) {
    let mark = list.mark
    let earlierCount = list.mutationCount
    do {
      try fields.split(record)
      guard fields.fields.count == columns.count else {
        throw CSVFields.malformed(
          "expected \(columns.count) fields as in the header, found \(fields.fields.count)", at: 0,
          in: record)
      }
      let timestamp = try beginRow(record, in: &list)
      for index in columns.indices {
        guard case .cell(let family, let qualifier, let type) = columns[index] else { continue }
        try readCell(fields.fields[index], family, qualifier, type, timestamp, record, into: &list)
      }
      guard list.mutationCount > earlierCount else {
        throw CSVFields.refusal(
          .invalidRow, "nothing to write: every field but the key is empty", at: 0, in: record)
      }
    } catch {
      list.rollBack(to: mark)
      throw RowTextError.folded(error, line: line)
    }
  }

  private mutating func beginRow(
    _ record: ByteView, in list: inout MutationList
  ) throws -> Timestamp {
    var timestamp = self.timestamp
    for index in columns.indices {
      let field = fields.fields[index]
      switch columns[index] {
      case .cell: continue
      case .key:
        guard let key = ValueText.qualifier(field.text, into: &keyBytes) else {
          throw CSVFields.refusal(
            .invalidRowKey, "the key is not base64 after 'base64:'", at: field.offset, in: record)
        }
        if let problem = ValueText.keyProblem(key) {
          throw CSVFields.refusal(.invalidRowKey, problem, at: field.offset, in: record)
        }
        list.beginRow(key)
      case .timestamp:
        if field.text.isEmpty { continue }
        number.reset(to: field.text)
        do {
          timestamp = try ValueText.readTimestamp(from: &number)
          try number.finish()
        } catch {
          throw CSVFields.refusal(
            .invalidTimestamp, RowTextError.folded(error).message, at: field.offset, in: record)
        }
      }
    }
    return timestamp
  }

  private mutating func readCell(
    _ field: CSVFields.Field, _ familyIndex: Int, _ qualifier: [UInt8], _ type: ValueType?,
    _ timestamp: Timestamp, _ record: ByteView, into list: inout MutationList
  ) throws {
    if field.text.isEmpty, !field.isQuoted { return }
    let family = schema.families[familyIndex]
    guard let value = values.value(field.text, as: type) else {
      let name = schema.definition.families[familyIndex].name
      let column = ByteView.of(qualifier) { "\(name):\($0)" }
      throw CSVFields.refusal(
        .wrongValueType, PlainValueReader.refusal(of: field.text, as: type, column: column),
        at: field.offset, in: record)
    }
    ByteView.of(family.name) { name in
      ByteView.of(qualifier) { qualifier in
        if family.aggregate != nil, value.count == 8 {
          list.addToCell(
            family: name, qualifier: qualifier, timestamp: timestamp,
            input: Int64(bitPattern: value.bigEndian64(at: 0)))
        } else {
          list.setCell(family: name, qualifier: qualifier, timestamp: timestamp, value: value)
        }
      }
    }
  }
}
