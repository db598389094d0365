// POST rows:ingest?producer=&sequence=&deadLetter=: what the request asks for, before its body.

internal import Bytes
internal import DataModel
internal import HTTP1
internal import Tablets

/// A stream that was asked for.
struct IngestRequest: Sendable {
  var table: Table
  /// Whose lines they are; nil for nobody's, which are written as often as they are sent.
  var producer: [UInt8]?
  /// Position of the body's first line.
  var sequence: UInt64 = 1
  var deadLetters: DeadLetters?

  init(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let context = connection.context
    context.decoded.clear()
    context.decoded.reserve(request.head.byteCount)
    table = try Routes.table(request, on: connection)
    var sequence: UInt64?
    var deadLetter: ByteView?
    for (name, value) in QueryPairs(request.query) {
      let value = try ReadQuery.decode(value, &context.decoded)
      if name == "producer", producer == nil {
        producer = try Self.producer(value)
      } else if name == "sequence", sequence == nil {
        sequence = try Self.sequence(value)
      } else if name == "deadLetter", deadLetter == nil {
        deadLetter = value
      } else {
        throw Problem(
          400, "unknown_parameter",
          "this route takes producer, sequence and deadLetter, each once, not '\(name)'")
      }
    }
    guard (producer == nil) == (sequence == nil) else {
      throw Problem(
        400, "invalid_sequence",
        "producer and sequence go together: sequence is the position of the body's first line")
    }
    self.sequence = sequence ?? 1
    if let deadLetter {
      deadLetters = try DeadLetters(deadLetter, of: self, context.front)
    }
  }

  /// What the query or path says as a producer's name.
  static func producer(_ text: ByteView) throws(Problem) -> [UInt8] {
    guard 1...Table.producerNameByteCount ~= text.count,
      String(validating: text.buffer, as: UTF8.self) != nil
    else {
      throw Problem(
        400, "invalid_producer",
        "a producer's name has 1 to \(Table.producerNameByteCount) bytes of UTF-8")
    }
    return text.array
  }

  private static func sequence(_ text: ByteView) throws(Problem) -> UInt64 {
    guard let value = UInt64(String(decoding: text.buffer, as: UTF8.self)),
      value <= UInt64(Int64.max) / 2
    else {
      throw Problem(
        400, "invalid_sequence",
        "sequence is the position of the body's first line, a number from 0 to \(Int64.max / 2)")
    }
    return value
  }
}
