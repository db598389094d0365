// Why text is not the JSON that was asked for, with the place: byte offset, line and column.

package import Bytes

/// A place in JSON text and what is wrong there.
package struct JSONError: Error, Equatable, Sendable {
  package enum Kind: Sendable {
    /// Not RFC 8259 text.
    case syntax
    /// Bytes within a string that are not UTF-8, or half a surrogate pair.
    case encoding
    /// A number that its type cannot hold.
    case range
    /// Arrays and objects nested deeper than `JSONReader.depthLimit`.
    case depth
    /// A value of more than `JSONValue.countLimit` values.
    case count
    /// Well-formed, but another kind of value than was asked for.
    case type
  }

  package var kind: Kind
  /// Bytes from the start of the text.
  package var offset: Int
  /// From 1.
  package var line: Int
  /// Characters from the line's start, from 1.
  package var column: Int
  /// What was expected and what was found, without the place.
  package var message: String

  package init(kind: Kind, offset: Int, in text: ByteView, message: String) {
    self.kind = kind
    self.offset = offset
    (line, column) = JSONError.place(of: offset, in: text)
    self.message = message
  }

  /// Line and column (characters, both from 1) of a byte offset.
  package static func place(of offset: Int, in text: ByteView) -> (line: Int, column: Int) {
    var line = 1
    var column = 1
    for index in 0..<min(max(offset, 0), text.count) {
      let byte = text[index]
      if byte == 0x0a {
        line += 1
        column = 1
      } else if byte & 0xc0 != 0x80 {
        column += 1
      }
    }
    return (line, column)
  }
}

extension JSONError: CustomStringConvertible {
  package var description: String { "line \(line), column \(column): \(message)" }
}
