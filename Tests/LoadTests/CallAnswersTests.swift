// Answers of gRPC calls, whole and in pieces cut anywhere; and what is no answer.

import Bytes
import Runtime
import Testing

@testable import kvbench

@Suite struct CallAnswersTests {
  /// A call that is over.
  private struct Ended: Equatable {
    var stream: UInt64
    var outcome: Outcome
    var text = ""
    var rowCount = 0
    var refusedCount = 0
  }

  private struct Read {
    var ended: [Ended] = []
    var replies: [UInt8] = []
    var sendWindow = 0
    var refusal = ""
  }

  /// Feeds `bytes` in pieces that end at `cuts`.
  private func read(_ bytes: [UInt8], cuts: [Int] = []) throws -> Read {
    var parser = AnswerParser(.grpc, depth: 8)
    let calls = try #require(parser.calls)
    var input = ByteBuffer()
    var read = Read()
    var texts: [UInt64: [UInt8]] = [:]
    var start = 0
    for end in cuts + [bytes.count] {
      input.append(Array(bytes[start..<end]))
      start = end
      while !input.isEmpty, let answer = try parser.next(input.view) {
        if !answer.isHousekeeping { texts[answer.id, default: []] += input.view[answer.body].array }
        input.removeFirst(answer.byteCount)
        guard answer.isLast else { continue }
        read.ended.append(
          Ended(
            stream: answer.id, outcome: answer.outcome,
            text: String(decoding: texts[answer.id] ?? [], as: UTF8.self),
            rowCount: answer.rowCount, refusedCount: answer.refusedCount))
      }
    }
    let left = input.count
    #expect(left == 0)
    read.replies = calls.replies.array
    read.sendWindow = calls.sendWindow
    read.refusal = calls.refusal
    return read
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  /// Settings, a ping, and three calls of which two are interleaved.
  private func session() throws -> (samples: CallSamples, ended: [Ended]) {
    let samples = CallSamples()
    samples.frame(.settings, 0, [0, 3, 0, 0, 0, 100, 0, 4, 0, 1, 0, 0])
    samples.frame(.settings, flags: HTTP2Frame.acknowledgement)
    samples.frame(.windowUpdate, 0, [0, 0, 1, 0])
    let rows = try CallSamples.rows(["k1", "k2", "k3"])
    samples.head(1)
    samples.head(3)
    samples.message(1, rows)
    samples.frame(.ping, 0, [1, 2, 3, 4, 5, 6, 7, 8])
    samples.message(3, [])
    samples.trailer(3)
    // A message that is cut within its prefix, behind one that ends in the same frame.
    let cut = CallSamples.prefixed(rows) + CallSamples.prefixed(rows)
    let place = rows.count + 8
    samples.frame(.data, 1, Array(cut[..<place]))
    samples.frame(.data, 1, flags: HTTP2Frame.padded, [3] + Array(cut[place...]) + [0, 0, 0])
    samples.trailer(1)
    samples.head(5)
    samples.message(5, try CallSamples.entries([0, 3, 0]))
    samples.trailer(5)
    return (
      samples,
      [
        Ended(stream: 3, outcome: .ok),
        // A row's first chunk names its family, where an entry would name an error.
        Ended(
          stream: 1, outcome: .ok, text: text(rows + rows + rows), rowCount: 9, refusedCount: 9),
        Ended(
          stream: 5, outcome: .ok, text: text(try CallSamples.entries([0, 3, 0])),
          refusedCount: 1),
      ]
    )
  }

  @Test func `interleaved calls, cut anywhere`() throws {
    let (samples, ended) = try session()
    for cut in 0...samples.bytes.count {
      let read = try read(samples.bytes, cuts: [cut])
      #expect(read.ended == ended, "cut at \(cut)")
      #expect(read.sendWindow == 65_535 + 256, "cut at \(cut)")
      #expect(
        read.replies == HTTP2Frame.header(.settings, flags: 1, 0)
          + HTTP2Frame.header(.ping, flags: 1, 8) + [1, 2, 3, 4, 5, 6, 7, 8], "cut at \(cut)")
    }
    let bytes = samples.bytes
    #expect(try read(bytes, cuts: Array(0..<bytes.count)).ended == ended)
  }

  @Test func `the status of a call is that of its last header`() throws {
    let samples = CallSamples()
    samples.head(1)
    samples.message(1, [])
    samples.trailer(1, 14, "busy")
    samples.trailersOnly(3, 8)
    samples.trailersOnly(5, 5)
    samples.trailersOnly(7, 0)
    samples.head(9)
    samples.trailer(9, 3, "no such family")
    let ended = [
      Ended(stream: 1, outcome: .retryLater), Ended(stream: 3, outcome: .retryLater),
      Ended(stream: 5, outcome: .failed), Ended(stream: 7, outcome: .ok),
      Ended(stream: 9, outcome: .failed),
    ]
    let read = try read(samples.bytes)
    #expect(read.ended == ended)
    #expect(read.refusal == "status 3 no such family")
  }

