// Writes of all connections that one wake-up of a loop brings: one commit a table, and one message
// back to the loop for all their answers.

package import DataModel
package import Net
package import Tablets

/// A write that waits for its commit, as its owner knows it.
package struct WaitingWrite: Sendable {
  package let id: UInt64
  /// What its owner gives back when it is answered.
  package let cost: Int

  package init(id: UInt64 = 0, cost: Int = 0) {
    self.id = id
    self.cost = cost
  }
}

/// The writes that one owner gave one after the other, and what became of them.
package struct AnsweredWrites {
  package typealias RowRefusal = (row: Int, error: TableServiceError)

  private let writes: GroupWrites
  private let range: Range<Int>
  /// Of all of them; nil when they are committed.
  package let failure: TableServiceError?

  fileprivate init(_ writes: GroupWrites, _ range: Range<Int>, _ failure: TableServiceError?) {
    self.writes = writes
    self.range = range
    self.failure = failure
  }

  package var count: Int { range.count }

  /// Calls `body` with each write in order, and its rows that were refused; all others are in the
  /// commit.
  @inline(__always)
  package func forEach(_ body: (WaitingWrite, [RowRefusal]) -> Void) {
    for index in range { body(writes.writes[index], writes.refusals(of: index)) }
  }
}

/// Who owes the answers to writes.
package protocol WriteOwner: AnyObject, Sendable {
  /// The writes have their outcome. On the loop; each write is answered once.
  func answer(_ writes: AnsweredWrites)
}

/// Writes in the order of their coming. One owner's that follow each other are one run, so that
/// owners are counted by connection and not by write. Used on the loop, which lends it to a commit
/// and has it back with the outcome (`@unchecked` for that).
private final class GroupWrites: @unchecked Sendable {
  private(set) var writes: [WaitingWrite] = []
  private var runs: [(owner: any WriteOwner, end: Int)] = []
  private var refusals: [Int: [AnsweredWrites.RowRefusal]] = [:]

  init(capacity: Int, runCapacity: Int = 1) {
    writes.reserveCapacity(capacity)
    runs.reserveCapacity(runCapacity)
  }

  var runCount: Int { runs.count }

  @inline(__always)
  func append(
    _ write: WaitingWrite, of owner: any WriteOwner, _ refused: [AnsweredWrites.RowRefusal] = []
  ) {
    if !refused.isEmpty { refusals[writes.count] = refused }
    writes.append(write)
    if let last = runs.indices.last, runs[last].owner === owner {
      runs[last].end = writes.count
    } else {
      runs.append((owner, writes.count))
    }
  }

  @inline(__always)
  func refusals(of index: Int) -> [AnsweredWrites.RowRefusal] {
    refusals.isEmpty ? [] : refusals[index] ?? []
  }

  func answer(_ failure: TableServiceError?) {
    var start = 0
    for run in runs {
      run.owner.answer(AnsweredWrites(self, start..<run.end, failure))
      start = run.end
    }
  }
}

extension Result {
  /// Nil for a success.
  fileprivate var failure: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}

/// The writes of one loop. On the loop only (`@unchecked` for that).
package final class LoopWrites: @unchecked Sendable {
  /// What goes to one table.
  private final class Group {
    let table: Table
    let mutations: GatheredMutations
    let writes: GroupWrites

    init(_ table: Table, byteCount: Int, writeCount: Int, runCount: Int) {
      self.table = table
      mutations = GatheredMutations(table, byteCount: byteCount)
      writes = GroupWrites(capacity: writeCount, runCapacity: runCount)
    }
  }

  private let loop: EventLoop
  private var groups: [Group] = []
  private var isCommitDue = false
  /// Of the last group, for the next one's memory.
  private var lastByteCount = 4 << 10
  private var lastWriteCount = 16
  private var lastRunCount = 16
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
    _ list: inout MutationList, of table: Table, now: Int64, for write: WaitingWrite,
    of owner: any WriteOwner
  ) throws(TableServiceError) {
    // Whatever happens to a long one is its own fate.
    if list.byteCount >= GatheredMutations.byteLimit { commit() }
    let group = group(of: table)
    switch try group.mutations.add(list, now: now) {
    case .joined(let receipt):
      group.writes.append(write, of: owner, receipt.rejected)
      if group.mutations.byteCount >= GatheredMutations.byteLimit { commit() }
    case .mustGoAlone:
      commit()
      var taken = MutationList(capacity: 0)
      swap(&taken, &list)
      mutateAlone(taken, of: table, for: write, of: owner)
    }
  }

  /// Takes rows that only set cells, without a list between: part of what this wake-up commits.
  ///
  /// - Parameter rows: See `GatheredMutations.addPlainly`.
  /// - Returns: False when they are to come as a list; nothing of them has been taken, and the
  ///   owner does not hear.
  package func mutatePlainly(
    _ table: Table, now: Int64, for write: WaitingWrite, of owner: any WriteOwner,
    _ rows: (GatheredMutations) -> Bool
  ) -> Bool {
    let group = group(of: table)
    guard group.mutations.addPlainly(now: now, rows) else { return false }
    group.writes.append(write, of: owner)
    if group.mutations.byteCount >= GatheredMutations.byteLimit { commit() }
    return true
  }

  private func mutateAlone(
    _ list: consuming MutationList, of table: Table, for write: WaitingWrite,
    of owner: any WriteOwner
  ) {
    table.mutate(list, isPatient: false) { [loop] result in
      loop.execute {
        let writes = GroupWrites(capacity: 1)
        writes.append(write, of: owner, (try? result.get())?.rejected ?? [])
        writes.answer(result.failure)
      }
    }
  }

  private func group(of table: Table) -> Group {
    for group in groups where group.table === table { return group }
    let group = Group(
      table, byteCount: lastByteCount, writeCount: lastWriteCount, runCount: lastRunCount)
    groups.append(group)
    if !isCommitDue {
      isCommitDue = true
      loop.afterDispatch { [self] in
        isCommitDue = false
        commit()
      }
    }
    return group
  }

  /// Commits what has been taken so far: before any other write of the same connections, which must
  /// not overtake.
  package func commit() {
    guard !groups.isEmpty else { return }
    var committed: [Group] = []
    swap(&committed, &groups)
    for group in committed {
      lastByteCount = group.mutations.byteCount + group.mutations.byteCount / 4
      lastWriteCount = group.writes.writes.count
      lastRunCount = group.writes.runCount
      let (writes, loop) = (group.writes, loop)
      group.mutations.commit { result in
        let failure = result.failure
        if loop.isCurrent {
          writes.answer(failure)
        } else {
          loop.execute { writes.answer(failure) }
        }
      }
    }
  }
}
