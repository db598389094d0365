// Every request goes through `answer`: method, then route.

internal import Bytes
internal import DataModel
internal import HTTP1
internal import Tablets

/// The routes. Each answers at once or promises to (`HTTPConnection.enqueue`); what it throws is
/// sent as problem details.
enum Routes {
  static func answer(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let method = request.head.method
    let route = request.match.route
    guard route.takes(method) else { return refuseMethod(request, on: connection) }
    if method == .options { return answerOptions(request, on: connection) }
    switch route {
    case .row:
      switch method {
      case .get, .head: try RowRoutes.get(request, on: connection)
      case .put, .patch, .delete, .post, .options: try RowRoutes.write(request, on: connection)
      }
    case .rows: try RangeRoutes.get(request, on: connection)
    case .batchGet: try BatchGet.post(request, on: connection)
    case .mutate: try MutationRoutes.mutate(request, on: connection)
    case .checkAndMutate: try MutationRoutes.checkAndMutate(request, on: connection)
    case .readModifyWrite: try MutationRoutes.readModifyWrite(request, on: connection)
    case .tables, .table: try TableRoutes.answer(request, on: connection)
    case .tableStatistics, .allStatistics: try StatsRoutes.answer(request, on: connection)
    case .health, .readiness, .metrics, .openAPI:
      Operations.answer(request, on: connection)
    case .producers, .producer: try ProducerRoutes.answer(request, on: connection)
    // Ingest streams begin before their body (HTTPConnection.beginIngest).
    case .ingest, .changes, .console:
      throw Problem(501, "not_available", "this version of the server does not have this route yet")
    case .unknown:
      throw Problem(404, "no_such_route", "there is nothing at this path; see /openapi.json")
    }
  }

  private static func refuseMethod(_ request: Request, on connection: HTTPConnection) {
    let problem = Problem(
      405, "method_not_allowed", "this path takes \(request.match.route.allow)")
    var reply = Reply(problem)
    reply.allow = request.match.route.allow
    connection.context.body.clear()
    problem.write(into: &connection.context.body)
    connection.send(reply, connection.context.body.view, request.facts)
  }

  private static func answerOptions(_ request: Request, on connection: HTTPConnection) {
    var reply = Reply(204)
    reply.allow = request.match.route.allow
    connection.send(reply, ByteView(), request.facts)
  }

  // MARK: - Parts of paths

  /// The table that the path names.
  static func table(
    _ request: Request, on connection: HTTPConnection
  ) throws(Problem) -> Table {
    let name = try decode(request.match.table, request, on: connection)
    do throws(TableServiceError) {
      return try connection.context.front.service.table(name)
    } catch {
      throw Problem(error)
    }
  }

  /// The row key that the path names; valid during the request's call.
  static func key(_ request: Request, on connection: HTTPConnection) throws(Problem) -> ByteView {
    let key = try decode(request.match.key, request, on: connection)
    guard !key.isEmpty, key.count <= DataModelLimits.rowKeyByteCount else {
      throw Problem(
        400, "invalid_row_key",
        "a row key has 1 to \(DataModelLimits.rowKeyByteCount) bytes, this one \(key.count)")
    }
    return key
  }

  static func decode(
    _ part: ByteView, _ request: Request, on connection: HTTPConnection
  ) throws(Problem) -> ByteView {
    let context = connection.context
    do throws(BrokenPercentEncoding) {
      return try PercentCoding.decode(part, into: &context.decoded)
    } catch {
      throw Problem(error)
    }
  }

  static func refuseQuery(_ request: Request) throws(Problem) {
    if let pair = QueryPairs(request.query).first(where: { _ in true }) {
      throw Problem(400, "unknown_parameter", "this route has no parameter '\(pair.name)'")
    }
  }
}