  @Test func `a header block goes on in another frame`() throws {
    let samples = CallSamples()
    let block = samples.block([
      (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0"),
    ])
    samples.frame(.headers, 1, flags: HTTP2Frame.endStream, Array(block[..<5]))
    samples.frame(.continuation, 1, flags: HTTP2Frame.endHeaders, Array(block[5...]))
    for cut in 0...samples.bytes.count {
      let ended = try read(samples.bytes, cuts: [cut]).ended
      #expect(ended == [Ended(stream: 1, outcome: .ok)])
    }
  }

  @Test func `a call without a good end has failed`() throws {
    let samples = CallSamples()
    samples.frame(.resetStream, 1, [0, 0, 0, 2])
    samples.frame(.resetStream, 3, [0, 0, 0, 7])
    samples.head(5)
    samples.message(5, [], flags: HTTP2Frame.endStream)
    samples.head(7, "503")
    samples.trailer(7)
    samples.head(9)
    samples.frame(.data, 9, [0, 0, 0, 0, 9, 8])
    samples.trailer(9)
    samples.head(11)
    samples.frame(.headers, 11, flags: 5, samples.block([("other", "0")]))
    let outcomes = try read(samples.bytes).ended.map(\.outcome)
    #expect(outcomes == [.failed, .retryLater, .failed, .failed, .failed, .failed])
  }

  @Test func `what is no answer is said to be none`() throws {
    let bad: [[UInt8]] = [
      Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8),
      HTTP2Frame.header(.goAway, 8) + [0, 0, 0, 1, 0, 0, 0, 0],
      HTTP2Frame.header(.settings, 5) + [0, 3, 0, 0, 0],
      // Fewer calls than the loader has in flight, smaller windows than its messages.
      HTTP2Frame.header(.settings, 6) + [0, 3, 0, 0, 0, 7],
      HTTP2Frame.header(.settings, 6) + [0, 4, 0, 0, 0, 7],
      HTTP2Frame.header(.ping, 7) + [1, 2, 3, 4, 5, 6, 7],
      HTTP2Frame.header(.windowUpdate, 3) + [0, 0, 1],
      HTTP2Frame.header(.resetStream, 0, stream: 1),
      HTTP2Frame.header(.pushPromise, 0, stream: 1),
      HTTP2Frame.header(.continuation, 1, stream: 1) + [0x88],
      HTTP2Frame.header(.headers, 1, stream: 1) + [0x88] + HTTP2Frame.header(.ping, 0),
      HTTP2Frame.header(.headers, flags: 4, 1, stream: 1) + [0xff],
      HTTP2Frame.header(.headers, flags: 4, 2, stream: 1) + [0xc7, 0x88],
      HTTP2Frame.header(.headers, flags: 8, 1, stream: 1) + [1],
      HTTP2Frame.header(.headers, flags: 0x24, 2, stream: 1) + [0, 0],
      HTTP2Frame.header(.data, flags: 8, 0, stream: 1),
      HTTP2Frame.header(.data, 1, stream: 1) + [1],
      // Messages: a field of no kind, one longer than its chunk, half a field, an endless varint.
      HTTP2Frame.header(.data, 6, stream: 1) + CallSamples.prefixed([0x0b]),
      HTTP2Frame.header(.data, 9, stream: 1) + CallSamples.prefixed([0x0a, 2, 0x0a, 9]),
      HTTP2Frame.header(.data, 6, stream: 1) + CallSamples.prefixed([0x0a]),
      HTTP2Frame.header(.data, 17, stream: 1)
        + CallSamples.prefixed([8] + [UInt8](repeating: 0xff, count: 11)),
    ]
    for bytes in bad {
      #expect(throws: AnswerError.self, "\(bytes)") { try read(bytes) }
      for cut in 0...bytes.count {
        #expect(throws: AnswerError.self, "\(bytes) cut at \(cut)") {
          try read(bytes, cuts: [cut])
        }
      }
    }
  }

  @Test func `damaged answers end in errors or outcomes, never otherwise`() throws {
    let bytes = try session().samples.bytes
    var random = SplitMix64(seed: 7)
    for _ in 0..<20_000 {
      var damaged = bytes
      for _ in 0...(random.next() % 3) {
        damaged[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      var parser = AnswerParser(.grpc, depth: 8)
      var used = 0
      ByteView.of(damaged) { view in
        while let answer = try? parser.next(view.dropFirst(used)) {
          #expect(answer.byteCount > 0)
          used += answer.byteCount
        }
      }
    }
  }
}
