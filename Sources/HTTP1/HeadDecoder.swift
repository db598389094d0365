// The head of a request, line by line as the bytes arrive (RFC 9112 sections 2 to 6).
//
//   head   := [CRLF] method SP target SP "HTTP/1." ("0" | "1") CRLF  (name ":" value CRLF)*  CRLF
//   target := "/" … | "http://" authority ["/" …] | "*"
//
// Each line is looked at once, however the bytes are cut. Refused because two readers could
// understand them differently: a bare line feed, a folded line, blanks before the colon, control
// characters, a second Host, Content-Length or Transfer-Encoding, both of the latter two.

internal import Bytes
internal import Glibc

/// What is known of a head whose bytes are still arriving. The bytes given to `advance` start at
/// the same place each time and only grow.
struct HeadDecoder: Sendable {
  private let limits: HTTPLimits
  private var lineStart = 0
  private var scanned = 0
  /// Where the header lines begin; 0 before the request line is complete.
  private var headersStart = 0
  private var skippedEmptyLine = false
  private var hostCount = 0
  private var contentLength: Int?
  private var isChunked = false
  private var asksToKeep = false
  private var asksToClose = false

  init(limits: HTTPLimits) { self.limits = limits }

  /// Some bytes of a request have been seen.
  var hasBegun: Bool { scanned > 0 }

  mutating func reset() { self = HeadDecoder(limits: limits) }

  /// Reads on; true when `head` is complete.
  mutating func advance(_ bytes: ByteView, into head: inout RequestHead) throws(HTTPRefusal) -> Bool
  {
    if scanned == 0 { head.clear() }
    while let lineFeed = nextLineFeed(bytes) {
      guard lineFeed > lineStart, bytes[lineFeed - 1] == 0x0d else {
        throw .malformed("a line ends without a carriage return")
      }
      let line = lineStart..<lineFeed - 1
      scanned = lineFeed + 1
      lineStart = lineFeed + 1
      if headersStart == 0 {
        try takeFirstLine(line, bytes, into: &head)
      } else if line.isEmpty {
        try finish(&head)
        head.byteCount = scanned
        return true
      } else {
        try takeField(line, bytes, into: &head)
      }
    }
    scanned = bytes.count
    try checkUnfinishedLine(bytes)
    return false
  }

  private func nextLineFeed(_ bytes: ByteView) -> Int? {
    guard scanned < bytes.count else { return nil }
    let rest = bytes.dropFirst(scanned).buffer
    guard let start = rest.baseAddress, let found = memchr(start, 0x0a, rest.count) else {
      return nil
    }
    return scanned + start.distance(to: UnsafeRawPointer(found))
  }

  /// Refuses what no further byte can mend, so that nobody waits for it.
  private func checkUnfinishedLine(_ bytes: ByteView) throws(HTTPRefusal) {
    let pending = bytes.count - lineStart
    if headersStart > 0 {
      // One more than the lines may have: the carriage return of the empty line.
      if bytes.count - headersStart > limits.headerByteCount + 1 { throw .headersTooLarge }
    } else if pending > limits.requestLineByteCount + 1 {
      throw .targetTooLong
    } else if pending > 0 {
      let first = bytes[lineStart]
      guard HTTPText.isTokenCharacter(first) || (first == 0x0d && !skippedEmptyLine) else {
        throw .malformed("this is not an HTTP request")
      }
    }
  }

  // MARK: - Request line

  private mutating func takeFirstLine(
    _ line: Range<Int>, _ bytes: ByteView, into head: inout RequestHead
  ) throws(HTTPRefusal) {
    if line.isEmpty {
      guard !skippedEmptyLine else { throw .malformed("empty lines before the request") }
      skippedEmptyLine = true
      return
    }
    guard line.count <= limits.requestLineByteCount else { throw .targetTooLong }
    headersStart = lineStart
    guard let methodEnd = bytes.firstIndex(of: 0x20, from: line.lowerBound),
      methodEnd < line.upperBound, methodEnd > line.lowerBound
    else { throw .malformed("the request line has no target") }
    let method = bytes[line.lowerBound..<methodEnd]
    for index in 0..<method.count where !HTTPText.isTokenCharacter(method[index]) {
      throw .malformed("the method is not a token")
    }
    guard let targetEnd = bytes.firstIndex(of: 0x20, from: methodEnd + 1),
      targetEnd < line.upperBound, targetEnd > methodEnd + 1
    else { throw .malformed("the request line has no version") }
    head.isHTTP10 = try Self.isHTTP10(bytes[targetEnd + 1..<line.upperBound])
    guard let known = HTTPMethod(method) else {
      throw HTTPRefusal(501, "unknown_method", "this server does not know the method")
    }
    head.method = known
    try takeTarget(methodEnd + 1..<targetEnd, bytes, into: &head)
  }

  private static func isHTTP10(_ version: ByteView) throws(HTTPRefusal) -> Bool {
    if version == "HTTP/1.1" { return false }
    if version == "HTTP/1.0" { return true }
    let isVersion =
      version.count == 8 && version.hasPrefix("HTTP/") && version[6] == 0x2e
      && version[5] &- 0x30 <= 9 && version[7] &- 0x30 <= 9
    guard isVersion else { throw .malformed("the request line has no HTTP version") }
    throw HTTPRefusal(505, "unsupported_version", "this server speaks HTTP/1.0 and HTTP/1.1")
  }

