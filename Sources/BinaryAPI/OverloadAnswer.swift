// The refusal of a request that finds no room in its turn. In overload most answers are this one,
// so its body is encoded once: refusing must cost a small part of what serving costs.

internal import BinaryProtocol
internal import Bytes

/// `Refusal.overloaded` as a frame.
enum OverloadAnswer {
  private static let body: [UInt8] = {
    var buffer = ByteBuffer()
    Refusal.overloaded.error.encode(into: &buffer)
    return buffer.array
  }()

  /// Refuses the requests at the start of `input`, up to the first frame that is not whole, or
  /// that only `ConnectionState` can judge.
  ///
  /// - Returns: Bytes used up, and requests.
  static func refuse(
    _ input: ByteView, into output: inout ByteBuffer
  ) -> (used: Int, count: Int) {
    var used = 0
    var count = 0
    while let header = FrameHeader(input.dropFirst(used)) {
      let end = used + FrameHeader.byteCount + Int(header.bodyByteCount)
      guard end <= input.count, header.requestID != 0, header.flags == [], header.status == 0,
        let operation = Operation(rawValue: header.operation), operation.isSheddable
      else { break }
      append(operation, header.requestID, to: &output)
      used = end
      count &+= 1
    }
    return (used, count)
  }

  static func append(
    _ operation: Operation, _ requestID: UInt64, to output: inout ByteBuffer
  ) {
    let body = OverloadAnswer.body
    FrameHeader(
      operation: operation, flags: .answer, status: Refusal.overloaded.status,
      requestID: requestID, bodyByteCount: UInt32(body.count)
    ).encode(into: &output)
    output.append(body)
  }
}
