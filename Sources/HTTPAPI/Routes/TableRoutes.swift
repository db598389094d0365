// Tables: list, create, describe, alter, drop. Changes wait for the disk, on a worker.

internal import Bytes
internal import DataModel
internal import HTTP1
internal import Net
internal import RowText
internal import Runtime
internal import Tablets

enum TableRoutes {
  static func answer(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let context = connection.context
    context.decoded.clear()
    context.decoded.reserve(request.head.byteCount)
    try Routes.refuseQuery(request)
    switch (request.match.route, request.head.method) {
    case (.tables, .post): try create(request, on: connection)
    case (.tables, _): list(request, on: connection)
    case (_, .patch): try alter(request, on: connection)
    case (_, .delete): try drop(request, on: connection)
    case (_, _): try describe(request, on: connection)
    }
  }

  private static func list(_ request: Request, on connection: HTTPConnection) {
    let context = connection.context
    context.body.clear()
    context.body.append("{\"tables\":[")
    for (index, definition) in context.front.service.definitions().enumerated() {
      if index > 0 { context.body.append(0x2c as UInt8) }
      TableDefinitionJSON.write(definition, into: &context.body)
    }
    context.body.append("]}\n")
    connection.send(Reply(200), context.body.view, request.facts)
  }

  private static func describe(
    _ request: Request, on connection: HTTPConnection
  ) throws(Problem) {
    let table = try Routes.table(request, on: connection)
    let context = connection.context
    context.body.clear()
    TableDefinitionJSON.write(table.schema.definition, into: &context.body)
    context.body.append(0x0a as UInt8)
    connection.send(Reply(200), context.body.view, request.facts)
  }

  private static func create(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let definition: TableDefinition
    do throws(RowTextError) {
      definition = try TableDefinitionJSON.read(request.body)
    } catch {
      throw Problem(error)
    }
    run(request, on: connection) { (service) throws(TableServiceError) in
      try service.createTable(definition)
      var reply = Reply(201)
      reply.location = Array("/v1/tables/\(definition.name)".utf8)
      let created = try ByteView.of(definition.name) { (name) throws(TableServiceError) in
        try service.table(name)
      }
      return (reply, created.schema.definition)
    }
  }

  private static func alter(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let table = try Routes.table(request, on: connection)
    let current = table.schema.definition
    let changes: [TableChange]
    do throws(RowTextError) {
      changes = try TableDefinitionJSON.readChanges(request.body, of: current)
    } catch {
      throw Problem(error)
    }
    run(request, on: connection) { (service) throws(TableServiceError) in
      (Reply(200), try service.alterTable(current.name, changes))
    }
  }

  private static func drop(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let name = try Routes.table(request, on: connection).schema.definition.name
    run(request, on: connection) { (service) throws(TableServiceError) in
      try service.dropTable(name)
      return (Reply(204), nil)
    }
  }

  /// Changes the catalog on a worker and answers with the definition, if there is one.
  private static func run(
    _ request: Request, on connection: HTTPConnection,
    _ change:
      @escaping @Sendable (TableService) throws(TableServiceError) -> (
        Reply, TableDefinition?
      )
  ) {
    let exchange = connection.enqueue(request.facts)
    let front = connection.context.front
    let loop = connection.context.loop
    front.scheduler.submit(to: .blocking) {
      do throws(TableServiceError) {
        let (reply, definition) = try change(front.service)
        loop.execute {
          var body = ByteBuffer(capacity: 256)
          if let definition {
            TableDefinitionJSON.write(definition, into: &body)
            body.append(0x0a as UInt8)
          }
          exchange.finish(reply, body.view)
        }
      } catch {
        let problem = Problem(error)
        loop.execute { exchange.finish(problem) }
      }
    }
  }
}
