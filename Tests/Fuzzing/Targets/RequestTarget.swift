// Bodies of requests as JSON: mutations, conditions, rules, filters, definitions. The first byte
// chooses. What was refused left no trace; what was read is written and read back the same; a
// filter that passes its rules works on a row within its budget.

import Bytes
import DataModel
import RowText

final class RequestTarget: FuzzTarget {
  private var reader = MutationJSONReader(TextWorld.schema)
  private var list = MutationList()
  private var other = MutationList()
  private var written = ByteBuffer()

  func run(_ input: ByteView) throws(Finding) {
    var parts = FuzzInput(input)
    let kind = parts.byte()
    let text = parts.rest
    switch kind {
    case UInt8(ascii: "m"): try readMutations(text)
    case UInt8(ascii: "c"): readCondition(text)
    case UInt8(ascii: "r"): _ = try? reader.readRules(text)
    case UInt8(ascii: "f"): try readFilter(text)
    case UInt8(ascii: "d"): try readDefinition(text)
    case UInt8(ascii: "a"): readChanges(text)
    default: break
    }
  }

  private func readMutations(_ text: ByteView) throws(Finding) {
    list.clear()
    let key: StaticString = "key"
    let row = ByteView(UnsafeRawPointer(key.utf8Start), count: key.utf8CodeUnitCount)
    list.beginRow(row)
    let before = list.byteCount
    do throws(RowTextError) {
      try reader.readMutations(text, key: row, into: &list)
    } catch {
      try require(
        list.byteCount == before && list.rowCount == 1 && list.mutationCount == 0,
        "a refused request left mutations")
      return
    }
    try require(list.mutationCount > 0, "a request without mutations was taken")
  }

  private func readCondition(_ text: ByteView) {
    list.clear()
    other.clear()
    let key: StaticString = "key"
    let row = ByteView(UnsafeRawPointer(key.utf8Start), count: key.utf8CodeUnitCount)
    _ = try? reader.readCheckAndMutate(text, key: row, ifMatched: &list, otherwise: &other)
  }

  private func readFilter(_ text: ByteView) throws(Finding) {
    guard let filter = try? RowFilterJSON.read(text) else { return }
    written.clear()
    RowFilterJSON.write(filter, into: &written)
    try require((try? RowFilterJSON.read(written.view)) == filter, "filter: \(written.view)")
    guard (try? filter.validate()) != nil else { return }
    var evaluation = FilterEvaluation(
      key: written.view.prefix(1), familyNames: [[0x61], [0x62], [0x66]])
    var cells: FilterEvaluation.Cells = []
    for index in 0..<4 {
      cells.append(
        CellView(
          familyIndex: index / 2, qualifier: written.view[index..<index + 1],
          timestamp: Timestamp(microseconds: Int64(4 - index) * 1_000),
          value: written.view.prefix(index)))
    }
    try? evaluation.apply(filter, to: &cells)
  }

  private func readDefinition(_ text: ByteView) throws(Finding) {
    guard let definition = try? TableDefinitionJSON.read(text) else { return }
    written.clear()
    TableDefinitionJSON.write(definition, into: &written)
    let again = try? TableDefinitionJSON.read(written.view)
    try require(again == definition, "definition: \(written.view)")
    _ = try? definition.validate()
  }

  private func readChanges(_ text: ByteView) {
    _ = try? TableDefinitionJSON.readChanges(text, of: TextWorld.definition)
  }
}
