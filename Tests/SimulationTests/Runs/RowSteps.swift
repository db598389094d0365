// Requests about rows: asked of the store, foretold by the model, compared.

import Bytes
import DataModel
import LSM
import TestSupport
import Tablets

extension StoreRun {
  /// The table, if the store has it; a difference if store and model do not agree about that.
  func find(_ name: String) throws -> (Table, ModelTable)? {
    guard let service else { throw Difference("no store is open") }
    let model = expected.store.tables[name]
    let table: Table
    do throws(TableServiceError) {
      table = try service.find(name)
    } catch {
      guard case .notFound = error, model == nil else {
        throw Difference("table \(name): \(error)")
      }
      fold("absent")
      return nil
    }
    guard let model else { throw Difference("table \(name) is there") }
    return (table, model)
  }

  /// Only faults make a table so.
  private func isReadOnly(_ table: Table) -> Bool {
    hasSeenFaults && table.statistics.engine.isReadOnly
  }

  // MARK: Mutations

  /// A request that has been sent.
  private struct Sent {
    var request: MutationRequest
    var answer: PendingAnswer<MutationReceipt>
    var wasReadOnly: Bool
  }

  func mutate(_ requests: [MutationRequest]) throws {
    // What a crash while they are under way may leave: some of them, in order.
    var ahead = expected.store.tables
    var sent: [Sent] = []
    for request in requests {
      guard let (table, _) = try find(request.table), var model = ahead[request.table]
      else { continue }
      underWay.journals[request.table]?.pending.append(entry(of: request, in: &model).entry)
      ahead[request.table] = model
      let real = setup.tamper?(request) ?? request
      let answer = PendingAnswer<MutationReceipt>()
      let wasReadOnly = isReadOnly(table)
      var list = MutationList()
      for row in real.rows { list.append(row: row.key, row.mutations) }
      table.mutate(list, durability: real.durability) { answer.result = $0 }
      sent.append(Sent(request: request, answer: answer, wasReadOnly: wasReadOnly))
    }
    world.letRun { sent.allSatisfy { $0.answer.result != nil } }
    for one in sent { try settle(one) }
  }

  /// What the request does to a table, which it changes; and the rows, by position, that are
  /// refused.
  private func entry(
    of request: MutationRequest, in table: inout ModelTable
  ) -> (entry: JournalEntry, refused: [Int]) {
    var entry = JournalEntry(
      changes: [], durability: request.durability ?? world.options.durability)
    var refused: [Int] = []
    for (place, row) in request.rows.enumerated() {
      if table.refusal(of: row.mutations) != nil {
        refused.append(place)
        continue
      }
      let after = table.applying(row.mutations, to: row.key, now: now)
      entry.changes.append((key: row.key, before: table.rows[row.key], after: after))
      table.rows[row.key] = after
    }
    return (entry, refused)
  }

  private func settle(_ sent: Sent) throws {
    let name = sent.request.table
    guard let result = sent.answer.result else {
      throw Difference("a mutation of \(name) is not answered")
    }
    switch result {
    case .success(let receipt):
      guard var table = expected.store.tables[name] else { return }
      let (entry, refused) = entry(of: sent.request, in: &table)
      guard receipt.rejected.map(\.row) == refused else {
        throw Difference(
          "\(name) refused rows \(receipt.rejected.map(\.row)), expected \(refused)")
      }
      fold("\(refused)")
      expected.store.tables[name] = table
      expected.journals[name]?.acknowledge(entry)
    case .failure(let error):
      try tolerate(error, "mutation of \(name)")
      guard var table = expected.store.tables[name] else { return }
      for earlier in expected.journals[name]?.pending ?? [] {
        for change in earlier.changes { table.rows[change.key] = change.after }
      }
      let (entry, _) = entry(of: sent.request, in: &table)
      leaveOpen(entry, in: name, error, wasReadOnly: sent.wasReadOnly)
    }
  }

  /// The request is done: from now on its rows must be there.
  private func acknowledge(_ entry: JournalEntry, in name: String) {
    for change in entry.changes { expected.store.tables[name]?.rows[change.key] = change.after }
    expected.journals[name]?.acknowledge(entry)
  }

  /// The request failed: it may be there after a restart only if the log failed in the middle of
  /// it. A full disk and a table that was read-only before refuse without effect.
  private func leaveOpen(
    _ entry: JournalEntry, in name: String, _ error: TableServiceError, wasReadOnly: Bool
  ) {
    guard case .readOnly = error, !wasReadOnly else { return }
    expected.journals[name]?.pending.append(entry)
  }

