// One HTTP request on a connection of its own, for setting up.

import Bytes
import Glibc

enum HTTPExchange {
  static func once(_ address: SocketAddress, _ request: String) throws -> (
    status: Int, text: String
  ) {
    let file = try address.connect()
    defer { _ = close(file) }
    var output = ByteBuffer()
    output.append(utf8: request)
    guard
      send(file, output.view.buffer.baseAddress, output.count, Int32(MSG_NOSIGNAL)) == output.count
    else { throw BenchmarkFailure("Sending failed.") }
    var input = ByteBuffer(capacity: 64 << 10)
    while true {
      if let head = try HTTPAnswerState.head(input.view), let bodyByteCount = head.bodyByteCount,
        input.count >= head.byteCount + bodyByteCount
      {
        let body = input.view[head.byteCount..<(head.byteCount + bodyByteCount)]
        return (head.status, String(decoding: body.buffer, as: UTF8.self))
      }
      let count = input.append(capacity: 16 << 10) {
        max(recv(file, $0.baseAddress, $0.count, 0), 0)
      }
      guard count > 0 else { throw BenchmarkFailure("\(address.text) closed without an answer.") }
    }
  }
}
