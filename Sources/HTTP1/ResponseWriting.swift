// Response bytes (RFC 9112 sections 4, 6 and 7).
//
//   response := "HTTP/1.1" SP status SP reason CRLF  (name ": " value CRLF)*  CRLF  body
//   body     := bytes of Content-Length │ chunk* "0" CRLF CRLF │ bytes to the end of the connection
//   chunk    := size: hexadecimal digits CRLF │ bytes │ CRLF

package import Bytes

extension ByteBuffer {
  /// The status line. Always HTTP/1.1: an answer names the server's version, not the request's.
  package mutating func appendStatusLine(_ status: Int) {
    if status == 200 {
      append("HTTP/1.1 200 OK\r\n")
      return
    }
    append("HTTP/1.1 ")
    append(decimal: status)
    append(0x20 as UInt8)
    append(HTTPStatus.reason(status))
    append("\r\n")
  }

  package mutating func appendField(_ name: StaticString, _ value: StaticString) {
    append(name)
    append(": ")
    append(value)
    append("\r\n")
  }

  package mutating func appendField(_ name: StaticString, _ value: ByteView) {
    append(name)
    append(": ")
    append(value)
    append("\r\n")
  }

  package mutating func appendContentLength(_ count: Int) {
    append("Content-Length: ")
    append(decimal: count)
    append("\r\n")
  }

  /// A number as decimal digits.
  package mutating func append(decimal value: Int) {
    if value < 0 { append(0x2d as UInt8) }
    append(decimal: UInt64(value.magnitude))
  }

  package mutating func append(decimal value: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var index = 20
    var rest = value
    repeat {
      index -= 1
      digits[index] = UInt8(0x30 + rest % 10)
      rest /= 10
    } while rest > 0
    while index < 20 {
      append(digits[index])
      index += 1
    }
  }

  /// A number as hexadecimal digits in lower case, at least `minimumDigits` of them.
  package mutating func append(hexadecimal value: UInt64, minimumDigits: Int = 1) {
    var count = Swift.max(minimumDigits, (64 - value.leadingZeroBitCount + 3) / 4)
    while count > 0 {
      count -= 1
      let digit = UInt8(truncatingIfNeeded: value >> UInt64(4 * count)) & 0x0f
      append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  /// One chunk of a chunked body; nothing for no bytes, which would end it.
  package mutating func appendChunk(_ bytes: ByteView) {
    guard !bytes.isEmpty else { return }
    append(hexadecimal: UInt64(bytes.count))
    append("\r\n")
    append(bytes)
    append("\r\n")
  }

  package mutating func appendLastChunk() { append("0\r\n\r\n") }
}

/// Reason phrases.
package enum HTTPStatus {
  package static func reason(_ status: Int) -> StaticString {
    switch status {
    case 100: "Continue"
    case 200: "OK"
    case 201: "Created"
    case 204: "No Content"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 411: "Length Required"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: "Unknown"
    }
  }
}