  func checkAndMutate(
    _ name: String, _ key: String, _ predicate: RowFilter?, _ matched: [TestMutation],
    _ otherwise: [TestMutation]
  ) throws {
    guard let (table, model) = try find(name) else { return }
    let row = model.current(key, now: now)
    // Where compactions decide what the row holds, they would decide the answer too.
    guard row.uncertain.isEmpty else { return }
    let cells = row.cells()
    let isMatch = !(predicate.map { $0.applied(to: cells, of: key) } ?? cells).isEmpty
    let chosen = isMatch ? matched : otherwise
    var refusal = matched.isEmpty && otherwise.isEmpty ? ModelRefusal("no_mutations") : nil
    var entry = JournalEntry(changes: [], durability: world.options.durability)
    if refusal == nil, !chosen.isEmpty {
      refusal = model.refusal(of: chosen)
      if refusal == nil {
        let after = model.applying(chosen, to: key, now: now)
        entry.changes = [(key: key, before: model.rows[key], after: after)]
      }
    }
    underWay.journals[name]?.pending.append(entry)
    let wasReadOnly = isReadOnly(table)
    let answer = PendingAnswer<Bool>()
    table.checkAndMutate(
      Array(key.utf8), predicate: predicate,
      ifMatched: matched.isEmpty ? MutationList() : .of(key, matched),
      otherwise: otherwise.isEmpty ? MutationList() : .of(key, otherwise)
    ) { answer.result = $0 }
    world.letRun { answer.result != nil }
    switch (answer.result, refusal) {
    case (nil, _): throw Difference("a check-and-mutate of \(name) is not answered")
    case (.success(let found), nil):
      guard found == isMatch else {
        throw Difference("check-and-mutate of \(name) \(key): \(found), expected \(isMatch)")
      }
      fold("\(found)")
      acknowledge(entry, in: name)
    case (.success, let refusal?): throw Difference("\(name) took \(refusal.code)")
    case (.failure(let error), let refusal):
      if let refusal, code(of: error) == refusal.code { return fold(refusal.code) }
      try tolerate(error, "check-and-mutate of \(name)")
      leaveOpen(entry, in: name, error, wasReadOnly: wasReadOnly)
    }
  }

  func readModifyWrite(_ name: String, _ key: String, _ rules: [ReadModifyWriteRule]) throws {
    guard let (table, model) = try find(name) else { return }
    let row = model.current(key, now: now)
    guard row.uncertain.isEmpty else { return }
    let foretold = model.readModifyWrite(key, row, rules, now: now)
    var entry = JournalEntry(changes: [], durability: world.options.durability)
    if case .success(let cells) = foretold {
      let sets = cells.map { TestMutation.set($0.family, $0.qualifier, $0.time, $0.value) }
      let after = model.applying(sets, to: key, now: now)
      entry.changes = [(key: key, before: model.rows[key], after: after)]
    }
    underWay.journals[name]?.pending.append(entry)
    let wasReadOnly = isReadOnly(table)
    let answer = PendingAnswer<RowBuffer>()
    table.readModifyWrite(Array(key.utf8), rules: rules) { answer.result = $0 }
    world.letRun { answer.result != nil }
    switch (answer.result, foretold) {
    case (nil, _): throw Difference("a read-modify-write of \(name) is not answered")
    case (.success(let buffer), .success(let cells)):
      guard buffer.testCells == cells else {
        throw Difference(
          "read-modify-write of \(name) \(key): \(buffer.testCells), expected \(cells)")
      }
      fold(cells)
      acknowledge(entry, in: name)
    case (.success, .failure(let refusal)): throw Difference("\(name) took \(refusal.code)")
    case (.failure(let error), let foretold):
      if case .failure(let refusal) = foretold, code(of: error) == refusal.code {
        return fold(refusal.code)
      }
      try tolerate(error, "read-modify-write of \(name)")
      leaveOpen(entry, in: name, error, wasReadOnly: wasReadOnly)
    }
  }

  // MARK: Reads

  func read(_ name: String, _ key: String, _ options: ReadOptions) throws {
    guard let (table, model) = try find(name) else { return }
    let row = model.current(key, now: now)
    let refusal = model.refusal(of: options)
    let answer = model.answer(key, row, options)
    var asked = options
    if answer == nil { asked.filter = nil }
    let found: [TestCell]
    do {
      found = try table.cells(key, asked)
    } catch let error as TableServiceError {
      if let refusal, code(of: error) == refusal.code { return fold(refusal.code) }
      return try tolerate(error, "read of \(name)")
    }
    if let refusal { throw Difference("\(name) took \(refusal.code)") }
    guard let answer else {
      guard model.allows(found, row, asked, now: now) else {
        throw Difference(
          "read of \(name) \(key): \(found) is none of what \(row.cells()) may be")
      }
      return
    }
    guard found == answer else {
      throw Difference("read of \(name) \(key) \(options): \(found), expected \(answer)")
    }
    fold(answer)
  }

