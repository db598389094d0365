// Columns, keys and cells as command-line words: `s`, `s:score`, `s:score=712`; bytes that are not
// UTF-8 as `base64:…` in place of a key or qualifier.

package import DataModel

/// A word that says nothing here, and why.
package struct WrongWord: Error, Equatable, Sendable {
  package let message: String

  init(_ message: String) { self.message = message }
}

/// Words that name columns.
package enum ColumnArgument {
  /// `family` or `family:qualifier`.
  package static func selector(_ text: some StringProtocol) throws(WrongWord) -> ColumnSelector {
    guard let colon = text.firstIndex(of: ":") else {
      guard !text.isEmpty else { throw WrongWord("an empty column name") }
      return ColumnSelector(family: String(text))
    }
    return ColumnSelector(
      family: String(text[..<colon]),
      qualifier: try bytes(String(text[text.index(after: colon)...]), of: "qualifier"))
  }

  /// A comma-separated list of them.
  package static func selectors(_ text: String?) throws(WrongWord) -> [ColumnSelector] {
    try (text ?? "").split(separator: ",").map { part throws(WrongWord) in try selector(part) }
  }

  /// `family:qualifier=value`.
  package static func assignment(_ text: String) throws(WrongWord) -> (
    column: ColumnSelector, value: String
  ) {
    guard let equals = text.firstIndex(of: "="), let colon = text.firstIndex(of: ":"),
      colon < equals
    else {
      throw WrongWord("'\(text)' is no cell: write FAMILY:QUALIFIER=VALUE")
    }
    return (try selector(text[..<equals]), String(text[text.index(after: equals)...]))
  }

  /// A row key.
  package static func key(_ text: String) throws(WrongWord) -> [UInt8] {
    try bytes(text, of: "key")
  }

  package static func bytes(_ text: String, of what: String) throws(WrongWord) -> [UInt8] {
    guard let bytes = PlainValueReader.bytes(of: text) else {
      throw WrongWord("the \(what) '\(text)' is not base64 after 'base64:'")
    }
    return bytes
  }
}
