// What a decoder makes of bytes that arrive in pieces, as one line of text a request.

import Bytes
import HTTP1

enum DecodedText {
  /// Feeds the pieces as a socket would: what was not consumed comes again with what follows.
  static func of(
    _ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits(), bodyLimit: Int = 1 << 20
  ) -> [String] {
    var decoder = RequestDecoder(limits: limits)
    var pending: [UInt8] = []
    var lines: [String] = []
    var body: [UInt8] = []
    var head = ""
    for piece in pieces {
      pending += piece
      var isHungry = false
      while !isHungry {
        let consumed = ByteView.of(pending) { bytes in
          let (event, consumed) = decoder.next(bytes)
          switch event {
          case .needMore: isHungry = true
          case .head:
            head = text(of: decoder.head, bytes)
            body = []
            decoder.bodyLimit = bodyLimit
          case .body(let part): body += part.array
          case .end: lines.append("\(head) [\(String(decoding: body, as: UTF8.self))]")
          case .refused(let refusal):
            lines.append("\(refusal.status) \(refusal.code)")
            isHungry = true
          }
          return consumed
        }
        pending.removeFirst(consumed)
      }
    }
    return lines
  }

  static func of(_ text: String, limits: HTTPLimits = HTTPLimits()) -> [String] {
    of([Array(text.utf8)], limits: limits)
  }

  private static func text(of head: RequestHead, _ bytes: ByteView) -> String {
    var text = "\(head.method.name) \(head.path(in: bytes))"
    let query = head.query(in: bytes)
    if !query.isEmpty { text += "?\(query)" }
    if head.isHTTP10 { text += " 1.0" }
    if !head.keepsAlive { text += " close" }
    if head.expectsContinue { text += " expects" }
    for field in head.fields where field.known == .other {
      text += " \(head.name(of: field, in: bytes))=\(head.value(of: field, in: bytes))"
    }
    return text
  }
}
