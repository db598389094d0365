// One gRPC call on a connection of its own, for setting up.

import Bytes

enum CallExchange {
  /// How a call went.
  struct Result {
    var outcome: Outcome
    /// What was told of a call that failed.
    var refusal: String
    /// Of all messages.
    var message: [UInt8] = []
  }

  static func once(_ address: SocketAddress, path: String, _ message: Draft) throws -> Result {
    let dialect = BigtableDialect(
      authority: address.text, isSecure: address.security != nil)
    guard let template = dialect.call(path: path, message) else {
      throw BenchmarkFailure("A message for \(path) is too long.")
    }
    let socket = try LoadSocket(address)
    // What these messages say is not known to the counter of rows.
    let answers = CallAnswers(depth: 1, countsRows: false)
    var output = ByteBuffer()
    output.append(HTTP2Frame.greeting)
    template.append(
      to: &output, id: 1, nonce: 0, RowContents(), .ordered, { _ in 0 })
    var input = ByteBuffer(capacity: 64 << 10)
    var received: [UInt8] = []
    while true {
      var sent = 0
      output.append(answers.replies.view)
      answers.replies.clear()
      while sent < output.count || socket.hasSealed {
        sent += try socket.send(output.view.dropFirst(sent)) ?? 0
      }
      output.clear()
      while let answer = try answers.next(input.view) {
        if !answer.isHousekeeping { received += input.view[answer.body].array }
        input.removeFirst(answer.byteCount)
        if !answer.isHousekeeping, answer.isLast {
          return Result(outcome: answer.outcome, refusal: answers.refusal, message: received)
        }
      }
      _ = try input.append(capacity: LoadSocket.slackByteCount + (16 << 10)) { room in
        guard let count = try socket.receive(into: room) else {
          throw BenchmarkFailure("\(address.text) closed without an answer.")
        }
        return count
      }
    }
  }
}
