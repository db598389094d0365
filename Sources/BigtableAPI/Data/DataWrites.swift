// MutateRow, MutateRows, CheckAndMutateRow, ReadModifyWriteRow.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Fronts
internal import GRPC
internal import Net
internal import Runtime
internal import Tablets

/// A call whose writes wait for their commit.
struct WaitingCall {
  let call: GRPCCall
  /// Nil for a single row; else what each entry of the request has been refused for already, and
  /// of those that were not, which row of the list is theirs.
  let entries: [EntryOutcome]?
}

enum EntryOutcome {
  case refused(GRPCStatus)
  case row(Int)
}

extension BigtableSession {
  // MARK: - MutateRow

  func mutateRow(_ call: GRPCCall, _ message: ByteView) throws(GRPCStatus) {
    let request = try WireRowRequest(message, mutationFields: [3], viewField: 6)
    try request.check()
    let (table, subset) = try target(request.table, view: request.view)
    var list = writes.takeList()
    try request.read(3, into: &list, within: subset)
    try commit(&list, of: table, WaitingCall(call: call, entries: nil))
    writes.giveBack(list)
  }

  private func commit(
    _ list: inout MutationList, of table: Table, _ waitingCall: WaitingCall
  ) throws(GRPCStatus) {
    lastWrite &+= 1
    let id = lastWrite
    waiting[id] = waitingCall
    do throws(TableServiceError) {
      try writes.mutate(
        &list, of: table, now: front.time.wallMicroseconds, for: WaitingWrite(id: id), of: self)
    } catch {
      waiting[id] = nil
      throw GRPCStatus(error)
    }
  }

  // MARK: - MutateRows

  func mutateRows(_ call: GRPCCall, _ message: ByteView) throws(GRPCStatus) {
    var name = ByteView()
    var view = ByteView()
    var entries: [ByteView] = []
    do throws(WireError) {
      var reader = ProtobufReader(message)
      while let number = try reader.next() {
        switch number {
        case 1: name = try reader.bytes()
        case 2: entries.append(try reader.bytes())
        case 5: view = try reader.bytes()
        default: try reader.skip()
        }
      }
    } catch {
      throw GRPCStatus(error)
    }
    let requests = try entries.map { (entry) throws(GRPCStatus) in
      let request = try WireRowRequest(entry, keyField: 1, mutationFields: [2])
      guard !request.mutations.isEmpty else { throw .invalid("No mutations provided") }
      return request
    }
    guard !requests.isEmpty else { throw .invalid("No mutations provided") }
    let (table, subset) = try target(name, view: view)
    var list = writes.takeList()
    let outcomes = requests.map { read($0, into: &list, within: subset) }
    guard list.mutationCount <= DataModelLimits.mutationCount else {
      throw .invalid(
        "\(list.mutationCount) mutations in one request; the limit is "
          + "\(DataModelLimits.mutationCount)")
    }
    if list.isEmpty {
      answerEntries(WaitingCall(call: call, entries: outcomes), outcomes, [], nil)
    } else {
      try commit(&list, of: table, WaitingCall(call: call, entries: outcomes))
    }
    writes.giveBack(list)
  }

  /// One entry of a MutateRows request: 1 row key, 2 mutations.
  private func read(
    _ request: WireRowRequest, into list: inout MutationList, within subset: TableSubset?
  ) -> EntryOutcome {
    let mark = list.mark
    do throws(GRPCStatus) {
      try request.check()
      try request.read(2, into: &list, within: subset)
      return .row(list.rowCount - 1)
    } catch {
      list.rollBack(to: mark)
      return .refused(error)
    }
  }

  // MARK: - CheckAndMutateRow

  func checkAndMutateRow(_ call: GRPCCall, _ message: ByteView) throws(GRPCStatus) {
    let request = try WireRowRequest(
      message, mutationFields: [4, 5], filterField: 6, viewField: 9)
    guard !request.mutations.isEmpty else { throw .invalid("No mutations provided") }
    try request.check()
    let (table, subset) = try target(request.table, view: request.view)
    var ifMatched = MutationList()
    var otherwise = MutationList()
    try request.read(4, into: &ifMatched, within: subset)
    try request.read(5, into: &otherwise, within: subset)
    var predicate: RowFilter?
    if let filter = request.filter { predicate = try RowFilter(bigtable: filter) }
    writes.commit()
    table.checkAndMutate(
      request.key.array, predicate: predicate, within: subset, ifMatched: ifMatched,
      otherwise: otherwise, isPatient: false
    ) { [loop] result in
      loop.execute {
        switch result {
        case .success(let matched): call.answer { $0.appendField(1, bool: matched) }
        case .failure(let error): call.finish(GRPCStatus(error))
        }
      }
    }
  }

  // MARK: - ReadModifyWriteRow

  func readModifyWriteRow(_ call: GRPCCall, _ message: ByteView) throws(GRPCStatus) {
    let request = try WireRowRequest(message, mutationFields: [3], viewField: 6)
    guard !request.key.isEmpty else { throw .invalid("Row keys must be non-empty") }
    var rules: [ReadModifyWriteRule] = []
    for (_, rule) in request.mutations { rules.append(try readRule(rule)) }
    guard !rules.isEmpty else { throw .invalid("No rules provided") }
    let (table, subset) = try target(request.table, view: request.view)
    if let subset {
      for rule in rules {
        try ByteView.of(rule.qualifier) { (qualifier) throws(GRPCStatus) in
          try subset.admit(request.key, rule.family, qualifier)
        }
      }
    }
    writes.commit()
    table.readModifyWrite(request.key.array, rules: rules, isPatient: false) { [loop] result in
      loop.execute {
        switch result {
        case .success(let row): call.answer { RowMessage.append(row, to: &$0) }
        case .failure(let error): call.finish(GRPCStatus(error))
        }
      }
    }
  }

