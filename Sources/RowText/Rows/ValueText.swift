// Cell values, row keys and qualifiers as text.
//
//   type        JSON                                   CSV field
//   utf8        "text"                                 text
//   int64       712                                    712
//   float64     0.5, or "NaN" "Infinity" "-Infinity"   0.5 NaN Infinity -Infinity
//   json        any value, without whitespace          its JSON text
//   bytes       {"base64": "…"}                        base64
//   undeclared  "text", or {"base64": "…"} where the   text, or base64:…
//               bytes are not UTF-8
//
// A row key goes as an undeclared value does. A qualifier is a member name, so bytes that are not
// UTF-8, and those that begin with `base64:` themselves, are written `base64:…`. Stored bytes that
// do not fit the declared type (declared later) are written {"base64": "…"}.

package import Bytes
package import DataModel
internal import JSON

/// `family:qualifier`, for messages.
struct ColumnName: CustomStringConvertible {
  let family: ByteView
  let qualifier: ByteView
  var description: String { "\(family):\(qualifier)" }
}

/// Values by their declared type.
package enum ValueText {
  static let base64Prefix: StaticString = "base64:"

  // MARK: - Bytes to JSON

  /// Appends a value as JSON.
  package static func append(
    _ value: ByteView, as type: ValueType?, into out: inout ByteBuffer
  ) {
    switch type {
    case nil, .utf8:
      if UTF8Text.isValid(value) { return out.append(jsonString: value) }
    case .int64:
      if value.count == 8 {
        return out.append(decimal: Int64(bitPattern: value.bigEndian64(at: 0)))
      }
    case .float64:
      if value.count == 8 {
        return append(Double(bitPattern: value.bigEndian64(at: 0)), into: &out)
      }
    case .json:
      if out.append(compactJSON: value) { return }
    case .bytes: break
    }
    out.append("{\"base64\":\"")
    out.append(base64Encoding: value)
    out.append("\"}")
  }

  private static func append(_ value: Double, into out: inout ByteBuffer) {
    if value.isFinite { return out.append(decimal: value) }
    out.append(UInt8(ascii: "\""))
    appendNonFinite(value, into: &out)
    out.append(UInt8(ascii: "\""))
  }

  static func appendNonFinite(_ value: Double, into out: inout ByteBuffer) {
    out.append(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity" as StaticString)
  }

  /// Appends a qualifier as a JSON string in its quotes.
  package static func append(qualifier: ByteView, into out: inout ByteBuffer) {
    if UTF8Text.isValid(qualifier), !qualifier.hasPrefix(ByteView(base64Prefix)) {
      return out.append(jsonString: qualifier)
    }
    out.append("\"base64:")
    out.append(base64Encoding: qualifier)
    out.append(UInt8(ascii: "\""))
  }

  // MARK: - JSON to bytes

  /// Reads the next JSON value as a value of `type`. The view lives in the text, the reader or
  /// `scratch`, until the next call.
  static func read(
    _ type: ValueType?, of column: ColumnName, from reader: inout JSONReader,
    into scratch: inout ByteBuffer
  ) throws -> ByteView {
    let kind = try reader.peek()
    scratch.clear()
    switch (type, kind) {
    case (.json, _): return try limited(reader.rawValue(), column, reader)
    case (nil, .string), (.utf8, .string): return try limited(reader.string(), column, reader)
    case (nil, .object), (.bytes, .object):
      return try limited(base64(of: column, from: &reader, into: &scratch), column, reader)
    case (.int64, .number):
      let start = reader.offset
      do {
        scratch.append(bigEndian: UInt64(bitPattern: try reader.int64()))
      } catch {
        throw reader.refusal(.wrongValueType, at: start, "\(column) is int64: \(error.message)")
      }
    case (.float64, .number):
      scratch.append(bigEndian: try reader.double().bitPattern)
    case (.float64, .string):
      let start = reader.offset
      guard let value = nonFinite(try reader.string()) else {
        throw reader.refusal(
          .wrongValueType, at: start,
          "\(column) is float64: expected a number, \"NaN\", \"Infinity\" or \"-Infinity\", "
            + "found another string")
      }
      scratch.append(bigEndian: value.bitPattern)
    default: throw wrongType(type, kind, column, reader)
    }
    return scratch.view
  }

  static func nonFinite(_ text: ByteView) -> Double? {
    if text.spells("NaN") { return .nan }
    if text.spells("Infinity") { return .infinity }
    if text.spells("-Infinity") { return -.infinity }
    return nil
  }

  private static func limited(
    _ value: ByteView, _ column: ColumnName, _ reader: borrowing JSONReader
  ) throws -> ByteView {
    guard value.count <= DataModelLimits.valueByteCount else {
      throw reader.refusal(
        .limitExceeded, at: reader.offset,
        "\(column): a value of \(value.count) bytes is over the limit of "
          + "\(DataModelLimits.valueByteCount)")
    }
    return value
  }

  private static func wrongType(
    _ type: ValueType?, _ kind: JSONKind, _ column: ColumnName, _ reader: borrowing JSONReader
  ) -> RowTextError {
    let message =
      switch type {
      case nil:
        "\(column) has no declared type: expected a string or {\"base64\": \"…\"}, found "
          + "\(kind.phrase). Declare a type for the family or column (int64, float64, json), "
          + "or send a string"
      case .bytes: "\(column) is bytes: expected {\"base64\": \"…\"}, found \(kind.phrase)"
      case .int64: "\(column) is int64: expected an integer, found \(kind.phrase)"
      case .float64: "\(column) is float64: expected a number, found \(kind.phrase)"
      case .utf8: "\(column) is utf8: expected a string, found \(kind.phrase)"
      case .json: "\(column) is json: expected a value"
      }
    let advice = kind == .null ? "; leave the column out to write nothing" : ""
    return reader.refusal(.wrongValueType, at: reader.offset, message + advice)
  }

  /// Reads `{"base64": "…"}`.
  private static func base64(
    of column: ColumnName?, from reader: inout JSONReader, into scratch: inout ByteBuffer
  ) throws -> ByteView {
    let start = reader.offset
    let what = column.map(\.description) ?? "the key"
    var isFound = false
    try reader.beginObject()
    while let name = try reader.nextMember() {
      guard name.spells("base64"), !isFound, try reader.peek() == .string else {
        throw reader.refusal(
          .wrongValueType, at: start, "\(what): an object here is exactly {\"base64\": \"…\"}")
      }
      let valueStart = reader.offset
      let text = try reader.string()
      guard scratch.append(base64Decoding: text) else {
        throw reader.refusal(
          .wrongValueType, at: valueStart, "\(what): not base64 (RFC 4648, with padding)")
      }
      isFound = true
    }
    guard isFound else {
      throw reader.refusal(
        .wrongValueType, at: start, "\(what): an object here is exactly {\"base64\": \"…\"}")
    }
    return scratch.view
  }

  // MARK: - Keys and qualifiers

  /// Reads a row key: a string or {"base64": "…"}; 1 to 4,096 bytes.
  static func readKey(
    from reader: inout JSONReader, into scratch: inout ByteBuffer
  ) throws -> ByteView {
    let kind = try reader.peek()
    let start = reader.offset
    scratch.clear()
    let key: ByteView
    switch kind {
    case .string: key = try reader.string()
    case .object: key = try base64(of: nil, from: &reader, into: &scratch)
    default:
      throw reader.refusal(
        .invalidRowKey, at: start, "expected the key as a string, found \(kind.phrase)")
    }
    if let problem = keyProblem(key) { throw reader.refusal(.invalidRowKey, at: start, problem) }
    return key
  }

  /// What is wrong with a row key; nil for nothing.
  package static func keyProblem(_ key: ByteView) -> String? {
    if key.isEmpty { return "a row key has at least 1 byte" }
    guard key.count > DataModelLimits.rowKeyByteCount else { return nil }
    return "a row key of \(key.count) bytes is over the limit of \(DataModelLimits.rowKeyByteCount)"
  }

  /// The bytes that a qualifier's text stands for; nil when the text is wrong.
  static func qualifier(_ text: ByteView, into scratch: inout ByteBuffer) -> ByteView? {
    guard text.hasPrefix(ByteView(base64Prefix)) else { return text }
    scratch.clear()
    let digits = text.dropFirst(base64Prefix.utf8CodeUnitCount)
    return scratch.append(base64Decoding: digits) ? scratch.view : nil
  }

  /// Checks a timestamp in microseconds; -1 asks for the server's clock.
  static func timestampProblem(_ microseconds: Int64) -> String? {
    if microseconds == Timestamp.server.microseconds { return nil }
    if microseconds < 0 || microseconds > Timestamp.max.microseconds {
      return "a timestamp is between 0 and \(Timestamp.max.microseconds) microseconds"
    }
    guard microseconds % 1_000 != 0 else { return nil }
    return
      "timestamp \(microseconds) is not in whole milliseconds (a multiple of 1000 microseconds)"
  }

  /// Reads a timestamp in microseconds.
  static func readTimestamp(from reader: inout JSONReader) throws -> Timestamp {
    let kind = try reader.peek()
    let start = reader.offset
    guard kind == .number else {
      throw reader.refusal(
        .invalidTimestamp, at: start, "expected a timestamp in microseconds, found \(kind.phrase)")
    }
    do {
      let value = try reader.int64()
      if let problem = timestampProblem(value) {
        throw reader.refusal(.invalidTimestamp, at: start, problem)
      }
      return Timestamp(microseconds: value)
    } catch let error as JSONError where error.kind == .type || error.kind == .range {
      throw reader.refusal(.invalidTimestamp, at: start, error.message)
    }
  }
}
