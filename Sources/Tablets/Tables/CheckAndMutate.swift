// A mutation that depends on what its row holds, decided at its turn in the commit queue.

internal import Bytes
package import DataModel
package import LSM
internal import Runtime

extension Table {
  /// `predicate` nil asks whether the row has any cell; cells outside of `subset` are not there for
  /// it. Answers whether it matched; then the mutations of the matching list (one row each, the
  /// key's) have been applied. The other list is not checked against the families.
  package func checkAndMutate(
    _ key: [UInt8], predicate: RowFilter?, within subset: TableSubset? = nil,
    ifMatched: consuming MutationList, otherwise: consuming MutationList,
    durability: Durability? = nil, isPatient: Bool = true,
    completion: @escaping @Sendable (Result<Bool, TableServiceError>) -> Void
  ) {
    let matched = HeldMutations(ifMatched)
    let unmatched = HeldMutations(otherwise)
    do throws(TableServiceError) {
      try checkAlive()
      try ByteView.of(key) { (view) throws(TableServiceError) in
        try MutationEncoder.check(key: view)
      }
      do throws(DataModelError) { try predicate?.validate() } catch {
        throw TableServiceError(error)
      }
      try Table.check(matched, unmatched, key)
    } catch {
      return completion(.failure(error))
    }
    let options = ReadOptions(versions: 0, filter: predicate, subset: subset)
    let decision = Decision(false)
    engine.commit(
      CommitRequest(
        durability: durability, isPatient: isPatient,
        deciding: { [self] reader, batch in
          try checkAlive()
          decision.value = try holds(key, options, reader)
          let chosen = decision.value ? matched : unmatched
          if chosen.isEmpty { return }
          let encoded = encode(chosen.list, into: &batch, asking: reader)
          if let refusal = encoded.receipt.rejected.first { throw refusal.error }
          decision.tally = encoded.tally
        },
        completion: { [self] result in
          switch result {
          case .success:
            if decision.tally.cells + decision.tally.deletions > 0 {
              counters.committed(decision.tally, entryCount: 1, now: time.wallMicroseconds)
            }
            completion(.success(decision.value))
          case .failure(let error): completion(.failure(fold(error)))
          }
        }))
  }

  /// Whether a read with these options leaves a cell.
  private func holds(
    _ key: [UInt8], _ options: ReadOptions, _ reader: any CommitReader
  ) throws -> Bool {
    try ByteView.of(key) { view in
      let row = RowBuffer()
      let rowReader = RowReader.of(row)
      let plan = try rowReader.plan(options, in: rules)
      return try rowReader.read(
        view, try reader.operands(of: view), plan, now: readTime(plan), into: row)
    }
  }

  private static func check(
    _ matched: HeldMutations, _ unmatched: HeldMutations, _ key: [UInt8]
  ) throws(TableServiceError) {
    if matched.isEmpty, unmatched.isEmpty {
      throw .invalid(code: "no_mutations", message: "no mutations provided")
    }
    for held in [matched, unmatched] where !held.isEmpty {
      try check(held.list)
      guard held.list.rowCount == 1 else {
        throw .invalid(
          code: "invalid_row_key", message: "a conditional mutation changes one row only")
      }
      var reader = MutationListReader(held.list.encoded)
      let named = reader.beginRow()
      guard ByteView.of(key, { $0 == named }) else {
        throw .invalid(
          code: "invalid_row_key",
          message: "a conditional mutation of one row names another: \"\(named)\"")
      }
    }
  }
}