  func scan(_ name: String, _ request: ScanRequest) throws {
    guard let (table, model) = try find(name) else { return }
    let refusal = model.refusal(of: request.options)
    var keys = model.rows.keys.filter { key in
      ByteView.of(key) { request.range.contains($0) }
    }.sorted()
    if request.reversed { keys.reverse() }
    let rows = keys.map { key in
      let row = model.current(key, now: now)
      return (key: key, row: row, answer: model.answer(key, row, request.options))
    }
    let isDecided = rows.allSatisfy { $0.answer != nil }
    var asked = request
    if !isDecided { asked.options.filter = nil }
    let found: [TestRow]
    do {
      found = try table.rows(asked)
    } catch let error as TableServiceError {
      if let refusal, code(of: error) == refusal.code { return fold(refusal.code) }
      return try tolerate(error, "scan of \(name)")
    }
    if let refusal { throw Difference("\(name) took \(refusal.code)") }
    var place = 0
    for (key, row, answer) in rows where request.limit == 0 || place < request.limit {
      let isFound = place < found.count && found[place].key == key
      let cells = isFound ? found[place].cells : []
      if isFound { place += 1 }
      let isRight =
        isDecided
        ? cells == answer : model.allows(cells, row, asked.options, now: now)
      guard isRight else {
        throw Difference(
          "scan of \(name) \(request): row \(key) is \(cells), expected "
            + "\(answer.map { "\($0)" } ?? "part of \(row.cells())")")
      }
      if isDecided { fold(cells) }
    }
    guard place == found.count else {
      throw Difference("scan of \(name): row \(found[place].key) is nobody's")
    }
  }

  func statistics() throws {
    guard let service else { return }
    let found = service.statistics()
    guard found.map(\.name) == expected.store.definitions.map(\.name) else {
      throw Difference("statistics of \(found.map(\.name))")
    }
    for table in found where table.engine.isReadOnly && !hasSeenFaults {
      throw Difference("\(table.name) is read-only")
    }
  }

  // MARK: The answers' hash

  func fold(_ text: String) {
    for byte in text.utf8 { fold(UInt64(byte)) }
  }

  private func fold(_ cells: [TestCell]) {
    fold(UInt64(cells.count))
    for cell in cells {
      fold(cell.family)
      fold(cell.qualifier)
      fold(UInt64(bitPattern: cell.time))
      for byte in cell.value { fold(UInt64(byte)) }
    }
  }

  private func fold(_ word: UInt64) {
    result.answers = (result.answers ^ word) &* 0x100_0000_01b3
  }

  /// The stable word of a refusal.
  func code(of error: TableServiceError) -> String? {
    switch error {
    case .invalid(let code, _), .notFound(let code, _), .conflict(let code, _): code
    case .wouldBlock, .retryLater, .full, .corruptData, .readOnly, .closed: nil
    }
  }
}

/// An answer as it comes. `@unchecked`: the manual scheduler runs on the test's thread.
final class PendingAnswer<Value: Sendable>: @unchecked Sendable {
  var result: Result<Value, TableServiceError>?
}

extension ModelTable {
  /// The new cells of the touched columns, in cell order.
  fileprivate func readModifyWrite(
    _ key: String, _ row: RowModel, _ rules: [ReadModifyWriteRule], now: Int64
  ) -> Result<[TestCell], ModelRefusal> {
    var cells: [[String]: TestCell] = [:]
    for rule in rules {
      guard hasFamily(rule.family) else { return .failure(ModelRefusal("unknown_family")) }
      let qualifier = String(decoding: rule.qualifier, as: UTF8.self)
      let column = [rule.family, qualifier]
      let newest =
        cells[column]
        ?? row.cells(versions: 1) { $0 == rule.family && $1 == qualifier }.first
      var cell = TestCell(
        family: rule.family, qualifier: qualifier,
        time: max(now / 1_000 * 1_000, newest?.time ?? 0), value: newest?.value ?? [])
      switch rule.change {
      case .append(let bytes): cell.value += bytes
      case .increment(let amount):
        guard newest == nil || cell.value.count == 8 else {
          return .failure(ModelRefusal("wrong_value_type"))
        }
        cell.value = RowModel.bytes(RowModel.integer(cell.value) &+ amount)
      }
      cells[column] = cell
    }
    return .success(
      cells.values.sorted {
        [$0.family, $0.qualifier].lexicographicallyPrecedes([
          $1.family, $1.qualifier,
        ])
      })
  }
}
