// Answers of Strata's binary protocol: frames (proto/PROTOCOL.md).

import BinaryProtocol
import Bytes

enum FrameAnswers {
  @inline(__always)
  static func next(_ bytes: ByteView) throws(AnswerError) -> Answer? {
    guard let header = FrameHeader(bytes) else { return nil }
    let bodyByteCount = Int(header.bodyByteCount)
    guard bodyByteCount <= ProtocolLimits.bodyByteCount, header.flags.contains(.answer) else {
      throw AnswerError(reason: "a frame that is no answer")
    }
    let end = FrameHeader.byteCount &+ bodyByteCount
    guard bytes.count >= end else { return nil }
    if header.requestID == 0 {
      throw AnswerError(reason: "the server ends the connection")
    }
    return Answer(
      outcome: outcome(header.status), id: header.requestID,
      isLast: !header.flags.contains(.more), body: FrameHeader.byteCount..<end, byteCount: end)
  }

  @inline(__always)
  private static func outcome(_ status: UInt16) -> Outcome {
    switch status {
    case Status.ok.rawValue: .ok
    case Status.retryLater.rawValue: .retryLater
    default: .failed
    }
  }
}
