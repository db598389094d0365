// How should a row lie in the engine: a sorted key a cell, or one packed value a row? Measures
// both on rows of 50 columns of 100 bytes: written whole, written column by column, read whole,
// read by one column, scanned. Prints one JSON line a result.
//   kvrowshapes [ROWS]        default 20,000

import Bytes
import DataModel
import Glibc
import LSM
import Runtime
import Synchronization
import Tablets
import VFS

/// Wall and processor time around a piece of work.
struct Stopwatch {
  private let wall: UInt64
  private let cpu: Double

  init() {
    wall = SystemTime().monotonicNanoseconds
    cpu = Self.processorSeconds()
  }

  func report(_ shape: String, _ work: String, rows: Int) {
    let seconds = Double(SystemTime().monotonicNanoseconds - wall) / 1e9
    let cpuMicroseconds = (Self.processorSeconds() - cpu) * 1e6 / Double(rows)
    print(
      """
      {"shape":"\(shape)","work":"\(work)","rows":\(rows),\
      "rows_per_s":\(Int(Double(rows) / seconds)),\
      "cpu_us_per_row":\((cpuMicroseconds * 100).rounded() / 100)}
      """)
  }

  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// The newest entry stands for all: cells as sorted keys are plain puts.
final class NewestWins: ValueMerger {
  func merge(
    key: ByteView, operands: [Operand], isOldest: Bool, newer: NewerEntries,
    into output: inout MergeOutput
  ) -> MergeOutcome {
    guard operands.count > 1, let newest = operands.first else { return .unchanged }
    if newest.kind == .delete { return isOldest ? .nothing : .delete }
    output.bytes.append(newest.value)
    return .put
  }
}

@main
struct RowShapes {
  static let columns = 50

  static func main() throws {
    let rows = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 20_000
    let directory = "/tmp/strata-row-shapes-\(getpid())"
    let files = PosixFileSystem()
    defer { try? files.removeTree(directory) }
    try CellsAsKeys(directory: directory + "-cells", rows: rows).run()
    try files.removeTree(directory + "-cells")
    try PackedRows(directory: directory + "-packed", rows: rows).run()
    try files.removeTree(directory + "-packed")
  }

  static func rowKey(_ number: Int) -> [UInt8] {
    let digits = String(UInt32(truncatingIfNeeded: number &* 2_654_435_761))
    return Array((String(repeating: "0", count: 14 - digits.utf8.count) + digits).utf8)
  }

  static func qualifier(_ column: Int) -> [UInt8] {
    Array((column < 10 ? "c0" : "c").utf8) + Array(String(column).utf8)
  }

  /// 100 bytes, half of them random.
  static func fill(_ value: inout [UInt8], _ row: Int, _ column: Int) {
    var state = UInt64(row * columns + column) &* 0x9e37_79b9_7f4a_7c15
    for index in 0..<50 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      value[index] = UInt8(truncatingIfNeeded: state >> 56)
    }
  }
}

/// A key a cell: row, zero byte, qualifier.
struct CellsAsKeys {
  let engine: Engine
  let rows: Int

  init(directory: String, rows: Int) throws {
    self.rows = rows
    var options = EngineOptions()
    options.durability = .none
    let environment = EngineEnvironment(
      fileSystem: PosixFileSystem(), time: SystemTime(), scheduler: ThreadScheduler(),
      randomSeed: 1, cache: BlockCache(byteCount: 512 << 20),
      memory: MemoryBudget(byteCount: 1 << 30))
    engine = try Engine.open(
      directory, environment: environment, options: options, merger: NewestWins())
  }

  func run() throws {
    var watch = Stopwatch()
    for row in 0..<rows { try write(row, RowShapes.columns, from: 0) }
    watch.report("cells as keys", "write whole", rows: rows)
    watch = Stopwatch()
    for column in 0..<RowShapes.columns { for row in 0..<rows { try write(row, 1, from: column) } }
    watch.report("cells as keys", "write column by column", rows: rows)
    try engine.compactAll()
    try read("read whole", columns: RowShapes.columns)
    try read("read one column", columns: 1)
    try scan()
    try engine.close()
  }

  private func key(_ row: [UInt8], _ column: Int) -> [UInt8] {
    row + [0] + RowShapes.qualifier(column)
  }

  private func write(_ row: Int, _ count: Int, from first: Int) throws {
    var batch = WriteBatch(capacity: 8_192)
    var value = [UInt8](repeating: 0x61, count: 100)
    let rowKey = RowShapes.rowKey(row)
    for column in first..<first + count {
      RowShapes.fill(&value, row, column)
      ByteView.of(key(rowKey, column)) { key in
        value.withUnsafeBytes { batch.append(.put, key: key, value: ByteView($0)) }
      }
    }
    _ = try engine.commitAndWait(batch)
  }

