// Values as plain text, by type, as CSV fields and command lines have them: the right column of
// the table in ValueText.

package import Bytes
package import DataModel
internal import JSON

/// Turns plain text into stored bytes.
package struct PlainValueReader: ~Copyable {
  private var reader = JSONReader(ByteView())
  private var bytes = ByteBuffer()

  package init() {}

  /// The bytes that a text stands for; nil when it is not of the type. The view lives in the text
  /// or in this reader, until the next call.
  package mutating func value(_ text: ByteView, as type: ValueType?) -> ByteView? {
    bytes.clear()
    switch type {
    case nil:
      if text.hasPrefix(ByteView(ValueText.base64Prefix)) {
        return ValueText.qualifier(text, into: &bytes)
      }
      return UTF8Text.isValid(text) ? text : nil
    case .utf8: return UTF8Text.isValid(text) ? text : nil
    case .bytes: return bytes.append(base64Decoding: text) ? bytes.view : nil
    case .int64, .float64, .json:
      reader.reset(to: text)
      return try? parsed(text, type)
    }
  }

  private mutating func parsed(_ text: ByteView, _ type: ValueType?) throws(JSONError) -> ByteView {
    if type == .json {
      let value = try reader.rawValue()
      try reader.finish()
      return value
    }
    if type == .int64 {
      bytes.append(bigEndian: UInt64(bitPattern: try reader.int64()))
    } else if let special = ValueText.nonFinite(text) {
      bytes.append(bigEndian: special.bitPattern)
      return bytes.view
    } else {
      bytes.append(bigEndian: try reader.double().bitPattern)
    }
    try reader.finish()
    return bytes.view
  }

  /// What to say of a text that is not of its column's type.
  package static func refusal(
    of text: ByteView, as type: ValueType?, column: String
  ) -> String {
    let expected =
      switch type {
      case nil: "UTF-8 text, or base64: and base64"
      case .utf8: "UTF-8 text"
      case .int64: "an integer of 64 bits"
      case .float64: "a number, NaN, Infinity or -Infinity"
      case .json: "one JSON value"
      case .bytes: "base64 (RFC 4648, with padding)"
      }
    return "\(column) is \(type?.rawValue ?? "of no declared type"): expected \(expected), "
      + "found '\(text)'"
  }

  /// The bytes of a key or qualifier: its text, or what follows `base64:`; nil when that is wrong.
  package static func bytes(of text: String) -> [UInt8]? {
    var scratch = ByteBuffer()
    return ByteView.of(text) { ValueText.qualifier($0, into: &scratch)?.array }
  }
}

/// Turns stored bytes into plain text.
package enum PlainValueWriter {
  /// Appends a value; bytes that do not fit their type as `base64:…`.
  package static func append(
    _ value: ByteView, as type: ValueType?, into out: inout ByteBuffer
  ) {
    switch type {
    case .int64 where value.count == 8: ValueText.append(value, as: type, into: &out)
    case .float64 where value.count == 8:
      let number = Double(bitPattern: value.bigEndian64(at: 0))
      if number.isFinite {
        out.append(decimal: number)
      } else {
        ValueText.appendNonFinite(number, into: &out)
      }
    case .json where out.append(compactJSON: value): break
    case .bytes: out.append(base64Encoding: value)
    case .utf8 where UTF8Text.isValid(value): out.append(value)
    default: append(bytes: value, into: &out)
    }
  }

  /// Appends a key, a qualifier or an undeclared value.
  package static func append(bytes: ByteView, into out: inout ByteBuffer) {
    if UTF8Text.isValid(bytes), !bytes.hasPrefix(ByteView(ValueText.base64Prefix)) {
      return out.append(bytes)
    }
    out.append(ValueText.base64Prefix)
    out.append(base64Encoding: bytes)
  }
}
