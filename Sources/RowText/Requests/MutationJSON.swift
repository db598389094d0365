// Requests that change one row, as JSON.
//
//   :mutate           {"mutations": [mutation, …]}
//   :checkAndMutate   {"predicate"?: filter | column | null,
//                      "trueMutations"?: [mutation, …], "falseMutations"?: [mutation, …]}
//   :readModifyWrite  {"rules": [{"family": F, "qualifier": Q, "append": B | "increment": n}, …]}
//
//   mutation  {"setCell": {"family", "qualifier", "value", "timestamp"?}}
//             {"deleteFromColumn": {"family", "qualifier", "start"?: µs, "end"?: µs}}
//             {"deleteFromFamily": {"family"}}
//             {"deleteFromRow": {}}
//             {"addToCell": {"family", "qualifier", "input": n, "timestamp"?}}
//             {"mergeToCell": {"family", "qualifier", "state": {"base64": …}, "timestamp"?}}
//
// Values follow the column's declared type (ValueText), filters RowFilterJSON, columns
// ColumnPredicate. "ifMatched" and "otherwise" are other names of the two lists. Qualifiers go as
// member names do: text, or base64:… for bytes that are not UTF-8. [start, end).

package import Bytes
package import DataModel
internal import JSON

/// Reads mutation requests of one table.
package struct MutationJSONReader: ~Copyable {
  private let schema: RowTextSchema
  private var fieldReader = JSONReader(ByteView())
  private var qualifierBytes = ByteBuffer()
  private var valueBytes = ByteBuffer()

  package init(_ schema: RowTextSchema) { self.schema = schema }

  /// Appends the row with its mutations to the list. After an error the list is as it was.
  package mutating func readMutations(
    _ text: ByteView, key: ByteView, into list: inout MutationList
  ) throws(RowTextError) {
    let mark = list.mark
    do {
      var reader = JSONReader(text)
      let earlierCount = list.mutationCount
      try reader.beginObject()
      while let name = try reader.nextMember() {
        guard name.spells("mutations"), list.mutationCount == earlierCount else {
          throw unknown(name, "mutations", reader)
        }
        try readList(from: &reader, key, into: &list)
      }
      try reader.finish()
      guard list.mutationCount > earlierCount else {
        throw RowTextError(.invalidMutation, "the body has no \"mutations\"")
      }
    } catch {
      list.rollBack(to: mark)
      throw RowTextError.folded(error)
    }
  }

  /// Reads a conditional mutation: returns its predicate and appends the row with its mutations to
  /// each list (nothing where there are none).
  package mutating func readCheckAndMutate(
    _ text: ByteView, key: ByteView, ifMatched: inout MutationList, otherwise: inout MutationList
  ) throws(RowTextError) -> RowFilter? {
    do {
      var predicate: RowFilter?
      var reader = JSONReader(text)
      try reader.beginObject()
      while let name = try reader.nextMember() {
        if name.spells("predicate") {
          let value = try JSONValue(from: &reader)
          if value != .null { predicate = try ColumnPredicate.filter(from: value, schema) }
        } else if name.spells("trueMutations") || name.spells("ifMatched"), ifMatched.isEmpty {
          try readList(from: &reader, key, into: &ifMatched)
        } else if name.spells("falseMutations") || name.spells("otherwise"), otherwise.isEmpty {
          try readList(from: &reader, key, into: &otherwise)
        } else {
          throw unknown(name, "predicate, trueMutations, falseMutations", reader)
        }
      }
      try reader.finish()
      return predicate
    } catch {
      throw RowTextError.folded(error)
    }
  }

  /// Reads the rules of a read-modify-write.
  package mutating func readRules(
    _ text: ByteView
  ) throws(RowTextError) -> [ReadModifyWriteRule] {
    do {
      var rules: [ReadModifyWriteRule] = []
      var reader = JSONReader(text)
      try reader.beginObject()
      while let name = try reader.nextMember() {
        guard name.spells("rules"), rules.isEmpty else { throw unknown(name, "rules", reader) }
        try reader.beginArray()
        while try reader.nextElement() { rules.append(try readRule(from: &reader)) }
      }
      try reader.finish()
      if rules.isEmpty { throw RowTextError(.invalidMutation, "the body has no \"rules\"") }
      return rules
    } catch {
      throw RowTextError.folded(error)
    }
  }

  // MARK: - Steps

  private mutating func readList(
    from reader: inout JSONReader, _ key: ByteView, into list: inout MutationList
  ) throws {
    var hasBegun = false
    try reader.beginArray()
    while try reader.nextElement() {
      if !hasBegun { list.beginRow(key) }
      hasBegun = true
      try readMutation(from: &reader, into: &list)
    }
  }

  private mutating func readMutation(
    from reader: inout JSONReader, into list: inout MutationList
  ) throws {
    try reader.beginObject()
    guard let kind = try reader.nextMember() else {
      throw reader.refusal(.invalidMutation, at: reader.offset, "an empty mutation")
    }
    let fields = try Fields(from: &reader)
    if kind.spells("deleteFromRow") {
      try fields.allow(Fields.none, reader)
      list.deleteFromRow()
    } else if kind.spells("deleteFromFamily") {
      try fields.allow(.family, reader)
      let family = try self.family(fields, reader)
      ByteView.of(schema.families[family].name) { list.deleteFromFamily($0) }
    } else {
      try readColumnMutation(kind, fields, from: &reader, into: &list)
    }
    if let extra = try reader.nextMember() {
      throw unknown(extra, "one mutation an object", reader)
    }
  }

  private mutating func readColumnMutation(
    _ kind: ByteView, _ fields: Fields, from reader: inout JSONReader,
    into list: inout MutationList
  ) throws {
    let isKnown =
      kind.spells("setCell") || kind.spells("deleteFromColumn") || kind.spells("addToCell")
      || kind.spells("mergeToCell")
    guard isKnown else {
      throw unknown(
        kind,
        "setCell, deleteFromColumn, deleteFromFamily, deleteFromRow, addToCell, mergeToCell",
        reader)
    }
    let index = try family(fields, reader)
    let family = schema.families[index].name
    guard let text = fields.qualifier else { throw missing("qualifier", fields, reader) }
    guard let qualifier = ValueText.qualifier(text, into: &qualifierBytes),
      qualifier.count <= DataModelLimits.qualifierByteCount
    else {
      throw reader.refusal(
        .invalidMutation, at: fields.offset, "the qualifier is too long or not base64")
    }
    let type = schema.type(familyIndex: index, qualifier: qualifier)
    try ByteView.of(family) { (family: ByteView) throws(RowTextError) in
      do {
        let column = ColumnName(family: family, qualifier: qualifier)
        if kind.spells("setCell") {
          try fields.allow([.family, .qualifier, .value, .timestamp], reader)
          let value = try readValue(fields.value, "value", type, column, fields, reader)
          list.setCell(
            family: family, qualifier: qualifier, timestamp: fields.timestamp, value: value)
        } else if kind.spells("deleteFromColumn") {
          try fields.allow([.family, .qualifier, .start, .end], reader)
          list.deleteFromColumn(
            family: family, qualifier: qualifier,
            from: fields.start ?? Timestamp(microseconds: 0), to: fields.end)
        } else if kind.spells("addToCell") {
          try fields.allow([.family, .qualifier, .input, .timestamp], reader)
          let input = try readValue(fields.input, "input", .int64, column, fields, reader)
          list.addToCell(
            family: family, qualifier: qualifier, timestamp: fields.timestamp,
            input: Int64(bitPattern: input.bigEndian64(at: 0)))
        } else {
          try fields.allow([.family, .qualifier, .state, .timestamp], reader)
          let state = try readValue(fields.state, "state", .bytes, column, fields, reader)
          list.mergeToCell(
            family: family, qualifier: qualifier, timestamp: fields.timestamp, state: state)
        }
      } catch {
        throw RowTextError.folded(error)
      }
    }
  }

  private mutating func readRule(from reader: inout JSONReader) throws -> ReadModifyWriteRule {
    let fields = try Fields(from: &reader)
    try fields.allow([.family, .qualifier, .append, .increment], reader)
    let index = try family(fields, reader)
    guard let text = fields.qualifier else { throw missing("qualifier", fields, reader) }
    guard let qualifier = ValueText.qualifier(text, into: &qualifierBytes)?.array else {
      throw reader.refusal(.invalidMutation, at: fields.offset, "the qualifier is not base64")
    }
    guard (fields.append == nil) != (fields.increment == nil) else {
      throw reader.refusal(
        .invalidMutation, at: fields.offset, "a rule has either \"append\" or \"increment\"")
    }
    let family = schema.definition.families[index].name
    return try ByteView.of(qualifier) { (view: ByteView) throws(RowTextError) in
      do {
        let column = ColumnName(family: ByteView(), qualifier: view)
        if fields.append != nil {
          let bytes = try readValue(fields.append, "append", nil, column, fields, reader)
          return ReadModifyWriteRule(
            family: family, qualifier: qualifier, change: .append(bytes.array))
        }
        let amount = try readValue(fields.increment, "increment", .int64, column, fields, reader)
        return ReadModifyWriteRule(
          family: family, qualifier: qualifier,
          change: .increment(Int64(bitPattern: amount.bigEndian64(at: 0))))
      } catch {
        throw RowTextError.folded(error)
      }
    }
  }

  private mutating func readValue(
    _ offset: Int?, _ name: String, _ type: ValueType?, _ column: ColumnName, _ fields: Fields,
    _ reader: borrowing JSONReader
  ) throws -> ByteView {
    guard let offset else { throw missing(name, fields, reader) }
    fieldReader.reset(to: reader.text, startingAt: offset)
    return try ValueText.read(type, of: column, from: &fieldReader, into: &valueBytes)
  }

  private func family(_ fields: Fields, _ reader: borrowing JSONReader) throws -> Int {
    guard let name = fields.family else { throw missing("family", fields, reader) }
    guard let index = schema.familyIndex(named: name) else {
      throw reader.refusal(.unknownFamily, at: fields.offset, schema.unknownFamily(name))
    }
    return index
  }

  private func missing(
    _ name: String, _ fields: Fields, _ reader: borrowing JSONReader
  ) -> RowTextError {
    reader.refusal(.invalidMutation, at: fields.offset, "\"\(name)\" is missing")
  }

  private func unknown(
    _ name: ByteView, _ known: String, _ reader: borrowing JSONReader
  ) -> RowTextError {
    reader.refusal(
      .invalidMutation, at: reader.offset, "'\(name)' is unknown here or given twice: \(known)")
  }
}
