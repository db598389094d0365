// The head of an answer, in the order of the fields:
//
//   Content-Type │ Content-Length or Transfer-Encoding │ ETag │ Location │ Allow │ Retry-After │
//   Preference-Applied │ Date │ Connection        each only where it says something

internal import Bytes
internal import HTTP1

/// What a body is.
enum ContentType: Sendable {
  case json, problem, ndjson, prometheus

  var text: StaticString {
    switch self {
    case .json: "application/json"
    case .problem: "application/problem+json"
    case .ndjson: "application/x-ndjson"
    case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
    }
  }
}

/// How a body's end is told.
enum BodyEnd: Sendable, Equatable {
  /// 204 and 304: there is no body.
  case absent
  case byteCount(Int)
  case chunked
  /// For HTTP/1.0, which has no chunks.
  case connectionClose
}

/// An answer without its body.
struct Reply: Sendable {
  var status: Int
  var contentType = ContentType.json
  var etag: EntityTag?
  var location: [UInt8]?
  var allow: StaticString?
  var retryAfterSeconds: Int?
  /// Seconds of a granted `Prefer: wait`.
  var waitedSeconds: Int?

  init(_ status: Int, contentType: ContentType = .json, etag: EntityTag? = nil) {
    self.status = status
    self.contentType = contentType
    self.etag = etag
  }

  init(_ problem: Problem) {
    status = problem.status
    contentType = .problem
    retryAfterSeconds = problem.retryAfterSeconds
  }

  func writeHead(
    into output: inout ByteBuffer, bodyEnd: BodyEnd, facts: RequestFacts, date: ByteView
  ) {
    output.appendStatusLine(status)
    if bodyEnd != .absent { output.appendField("Content-Type", contentType.text) }
    switch bodyEnd {
    case .absent, .connectionClose: break
    case .byteCount(let count): output.appendContentLength(count)
    case .chunked: output.appendField("Transfer-Encoding", "chunked")
    }
    if let etag {
      output.append("ETag: ")
      etag.write(into: &output)
      output.append("\r\n")
    }
    if let location { ByteView.of(location) { output.appendField("Location", $0) } }
    if let allow { output.appendField("Allow", allow) }
    if let retryAfterSeconds {
      output.append("Retry-After: ")
      output.append(decimal: retryAfterSeconds)
      output.append("\r\n")
    }
    if let waitedSeconds {
      output.append("Preference-Applied: wait=")
      output.append(decimal: waitedSeconds)
      output.append("\r\n")
    }
    output.appendField("Date", date)
    if facts.closes {
      output.append("Connection: close\r\n")
    } else if facts.isHTTP10 {
      output.append("Connection: keep-alive\r\n")
    }
    output.append("\r\n")
  }
}
