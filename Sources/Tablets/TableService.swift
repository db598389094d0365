// Every operation the fronts offer; the one door. Stub; owned by the tablets work.

package import Bytes
package import DataModel
package import LSM
package import Runtime
package import VFS

/// How a service is opened.
package struct TableServiceOptions: Sendable {
  /// Bytes for memtables, caches, filters and indexes together.
  package var memoryByteCount = 1 << 30
  package var durability = Durability.sync
  package var engine = EngineOptions()
  package init() {}
}

/// All tables of one data directory.
package final class TableService: Sendable {
  /// Opens or creates the data directory. Refuses one in use, one of a newer version and a
  /// non-empty one that is not ours, each with its clear error.
  package static func open(
    _ directory: String, fileSystem: any FileSystem, time: any TimeSource,
    scheduler: any Scheduler, randomSeed: UInt64, options: TableServiceOptions,
    events: @escaping @Sendable (EngineEvent) -> Void = { _ in }
  ) throws(TableServiceError) -> TableService { throw .closed }

  /// The table, or `.notFound`. Cheap: a lookup under a short lock.
  package func table(_ name: ByteView) throws(TableServiceError) -> Table { throw .closed }
  /// All definitions in name order.
  package func definitions() -> [TableDefinition] { [] }

  // Schema changes wait for the disk: call them on the `.blocking` lane.
  package func createTable(_ definition: TableDefinition) throws(TableServiceError) {}
  /// Applies all changes or none; returns the new definition.
  package func alterTable(
    _ name: String, _ changes: [TableChange]
  ) throws(TableServiceError) -> TableDefinition { throw .closed }
  /// The data is gone for good and its space given back.
  package func dropTable(_ name: String) throws(TableServiceError) {}

  package func statistics() -> [TableStatistics] { [] }
  /// Finishes what is queued, flushes, closes.
  package func close() {}
  init() {}
}

/// The answer to a mutation of many rows.
package struct MutationReceipt: Sendable {
  /// Rows of the list (by position) that were refused; all others are durable and visible.
  package var rejected: [(row: Int, error: TableServiceError)] = []
  package init() {}
}

/// The state of a range at a moment, for `ETag`: equal versions mean equal answers.
package struct RangeVersion: Sendable, Hashable {
  /// Changes with every open of the table, every schema change and every collection of cells that
  /// a reader could see.
  package var epoch: UInt64
  package var sequence: UInt64
  package init(epoch: UInt64, sequence: UInt64) {
    self.epoch = epoch
    self.sequence = sequence
  }
}

/// One table. Handles stay valid until the table is dropped; then every call says `.notFound`.
package final class Table: Sendable {
  /// The schema now. A row that was read names the one it was read under: `RowBuffer.schema`.
  package var schema: TableSchema {
    TableSchema(
      definition: TableDefinition(name: "", families: []), familyIDs: [], version: 0)
  }

  /// Reads one row into `row`, whose cells follow `options`.
  ///
  /// - Returns: false when the row has no cells left.
  /// - Throws: `.wouldBlock` when `wait` is `.forbidden` and the disk is needed.
  package func read(
    _ key: ByteView, _ options: ReadOptions, wait: ReadWait, into row: RowBuffer
  ) throws(TableServiceError) -> Bool { throw .closed }

  package func scan(_ request: ScanRequest) throws(TableServiceError) -> RowScan { throw .closed }

  /// Applies the rows of the list, each atomically, all in one commit. `completion` is called once,
  /// from any thread, when the outcome is known.
  package func mutate(
    _ list: consuming MutationList, durability: Durability? = nil,
    completion: @escaping @Sendable (Result<MutationReceipt, TableServiceError>) -> Void
  ) { completion(.failure(.closed)) }

  /// `predicate` nil asks whether the row has any cell. Answers whether it matched; then the
  /// mutations of the matching list (one row each, the key's) have been applied.
  package func checkAndMutate(
    _ key: [UInt8], predicate: RowFilter?, ifMatched: consuming MutationList,
    otherwise: consuming MutationList, durability: Durability? = nil,
    completion: @escaping @Sendable (Result<Bool, TableServiceError>) -> Void
  ) { completion(.failure(.closed)) }

  /// Applies the rules in order, atomically; answers the new cells of the touched columns.
  package func readModifyWrite(
    _ key: [UInt8], rules: [ReadModifyWriteRule], durability: Durability? = nil,
    completion: @escaping @Sendable (Result<RowBuffer, TableServiceError>) -> Void
  ) { completion(.failure(.closed)) }

  /// The version of a range now.
  package func version(of range: RowRange) -> RangeVersion { RangeVersion(epoch: 0, sequence: 0) }
  /// True only if a read of the range would answer what it answered at `version`; decided without
  /// reading cells. May be false without a change.
  package func isUnchanged(_ range: RowRange, since version: RangeVersion) -> Bool { false }
  /// Calls `changed` once, from any thread, when something in the range is committed after
  /// `version` (at once if it has been). Cancel to let go of it. Nil when too many wait.
  package func onChange(
    of range: RowRange, since version: RangeVersion, _ changed: @escaping @Sendable () -> Void
  ) -> ChangeWait? { nil }

  package var statistics: TableStatistics { TableStatistics() }
  init() {}
}

/// A waiting `onChange`.
package final class ChangeWait: Sendable {
  package func cancel() {}
  init() {}
}

/// What a step of a scan came to.
package enum ScanStep: Sendable, Equatable {
  /// The buffer holds the next row.
  case row
  /// Nothing more in the range, or the limit is reached.
  case end
  /// Many rows were passed in this step and none had a cell left: let others work (an event loop
  /// turns once), then call again; nothing is lost. `lastScannedKey` has moved.
  case pause
}

/// Rows of a range in order, one at a time. It refreshes its pinned state as it goes, so a slow
/// reader holds little memory: each row is as of one moment, the scan is not.
/// Not safe for concurrent use; may change hands between threads.
package final class RowScan: @unchecked Sendable {
  /// Reads the next row into `row`. After `.wouldBlock`, call again with `.allowed` where waiting
  /// is allowed; nothing is skipped.
  package func next(into row: RowBuffer, wait: ReadWait) throws(TableServiceError) -> ScanStep {
    throw .closed
  }
  /// The last row key passed, whether it had cells or not; a page token may continue after it.
  package var lastScannedKey: [UInt8]? { nil }
  init() {}
}

/// One row a table (`/v1/stats`).
package struct TableStatistics: Sendable {
  package var name = ""
  package var approximateRows: UInt64 = 0
  package var approximateCells: UInt64 = 0
  /// Bytes on disk.
  package var byteCount: UInt64 = 0
  package var lastWriteMicroseconds: Int64?
  package var maxCellTimestamp: Int64?
  package var putsTotal: UInt64 = 0
  package var deletesTotal: UInt64 = 0
  package var engine = EngineStatistics()
  package init() {}
}
