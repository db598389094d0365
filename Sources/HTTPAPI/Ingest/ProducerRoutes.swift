// GET producers, GET and DELETE producers/{p}: how far each producer of a table has come.

internal import Bytes
internal import DataModel
internal import HTTP1
internal import JSON
internal import Net
internal import Tablets

enum ProducerRoutes {
  static func answer(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    connection.context.decoded.clear()
    connection.context.decoded.reserve(request.head.byteCount)
    try Routes.refuseQuery(request)
    let table = try Routes.table(request, on: connection)
    if request.match.route == .producers { return list(table, request.facts, on: connection) }
    let name = try IngestRequest.producer(
      try Routes.decode(request.match.key, request, on: connection))
    if request.head.method == .delete {
      forget(name, table, request.facts, on: connection)
    } else {
      position(name, table, request.facts, on: connection)
    }
  }

  private static func list(
    _ table: Table, _ facts: RequestFacts, on connection: HTTPConnection
  ) {
    answering(facts, on: connection, { table.producers(completion: $0) }) { exchange, producers in
      var body = ByteBuffer(capacity: 64 + 64 * producers.count)
      body.append("{\"producers\":[")
      for (index, producer) in producers.enumerated() {
        if index > 0 { body.append(0x2c as UInt8) }
        write(producer, into: &body)
      }
      body.append("]}\n")
      exchange.finish(Reply(200), body.view)
    }
  }

  private static func position(
    _ name: [UInt8], _ table: Table, _ facts: RequestFacts, on connection: HTTPConnection
  ) {
    answering(facts, on: connection, { table.producerPosition(name, completion: $0) }) {
      exchange, next in
      guard next > 0 else { return exchange.finish(unknown) }
      var body = ByteBuffer(capacity: 128)
      write(ProducerPosition(name: name, next: next), into: &body)
      body.append(0x0a as UInt8)
      exchange.finish(Reply(200), body.view)
    }
  }

  private static func forget(
    _ name: [UInt8], _ table: Table, _ facts: RequestFacts, on connection: HTTPConnection
  ) {
    answering(facts, on: connection, { table.forgetProducer(name, completion: $0) }) {
      exchange, wasKnown in
      if wasKnown { exchange.finish(Reply(204), ByteView()) } else { exchange.finish(unknown) }
    }
  }

  private static var unknown: Problem {
    Problem(404, "unknown_producer", "the table knows no producer of this name")
  }

  private static func write(_ producer: ProducerPosition, into body: inout ByteBuffer) {
    body.append("{\"producer\":")
    ByteView.of(producer.name) { body.append(jsonString: $0) }
    body.append(",\"position\":")
    body.append(decimal: producer.next - 1)
    body.append("}")
  }

  /// Answers later, on the loop.
  private static func answering<Value: Sendable>(
    _ facts: RequestFacts, on connection: HTTPConnection,
    _ start: (@escaping @Sendable (Result<Value, TableServiceError>) -> Void) -> Void,
    _ answer: @escaping @Sendable (Exchange, Value) -> Void
  ) {
    let exchange = connection.enqueue(facts)
    let loop = connection.context.loop
    start { result in
      loop.execute {
        switch result {
        case .success(let value): answer(exchange, value)
        case .failure(let error): exchange.finish(Problem(error))
        }
      }
    }
  }
}
