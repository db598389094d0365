// Rows as an aligned table, in constant memory: the first rows set columns and widths; a column
// that shows up later starts a new table below.
//
//   latest    key │ family:qualifier …        one line a row
//   versions  key │ column │ timestamp │ value   one line a cell

import Bytes
import DataModel
import RowText

/// Collects rows and writes them as lines.
struct RowTable {
  /// Rows that are looked at before widths are set.
  private static let sampleRowCount = 200

  /// Set anew when rows count their families in another way.
  var schema: RowTextSchema
  private let detail: RowDetail
  private let limit: Int?
  private var held: [[(column: String, alignRight: Bool, text: String)]] = []
  private var table: TextTable?
  private var widths: [Int] = []
  private var positions: [String: Int] = [:]
  private var isFirst = true

  init(_ schema: RowTextSchema, _ detail: RowDetail, limit: Int?) {
    self.schema = schema
    self.detail = detail
    self.limit = limit
  }

  mutating func add(_ row: RowBuffer, into out: inout ByteBuffer) {
    let key = RowTable.text { PlainValueWriter.append(bytes: row.key, into: &$0) }
    var cells = [(column: "key", alignRight: false, text: key)]
    var last: (family: Int, qualifier: ByteView)?
    if detail != .keys {
      for cell in row.cells {
        if detail == .latest, let last, last == (cell.familyIndex, cell.qualifier) { continue }
        last = (cell.familyIndex, cell.qualifier)
        let shown = text(of: cell)
        if detail == .latest {
          cells.append((shown.column, shown.isNumber, shown.value))
        } else {
          add(
            [
              ("key", false, key), ("column", false, shown.column),
              ("timestamp", false, TimestampText.format(cell.timestamp)),
              ("value", false, shown.value),
            ], into: &out)
        }
      }
    }
    if detail != .versions { add(cells, into: &out) }
  }

  private func text(of cell: CellView) -> (column: String, value: String, isNumber: Bool) {
    let family = schema.definition.families[cell.familyIndex].name
    let type = schema.type(familyIndex: cell.familyIndex, qualifier: cell.qualifier)
    let qualifier = RowTable.text { PlainValueWriter.append(bytes: cell.qualifier, into: &$0) }
    // What a screen cannot show need not be decoded.
    let shown =
      type == nil || type == .utf8 ? cell.value.prefix(min(cell.value.count, 4_096)) : cell.value
    let value = RowTable.text { out in
      PlainValueWriter.append(
        isCut(shown, cell.value) ? wholeCharacters(shown) : shown, as: type, into: &out)
    }
    return ("\(family):\(qualifier)", value, type == .int64 || type == .float64)
  }

  private func isCut(_ shown: ByteView, _ value: ByteView) -> Bool { shown.count < value.count }

  /// A prefix without the character that a cut has torn.
  private func wholeCharacters(_ text: ByteView) -> ByteView {
    var count = text.count
    while count > 0, count > text.count - 4, text[count - 1] & 0xc0 == 0x80 { count -= 1 }
    return count > 0 && text[count - 1] >= 0xc0 ? text.prefix(count - 1) : text.prefix(count)
  }

  private static func text(_ body: (inout ByteBuffer) -> Void) -> String {
    var buffer = ByteBuffer()
    body(&buffer)
    return String(decoding: buffer.view.buffer, as: UTF8.self)
  }

  private mutating func add(
    _ cells: [(column: String, alignRight: Bool, text: String)], into out: inout ByteBuffer
  ) {
    if table != nil {
      if cells.allSatisfy({ positions[$0.column] != nil }) { return writeLine(cells, into: &out) }
      table = nil
      positions = [:]
    }
    held.append(cells)
    if held.count >= RowTable.sampleRowCount { begin(into: &out) }
  }

  mutating func finish(into out: inout ByteBuffer) {
    if table == nil, !held.isEmpty { begin(into: &out) }
  }

  /// Sets columns and widths by the rows held, and writes them.
  private mutating func begin(into out: inout ByteBuffer) {
    var columns: [String: Bool] = [:]
    for row in held { for cell in row { columns[cell.column] = cell.alignRight } }
    let names: [String]
    if detail == .versions {
      names = ["key", "column", "timestamp", "value"]
    } else {
      names = ["key"] + columns.keys.filter { $0 != "key" }.sorted()
    }
    var sample = TextTable(
      names.map { .init(title: DisplayText.visible($0), alignRight: columns[$0] ?? false) })
    positions = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    for row in held { sample.append(line(row, count: names.count)) }
    widths = sample.widths(limit: limit)
    if !isFirst { out.append(UInt8(ascii: "\n")) }
    isFirst = false
    for text in [sample.header(widths), sample.rule(widths)] {
      out.append(utf8: text)
      out.append(UInt8(ascii: "\n"))
    }
    table = TextTable(sample.columns)
    for row in held { writeLine(row, into: &out) }
    held = []
  }

  private func line(
    _ cells: [(column: String, alignRight: Bool, text: String)], count: Int
  ) -> [String] {
    var line = Array(repeating: "", count: count)
    for cell in cells {
      if let position = positions[cell.column] { line[position] = DisplayText.visible(cell.text) }
    }
    return line
  }

  private func writeLine(
    _ cells: [(column: String, alignRight: Bool, text: String)], into out: inout ByteBuffer
  ) {
    guard let table else { return }
    out.append(utf8: table.line(line(cells, count: widths.count), widths))
    out.append(UInt8(ascii: "\n"))
  }
}
