// Mutations: parsed straight into a list, handed to the table, answered when they are durable.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Fronts
internal import Net
internal import Tablets

extension BinarySession: WriteOwner {
  func mutate(_ id: UInt64, _ body: ByteView, _ cost: Int) {
    if mutatePlainly(WaitingWrite(id: id, cost: cost), body) { return }
    let request: MutateRequestView
    do throws(WireError) {
      request = try MutateRequestView(body, reusing: writes.takeList())
    } catch {
      refuse(.mutate, id, Refusal(error))
      return finish(cost)
    }
    let name = request.table
    var list = request.takeList()
    do throws(TableServiceError) {
      try mutate(&list, of: name, WaitingWrite(id: id, cost: cost))
    } catch {
      refuse(.mutate, id, Refusal(error))
      finish(cost)
    }
    writes.giveBack(list)
  }

  /// What most requests are goes from the wire straight into the commit. Others, and whatever is to
  /// be refused, are read into a list first.
  ///
  /// - Returns: False, and nothing was done, for those.
  private func mutatePlainly(_ write: WaitingWrite, _ body: ByteView) -> Bool {
    guard body.count < GatheredMutations.byteLimit else { return false }
    var plain = PlainMutations(body)
    guard let table = tables.lastTable(plain.table) else { return false }
    return writes.mutatePlainly(table, now: arrival, for: write, of: self) { rows in
      while let key = plain.nextRow() {
        guard rows.beginRow(key) else { return false }
        while let cell = plain.nextCell() {
          guard
            rows.setCell(
              family: cell.family, qualifier: cell.qualifier, timestamp: cell.timestamp,
              value: cell.value)
          else { return false }
        }
        guard plain.isPlain, rows.endRow() else { return false }
      }
      return plain.isPlain
    }
  }

  /// Hands the list over. A table that was dropped and created again is found again.
  private func mutate(
    _ list: inout MutationList, of name: ByteView, _ write: WaitingWrite
  ) throws(TableServiceError) {
    let table = try tables.table(name, of: front)
    if list.isEmpty {
      if let connection {
        acknowledge(write, [], on: connection)
        connection.setNeedsFlush()
      }
      return finish(write.cost)
    }
    do throws(TableServiceError) {
      try writes.mutate(&list, of: table, now: arrival, for: write, of: self)
    } catch .notFound(let code, let message) {
      guard let table = tables.refreshed(name, of: front) else {
        throw .notFound(code: code, message: message)
      }
      try writes.mutate(&list, of: table, now: arrival, for: write, of: self)
    }
  }

  /// Answers mutate requests that have their outcome.
  func answer(_ writes: AnsweredWrites) {
    let (connection, failure) = (connection, writes.failure)
    var cost = 0
    writes.forEach { write, refused in
      cost += write.cost
      guard let connection else { return }
      if let failure {
        refuse(.mutate, write.id, Refusal(failure))
      } else {
        acknowledge(write, refused, on: connection)
      }
    }
    connection?.setNeedsFlush()
    finish(cost, requestCount: writes.count)
  }

  /// The caller flushes.
  private func acknowledge(
    _ write: WaitingWrite, _ refused: [AnsweredWrites.RowRefusal], on connection: Connection
  ) {
    writer.message(.mutate, write.id, into: &connection.output) { body in
      if refused.isEmpty { return }
      MutateResponse(rejected: refused.map { RejectedRow($0, $1) }).encode(into: &body)
    }
  }

  func checkAndMutate(_ id: UInt64, _ body: ByteView, _ cost: Int) {
    let request: CheckAndMutateRequestView
    let table: Table
    do throws(WireError) { request = try CheckAndMutateRequestView(body) } catch {
      refuse(.checkAndMutate, id, Refusal(error))
      return finish(cost)
    }
    do throws(TableServiceError) { table = try front.service.table(request.table) } catch {
      refuse(.checkAndMutate, id, Refusal(error))
      return finish(cost)
    }
    writes.commit()
    let (key, predicate) = (request.key, request.predicate)
    request.withLists { ifMatched, otherwise in
      table.checkAndMutate(
        key, predicate: predicate, ifMatched: ifMatched, otherwise: otherwise,
        isPatient: false
      ) { [self] result in
        loop.execute { [self] in answerCheck(id, result, cost) }
      }
    }
  }

  private func answerCheck(
    _ id: UInt64, _ result: Result<Bool, TableServiceError>, _ cost: Int
  ) {
    switch result {
    case .success(let matched):
      send { writer, output in
        writer.message(.checkAndMutate, id, into: &output) {
          SchemaMessages.write(flag: matched, into: &$0)
        }
      }
    case .failure(let error): refuse(.checkAndMutate, id, Refusal(error))
    }
    finish(cost)
  }

  func readModifyWrite(_ id: UInt64, _ body: ByteView, _ cost: Int) {
    let request: ReadModifyWriteRequestView
    let table: Table
    do throws(WireError) { request = try ReadModifyWriteRequestView(body) } catch {
      refuse(.readModifyWrite, id, Refusal(error))
      return finish(cost)
    }
    do throws(TableServiceError) { table = try front.service.table(request.table) } catch {
      refuse(.readModifyWrite, id, Refusal(error))
      return finish(cost)
    }
    writes.commit()
    table.readModifyWrite(request.key, rules: request.rules, isPatient: false) { [self] result in
      loop.execute { [self] in
        switch result {
        case .success(let row): send { $0.cells(of: row, .readModifyWrite, id, into: &$1) }
        case .failure(let error): refuse(.readModifyWrite, id, Refusal(error))
        }
        finish(cost)
      }
    }
  }
}

extension RejectedRow {
  init(_ row: Int, _ error: TableServiceError) {
    let refusal = Refusal(error)
    self.init(row: UInt32(clamping: row), status: refusal.status, error: refusal.error)
  }
}