  private func readRule(_ message: ByteView) throws(GRPCStatus) -> ReadModifyWriteRule {
    do throws(WireError) {
      var reader = ProtobufReader(message)
      var family = ""
      var qualifier: [UInt8] = []
      var change: ReadModifyWriteRule.Change?
      while let number = try reader.next() {
        switch number {
        case 1: family = try reader.string()
        case 2: qualifier = try reader.bytes().array
        case 3: change = .append(try reader.bytes().array)
        case 4: change = .increment(try reader.int64())
        default: try reader.skip()
        }
      }
      guard let change else { throw .malformed("a rule of no kind") }
      return ReadModifyWriteRule(family: family, qualifier: qualifier, change: change)
    } catch {
      throw GRPCStatus(error)
    }
  }
}

// MARK: - Answers

extension BigtableSession: WriteOwner {
  func answer(_ writes: AnsweredWrites) {
    let failure = writes.failure.map { GRPCStatus($0) }
    writes.forEach { write, refused in
      guard let waitingCall = waiting.removeValue(forKey: write.id) else { return }
      guard let entries = waitingCall.entries else {
        if let failure = failure ?? refused.first.map({ GRPCStatus($0.error) }) {
          waitingCall.call.finish(failure)
        } else {
          waitingCall.call.answer { _ in }
        }
        return
      }
      answerEntries(waitingCall, entries, refused, failure)
    }
  }

  /// All entries in one message: 1 index, 2 status {1 code, 2 message}.
  private func answerEntries(
    _ waitingCall: WaitingCall, _ entries: [EntryOutcome], _ refused: [AnsweredWrites.RowRefusal],
    _ failure: GRPCStatus?
  ) {
    var refusals: [Int: GRPCStatus] = [:]
    for (row, error) in refused { refusals[row] = GRPCStatus(error) }
    waitingCall.call.answer { output in
      for (index, entry) in entries.enumerated() {
        let status: GRPCStatus? =
          switch entry {
          case .refused(let status): status
          case .row(let row): failure ?? refusals[row]
          }
        output.appendMessage(1) { body in
          body.appendField(1, varint: UInt64(index))
          body.appendMessage(2) { body in
            guard let status else { return }
            body.appendField(1, varint: UInt64(status.code.rawValue))
            body.appendField(2, string: status.message)
          }
        }
      }
    }
  }
}

/// A request about one row: 1 table, 2 key, and mutations by the numbers of their fields.
struct WireRowRequest {
  private(set) var table = ByteView()
  private(set) var key = ByteView()
  private(set) var view = ByteView()
  private(set) var filter: ByteView?
  private(set) var mutations: [(field: UInt64, body: ByteView)] = []

  init(
    _ message: ByteView, keyField: UInt64 = 2, mutationFields: [UInt64], filterField: UInt64 = 0,
    viewField: UInt64 = 0
  ) throws(GRPCStatus) {
    do throws(WireError) {
      var reader = ProtobufReader(message)
      while let number = try reader.next() {
        if number == keyField {
          key = try reader.bytes()
        } else if number == 1 {
          table = try reader.bytes()
        } else if mutationFields.contains(number) {
          mutations.append((number, try reader.bytes()))
        } else if number == filterField {
          filter = try reader.bytes()
        } else if number == viewField {
          view = try reader.bytes()
        } else {
          try reader.skip()
        }
      }
    } catch {
      throw GRPCStatus(error)
    }
  }

  /// Before the table is looked for.
  func check() throws(GRPCStatus) {
    guard !key.isEmpty else { throw .invalid("Row keys must be non-empty") }
    guard !mutations.isEmpty else { throw .invalid("No mutations provided") }
  }

  /// Adds a row of the mutations of one field; nothing when there are none.
  func read(
    _ field: UInt64, into list: inout MutationList, within subset: TableSubset?
  ) throws(GRPCStatus) {
    guard mutations.contains(where: { $0.field == field }) else { return }
    list.beginRow(key)
    for mutation in mutations where mutation.field == field {
      if let subset { try WireMutation.check(mutation.body, of: key, within: subset) }
      try WireMutation.read(mutation.body, into: &list)
    }
  }
}

/// google.bigtable.v2.Row: 1 key, 2 families {1 name, 2 columns {1 qualifier, 2 cells {1, 2}}}.
enum RowMessage {
  /// As field 1 of the answer.
  static func append(_ row: RowBuffer, to output: inout ByteBuffer) {
    guard let schema = row.schema else { return }
    output.appendMessage(1) { body in
      body.appendField(1, bytes: row.key)
      var index = 0
      while index < row.cells.count {
        let family = row.cells[index].familyIndex
        body.appendMessage(2) { body in
          body.appendField(1, bytes: schema.familyNames[family])
          while index < row.cells.count, row.cells[index].familyIndex == family {
            appendColumn(row, &index, to: &body)
          }
        }
      }
    }
  }

  private static func appendColumn(
    _ row: RowBuffer, _ index: inout Int, to body: inout ByteBuffer
  ) {
    let first = row.cells[index]
    var next = index
    body.appendMessage(2) { body in
      body.appendField(1, bytes: first.qualifier)
      while next < row.cells.count, row.cells[next].familyIndex == first.familyIndex,
        row.cells[next].qualifier == first.qualifier
      {
        let cell = row.cells[next]
        body.appendMessage(2) { body in
          body.appendField(1, varint: UInt64(bitPattern: cell.timestamp.microseconds))
          body.appendField(2, bytes: cell.value)
        }
        next += 1
      }
    }
    index = next
  }
}
