// A strict pull reader of JSON text (RFC 8259): the caller asks for what it expects, and gets it or
// an error with its place. No tree, no allocation but for strings with escapes.
//
//   var reader = JSONReader(text)
//   try reader.beginObject()
//   while let name = try reader.nextMember() { …read or skip one value… }
//   try reader.finish()
//
// Commas and colons are consumed by `nextMember` and `nextElement`. Trailing commas, comments,
// leading zeros, NaN and raw control characters are errors. A name may repeat; the caller decides.

package import Bytes

/// What kind of value comes next.
package enum JSONKind: String, Sendable {
  case object, array, string, number, boolean, null
}

/// A position in JSON text, moving forwards. Views it returns live as long as the text *and* the
/// reader do, up to the next `reset`.
package struct JSONReader: ~Copyable {
  /// Arrays and objects within each other.
  package static let depthLimit = 64

  package private(set) var text: ByteView
  /// Bytes consumed so far.
  package internal(set) var offset = 0
  private var depth = 0
  /// The last thing read was `{` or `[`: a comma would be wrong.
  private var isAfterOpening = false
  /// Whitespace was skipped somewhere: the text is not in its compact form.
  var hasSkippedWhitespace = false
  /// Strings whose escapes were resolved. Room for the whole rest of the text is reserved with the
  /// first of them (a resolved string is never longer), so that views into it stay valid.
  var resolved = ByteBuffer()

  package init(_ text: ByteView) { self.text = text }

  /// Starts over with another text and keeps the storage.
  ///
  /// - Parameter start: Where to begin, before a value; errors still count from the text's start.
  package mutating func reset(to text: ByteView, startingAt start: Int = 0) {
    precondition(start >= 0 && start <= text.count, "start within the text")
    self.text = text
    offset = start
    depth = 0
    isAfterOpening = false
    hasSkippedWhitespace = false
    resolved.clear(keepingAtMost: 1 << 20)
  }

  /// The kind of the next value, judged by its first byte.
  package mutating func peek() throws(JSONError) -> JSONKind {
    skipWhitespace()
    guard offset < text.count else { throw unexpected("a value") }
    switch text[offset] {
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n"): return .null
    default: throw unexpected("a value")
    }
  }

  package mutating func beginObject() throws(JSONError) { try open(UInt8(ascii: "{"), .object) }

  /// The next member's name, its colon consumed; nil when the object has ended.
  package mutating func nextMember() throws(JSONError) -> ByteView? {
    skipWhitespace()
    guard offset < text.count else {
      throw unexpected(isAfterOpening ? "a name in double quotes or '}'" : "',' or '}'")
    }
    if text[offset] == UInt8(ascii: "}") {
      close()
      return nil
    }
    if !isAfterOpening {
      guard text[offset] == UInt8(ascii: ",") else { throw unexpected("',' or '}'") }
      offset &+= 1
      skipWhitespace()
    }
    guard offset < text.count, text[offset] == UInt8(ascii: "\"") else {
      throw unexpected(
        isAfterOpening ? "a name in double quotes or '}'" : "a name in double quotes")
    }
    isAfterOpening = false
    let name = try stringBody()
    skipWhitespace()
    guard offset < text.count, text[offset] == UInt8(ascii: ":") else { throw unexpected("':'") }
    offset &+= 1
    return name
  }

  package mutating func beginArray() throws(JSONError) { try open(UInt8(ascii: "["), .array) }

  /// True when another element follows; false when the array has ended.
  package mutating func nextElement() throws(JSONError) -> Bool {
    skipWhitespace()
    guard offset < text.count else {
      throw unexpected(isAfterOpening ? "a value or ']'" : "',' or ']'")
    }
    if text[offset] == UInt8(ascii: "]") {
      close()
      return false
    }
    if !isAfterOpening {
      guard text[offset] == UInt8(ascii: ",") else { throw unexpected("',' or ']'") }
      offset &+= 1
    }
    isAfterOpening = false
    return true
  }

  /// A string's UTF-8, escapes resolved.
  package mutating func string() throws(JSONError) -> ByteView {
    skipWhitespace()
    guard offset < text.count, text[offset] == UInt8(ascii: "\"") else {
      throw try mismatch(.string)
    }
    isAfterOpening = false
    return try stringBody()
  }

  package mutating func boolean() throws(JSONError) -> Bool {
    guard try peek() == .boolean else { throw try mismatch(.boolean) }
    let isTrue = text[offset] == UInt8(ascii: "t")
    try literal(isTrue ? "true" : "false")
    return isTrue
  }

  package mutating func null() throws(JSONError) {
    guard try peek() == .null else { throw try mismatch(.null) }
    try literal("null")
  }

  /// Consumes one value of any kind and checks every byte of it.
  package mutating func skipValue() throws(JSONError) {
    switch try peek() {
    case .object:
      try beginObject()
      while try nextMember() != nil { try skipValue() }
    case .array:
      try beginArray()
      while try nextElement() { try skipValue() }
    case .string: _ = try string()
    case .number: _ = try number()
    case .boolean: _ = try boolean()
    case .null: try null()
    }
  }

  /// Consumes one value of any kind and returns its text, checked.
  package mutating func rawValue() throws(JSONError) -> ByteView {
    skipWhitespace()
    let start = offset
    try skipValue()
    return text[start..<offset]
  }

  /// Only whitespace may be left.
  package mutating func finish() throws(JSONError) {
    precondition(depth == 0, "finish after the outermost value")
    skipWhitespace()
    guard offset == text.count else { throw unexpected("the end of the text") }
  }

  // MARK: - Steps

  mutating func skipWhitespace() {
    // Nearly all bytes are above; one comparison decides.
    while offset < text.count, text[offset] <= 0x20 {
      switch text[offset] {
      case 0x20, 0x0a, 0x0d, 0x09:
        offset &+= 1
        hasSkippedWhitespace = true
      default: return
      }
    }
  }

  private mutating func open(_ bracket: UInt8, _ kind: JSONKind) throws(JSONError) {
    skipWhitespace()
    guard offset < text.count, text[offset] == bracket else { throw try mismatch(kind) }
    guard depth < JSONReader.depthLimit else {
      throw failure(
        .depth, at: offset, "nested deeper than \(JSONReader.depthLimit) arrays and objects")
    }
    offset &+= 1
    depth &+= 1
    isAfterOpening = true
  }

  private mutating func close() {
    precondition(depth > 0, "close what was opened")
    offset &+= 1
    depth &-= 1
    isAfterOpening = false
  }

  private mutating func literal(_ word: StaticString) throws(JSONError) {
    let expected = ByteView(word)
    let rest = text.dropFirst(offset)
    guard rest.hasPrefix(expected) else {
      offset &+= rest.sharedPrefixCount(with: expected)
      throw unexpected("'\(word)'")
    }
    offset &+= expected.count
    isAfterOpening = false
  }

  // MARK: - Errors

  /// An error of a caller that judges what it read: `offset` is where.
  package func failure(_ kind: JSONError.Kind, at offset: Int, _ message: String) -> JSONError {
    JSONError(kind: kind, offset: offset, in: text, message: message)
  }

  func unexpected(_ expected: String) -> JSONError {
    failure(.syntax, at: offset, "not JSON: expected \(expected), found \(found)")
  }

  /// Another kind of value than `expected`, or no value at all: its first byte alone does not say
  /// that `no row` is none.
  mutating func mismatch(_ expected: JSONKind) throws(JSONError) -> JSONError {
    let kind = try peek()
    let start = offset
    try skipValue()
    return failure(.type, at: start, "expected \(expected.phrase), found \(kind.phrase)")
  }

  private var found: String {
    guard offset < text.count else { return "the end of the text" }
    let byte = text[offset]
    if byte == 0x0a { return "the end of the line" }
    if byte > 0x20, byte < 0x7f { return "'\(Character(Unicode.Scalar(byte)))'" }
    return "byte 0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}

extension JSONKind {
  /// The kind in a sentence.
  package var phrase: String {
    switch self {
    case .object: "an object"
    case .array: "an array"
    case .string: "a string"
    case .number: "a number"
    case .boolean: "true or false"
    case .null: "null"
    }
  }
}
