// Mutations: parsed straight into a list, handed to the table, answered when they are durable.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Net
internal import Tablets

extension BinarySession {
  func mutate(_ id: UInt64, _ body: ByteView, _ cost: Int) {
    let request: MutateRequestView
    do throws(WireError) { request = try MutateRequestView(body) } catch {
      refuse(.mutate, id, Refusal(error))
      return finish(cost)
    }
    let table: Table
    do throws(TableServiceError) { table = try front.service.table(request.table) } catch {
      refuse(.mutate, id, Refusal(error))
      return finish(cost)
    }
    let list = request.takeList()
    guard !list.isEmpty else {
      send { writer, output in writer.message(.mutate, id, into: &output) { _ in } }
      return finish(cost)
    }
    commitAfterDispatch(table)
    table.mutate(list, isPatient: false, waitsForMore: true) { [self] result in
      loop.execute { [self] in
        switch result {
        case .success(let receipt):
          let response = MutateResponse(rejected: receipt.rejected.map { RejectedRow($0, $1) })
          send { writer, output in
            writer.message(.mutate, id, into: &output) { response.encode(into: &$0) }
          }
        case .failure(let error): refuse(.mutate, id, Refusal(error))
        }
        finish(cost)
      }
    }
  }

  /// Writes of all connections that one wake-up of the loop brings are one group.
  private func commitAfterDispatch(_ table: Table) {
    guard !tablesWithWrites.contains(where: { $0 === table }) else { return }
    tablesWithWrites.append(table)
    guard tablesWithWrites.count == 1 else { return }
    loop.afterDispatch { [self] in
      for table in tablesWithWrites { table.commitWaiting() }
      tablesWithWrites.removeAll(keepingCapacity: true)
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
