// HTTP/1.1 requests: whatever the bytes and wherever they are cut, the decoder gives the same
// requests, goes forward with every call, and keeps to the body's limit.

import Bytes
import HTTP1
import TestSupport

final class HTTPTarget: FuzzTarget {
  private var whole = ByteBuffer()
  private var cut = ByteBuffer()

  func run(_ input: ByteView) throws(Finding) {
    var choices = input.choices
    var limits = HTTPLimits()
    var bodyLimit = 1 << 20
    if choices.chance(0.5) {
      // Short inputs reach these.
      limits.requestLineByteCount = 40
      limits.headerByteCount = 160
      limits.headerFieldCount = 6
      limits.chunkLineByteCount = 12
      limits.trailerByteCount = 24
      bodyLimit = 20
    }
    whole.clear()
    cut.clear()
    var none: SeededGenerator?
    try HTTPTarget.decode(input, limits, bodyLimit, cuts: &none, into: &whole)
    var cuts: SeededGenerator? = choices
    try HTTPTarget.decode(input, limits, bodyLimit, cuts: &cuts, into: &cut)
    try require(whole.view == cut.view, "whole and cut: \(whole.view.difference(from: cut.view))")
  }

  /// Feeds the bytes as a socket would, in one piece or cut, and writes down what comes out.
  private static func decode(
    _ input: ByteView, _ limits: HTTPLimits, _ bodyLimit: Int, cuts: inout SeededGenerator?,
    into seen: inout ByteBuffer
  ) throws(Finding) {
    var decoder = RequestDecoder(limits: limits)
    var consumed = 0
    var arrived = 0
    HTTPTarget.arrive(&arrived, input.count, &cuts)
    var stepsLeft = 4 * input.count + 16
    while true {
      stepsLeft -= 1
      try require(stepsLeft > 0, "the decoder does not go forward")
      let bytes = input[consumed..<arrived]
      let (event, used) = decoder.next(bytes)
      switch event {
      case .needMore:
        if arrived == input.count { return }
        HTTPTarget.arrive(&arrived, input.count, &cuts)
      case .head:
        append(decoder.head, bytes, into: &seen)
        decoder.bodyLimit = bodyLimit
      case .body(let part): seen.append(part)
      case .end: seen.append("\nend\n")
      case .refused:
        // Which of several faults is named depends on what has arrived.
        return seen.append("\nrefused\n")
      }
      try require(decoder.bodyByteCount <= max(decoder.bodyLimit, 0), "a body over its limit")
      consumed += used
    }
  }

  private static func arrive(_ arrived: inout Int, _ count: Int, _ cuts: inout SeededGenerator?) {
    guard cuts != nil else {
      arrived = count
      return
    }
    let step = Int(truncatingIfNeeded: (cuts?.next() ?? 0) & 15)
    arrived = min(count, arrived + 1 + (step < 8 ? step : step * step))
  }

  private static func append(_ head: RequestHead, _ bytes: ByteView, into seen: inout ByteBuffer) {
    seen.append("\nhead ")
    seen.append(utf8: head.method.name.description)
    seen.append(head.isHTTP10 ? 1 : 0 as UInt8)
    seen.append(head.keepsAlive ? 1 : 0 as UInt8)
    seen.append(head.expectsContinue ? 1 : 0 as UInt8)
    seen.append(lengthPrefixed: head.path(in: bytes))
    seen.append(lengthPrefixed: head.query(in: bytes))
    switch head.framing {
    case .none: seen.append("none")
    case .chunked: seen.append("chunked")
    case .length(let count): seen.append(varint: count)
    }
    for field in head.fields {
      seen.append(field.known.rawValue)
      seen.append(lengthPrefixed: head.name(of: field, in: bytes))
      seen.append(lengthPrefixed: head.value(of: field, in: bytes))
    }
  }
}