  private func takeTarget(
    _ target: Range<Int>, _ bytes: ByteView, into head: inout RequestHead
  ) throws(HTTPRefusal) {
    var question: Int?
    for index in target {
      let byte = bytes[index]
      guard byte > 0x20, byte < 0x7f, byte != 0x23 else {
        throw .malformed("the target has a character that must be percent-encoded")
      }
      if byte == 0x3f, question == nil { question = index }
    }
    var pathStart = target.lowerBound
    let pathEnd = question ?? target.upperBound
    if bytes[pathStart] != 0x2f {
      if pathEnd - pathStart == 1, bytes[pathStart] == 0x2a, head.method == .options {
        // `*`: the server as a whole.
      } else if bytes[pathStart..<pathEnd].prefix(Swift.min(7, pathEnd - pathStart))
        .equalsIgnoringCase("http://"),
        let slash = bytes.firstIndex(of: 0x2f, from: pathStart + 7), slash < pathEnd,
        slash > pathStart + 7
      {
        pathStart = slash
      } else {
        throw .malformed("the target is not a path")
      }
    }
    head.path = pathStart..<pathEnd
    head.query = question.map { $0 + 1..<target.upperBound } ?? pathEnd..<pathEnd
  }

  // MARK: - Fields

  private mutating func takeField(
    _ line: Range<Int>, _ bytes: ByteView, into head: inout RequestHead
  ) throws(HTTPRefusal) {
    guard head.fields.count < limits.headerFieldCount,
      line.upperBound + 2 - headersStart <= limits.headerByteCount
    else { throw .headersTooLarge }
    let (name, value) = try FieldLine.split(line, bytes)
    let known = KnownField(bytes[name])
    head.fields.append(
      RequestHead.Field(
        known: known, name: Int32(name.lowerBound)..<Int32(name.upperBound),
        value: Int32(value.lowerBound)..<Int32(value.upperBound)))
    switch known {
    case .host: try takeHost(bytes[value])
    case .contentLength: try takeContentLength(bytes[value])
    case .transferEncoding: try takeTransferEncoding(bytes[value])
    case .connection: takeConnection(bytes[value])
    case .expect:
      guard bytes[value].equalsIgnoringCase("100-continue") else {
        throw HTTPRefusal(417, "unknown_expectation", "only 100-continue can be expected")
      }
      head.expectsContinue = true
    case .accept, .ifNoneMatch, .prefer, .contentType, .other: break
    }
  }

  private mutating func takeHost(_ value: ByteView) throws(HTTPRefusal) {
    hostCount += 1
    guard hostCount == 1 else { throw .malformed("more than one Host") }
    for index in 0..<value.count {
      switch value[index] {
      case 0x21, 0x24...0x2b, 0x2d...0x2e, 0x30...0x3b, 0x3d, 0x41...0x5b, 0x5d, 0x5f,
        0x61...0x7a, 0x7e:
        continue
      default: throw .malformed("the Host is not a host and port")
      }
    }
  }

  private mutating func takeContentLength(_ value: ByteView) throws(HTTPRefusal) {
    guard contentLength == nil else { throw .malformed("more than one Content-Length") }
    for index in 0..<value.count where value[index] &- 0x30 > 9 {
      throw .malformed("the Content-Length is not a number")
    }
    guard !value.isEmpty else { throw .malformed("the Content-Length is empty") }
    guard let length = value.decimal() else { throw .bodyTooLarge }
    contentLength = length
  }

  private mutating func takeTransferEncoding(_ value: ByteView) throws(HTTPRefusal) {
    guard !isChunked else { throw .malformed("more than one Transfer-Encoding") }
    guard value.equalsIgnoringCase("chunked") else {
      throw HTTPRefusal(
        501, "unknown_transfer_coding", "chunked is the only transfer coding taken")
    }
    isChunked = true
  }

  private mutating func takeConnection(_ value: ByteView) {
    HTTPText.forEachElement(of: value) { element in
      if element.equalsIgnoringCase("close") { asksToClose = true }
      if element.equalsIgnoringCase("keep-alive") { asksToKeep = true }
      return true
    }
  }

  private func finish(_ head: inout RequestHead) throws(HTTPRefusal) {
    guard hostCount == 1 || head.isHTTP10 else { throw .malformed("the Host is missing") }
    if isChunked {
      guard contentLength == nil else {
        throw .malformed("both Content-Length and Transfer-Encoding")
      }
      guard !head.isHTTP10 else { throw .malformed("HTTP/1.0 has no Transfer-Encoding") }
      head.framing = .chunked
    } else if let contentLength, contentLength > 0 {
      head.framing = .length(contentLength)
    }
    head.keepsAlive = !asksToClose && (!head.isHTTP10 || asksToKeep)
    if head.isHTTP10 { head.expectsContinue = false }
  }
}

/// One `name: value` line, in heads and trailers.
enum FieldLine {
  /// The name and the value without the blanks around it.
  static func split(
    _ line: Range<Int>, _ bytes: ByteView
  ) throws(HTTPRefusal) -> (name: Range<Int>, value: Range<Int>) {
    guard !HTTPText.isBlank(bytes[line.lowerBound]) else {
      throw .malformed("a header line is folded")
    }
    var colon = line.lowerBound
    while colon < line.upperBound, bytes[colon] != 0x3a {
      guard HTTPText.isTokenCharacter(bytes[colon]) else {
        throw .malformed("a header name has a character that is not allowed")
      }
      colon += 1
    }
    guard colon < line.upperBound else { throw .malformed("a header line has no colon") }
    guard colon > line.lowerBound else { throw .malformed("a header name is empty") }
    var start = colon + 1
    var end = line.upperBound
    while start < end, HTTPText.isBlank(bytes[start]) { start += 1 }
    while end > start, HTTPText.isBlank(bytes[end - 1]) { end -= 1 }
    for index in start..<end {
      let byte = bytes[index]
      guard byte >= 0x20 && byte != 0x7f || byte == 0x09 else {
        throw .malformed("a header value has a control character")
      }
    }
    return (line.lowerBound..<colon, start..<end)
  }
}
