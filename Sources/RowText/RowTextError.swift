// Why text is not a row, a mutation, a filter or a table definition.

internal import Bytes
package import JSON

/// Text refused: a stable code for programs, a message for people, and the place where it has one.
package struct RowTextError: Error, Equatable, Sendable {
  /// Stable words for programs.
  package enum Code: String, Sendable {
    case malformedJSON = "malformed_json"
    case malformedCSV = "malformed_csv"
    case lineTooLong = "line_too_long"
    /// Well-formed, but not a row: no key, an unknown member, nothing to write.
    case invalidRow = "invalid_row"
    case invalidRowKey = "invalid_row_key"
    case invalidTimestamp = "invalid_timestamp"
    case invalidMutation = "invalid_mutation"
    case invalidFilter = "invalid_filter"
    case invalidTableDefinition = "invalid_table_definition"
    case unknownFamily = "unknown_family"
    case wrongValueType = "wrong_value_type"
    case limitExceeded = "limit_exceeded"
  }

  package var code: Code
  package var message: String
  /// From 1, of the stream for rows in lines.
  package var line: Int?
  /// Characters from 1.
  package var column: Int?

  package init(_ code: Code, _ message: String, line: Int? = nil, column: Int? = nil) {
    self.code = code
    self.message = message
    self.line = line
    self.column = column
  }

  /// - Parameter line: Number of the text's first line.
  package init(_ error: JSONError, line: Int = 1) {
    self.init(
      .malformedJSON, error.message, line: line + error.line - 1, column: error.column)
  }

  /// Brings an error of this module's readers to this type, with lines counted from `line`.
  /// Inside the module errors travel untyped; every door folds them.
  static func folded(_ error: any Error, line: Int = 1) -> RowTextError {
    if let error = error as? JSONError { return RowTextError(error, line: line) }
    guard var own = error as? RowTextError else {
      preconditionFailure("readers throw no other error: \(error)")
    }
    if let relative = own.line { own.line = line + relative - 1 }
    return own
  }
}

extension RowTextError: CustomStringConvertible {
  /// `line 3, column 14: message`
  package var description: String {
    guard let line else { return message }
    guard let column else { return "line \(line): \(message)" }
    return "line \(line), column \(column): \(message)"
  }
}

extension JSONReader {
  /// An error at a byte offset of this reader's text.
  func refusal(_ code: RowTextError.Code, at offset: Int, _ message: String) -> RowTextError {
    let place = JSONError.place(of: offset, in: text)
    return RowTextError(code, message, line: place.line, column: place.column)
  }

  /// An error at the next value.
  mutating func refusalHere(_ code: RowTextError.Code, _ message: String) throws -> RowTextError {
    _ = try peek()
    return refusal(code, at: offset, message)
  }
}
