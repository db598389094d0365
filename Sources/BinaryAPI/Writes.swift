// Mutations: parsed straight into a list, handed to the table, answered when they are durable.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Fronts
internal import Net
internal import Tablets

extension BinarySession: WriteOwner {
  func mutate(_ id: UInt64, _ body: ByteView, _ cost: Int) {
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
      try mutate(&list, of: name, WaitingWrite(of: self, id: id, cost: cost))
    } catch {
      refuse(.mutate, id, Refusal(error))
      finish(cost)
    }
    writes.giveBack(list)
  }

  /// Hands the list over. A table that was dropped and created again is found again.
  private func mutate(
    _ list: inout MutationList, of name: ByteView, _ write: WaitingWrite
  ) throws(TableServiceError) {
    let table = try tables.table(name, of: front.service)
    if list.isEmpty { return answer(write, .success(())) }
    do throws(TableServiceError) {
      try writes.mutate(&list, of: table, now: arrival, for: write)
    } catch .notFound(let code, let message) {
      guard let table = tables.refreshed(name, of: front.service) else {
        throw .notFound(code: code, message: message)
      }
      try writes.mutate(&list, of: table, now: arrival, for: write)
    }
  }

  /// Answers a mutate request that has its outcome.
  func answer(_ write: WaitingWrite, _ result: Result<Void, TableServiceError>) {
    switch result {
    case .success:
      send { writer, output in
        writer.message(.mutate, write.id, into: &output) { body in
          if write.rejected.isEmpty { return }
          MutateResponse(rejected: write.rejected.map { RejectedRow($0, $1) }).encode(into: &body)
        }
      }
    case .failure(let error): refuse(.mutate, write.id, Refusal(error))
    }
    finish(write.cost)
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
