// A request's head as offsets into the bytes it came in: nothing is copied, and the field list
// keeps its storage from request to request.

package import Bytes

/// How a request's body is framed.
package enum BodyFraming: Sendable, Equatable {
  case none
  case length(Int)
  case chunked
}

/// Header fields that this server looks at.
package enum KnownField: UInt8, Sendable {
  case host, contentLength, transferEncoding, connection, expect
  case accept, ifNoneMatch, prefer, contentType, other

  init(_ name: ByteView) {
    switch name.count {
    case 4 where name.equalsIgnoringCase("host"): self = .host
    case 6:
      if name.equalsIgnoringCase("accept") {
        self = .accept
      } else if name.equalsIgnoringCase("prefer") {
        self = .prefer
      } else {
        self = name.equalsIgnoringCase("expect") ? .expect : .other
      }
    case 10 where name.equalsIgnoringCase("connection"): self = .connection
    case 12 where name.equalsIgnoringCase("content-type"): self = .contentType
    case 13 where name.equalsIgnoringCase("if-none-match"): self = .ifNoneMatch
    case 14 where name.equalsIgnoringCase("content-length"): self = .contentLength
    case 17 where name.equalsIgnoringCase("transfer-encoding"): self = .transferEncoding
    default: self = .other
    }
  }
}

/// A request's line and fields. Ranges are offsets into the bytes that the head was parsed from;
/// they are the caller's to keep while views are used.
package struct RequestHead: Sendable {
  package struct Field: Sendable {
    package let known: KnownField
    let name: Range<Int32>
    let value: Range<Int32>
  }

  package internal(set) var method = HTTPMethod.get
  package internal(set) var isHTTP10 = false
  /// The peer wants the connection to go on after the answer.
  package internal(set) var keepsAlive = true
  package internal(set) var framing = BodyFraming.none
  package internal(set) var expectsContinue = false
  package internal(set) var fields: ContiguousArray<Field> = []
  /// Bytes of the whole head with its empty line.
  package internal(set) var byteCount = 0
  var path: Range<Int> = 0..<0
  var query: Range<Int> = 0..<0

  package init() {}

  mutating func clear() {
    method = .get
    isHTTP10 = false
    keepsAlive = true
    framing = .none
    expectsContinue = false
    fields.removeAll(keepingCapacity: true)
    byteCount = 0
    path = 0..<0
    query = 0..<0
  }

  /// The path as sent, percent-encoded, with its leading slash.
  package func path(in bytes: ByteView) -> ByteView { bytes[path] }
  /// What follows the question mark; empty if there is none.
  package func query(in bytes: ByteView) -> ByteView { bytes[query] }

  /// The value of the first field of that kind, trimmed.
  package func value(of known: KnownField, in bytes: ByteView) -> ByteView? {
    for field in fields where field.known == known {
      return bytes[Int(field.value.lowerBound)..<Int(field.value.upperBound)]
    }
    return nil
  }

  package func name(of field: Field, in bytes: ByteView) -> ByteView {
    bytes[Int(field.name.lowerBound)..<Int(field.name.upperBound)]
  }

  package func value(of field: Field, in bytes: ByteView) -> ByteView {
    bytes[Int(field.value.lowerBound)..<Int(field.value.upperBound)]
  }
}
