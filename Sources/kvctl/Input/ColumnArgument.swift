// Columns, keys and cells as command-line words: `s`, `s:score`, `s:score=712`; bytes that are not
// UTF-8 as `base64:…` in place of a key or qualifier.

import DataModel
import RowText

/// Words that name columns.
enum ColumnArgument {
  /// `family` or `family:qualifier`.
  static func selector(_ text: some StringProtocol) throws -> ColumnSelector {
    guard let colon = text.firstIndex(of: ":") else {
      guard !text.isEmpty else { throw CommandFailure.wrongCall("an empty column name") }
      return ColumnSelector(family: String(text))
    }
    return ColumnSelector(
      family: String(text[..<colon]),
      qualifier: try bytes(String(text[text.index(after: colon)...]), of: "qualifier"))
  }

  /// A comma-separated list of them.
  static func selectors(_ text: String?) throws -> [ColumnSelector] {
    try (text ?? "").split(separator: ",").map { try selector($0) }
  }

  /// `family:qualifier=value`.
  static func assignment(_ text: String) throws -> (column: ColumnSelector, value: String) {
    guard let equals = text.firstIndex(of: "="), let colon = text.firstIndex(of: ":"),
      colon < equals
    else {
      throw CommandFailure.wrongCall("'\(text)' is no cell: write FAMILY:QUALIFIER=VALUE")
    }
    return (try selector(text[..<equals]), String(text[text.index(after: equals)...]))
  }

  /// A row key.
  static func key(_ text: String) throws -> [UInt8] { try bytes(text, of: "key") }

  static func bytes(_ text: String, of what: String) throws -> [UInt8] {
    guard let bytes = PlainValueReader.bytes(of: text) else {
      throw CommandFailure.wrongCall("the \(what) '\(text)' is not base64 after 'base64:'")
    }
    return bytes
  }
}
