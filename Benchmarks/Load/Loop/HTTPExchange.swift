// One HTTP request on a connection of its own, for setting up.

import Bytes

enum HTTPExchange {
  static func once(_ address: SocketAddress, _ request: String) throws -> (
    status: Int, text: String
  ) {
    let socket = try LoadSocket(address)
    var output = ByteBuffer()
    output.append(utf8: request)
    var sent = 0
    while sent < output.count || socket.hasSealed {
      sent += try socket.send(output.view.dropFirst(sent)) ?? 0
    }
    var input = ByteBuffer(capacity: 64 << 10)
    while true {
      if let head = try HTTPAnswerState.head(input.view), let bodyByteCount = head.bodyByteCount,
        input.count >= head.byteCount + bodyByteCount
      {
        let body = input.view[head.byteCount..<(head.byteCount + bodyByteCount)]
        return (head.status, String(decoding: body.buffer, as: UTF8.self))
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
