// Rows of one register and one counter in a real table: the requests and what is read of them.
//
// The register is written at one fixed timestamp, so that the last write is the newest cell
// whatever clocks say; the counter is incremented at the server's time.

internal import Bytes
package import DataModel

/// The table that histories are recorded on.
package enum RegisterTable {
  package static let name = "registers"
  package static let family = "f"
  package static let registerColumn = "r"
  package static let counterColumn = "c"
  /// The one version of a register.
  package static let time = Timestamp(microseconds: 1_000)

  package static func definition(named name: String = RegisterTable.name) -> TableDefinition {
    TableDefinition(
      name: name,
      families: [
        FamilyDefinition(
          name: family,
          columns: [Array(registerColumn.utf8): .utf8, Array(counterColumn.utf8): .int64])
      ])
  }

  package static func keyText(_ row: Int) -> String { "row-\(1_000 + row)" }
  package static func key(_ row: Int) -> [UInt8] { Array(keyText(row).utf8) }

  /// A plain mutation; nil for operations that are none.
  package static func mutations(_ operation: RowOperation, row: Int) -> MutationList? {
    var list = MutationList()
    ByteView.of(key(row)) { list.beginRow($0) }
    switch operation {
    case .set(let value): set(register: value, in: &list)
    case .replace(let register, let counter):
      list.deleteFromRow()
      set(register: register, in: &list)
      let value = withUnsafeBytes(of: counter.bigEndian) { Array($0) }
      cell(counterColumn, value, in: &list)
    case .deleteRow: list.deleteFromRow()
    case .deleteRegister:
      ByteView.of(family) { family in
        ByteView.of(registerColumn) { list.deleteFromColumn(family: family, qualifier: $0) }
      }
    case .read, .increment, .compareAndSet, .setIfEmpty: return nil
    }
    return list
  }

  /// The mutation, or an empty list for nil.
  package static func list(_ operation: RowOperation?, row: Int) -> MutationList {
    operation.flatMap { mutations($0, row: row) } ?? MutationList()
  }

  /// A check-and-mutate in parts, each a plain mutation.
  package struct Condition: Sendable {
    /// Nil asks whether the row has any cell.
    package var predicate: RowFilter?
    package var matched: RowOperation?
    package var otherwise: RowOperation?
  }

  /// A check-and-mutate; nil for operations that are none.
  package static func condition(_ operation: RowOperation) -> Condition? {
    switch operation {
    case .compareAndSet(let expected, let new, let otherwise):
      Condition(
        predicate: .chain([
          .columnRange(family: family, from: Array(registerColumn.utf8), to: nil),
          .value(text(expected)),
        ]), matched: .set(new), otherwise: otherwise.map { .set($0) })
    case .setIfEmpty(let value):
      Condition(predicate: nil, matched: nil, otherwise: .set(value))
    default: nil
    }
  }

  package static func rule(_ amount: Int64) -> ReadModifyWriteRule {
    ReadModifyWriteRule(
      family: family, qualifier: Array(counterColumn.utf8), change: .increment(amount))
  }

  /// The state that these cells, newest versions of each column, make; nil where they are none
  /// that any operation wrote.
  package static func state(
    _ cells: some Sequence<(qualifier: [UInt8], value: [UInt8])>
  ) -> RowState? {
    var state = RowState.empty
    for cell in cells {
      switch String(decoding: cell.qualifier, as: UTF8.self) {
      case registerColumn:
        guard let value = UInt32(String(decoding: cell.value, as: UTF8.self)) else { return nil }
        state.register = value
      case counterColumn:
        guard let value = number(cell.value) else { return nil }
        state.counter = value
      default: return nil
      }
    }
    return state
  }

  /// A counter's 8 bytes, big-endian.
  package static func number(_ bytes: [UInt8]) -> Int64? {
    guard bytes.count == 8 else { return nil }
    return Int64(bitPattern: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  private static func text(_ value: UInt32) -> [UInt8] { Array("\(value)".utf8) }

  private static func set(register: UInt32, in list: inout MutationList) {
    cell(registerColumn, text(register), in: &list)
  }

  private static func cell(_ column: String, _ value: [UInt8], in list: inout MutationList) {
    ByteView.of(family) { family in
      ByteView.of(column) { column in
        ByteView.of(value) {
          list.setCell(family: family, qualifier: column, timestamp: time, value: $0)
        }
      }
    }
  }
}
