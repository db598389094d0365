// Statistics of one table, or of all: {"tables":[statistics, …],"disk":{…}}. Counting takes locks,
// so a worker does it.

internal import HTTP1
internal import Bytes
internal import Net
internal import Runtime
internal import Tablets

enum StatsRoutes {
  static func answer(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let context = connection.context
    context.decoded.clear()
    context.decoded.reserve(request.head.byteCount)
    try Routes.refuseQuery(request)
    let table: Table? =
      request.match.route == .tableStatistics ? try Routes.table(request, on: connection) : nil
    let front = context.front
    Work.run(request, contentType: .json, on: connection) { body in
      let now = front.time.wallMicroseconds
      if let table {
        StatisticsJSON.write(table.statistics, atMicroseconds: now, into: &body)
      } else {
        body.append("{\"tables\":[")
        for (index, statistics) in front.service.statistics().enumerated() {
          if index > 0 { body.append(0x2c as UInt8) }
          StatisticsJSON.write(statistics, atMicroseconds: now, into: &body)
        }
        body.append("]")
        if let stalls = front.options.diskStalls() {
          body.append(",\"disk\":{\"stalled_operations\":")
          body.append(decimal: stalls.current)
          body.append(",\"stalls_total\":")
          body.append(decimal: stalls.total)
          body.append("}")
        }
        body.append("}")
      }
      body.append(0x0a as UInt8)
    }
  }
}

/// Answers that a worker writes.
enum Work {
  /// Answers 200 with what `write` writes.
  static func run(
    _ request: Request, contentType: ContentType, on connection: HTTPConnection,
    _ write: @escaping @Sendable (inout ByteBuffer) -> Void
  ) {
    let exchange = connection.enqueue(request.facts)
    let loop = connection.context.loop
    connection.context.front.scheduler.submit(to: .blocking) {
      var body = ByteBuffer(capacity: 4 << 10)
      write(&body)
      let bytes = body.array
      loop.execute {
        ByteView.of(bytes) { exchange.finish(Reply(200, contentType: contentType), $0) }
      }
    }
  }
}
