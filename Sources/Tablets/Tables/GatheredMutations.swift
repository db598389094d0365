// Plain mutations of many requests on their way to one commit: the requests that one wake-up of an
// event loop brings share queue, log record, completion and counters.

package import Bytes
package import DataModel
package import LSM
internal import Runtime

/// Lists of one table, encoded one behind the other. Used on one thread.
///
/// Each row is atomic, and the whole is one commit, so whatever a request promises of its list
/// holds. What comes to the table by another way must not overtake: commit first.
package final class GatheredMutations {
  /// What became of a list.
  package enum Outcome {
    /// It is part of the commit; refused rows are in the receipt.
    case joined(MutationReceipt)
    /// It is not: a row is so large that it is to be looked at when its turn has come. For
    /// `Table.mutate`.
    case mustGoAlone
  }

  /// Bytes at which to commit, so that memory for many lists is not taken at once.
  package static let byteLimit = 256 << 10

  private let table: Table
  private let encoder: MutationEncoder
  private var batch: WriteBatch
  /// As of the last request of plain rows, and what tells whether they still stand.
  private var rules: RowRules
  private var rulesChangeCount: UInt64
  /// Of the request of plain rows being added.
  private var plainNow: Int64 = 0
  private var plainCellCount = 0
  private var tally = MutationEncoder.Tally()

  /// - Parameter byteCount: About what will come.
  package init(_ table: Table, byteCount: Int) {
    self.table = table
    encoder = table.encoders.take()
    rulesChangeCount = table.rules.changeCount
    rules = table.rules.value
    batch = WriteBatch(capacity: byteCount)
  }

  deinit { table.encoders.giveBack(encoder) }

  /// Bytes of what has joined.
  package var byteCount: Int { batch.byteCount }

  /// Encodes a list behind the others.
  ///
  /// - Parameter now: Microseconds, not before the request was sent: what has been acknowledged
  ///   before that has no later timestamp of the server.
  /// - Throws: Why the list is refused as a whole.
  package func add(
    _ list: borrowing MutationList, now: Int64
  ) throws(TableServiceError) -> Outcome {
    try table.checkAlive()
    try Table.check(list)
    if table.sizes.mustDecide(list) { return .mustGoAlone }
    let mark = batch.mark
    encoder.beginRequest()
    let encoded = table.encode(list, with: encoder, now: now, into: &batch)
    if table.sizes.mustDecide(batch.encoded(from: mark), largest: encoded.tally.largestChange) {
      batch.rollBack(to: mark)
      return .mustGoAlone
    }
    tally.add(encoded.tally)
    return .joined(encoded.receipt)
  }

  // MARK: - Plain rows

  /// Adds the rows of a request that only sets cells, in order, without a list between.
  ///
  /// - Parameters:
  ///   - now: As in `add`.
  ///   - rows: Calls `beginRow`, `setCell` and `endRow` until all is added, or one of them says
  ///     false: a row is not plain, or would be refused.
  /// - Returns: False when the request is to be added as a list; nothing of it is here then.
  package func addPlainly(now: Int64, _ rows: (GatheredMutations) -> Bool) -> Bool {
    guard table.isAlive else { return false }
    if table.rules.changeCount != rulesChangeCount {
      rulesChangeCount = table.rules.changeCount
      rules = table.rules.value
    }
    plainNow = now
    plainCellCount = 0
    encoder.beginRequest()
    let mark = batch.mark
    guard rows(self), plainCellCount > 0,
      !table.sizes.mustDecide(
        batch.encoded(from: mark), largest: encoder.tally.largestChange)
    else {
      batch.rollBack(to: mark)
      return false
    }
    tally.add(encoder.tally)
    return true
  }

  package func beginRow(_ key: ByteView) -> Bool { encoder.beginPlainRow(key) }

  /// The views must last until `endRow`.
  package func setCell(
    family: ByteView, qualifier: ByteView, timestamp: Timestamp, value: ByteView
  ) -> Bool {
    plainCellCount += 1
    return plainCellCount <= DataModelLimits.mutationCount
      && encoder.setPlainCell(family, qualifier, timestamp, value, rules, now: plainNow)
  }

  package func endRow() -> Bool { encoder.endPlainRow(into: &batch) }

  // MARK: - Commit

  /// Commits what has joined; the last call. `completion` is called once, from any thread, perhaps
  /// before this returns.
  ///
  /// - Parameter isPatient: Waits however long the queue is; else `.retryLater` where it stands.
  package func commit(
    durability: Durability? = nil, isPatient: Bool = false,
    completion: @escaping @Sendable (Result<Void, TableServiceError>) -> Void
  ) {
    if batch.isEmpty { return completion(.success(())) }
    var taken = WriteBatch(capacity: 0)
    swap(&taken, &batch)
    let (table, tally, count) = (table, tally, taken.count)
    table.engine.commit(
      CommitRequest(taken, durability: durability, isPatient: isPatient) { result in
        switch result {
        case .success:
          table.counters.committed(tally, entryCount: count, now: table.time.wallMicroseconds)
          completion(.success(()))
        case .failure(let error): completion(.failure(table.fold(error)))
        }
      })
  }
}
