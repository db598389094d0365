// One row a table (`/v1/stats`): what a table holds, roughly, and what happened to it.

package import LSM
internal import Synchronization

/// What a table holds and what happened to it.
package struct TableStatistics: Sendable {
  package var name = ""
  /// Entries of the engine: a row that lies in several levels counts in each.
  package var approximateRows: UInt64 = 0
  /// Rows times the cells of a few sampled rows.
  package var approximateCells: UInt64 = 0
  /// Bytes on disk.
  package var byteCount: UInt64 = 0
  package var lastWriteMicroseconds: Int64?
  package var maxCellTimestamp: Int64?
  /// Cells set and deletions since the table was created; after a kill, without what came after
  /// the last background pass.
  package var putsTotal: UInt64 = 0
  package var deletesTotal: UInt64 = 0
  package var engine = EngineStatistics()
  package init() {}
}

/// The totals of a living table.
final class TableCounters: Sendable {
  private let totals: Mutex<TableTotals>
  /// Entries committed since the last full compaction was asked for.
  private let uncollected = Atomic<UInt64>(0)

  init(_ totals: TableTotals) { self.totals = Mutex(totals) }

  var value: TableTotals { totals.withLock { $0 } }
  var uncollectedEntries: UInt64 { uncollected.load(ordering: .relaxed) }

  func committed(_ tally: MutationEncoder.Tally, entryCount: Int, now: Int64) {
    totals.withLock { totals in
      totals.puts += tally.cells
      totals.deletes += tally.deletions
      totals.lastWrite = max(totals.lastWrite ?? .min, now)
      if tally.maxTime >= 0 {
        totals.maxCellTimestamp = max(totals.maxCellTimestamp ?? 0, tally.maxTime * 1_000)
      }
    }
    uncollected.wrappingAdd(UInt64(entryCount), ordering: .relaxed)
  }

  func collected() { uncollected.store(0, ordering: .relaxed) }
}
