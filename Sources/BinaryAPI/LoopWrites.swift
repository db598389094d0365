// Writes of all connections that one wake-up of a loop brings: one commit a table, and one message
// back to the loop for all their answers.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Net
internal import Tablets

/// A mutate request that waits for its commit.
struct WaitingWrite {
  let session: BinarySession
  let id: UInt64
  let cost: Int
  let rejected: [(row: Int, error: TableServiceError)]
}

/// The writes of one loop. On the loop only (`@unchecked` for that).
final class LoopWrites: @unchecked Sendable {
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

  init(_ loop: EventLoop) { self.loop = loop }

  /// An empty list, with the memory of one that was given back.
  func takeList() -> MutationList { spare.take() ?? MutationList() }

  func giveBack(_ list: consuming MutationList) { spare = consume list }

  /// Adds a list to what this wake-up commits.
  ///
  /// - Parameters:
  ///   - now: Microseconds: see `GatheredMutations.add`.
  ///   - makeWrite: What to answer, from the rows that were refused.
  /// - Returns: False, and nothing was added, when the list must be committed alone.
  func add(
    _ list: borrowing MutationList, to table: Table, now: Int64,
    _ makeWrite: ([(row: Int, error: TableServiceError)]) -> WaitingWrite
  ) throws(TableServiceError) -> Bool {
    // Whatever happens to a long one is its own fate.
    if list.byteCount >= GatheredMutations.byteLimit { commit() }
    let index = groupIndex(of: table)
    switch try groups[index].mutations.add(list, now: now) {
    case .mustGoAlone: return false
    case .joined(let receipt): groups[index].writes.append(makeWrite(receipt.rejected))
    }
    if groups[index].mutations.byteCount >= GatheredMutations.byteLimit { commit() }
    return true
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

  /// Commits what has been added so far: before any other write of the same connections, which must
  /// not overtake.
  func commit() {
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
    switch result {
    case .success: for write in writes { write.session.answer(write) }
    case .failure(let error):
      let refusal = Refusal(error)
      for write in writes {
        write.session.refuse(.mutate, write.id, refusal)
        write.session.finish(write.cost)
      }
    }
  }
}
