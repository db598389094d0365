// A JSON value as a tree, for cold paths: definitions, filters, statistics.

package import Bytes

/// A JSON value with owned parts; members in their order.
package indirect enum JSONValue: Sendable, Equatable {
  package struct Member: Sendable, Equatable {
    package var name: String
    package var value: JSONValue
    package init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  case null
  case boolean(Bool)
  case integer(Int64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// Reads a text that is one value and nothing more.
  package init(parsing text: ByteView) throws(JSONError) {
    var reader = JSONReader(text)
    self = try JSONValue(from: &reader)
    try reader.finish()
  }

  /// Values in one tree, those within others included: a tree costs many times its text, and what
  /// is kept as one (filters, tables' definitions) is small.
  package static let countLimit = 20_000

  /// Reads the next value.
  package init(from reader: inout JSONReader) throws(JSONError) {
    var left = JSONValue.countLimit
    try self.init(from: &reader, left: &left)
  }

  /// - Parameter left: Values that may still come.
  private init(from reader: inout JSONReader, left: inout Int) throws(JSONError) {
    guard left > 0 else {
      throw reader.failure(
        .count, at: reader.offset, "more than \(JSONValue.countLimit) values in one")
    }
    left -= 1
    switch try reader.peek() {
    case .null:
      try reader.null()
      self = .null
    case .boolean: self = .boolean(try reader.boolean())
    case .string: self = .string(String(decoding: try reader.string().buffer, as: UTF8.self))
    case .number:
      switch try reader.number() {
      case .integer(let value): self = .integer(value)
      case .double(let value): self = .double(value)
      }
    case .array:
      var elements: [JSONValue] = []
      try reader.beginArray()
      while try reader.nextElement() { elements.append(try JSONValue(from: &reader, left: &left)) }
      self = .array(elements)
    case .object:
      var members: [Member] = []
      try reader.beginObject()
      while let name = try reader.nextMember() {
        let name = String(decoding: name.buffer, as: UTF8.self)
        members.append(Member(name, try JSONValue(from: &reader, left: &left)))
      }
      self = .object(members)
    }
  }

  /// The kind, for messages.
  package var kind: JSONKind {
    switch self {
    case .null: .null
    case .boolean: .boolean
    case .integer, .double: .number
    case .string: .string
    case .array: .array
    case .object: .object
    }
  }

  /// The last member of that name; nil where there is none or this is no object.
  package subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.name == name }?.value
  }

  /// Appends the value without whitespace.
  package func write(into buffer: inout ByteBuffer) {
    switch self {
    case .null: buffer.append("null")
    case .boolean(let value): buffer.append(value ? "true" : "false" as StaticString)
    case .integer(let value): buffer.append(decimal: value)
    case .double(let value): buffer.append(decimal: value)
    case .string(let value): buffer.append(jsonString: value)
    case .array(let elements):
      buffer.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { buffer.append(UInt8(ascii: ",")) }
        element.write(into: &buffer)
      }
      buffer.append(UInt8(ascii: "]"))
    case .object(let members):
      buffer.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { buffer.append(UInt8(ascii: ",")) }
        buffer.append(jsonString: member.name)
        buffer.append(UInt8(ascii: ":"))
        member.value.write(into: &buffer)
      }
      buffer.append(UInt8(ascii: "}"))
    }
  }

  /// The value's text, without whitespace.
  package var text: String {
    var buffer = ByteBuffer()
    write(into: &buffer)
    return String(decoding: buffer.view.buffer, as: UTF8.self)
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
  package init(booleanLiteral value: Bool) { self = .boolean(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(elements.map { Member($0.0, $0.1) })
  }
}
