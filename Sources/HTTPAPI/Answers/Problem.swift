// What is wrong with a request, as problem details (RFC 9457):
//
//   {"type":"about:blank","title":"Bad Request","status":400,"code":"malformed_json",
//    "detail":"…","line":1,"column":9}                    line and column for JSON bodies only

package import Bytes
internal import HTTP1
internal import JSON
internal import RowText

/// An answer that says no.
package struct Problem: Error, Sendable, Equatable {
  package var status: Int
  /// Stable word for programs.
  package var code: String
  /// What, where, and what to do; for people.
  package var detail: String
  /// Place in a JSON body, both from 1.
  package var line: Int?
  package var column: Int?
  /// The request may be repeated after this many seconds.
  package var retryAfterSeconds: Int?

  package init(_ status: Int, _ code: String, _ detail: String) {
    self.status = status
    self.code = code
    self.detail = detail
  }

  static func bodyTooLarge(_ limit: Int) -> Problem {
    Problem(413, "body_too_large", "this route takes a body of at most \(limit) bytes")
  }

  init(_ refusal: HTTPRefusal) {
    self.init(refusal.status, refusal.code.description, refusal.detail.description)
  }

  init(_ error: JSONError) {
    self.init(400, error.kind == .type ? "wrong_json_type" : "malformed_json", error.description)
    line = error.line
    column = error.column
  }

  init(_ error: RowTextError) {
    self.init(error.code == .unknownFamily ? 404 : 400, error.code.rawValue, error.description)
    line = error.line
    column = error.line == nil ? nil : error.column
  }

  init(_: BrokenPercentEncoding) {
    self.init(
      400, "bad_percent_encoding", "a % in the path or query is not followed by two hex digits")
  }

  /// Appends the JSON text.
  package func write(into body: inout ByteBuffer) {
    body.append("{\"type\":\"about:blank\",\"title\":\"")
    body.append(HTTPStatus.reason(status))
    body.append("\",\"status\":")
    body.append(decimal: status)
    body.append(",\"code\":")
    body.append(jsonString: code)
    body.append(",\"detail\":")
    body.append(jsonString: detail)
    if let line, let column {
      body.append(",\"line\":")
      body.append(decimal: line)
      body.append(",\"column\":")
      body.append(decimal: column)
    }
    body.append("}\n")
  }
}
