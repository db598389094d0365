// :mutate, :checkAndMutate and :readModifyWrite: one row, atomically; answered when durable.

internal import Bytes
internal import DataModel
internal import Fronts
internal import HTTP1
internal import Net
internal import RowText
internal import Runtime
internal import Tablets

enum MutationRoutes {
  static func mutate(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let (table, key) = try target(request, on: connection)
    var list = connection.context.writes.takeList()
    var reader = MutationJSONReader(connection.context.textSchema(of: table))
    do throws(RowTextError) {
      try reader.readMutations(request.body, key: key, into: &list)
    } catch {
      throw Problem(error)
    }
    commit(list, to: table, request.facts, on: connection)
  }

  /// Hands over the list's one row, to be committed with what else this wake-up brings.
  static func commit(
    _ list: consuming MutationList, to table: Table, _ facts: RequestFacts,
    on connection: HTTPConnection
  ) {
    let context = connection.context
    let exchange = connection.enqueue(facts)
    do throws(TableServiceError) {
      try context.writes.mutate(
        &list, of: table, now: context.front.time.wallMicroseconds,
        for: WaitingWrite(), of: exchange)
    } catch {
      exchange.finish(Problem(error))
    }
    context.writes.giveBack(list)
  }

  static func checkAndMutate(
    _ request: Request, on connection: HTTPConnection
  ) throws(Problem) {
    let (table, key) = try target(request, on: connection)
    var matched = MutationList(capacity: 64 + request.body.count)
    var otherwise = MutationList()
    let predicate: RowFilter?
    var reader = MutationJSONReader(connection.context.textSchema(of: table))
    do throws(RowTextError) {
      predicate = try reader.readCheckAndMutate(
        request.body, key: key, ifMatched: &matched, otherwise: &otherwise)
    } catch {
      throw Problem(error)
    }
    let exchange = connection.enqueue(request.facts)
    let loop = connection.context.loop
    connection.context.writes.commit()
    table.checkAndMutate(
      key.array, predicate: predicate, ifMatched: matched, otherwise: otherwise,
      isPatient: false
    ) { result in
      loop.execute {
        switch result {
        case .success(let matched):
          var body = ByteBuffer()
          body.append(matched ? "{\"matched\":true}\n" : "{\"matched\":false}\n" as StaticString)
          exchange.finish(Reply(200), body.view)
        case .failure(let error): exchange.finish(Problem(error))
        }
      }
    }
  }

  static func readModifyWrite(
    _ request: Request, on connection: HTTPConnection
  ) throws(Problem) {
    let (table, key) = try target(request, on: connection)
    let rules: [ReadModifyWriteRule]
    var reader = MutationJSONReader(connection.context.textSchema(of: table))
    do throws(RowTextError) {
      rules = try reader.readRules(request.body)
    } catch {
      throw Problem(error)
    }
    let exchange = connection.enqueue(request.facts)
    let loop = connection.context.loop
    connection.context.writes.commit()
    table.readModifyWrite(key.array, rules: rules, isPatient: false) { result in
      loop.execute {
        switch result {
        case .success(let row):
          guard let context = exchange.connection?.context else { return }
          var body = ByteBuffer(capacity: 256)
          RowJSONWriter.write(
            row, context.textSchema(of: row, table), shape: .versions, into: &body)
          body.append(0x0a as UInt8)
          exchange.finish(Reply(200), body.view)
        case .failure(let error): exchange.finish(Problem(error))
        }
      }
    }
  }

  private static func target(
    _ request: Request, on connection: HTTPConnection
  ) throws(Problem) -> (Table, ByteView) {
    connection.context.decoded.clear()
    connection.context.decoded.reserve(request.head.byteCount)
    try Routes.refuseQuery(request)
    let table = try Routes.table(request, on: connection)
    return (table, try Routes.key(request, on: connection))
  }
}

extension Exchange: WriteOwner {
  /// Answers 204 when the row is committed.
  func answer(_ writes: AnsweredWrites) {
    let failure = writes.failure
    writes.forEach { _, refused in
      if let error = failure ?? refused.first?.error {
        finish(Problem(error))
      } else {
        finish(Reply(204), ByteView())
      }
    }
  }
}
