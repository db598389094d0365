// What operators and tools ask: alive, ready, metrics, and what this interface is.

internal import HTTP1
internal import Bytes

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
    default:
      context.body.append("{\"status\":\"ok\"}\n")
    }
    connection.send(Reply(200), context.body.view, request.facts)
  }
}
