// Plain mutations: all rows of a list in one commit.

package import DataModel
package import LSM
internal import Runtime

/// The answer to a mutation of many rows.
package struct MutationReceipt: Sendable {
  /// Rows of the list (by position) that were refused; all others are durable and visible.
  package var rejected: [(row: Int, error: TableServiceError)] = []
  package init() {}
}

extension Table {
  /// Applies the rows of the list, each atomically, all in one commit. `completion` is called once,
  /// from any thread, when the outcome is known.
  ///
  /// - Parameter isPatient: Waits however long the queue is; else `.retryLater` where it stands.
  package func mutate(
    _ list: consuming MutationList, durability: Durability? = nil, isPatient: Bool = true,
    completion: @escaping @Sendable (Result<MutationReceipt, TableServiceError>) -> Void
  ) {
    let mutations = GatheredMutations(self, byteCount: list.byteCount + 64)
    let outcome: GatheredMutations.Outcome
    do throws(TableServiceError) {
      outcome = try mutations.add(list, now: time.wallMicroseconds)
    } catch {
      return completion(.failure(error))
    }
    switch outcome {
    case .mustGoAlone: mutateDeciding(HeldMutations(list), durability, isPatient, completion)
    case .joined(let receipt):
      mutations.commit(durability: durability, isPatient: isPatient) { result in
        completion(result.map { receipt })
      }
    }
  }

  /// The same at the list's turn, when what its rows hold can be looked at.
  private func mutateDeciding(
    _ held: HeldMutations, _ durability: Durability?, _ isPatient: Bool,
    _ completion: @escaping @Sendable (Result<MutationReceipt, TableServiceError>) -> Void
  ) {
    let decision = Decision(MutationReceipt())
    engine.commit(
      CommitRequest(
        durability: durability, isPatient: isPatient, expectedByteCount: held.list.byteCount,
        deciding: { [self] reader, batch in
          try checkAlive()
          let encoded = encode(held.list, into: &batch, asking: reader)
          decision.value = encoded.receipt
          decision.tally = encoded.tally
          decision.entryCount = batch.count
        },
        completion: { [self] result in
          switch result {
          case .success:
            counters.committed(
              decision.tally, entryCount: decision.entryCount, now: time.wallMicroseconds)
            completion(.success(decision.value))
          case .failure(let error): completion(.failure(fold(error)))
          }
        }))
  }

  /// What a list came to.
  struct EncodedList: Sendable {
    var receipt = MutationReceipt()
    var tally = MutationEncoder.Tally()
  }

  /// Checks what concerns a request as a whole.
  static func check(_ list: borrowing MutationList) throws(TableServiceError) {
    guard list.mutationCount <= DataModelLimits.mutationCount else {
      throw .invalid(
        code: "too_many_mutations",
        message: "\(list.mutationCount) mutations in one request; the limit is "
          + "\(DataModelLimits.mutationCount)")
    }
    // Rows without mutations are refused one by one: a frame of them is millions of refusals.
    guard list.rowCount <= DataModelLimits.mutationCount else {
      throw .invalid(
        code: "too_many_rows",
        message: "\(list.rowCount) rows in one request; the limit is "
          + "\(DataModelLimits.mutationCount)")
    }
    guard list.rowCount > 0 else {
      throw .invalid(code: "no_mutations", message: "no mutations provided")
    }
  }

  /// Encodes every row; refused ones are in the receipt.
  ///
  /// - Parameters:
  ///   - firstRow: Rows before it are passed over.
  ///   - commit: In a deciding commit, what tells how large rows are already.
  func encode(
    _ list: borrowing MutationList, from firstRow: Int = 0, into batch: inout WriteBatch,
    asking commit: (any CommitReader)? = nil
  ) -> EncodedList {
    let encoder = encoders.take()
    defer { encoders.giveBack(encoder) }
    return encode(
      list, from: firstRow, with: encoder, now: time.wallMicroseconds, into: &batch,
      admission: commit.map { RowAdmission(sizes, merger, $0) })
  }

  /// The same with an encoder that has begun the request.
  ///
  /// - Parameter now: Microseconds.
  func encode(
    _ list: borrowing MutationList, from firstRow: Int = 0, with encoder: MutationEncoder,
    now: Int64, into batch: inout WriteBatch, admission: RowAdmission? = nil
  ) -> EncodedList {
    var result = EncodedList()
    let rules = rules.value
    var reader = MutationListReader(list.encoded)
    for _ in 0..<firstRow { reader.skipRow() }
    var row = firstRow
    while !reader.isAtEnd {
      do throws(TableServiceError) {
        try encoder.encodeRow(
          &reader, rules, now: now, admission: admission, into: &batch)
      } catch {
        result.receipt.rejected.append((row: row, error: error))
      }
      row += 1
    }
    result.tally = encoder.tally
    return result
  }
}

/// A list that a deciding commit holds until its turn.
package final class HeldMutations: Sendable {
  let list: MutationList
  package init(_ list: consuming MutationList) { self.list = list }

  /// Nothing to apply.
  var isEmpty: Bool { list.mutationCount == 0 }
}

/// What a deciding commit has decided, for its completion. `@unchecked`: written on the commit
/// lane before the request is answered, read in the answer.
final class Decision<Value: Sendable>: @unchecked Sendable {
  var value: Value
  var tally = MutationEncoder.Tally()
  var entryCount = 1
  init(_ value: Value) { self.value = value }
}
