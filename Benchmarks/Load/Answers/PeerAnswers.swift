// Answers of Redis (RESP 2) and memcached (its text protocol).

import Bytes

enum RedisAnswers {
  @inline(__always)
  static func next(_ bytes: ByteView) throws(AnswerError) -> Answer? {
    guard let end = try end(of: bytes, from: 0) else { return nil }
    return Answer(outcome: outcome(bytes), body: 0..<end, byteCount: end)
  }

  private static func outcome(_ bytes: ByteView) -> Outcome {
    switch bytes[0] {
    case UInt8(ascii: "-"): .failed
    case UInt8(ascii: "$") where bytes[1] == UInt8(ascii: "-"): .absent
    case UInt8(ascii: "*") where bytes[1] == UInt8(ascii: "0"): .absent
    default: .ok
    }
  }

  /// Where the value that begins at `start` ends; nil while it has not come whole.
  static func end(of bytes: ByteView, from start: Int) throws(AnswerError) -> Int? {
    var at = start
    var left = 1
    while left > 0 {
      guard let line = bytes.firstIndex(of: 10, from: at) else { return nil }
      left &-= 1
      switch bytes[at] {
      case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"): at = line &+ 1
      case UInt8(ascii: "$"):
        let count = bytes.decimal(at: at &+ 1).value
        at = line &+ 1
        if count >= 0 { at &+= count &+ 2 }
        if at > bytes.count { return nil }
      case UInt8(ascii: "*"):
        left &+= max(bytes.decimal(at: at &+ 1).value, 0)
        at = line &+ 1
      default: throw AnswerError(reason: "bytes that are not RESP")
      }
    }
    return at
  }
}

enum MemcachedAnswers {
  @inline(__always)
  static func next(_ bytes: ByteView) throws(AnswerError) -> Answer? {
    guard let line = bytes.firstIndex(of: 10, from: 0), line > 1 else { return nil }
    switch (bytes[0], bytes[1]) {
    // VALUE key flags count
    case (UInt8(ascii: "V"), _):
      var at = line &- 1
      while at > 0, bytes[at &- 1] != 32 { at &-= 1 }
      let end = line &+ 1 &+ bytes.decimal(at: at).value &+ 2 &+ 5
      guard bytes.count >= end else { return nil }
      return Answer(outcome: .ok, body: 0..<end, byteCount: end)
    case (UInt8(ascii: "E"), UInt8(ascii: "N")):
      return Answer(outcome: .absent, body: 0..<(line &+ 1), byteCount: line &+ 1)
    case (UInt8(ascii: "S"), UInt8(ascii: "T")):
      return Answer(outcome: .ok, body: 0..<(line &+ 1), byteCount: line &+ 1)
    default:
      return Answer(outcome: .failed, body: 0..<(line &+ 1), byteCount: line &+ 1)
    }
  }
}