  private func read(_ work: String, columns: Int) throws {
    let watch = Stopwatch()
    var bytes = 0
    for row in 0..<rows {
      let rowKey = RowShapes.rowKey(row)
      let cursor = engine.cursor(from: rowKey + [0], to: rowKey + [1], at: engine.snapshot())
      try ByteView.of(key(rowKey, columns == 1 ? 25 : 0)) { key throws(EngineError) in
        try cursor.seek(to: key)
      }
      for _ in 0..<columns where cursor.isValid {
        bytes += cursor.valueByteCount
        try cursor.next()
      }
    }
    precondition(bytes == rows * columns * 100, "every cell is read")
    watch.report("cells as keys", work, rows: rows)
  }

  private func scan() throws {
    let watch = Stopwatch()
    let cursor = engine.cursor(from: nil, to: nil, at: engine.snapshot())
    try cursor.seekToFirst()
    var cells = 0
    while cursor.isValid {
      cells += 1
      try cursor.next()
    }
    precondition(cells == rows * RowShapes.columns, "every cell is scanned")
    watch.report("cells as keys", "scan", rows: rows)
  }
}

/// A packed value a row.
struct PackedRows {
  let service: TableService
  let table: Table
  let rows: Int

  init(directory: String, rows: Int) throws {
    self.rows = rows
    var options = TableServiceOptions()
    options.durability = .none
    service = try TableService.open(
      directory, fileSystem: PosixFileSystem(), time: SystemTime(), scheduler: ThreadScheduler(),
      randomSeed: 1, options: options)
    try service.createTable(
      TableDefinition(name: "t", families: [FamilyDefinition(name: "f", gc: .maxVersions(1))]))
    let service = service
    table = try ByteView.of("t") { name throws(TableServiceError) in try service.table(name) }
  }

  func run() throws {
    var watch = Stopwatch()
    for row in 0..<rows { write(row, RowShapes.columns, from: 0) }
    watch.report("packed rows", "write whole", rows: rows)
    watch = Stopwatch()
    for column in 0..<RowShapes.columns { for row in 0..<rows { write(row, 1, from: column) } }
    watch.report("packed rows", "write column by column", rows: rows)
    try table.compact()
    try read("read whole", ReadOptions())
    try read(
      "read one column",
      ReadOptions(columns: [ColumnSelector(family: "f", qualifier: RowShapes.qualifier(25))]))
    try scan()
    service.close()
  }

  private func write(_ row: Int, _ count: Int, from first: Int) {
    var list = MutationList(capacity: 8_192)
    var value = [UInt8](repeating: 0x61, count: 100)
    ByteView.of(RowShapes.rowKey(row)) { list.beginRow($0) }
    let family: StaticString = "f"
    for column in first..<first + count {
      RowShapes.fill(&value, row, column)
      ByteView.of(RowShapes.qualifier(column)) { qualifier in
        value.withUnsafeBytes {
          list.setCell(
            family: ByteView(UnsafeRawPointer(family.utf8Start), count: 1), qualifier: qualifier,
            timestamp: Timestamp(microseconds: 1_000), value: ByteView($0))
        }
      }
    }
    // Without a sync the commit is done by this thread before the call returns.
    table.mutate(list) { result in
      guard case .success = result else { preconditionFailure("a write failed: \(result)") }
    }
  }

  private func read(_ work: String, _ options: ReadOptions) throws {
    let watch = Stopwatch()
    let buffer = RowBuffer()
    var bytes = 0
    for row in 0..<rows {
      try ByteView.of(RowShapes.rowKey(row)) { key throws(TableServiceError) in
        _ = try table.read(key, options, wait: .allowed, into: buffer)
      }
      for cell in buffer.cells { bytes += cell.value.count }
    }
    precondition(bytes % (rows * 100) == 0 && bytes > 0, "every cell is read")
    watch.report("packed rows", work, rows: rows)
  }

  private func scan() throws {
    let watch = Stopwatch()
    let buffer = RowBuffer()
    let scan = try table.scan(ScanRequest())
    var cells = 0
    scanning: while true {
      switch try scan.next(into: buffer, wait: .allowed) {
      case .row: cells += buffer.cells.count
      case .pause: continue
      case .end: break scanning
      }
    }
    precondition(cells == rows * RowShapes.columns, "every cell is scanned")
    watch.report("packed rows", "scan", rows: rows)
  }
}
