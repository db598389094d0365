// One call: the message that arrives, the answers that leave.

package import Bytes
package import Net

/// A call of a method. All use is on its connection's loop (`@unchecked` for that: whatever works
/// on it elsewhere comes back by `loop.execute`).
package final class GRPCCall: @unchecked Sendable {
  let stream: Int32
  package let loop: EventLoop
  /// Nil once the stream is gone. Not weak: that would make every count of the connection's
  /// references slower; `end` lets go of it.
  private var connection: GRPCConnection?
  var headers = CallHeaders()
  /// Of the request: what has arrived of its one message, prefix included.
  var body = ByteBuffer()
  /// Bytes of the front's budget that are `body`'s.
  var reservedByteCount = 0
  var isAwaitingMemory = false
  /// Bytes of `body` that no budget knows of.
  var looseByteCount = 0
  /// Arrived, and the peer may not send as much again yet.
  var heldByteCount = 0
  /// Of all fields of the header so far.
  var headerByteCount = 0
  var hasHeaders = false
  /// The peer has said all it has to say.
  var isWhole = false
  /// Of header and message when it was last looked whether they still arrive.
  var byteCountAtLook = -1
  /// What the path names, until it is called.
  var method: Int?
  var deadlineTimer: LoopTimer?

  /// Frames of messages that wait for the peer to take them.
  private var output = ByteBuffer()
  private var sentCount = 0
  private(set) var status: GRPCStatus?
  /// The response's header is on its way.
  private(set) var hasResponded = false
  private var isAwaitingDrain = false

  /// Called when the peer has taken what `isOutputFull` told to wait for.
  package var onDrain: (() -> Void)?
  /// Called once when nobody waits for the answer any more: cancelled, past its deadline, gone.
  package var onCancel: (() -> Void)?
  /// Called once when the server begins to shut down; for calls that would never end.
  package var onShutDown: (() -> Void)?

  private static let highWaterByteCount = 256 << 10
  private static let prefixByteCount = 5

  init(_ stream: Int32, _ connection: GRPCConnection) {
    self.stream = stream
    self.connection = connection
    loop = connection.loop
  }

  // MARK: For methods

  /// The client is gRPC's for Python.
  package var isFromPython: Bool { headers.isFromPython }

  /// Nobody waits for an answer any more.
  package var isOver: Bool { connection == nil || status != nil }

  /// Should the method wait for `onDrain` before it sends more?
  package var isOutputFull: Bool {
    let isFull = unsentByteCount > GRPCCall.highWaterByteCount
    if isFull { isAwaitingDrain = true }
    return isFull
  }

  /// Sends one message.
  package func send(_ write: (inout ByteBuffer) -> Void) {
    guard !isOver, let connection else { return }
    append(write)
    connection.outputAdded(self)
  }

  /// Ends the call. Later endings are ignored.
  package func finish(_ status: GRPCStatus) {
    guard !isOver, let connection else { return }
    self.status = status
    connection.outputAdded(self)
  }

  /// Answers with one message and ends the call.
  package func answer(_ write: (inout ByteBuffer) -> Void) {
    guard !isOver, let connection else { return }
    append(write)
    status = .ok
    connection.outputAdded(self)
  }

  private func append(_ write: (inout ByteBuffer) -> Void) {
    if sentCount > 0, sentCount == output.count {
      output.clear(keepingAtMost: 2 * GRPCCall.highWaterByteCount)
      sentCount = 0
    }
    let start = output.count
    // Not compressed; the length follows when it is known.
    output.append(UInt8(0))
    output.append(bigEndian: UInt32(0))
    write(&output)
    let count = output.count - start - GRPCCall.prefixByteCount
    output.overwrite(littleEndian: UInt32(count).byteSwapped, at: start + 1)
  }

  // MARK: The request

  /// Why what has arrived so far is too much; nil while it is not.
  func bodyRefusal(_ limits: GRPCLimits) -> GRPCStatus? {
    guard let length = messageByteCount else { return nil }
    if length > limits.messageByteCount {
      return GRPCStatus(
        .resourceExhausted,
        "a message of \(length) bytes; at most \(limits.messageByteCount) are taken")
    }
    if body.count > GRPCCall.prefixByteCount + length {
      return GRPCStatus(.unimplemented, "a second message in a call that takes one")
    }
    return nil
  }

  /// As its prefix says, once that is there.
  private var messageByteCount: Int? {
    guard body.count >= GRPCCall.prefixByteCount else { return nil }
    let view = body.view
    return Int(view[1]) << 24 | Int(view[2]) << 16 | Int(view[3]) << 8 | Int(view[4])
  }

  /// Of the message and its prefix.
  var wholeByteCount: Int? { messageByteCount.map { $0 + GRPCCall.prefixByteCount } }

  /// Is the message that has arrived gzip's?
  var isCompressed: Bool { body.count > 0 && body.view[0] == 1 && headers.isGzip }

  /// The message, whole, as it has arrived.
  func message() throws(GRPCStatus) -> ByteView {
    guard let length = messageByteCount, body.count == GRPCCall.prefixByteCount + length else {
      throw GRPCStatus(.internal, "the call ended in the middle of its message")
    }
    guard body.view[0] == 0 || isCompressed else {
      throw GRPCStatus(.internal, "a compressed message, and no grpc-encoding that says how")
    }
    return body.view.dropFirst(GRPCCall.prefixByteCount)
  }

  // MARK: For the connection

  var hasOutput: Bool { unsentByteCount > 0 }

  func noteResponded() { hasResponded = true }

  var unsentByteCount: Int { output.count - sentCount }

  /// Moves the next bytes, no more than are unsent, to where they leave from.
  func moveOutput(_ byteCount: Int, to target: inout ByteBuffer) {
    target.append(output.view[sentCount..<sentCount + byteCount])
    sentCount += byteCount
  }

  /// True once when a method that waits may go on.
  func takeDrained() -> Bool {
    guard isAwaitingDrain, unsentByteCount <= GRPCCall.highWaterByteCount / 2 else {
      return false
    }
    isAwaitingDrain = false
    return true
  }

  /// The stream is gone, or is to go without anything more being said.
  func end() {
    let wasOver = isOver
    connection = nil
    deadlineTimer?.cancel()
    deadlineTimer = nil
    if !wasOver { tellCancelled() }
    onDrain = nil
    onShutDown = nil
  }

  func tellShutDown() {
    let told = onShutDown
    onShutDown = nil
    told?()
  }

  func tellCancelled() {
    let cancelled = onCancel
    onCancel = nil
    cancelled?()
  }
}
