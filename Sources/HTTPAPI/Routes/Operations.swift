// What operators and tools ask: alive, ready, metrics, and what this interface is.

internal import Bytes
internal import HTTP1
internal import JSON
internal import Tablets

enum Operations {
  static func answer(_ request: Request, on connection: HTTPConnection) {
    let context = connection.context
    context.body.clear()
    switch request.match.route {
    case .metrics:
      let front = context.front
      return Work.run(request, contentType: .prometheus, on: connection) { body in
        MetricsText.write(front, into: &body)
      }
    case .openAPI:
      OpenAPI.write(into: &context.body)
    case .readiness where context.front.isDraining:
      return connection.send(
        Problem(503, "shutting_down", "the server is shutting down"), request.facts)
    case .readiness:
      writeReadiness(context.front.service.damagedTables, into: &context.body)
    default:
      context.body.append("{\"status\":\"ok\"}\n")
    }
    connection.send(Reply(200), context.body.view, request.facts)
  }

  /// A server with damaged tables is ready to serve the others, and says which are not.
  private static func writeReadiness(_ tables: [DamagedTable], into body: inout ByteBuffer) {
    if tables.isEmpty { return body.append("{\"status\":\"ok\"}\n") }
    body.append("{\"status\":\"damaged\",\"tables\":[")
    for (index, table) in tables.enumerated() {
      if index > 0 { body.append(UInt8(ascii: ",")) }
      body.append(jsonString: table.name)
    }
    body.append("]}\n")
  }
}
