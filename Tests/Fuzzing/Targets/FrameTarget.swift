// The bytes of a binary connection: greetings and frames. Wherever they are cut, the same steps
// come out; a greeting that was read is written and read back the same; what is refused in overload
// is whole requests, and each is answered.

import BinaryProtocol
import Bytes
import TestSupport

@testable import BinaryAPI

final class FrameTarget: FuzzTarget {
  private var whole = ByteBuffer()
  private var cut = ByteBuffer()
  private var written = ByteBuffer()

  func run(_ input: ByteView) throws(Finding) {
    var choices = input.choices
    var limits = ConnectionLimits()
    if choices.chance(0.5) {
      limits.bodyByteCount = 64
      limits.requestsInFlight = 3
      limits.bytesInFlight = 100
    }
    let isDraining = choices.chance(0.1)
    whole.clear()
    var none: SeededGenerator?
    try FrameTarget.decode(input, limits, isDraining, cuts: &none, into: &whole)
    cut.clear()
    var cuts: SeededGenerator? = choices
    try FrameTarget.decode(input, limits, isDraining, cuts: &cuts, into: &cut)
    try require(whole.view == cut.view, "whole and cut: \(whole.view.difference(from: cut.view))")
    try checkGreetings(input)
    if let greeting = try? ClientHello.read(input) {
      try checkRefusals(input.dropFirst(greeting.byteCount))
    }
  }

  /// In overload requests are passed over by their headers.
  private func checkRefusals(_ input: ByteView) throws(Finding) {
    written.clear()
    let (used, refusedCount) = OverloadAnswer.refuse(input, into: &written)
    var state = ConnectionState(ConnectionLimits())
    cut.clear()
    ClientHello().encode(into: &cut)
    guard case .welcome = state.next(cut.view) else { throw Finding("no welcome") }
    var at = 0
    var answered = 0
    var count = 0
    while at < used {
      guard
        case .request(let operation, let header, _, let byteCount) = state.next(input[at..<used])
      else { throw Finding("refused what is no request: \(input[at..<used])") }
      at += byteCount
      count += 1
      guard let answer = FrameHeader(written.view.dropFirst(answered)) else {
        throw Finding("a request without a refusal: \(written.view)")
      }
      try require(
        operation.isSheddable && answer.operation == header.operation
          && answer.requestID == header.requestID && answer.flags == .answer
          && answer.status != 0, "\(answer) for \(header)")
      answered += FrameHeader.byteCount + Int(answer.bodyByteCount)
    }
    try require(
      at == used && answered == written.count && count == refusedCount,
      "\(at) of \(used), \(answered) answered, \(count) of \(refusedCount) requests")
  }

  private static func decode(
    _ input: ByteView, _ limits: ConnectionLimits, _ isDraining: Bool,
    cuts: inout SeededGenerator?, into seen: inout ByteBuffer
  ) throws(Finding) {
    var state = ConnectionState(limits)
    var consumed = 0
    var arrived = cuts == nil ? input.count : 0
    var inFlight: [Int] = []
    var stepsLeft = 4 * input.count + 16
    while true {
      stepsLeft -= 1
      try require(stepsLeft > 0, "the connection does not go forward")
      switch state.next(input[consumed..<arrived]) {
      case .wait(let total):
        let present = arrived - consumed
        try require(total.map { $0 > present } ?? true, "waits for what is there")
        if arrived == input.count { return }
        arrived = min(input.count, arrived + 1 + Int((cuts?.next() ?? 0) & 31))
      case .pause:
        try require(!inFlight.isEmpty, "pauses with nothing in flight")
        for byteCount in inFlight { state.finish(byteCount: byteCount) }
        inFlight.removeAll()
        seen.append("\npause")
      case .welcome(let hello, let byteCount):
        seen.append("\nwelcome ")
        hello.encode(into: &seen)
        consumed += byteCount
        if isDraining { state.drain() }
      case .request(let operation, let header, let body, let byteCount):
        try require(body.count <= limits.bodyByteCount, "a body over its limit")
        seen.append("\nrequest ")
        seen.append(operation.rawValue)
        header.encode(into: &seen)
        seen.append(lengthPrefixed: body)
        state.begin(byteCount: byteCount)
        inFlight.append(byteCount)
        consumed += byteCount
      case .answer(let refusal, let header, let byteCount):
        seen.append("\nanswer ")
        seen.append(utf8: refusal.error.code)
        header.encode(into: &seen)
        consumed += byteCount
      case .refuse(let refusal), .end(let refusal):
        seen.append("\nend ")
        return seen.append(utf8: refusal.error.code)
      case .ignore(let byteCount): consumed += byteCount
      }
    }
  }

  private func checkGreetings(_ input: ByteView) throws(Finding) {
    if let read = try? ClientHello.read(input) {
      written.clear()
      read.hello.encode(into: &written)
      if written.count <= ProtocolLimits.helloByteCount + Greeting.fixedByteCount {
        let again = try? ClientHello.read(written.view)
        try require(again?.hello == read.hello, "client's greeting: \(written.view)")
      }
    }
    if let read = try? ServerHello.read(input), case .welcome(let hello) = read.answer {
      written.clear()
      hello.encode(into: &written)
      if written.count <= ProtocolLimits.helloByteCount + Greeting.fixedByteCount {
        let again = try? ServerHello.read(written.view)
        try require(again?.answer == .welcome(hello), "server's greeting: \(written.view)")
      }
    }
  }
}
