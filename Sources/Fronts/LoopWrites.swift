// Writes of all connections that one wake-up of a loop brings: one commit a table, and one message
// back to the loop for all their answers.

package import DataModel
package import Net
package import Tablets

/// A write that waits for its commit.
package struct WaitingWrite: Sendable {
  let owner: any WriteOwner
  /// What its owner knows it by.
  package let id: UInt64
  /// What its owner gives back when it is answered.
  package let cost: Int
  /// Rows that were refused; all others are in the commit.
  package var rejected: [(row: Int, error: TableServiceError)] = []

  package init(of owner: any WriteOwner, id: UInt64 = 0, cost: Int = 0) {
    self.owner = owner
    self.id = id
    self.cost = cost
  }
}

/// Who owes the answer to a write.
package protocol WriteOwner: AnyObject, Sendable {
  /// The write has its outcome. Called once, on the loop.
  func answer(_ write: WaitingWrite, _ result: Result<Void, TableServiceError>)
}

/// The writes of one loop. On the loop only (`@unchecked` for that).
package final class LoopWrites: @unchecked Sendable {
  private struct Group {
    let table: Table
    let mutations: GatheredMutations
    var writes: ContiguousArray<WaitingWrite>
  }

  private let loop: EventLoop
  private var groups: [Group] = []
  private var isCommitDue = false
  /// Of the last group, for the next one's memory.
  private var lastByteCount = 4 << 10
  private var lastWriteCount = 16
  private var spare: MutationList?

  package init(_ loop: EventLoop) { self.loop = loop }

  /// An empty list, with the memory of one that was given back.
  package func takeList() -> MutationList { spare.take() ?? MutationList() }

  package func giveBack(_ list: consuming MutationList) {
    list.clear()
    spare = consume list
  }

  /// Takes a list: part of what this wake-up commits, or alone, behind that, where a row is so
  /// large that it is to be looked at when its turn has come. The owner hears of the outcome,
  /// perhaps before this returns.
  ///
  /// - Parameters:
  ///   - list: Its contents may be taken.
  ///   - now: Microseconds: see `GatheredMutations.add`.
  /// - Throws: Why it is refused as a whole; the owner does not hear.
  package func mutate(
    _ list: inout MutationList, of table: Table, now: Int64, for write: WaitingWrite
  ) throws(TableServiceError) {
    // Whatever happens to a long one is its own fate.
    if list.byteCount >= GatheredMutations.byteLimit { commit() }
    let index = groupIndex(of: table)
    switch try groups[index].mutations.add(list, now: now) {
    case .joined(let receipt):
      var write = write
      write.rejected = receipt.rejected
      groups[index].writes.append(write)
      if groups[index].mutations.byteCount >= GatheredMutations.byteLimit { commit() }
    case .mustGoAlone:
      commit()
      var taken = MutationList(capacity: 0)
      swap(&taken, &list)
      mutateAlone(taken, of: table, for: write)
    }
  }

  private func mutateAlone(
    _ list: consuming MutationList, of table: Table, for write: WaitingWrite
  ) {
    table.mutate(list, isPatient: false) { [loop] result in
      loop.execute {
        var write = write
        if case .success(let receipt) = result { write.rejected = receipt.rejected }
        write.owner.answer(write, result.map { _ in })
      }
    }
  }

  private func groupIndex(of table: Table) -> Int {
    if let known = groups.firstIndex(where: { $0.table === table }) { return known }
    var writes: ContiguousArray<WaitingWrite> = []
    writes.reserveCapacity(lastWriteCount)
    groups.append(
      Group(
        table: table, mutations: GatheredMutations(table, byteCount: lastByteCount),
        writes: writes))
    if !isCommitDue {
      isCommitDue = true
      loop.afterDispatch { [self] in
        isCommitDue = false
        commit()
      }
    }
    return groups.count - 1
  }

  /// Commits what has been taken so far: before any other write of the same connections, which must
  /// not overtake.
  package func commit() {
    guard !groups.isEmpty else { return }
    var committed: [Group] = []
    swap(&committed, &groups)
    for group in committed {
      lastByteCount = group.mutations.byteCount + group.mutations.byteCount / 4
      lastWriteCount = group.writes.count
      let (writes, loop) = (group.writes, loop)
      group.mutations.commit { result in
        if loop.isCurrent {
          LoopWrites.answer(writes, result)
        } else {
          loop.execute { LoopWrites.answer(writes, result) }
        }
      }
    }
  }

  private static func answer(
    _ writes: ContiguousArray<WaitingWrite>, _ result: Result<Void, TableServiceError>
  ) {
    for write in writes { write.owner.answer(write, result) }
  }
}
