// Answers of Strata's binary protocol: frames (proto/PROTOCOL.md).

import BinaryProtocol
import Bytes

enum FrameAnswers {
  private static var answerFlag: UInt8 { 1 }
  private static var moreFlag: UInt8 { 2 }

  @inline(__always)
  static func next(_ bytes: ByteView) throws(AnswerError) -> Answer? {
    guard bytes.count >= FrameHeader.byteCount else { return nil }
    // In place: as an option set of another module the flags stood out in profiles.
    let bodyByteCount = Int(bytes.littleEndian32(at: 0))
    let flags = bytes[5]
    guard bodyByteCount <= ProtocolLimits.bodyByteCount, flags & answerFlag != 0 else {
      throw AnswerError(reason: "a frame that is no answer")
    }
    let end = FrameHeader.byteCount &+ bodyByteCount
    guard bytes.count >= end else { return nil }
    let id = bytes.littleEndian64(at: 8)
    if id == 0 { throw AnswerError(reason: "the server ends the connection") }
    return Answer(
      outcome: outcome(bytes.littleEndian16(at: 6)), id: id, isLast: flags & moreFlag == 0,
      body: FrameHeader.byteCount..<end, byteCount: end)
  }

  @inline(__always)
  private static func outcome(_ status: UInt16) -> Outcome {
    switch status {
    case 0: .ok
    case 4: .retryLater
    default: .failed
    }
  }
}
