// Why a request is refused before any route sees it. What follows on such a connection cannot be
// told apart from the refused request, so it is closed after the answer.

/// A request that is not taken.
package struct HTTPRefusal: Error, Sendable, Equatable {
  package let status: Int
  /// Stable word for programs.
  package let code: StaticString
  package let detail: StaticString

  package init(_ status: Int, _ code: StaticString, _ detail: StaticString) {
    self.status = status
    self.code = code
    self.detail = detail
  }

  package static func == (left: HTTPRefusal, right: HTTPRefusal) -> Bool {
    left.status == right.status && left.code.description == right.code.description
  }

  static func malformed(_ detail: StaticString) -> HTTPRefusal {
    HTTPRefusal(400, "malformed_request", detail)
  }
  static let targetTooLong = HTTPRefusal(
    414, "request_line_too_long", "the request line is longer than 8 KiB")
  static let headersTooLarge = HTTPRefusal(
    431, "headers_too_large", "more than 32 KiB or 100 header fields")
  static let chunkLineTooLong = HTTPRefusal(
    400, "malformed_request", "a chunk's size with its extensions is longer than 256 bytes")
  static let trailersTooLarge = HTTPRefusal(
    431, "headers_too_large", "more than 8 KiB of trailer fields")
  static let bodyTooLarge = HTTPRefusal(
    413, "body_too_large", "the body is longer than this route takes")
}
