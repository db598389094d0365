// What a client hears that speaks plain HTTP to a port of TLS.

internal import Bytes
internal import HTTP1

extension HTTPFront {
  /// A whole answer, as bytes that leave unencrypted; it says nothing that is secret.
  package static let answerToPlainText: [UInt8] = {
    let problem = Problem(
      400, "tls_required", "This port speaks TLS: the address begins with https.")
    var body = ByteBuffer()
    problem.write(into: &body)
    var answer = ByteBuffer()
    answer.append("HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n")
    answer.append("Connection: close\r\nContent-Length: ")
    answer.append(decimal: body.count)
    answer.append("\r\n\r\n")
    answer.append(body.view)
    return answer.array
  }()
}
