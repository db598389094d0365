// One table: one engine and the schema its rows are read and written under. Reads are here;
// writes in TableWrites, CheckAndMutate and ReadModifyWrite, scans in RowScan, polls in TablePolls.

package import Bytes
package import DataModel
internal import LSM
internal import Runtime
internal import Synchronization
package import VFS

/// One table. Handles stay valid until the table is dropped; then every call says `.notFound`.
package final class Table: Sendable {
  let id: Int64
  let name: String
  let nameBytes: [UInt8]
  let engine: Engine
  let rules: CurrentRules
  let merger: RowMerger
  let changes: RangeChanges
  let counters: TableCounters
  let encoders: EncoderPool
  let time: any TimeSource
  let epoch: TableEpoch
  private let dropped = Atomic<Bool>(false)
  let cellSample = CellSample()

  init(
    id: Int64, name: String, engine: Engine, parts: TableParts, encoders: EncoderPool,
    time: any TimeSource
  ) {
    self.id = id
    self.name = name
    self.nameBytes = Array(name.utf8)
    self.engine = engine
    self.rules = parts.rules
    self.merger = parts.merger
    self.changes = parts.changes
    self.counters = parts.counters
    self.epoch = parts.epoch
    self.encoders = encoders
    self.time = time
  }

  var sizes: RowSizes { merger.sizes }

  /// The schema now. A row that was read names the one it was read under: `RowBuffer.schema`.
  package var schema: TableSchema { rules.value.schema }

  // MARK: - Reading

  /// Reads one row into `row`, whose cells follow `options`.
  ///
  /// - Returns: false when the row has no cells left.
  /// - Throws: `.wouldBlock` when `wait` is `.forbidden` and the disk is needed.
  package func read(
    _ key: ByteView, _ options: ReadOptions, wait: ReadWait, into row: RowBuffer
  ) throws(TableServiceError) -> Bool {
    try checkAlive()
    // The reader lets go of what it holds when it collects again, and sets the schema anew.
    row.clearRow()
    do throws(TableServiceError) {
      try MutationEncoder.check(key: key)
      let reader = RowReader.of(row)
      let plan = try reader.plan(options, in: rules)
      if try collect(key, wait, reader.operands) == .found {
        return try reader.read(key, plan, now: readTime(plan), into: row)
      }
      row.schema = nil
      return false
    } catch {
      row.schema = nil
      throw error
    }
  }

  @inline(__always)
  private func collect(
    _ key: ByteView, _ wait: ReadWait, _ operands: OperandList
  ) throws(TableServiceError) -> Lookup {
    do throws(EngineError) {
      return try engine.read(key, wait: wait, into: operands)
    } catch {
      throw fold(error)
    }
  }

  /// Begins to fetch what reads of these rows will touch: they then wait for memory together, not
  /// one after the other.
  package func prefetch(_ keys: [ByteView]) { engine.prefetch(keys) }

  /// Rows of a range. Nothing is read before the first step.
  ///
  /// - Parameter row: Where they will go, if that is known: it remembers how rows were to be read
  ///   the last time.
  package func scan(
    _ request: ScanRequest, into row: RowBuffer? = nil
  ) throws(TableServiceError) -> RowScan {
    try checkAlive()
    guard request.limit >= 0 else {
      throw .invalid(
        code: "invalid_limit", message: "limit is \(request.limit); 0 asks for all rows")
    }
    let changeCount = rules.changeCount
    let plan =
      if let row {
        try RowReader.of(row).plan(request.options, in: rules)
      } else {
        try ReadPlan(request.options, rules.value)
      }
    return RowScan(self, request, plan, changeCount: changeCount)
  }

  /// The clock, for reads that collect; others do without it.
  func readTime(_ plan: ReadPlan) -> Int64 {
    plan.rules.gcOnRead && plan.rules.dependsOnTime ? time.wallMicroseconds : 0
  }

  // MARK: - Life

  var isAlive: Bool { !dropped.load(ordering: .acquiring) }

  func checkAlive() throws(TableServiceError) {
    if !isAlive { throw .unknownTable(name) }
  }

  /// From now on every call says `.notFound`.
  func markDropped() {
    dropped.store(true, ordering: .releasing)
    changes.fireAll()
  }

  /// What an engine's refusal means to a caller of this table.
  func fold(_ error: EngineError) -> TableServiceError {
    if case .closed = error, dropped.load(ordering: .acquiring) { return .unknownTable(name) }
    return TableServiceError(error)
  }

  /// Puts a new schema into force. It is durable already.
  func install(_ new: RowRules) {
    rules.replace(by: new)
    changes.fireAll()
  }

  // MARK: - Tidying up, for tools and tests

  /// Writes what is in memory to table files and waits.
  package func flush() throws(TableServiceError) {
    do throws(EngineError) { try engine.flush() } catch { throw fold(error) }
  }

  /// Takes all rows of the range away for good, and waits: not one by one, see
  /// `Engine.removeAll`. Rows can be written again at once, with old timestamps too.
  package func dropRows(in range: RowRange) throws(TableServiceError) {
    if range.isEmpty { return }
    // Before the first row are the producers' positions.
    let lower = range.lower ?? [0]
    do throws(EngineError) {
      try engine.removeAll(in: KeyRange(from: lower.isEmpty ? [0] : lower, to: range.upper))
    } catch {
      throw fold(error)
    }
    changes.fireAll()
  }

  /// Rewrites the whole table, so that everything deleted and doomed is gone, and waits.
  package func compact() throws(TableServiceError) {
    do throws(EngineError) { try engine.compactAll() } catch { throw fold(error) }
    counters.collected()
  }

  /// Bytes of table files between two samples of keys.
  private static let sampleByteCount: UInt64 = 16 << 20

  /// Keys that cut the table into parts of like size, ascending, each with about the bytes before
  /// it, and the bytes of all: where files end, and where the table was said to be split.
  package var keySamples: (samples: [(key: [UInt8], offset: UInt64)], byteCount: UInt64) {
    var samples = engine.boundaries(every: Table.sampleByteCount)
    for split in schema.definition.settings.splits
    where !samples.contains(where: { $0.key == split }) {
      let index =
        samples.firstIndex { split.lexicographicallyPrecedes($0.key) } ?? samples.endIndex
      samples.insert((split, index > 0 ? samples[index - 1].offset : 0), at: index)
    }
    return (samples, max(Table.byteCount(engine.statistics), samples.last?.offset ?? 0))
  }

  /// Of table files and logs.
  private static func byteCount(_ engine: EngineStatistics) -> UInt64 {
    engine.levels.reduce(0) { $0 + $1.byteCount } + engine.logByteCount
  }

  package var statistics: TableStatistics {
    var statistics = TableStatistics()
    let totals = counters.value
    let engine = engine.statistics
    statistics.name = name
    statistics.byteCount = Table.byteCount(engine)
    statistics.approximateRows =
      engine.levels.reduce(UInt64(engine.memtableEntryCount)) { $0 + $1.entryCount }
    statistics.approximateCells = UInt64(
      Double(statistics.approximateRows) * cellSample.cellsPerRow(of: self))
    statistics.lastWriteMicroseconds = totals.lastWrite
    statistics.maxCellTimestamp = totals.maxCellTimestamp
    statistics.putsTotal = totals.puts
    statistics.deletesTotal = totals.deletes
    statistics.engine = engine
    return statistics
  }
}

/// What a table's engine is opened with and the table keeps.
struct TableParts: Sendable {
  let rules: CurrentRules
  let merger: RowMerger
  let changes: RangeChanges
  let counters: TableCounters
  let epoch: TableEpoch
}

/// Encoders that are not in use; taken for a request, given back after it.
final class EncoderPool: Sendable {
  /// More than the threads that encode at once.
  private static let limit = 16
  private let idle = Mutex<[MutationEncoder]>([])

  func take() -> MutationEncoder {
    let encoder = idle.withLock { $0.popLast() } ?? MutationEncoder()
    encoder.beginRequest()
    return encoder
  }

  func giveBack(_ encoder: MutationEncoder) {
    idle.withLock { if $0.count < EncoderPool.limit { $0.append(encoder) } }
  }
}
