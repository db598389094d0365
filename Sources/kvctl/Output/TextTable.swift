// An aligned table: a header, a rule, rows. Widths come from what is there, narrowed to fit the
// terminal; the widest columns give way first.

/// Rows of text under headers.
struct TextTable {
  struct Column {
    var title: String
    var alignRight = false
  }

  private(set) var columns: [Column]
  private(set) var rows: [[String]] = []

  init(_ titles: [String], alignRight: Set<Int> = []) {
    columns = titles.enumerated().map { index, title in
      Column(title: DisplayText.visible(title), alignRight: alignRight.contains(index))
    }
  }

  init(_ columns: [Column]) { self.columns = columns }

  mutating func append(_ cells: [String]) {
    precondition(cells.count == columns.count, "one cell a column")
    rows.append(cells.map(DisplayText.visible))
  }

  /// Widths of the columns when the table may take `limit` columns of a terminal.
  func widths(limit: Int?) -> [Int] {
    var widths = columns.indices.map { index in
      rows.reduce(DisplayText.width(columns[index].title)) {
        max($0, DisplayText.width($1[index]))
      }
    }
    guard let limit else { return widths }
    let room = max(limit - 2 * (columns.count - 1), columns.count)
    var total = widths.reduce(0, +)
    while total > room {
      guard let widest = widths.max(), widest > 4 else { break }
      let next = widths.filter { $0 < widest }.max() ?? 0
      let share = widths.filter { $0 == widest }.count
      let drop = max(1, min(widest - max(next, 4), (total - room + share - 1) / share))
      for index in widths.indices where widths[index] == widest { widths[index] -= drop }
      total = widths.reduce(0, +)
    }
    return widths
  }

  /// The table's lines.
  func lines(limit: Int?) -> [String] {
    let widths = widths(limit: limit)
    return [header(widths), rule(widths)] + rows.map { line($0, widths) }
  }

  func header(_ widths: [Int]) -> String { line(columns.map(\.title), widths) }

  func rule(_ widths: [Int]) -> String {
    widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
  }

  func line(_ cells: [String], _ widths: [Int]) -> String {
    var text = ""
    for index in cells.indices {
      if index > 0 { text += "  " }
      text += DisplayText.fitted(
        cells[index], widths[index], alignRight: columns[index].alignRight)
    }
    while text.last == " " { text.removeLast() }
    return text
  }
}
