// Mutations, cells and rows as tests write and read them.

internal import Bytes
package import DataModel

/// One mutation as a test writes it. Its description is Swift source.
package enum TestMutation: Equatable, Sendable {
  case set(String, String, Int64, [UInt8])
  case deleteColumn(String, String, Int64, Int64?)
  case deleteFamily(String)
  case deleteRow
  case add(String, String, Int64, Int64)
  /// As `add`, with the input as a state of 8 bytes.
  case merge(String, String, Int64, Int64)

  /// The family it names.
  package var family: String? {
    switch self {
    case .set(let family, _, _, _), .deleteColumn(let family, _, _, _), .deleteFamily(let family),
      .add(let family, _, _, _), .merge(let family, _, _, _):
      family
    case .deleteRow: nil
    }
  }
}

extension TestMutation: CustomStringConvertible {
  package var description: String {
    switch self {
    case .set(let family, let qualifier, let time, let value):
      ".set(\"\(family)\", \"\(qualifier)\", \(time), \(value))"
    case .deleteColumn(let family, let qualifier, let start, let end):
      ".deleteColumn(\"\(family)\", \"\(qualifier)\", \(start), \(end.map { "\($0)" } ?? "nil"))"
    case .deleteFamily(let family): ".deleteFamily(\"\(family)\")"
    case .deleteRow: ".deleteRow"
    case .add(let family, let qualifier, let time, let input):
      ".add(\"\(family)\", \"\(qualifier)\", \(time), \(input))"
    case .merge(let family, let qualifier, let time, let input):
      ".merge(\"\(family)\", \"\(qualifier)\", \(time), \(input))"
    }
  }
}

extension MutationList {
  package mutating func append(_ mutation: TestMutation) {
    switch mutation {
    case .set(let family, let qualifier, let time, let value):
      ByteView.of(family) { f in
        ByteView.of(qualifier) { q in
          ByteView.of(value) {
            setCell(family: f, qualifier: q, timestamp: Timestamp(microseconds: time), value: $0)
          }
        }
      }
    case .deleteColumn(let family, let qualifier, let start, let end):
      ByteView.of(family) { f in
        ByteView.of(qualifier) { q in
          deleteFromColumn(
            family: f, qualifier: q, from: Timestamp(microseconds: start),
            to: end.map { Timestamp(microseconds: $0) })
        }
      }
    case .deleteFamily(let family): ByteView.of(family) { deleteFromFamily($0) }
    case .deleteRow: deleteFromRow()
    case .add(let family, let qualifier, let time, let input):
      ByteView.of(family) { f in
        ByteView.of(qualifier) { q in
          addToCell(
            family: f, qualifier: q, timestamp: Timestamp(microseconds: time), input: input)
        }
      }
    case .merge(let family, let qualifier, let time, let input):
      ByteView.of(family) { f in
        ByteView.of(qualifier) { q in
          ByteView.of(RowModel.bytes(input)) {
            mergeToCell(
              family: f, qualifier: q, timestamp: Timestamp(microseconds: time), state: $0)
          }
        }
      }
    }
  }

  package mutating func append(row key: String, _ mutations: [TestMutation]) {
    ByteView.of(key) { beginRow($0) }
    for mutation in mutations { append(mutation) }
  }

  package static func of(_ key: String, _ mutations: [TestMutation]) -> MutationList {
    var list = MutationList()
    list.append(row: key, mutations)
    return list
  }
}

/// One cell as a test reads it.
package struct TestCell: Equatable, CustomStringConvertible, Sendable {
  package var family: String
  package var qualifier: String
  package var time: Int64
  package var value: [UInt8]
  /// That a filter has given it.
  package var label: String?

  package init(
    family: String, qualifier: String, time: Int64, value: [UInt8], label: String? = nil
  ) {
    self.label = label
    self.family = family
    self.qualifier = qualifier
    self.time = time
    self.value = value
  }

  package var description: String {
    "\(family):\(qualifier)@\(time)=\(value)" + (label.map { "#" + $0 } ?? "")
  }
}

/// A row as a test reads it.
package struct TestRow: Equatable, Sendable {
  package var key: String
  package var cells: [TestCell]

  package init(key: String, cells: [TestCell]) {
    self.key = key
    self.cells = cells
  }
}

extension RowBuffer {
  /// The cells as a test compares them.
  package var testCells: [TestCell] {
    cells.map { cell in
      TestCell(
        family: schema?.definition.families[cell.familyIndex].name ?? "?",
        qualifier: String(decoding: cell.qualifier.array, as: UTF8.self),
        time: cell.timestamp.microseconds, value: cell.value.array, label: label(of: cell))
    }
  }
}
