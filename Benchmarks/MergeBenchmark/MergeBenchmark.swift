// What flushes and compactions cost, in processor time: rows of one column are overwritten through
// a table, and the engine's background work runs between writes on the same thread, under a clock
// of its own. Prints one JSON line a round, from one compaction of level 0 to the next.
//   kvmergebench [--rounds 3] [--keys 1000000] [--directory DIR]

import Bytes
import DataModel
import Glibc
import LSM
import Runtime
import Synchronization
import Tablets
import VFS

@main
struct MergeBenchmark {
  /// Rows of one write: background work runs between writes.
  private static let rowsPerWrite: UInt64 = 100
  private static let valueByteCount = 100
  private static let noiseByteCount = 1 << 20

  private let keyCount: UInt64
  private let scheduler = SteppedScheduler()
  private let table: Table
  private let service: TableService
  /// Letters: values that cannot be compressed.
  private var noise: [UInt8] = []
  private var random = SplitMix64(seed: 7)
  private var writeCount: UInt64 = 0

  static func main() throws {
    var rounds = 3
    var keyCount: UInt64 = 1_000_000
    var directory = "/tmp/kvmergebench-\(getpid())"
    var arguments = CommandLine.arguments.dropFirst().makeIterator()
    while let name = arguments.next() {
      guard let value = arguments.next() else { return usage() }
      switch name {
      case "--rounds": rounds = Int(value) ?? rounds
      case "--keys": keyCount = UInt64(value) ?? keyCount
      case "--directory": directory = value
      default: return usage()
      }
    }
    let files = PosixFileSystem()
    defer { try? files.removeTree(directory) }
    var benchmark = try MergeBenchmark(directory, keyCount: keyCount)
    // The first round fills the lowest level; its figures are of a store that is not full yet.
    for _ in 0...rounds { benchmark.runRound() }
  }

  private static func usage() {
    print("usage: kvmergebench [--rounds N] [--keys N] [--directory DIR]")
  }

  private init(_ directory: String, keyCount: UInt64) throws {
    self.keyCount = keyCount
    var options = TableServiceOptions()
    options.engine = EngineOptions(memoryByteCount: options.memoryByteCount)
    options.durability = .none
    options.collectionIntervalNanoseconds = 0
    service = try TableService.open(
      directory, fileSystem: PosixFileSystem(), time: scheduler, scheduler: scheduler,
      randomSeed: 1, options: options
    ) { [scheduler] in scheduler.note($0) }
    try service.createTable(
      TableDefinition(name: "t", families: [FamilyDefinition(name: "f", gc: .maxVersions(1))]))
    let service = service
    table = try ByteView.of("t") { name throws(TableServiceError) in try service.table(name) }
    for _ in 0..<MergeBenchmark.noiseByteCount + MergeBenchmark.valueByteCount {
      noise.append(UInt8(ascii: "a") + UInt8(random.next() % 26))
    }
  }

  /// Writes until level 0 has been merged once more.
  private mutating func runRound() {
    let before = scheduler.totals
    let first = writeCount
    while scheduler.totals.compactionCount == before.compactionCount {
      write()
      scheduler.runAll()
    }
    let spent = scheduler.totals - before
    let upserts = Double(writeCount - first)
    func perUpsert(_ nanoseconds: UInt64) -> Int { Int(Double(nanoseconds) / upserts) }
    print(
      """
      {"upserts": \(Int(upserts)), "flushes": \(spent.flushCount), \
      "flushNanosecondsPerUpsert": \(perUpsert(spent.flushNanoseconds)), \
      "compactionNanosecondsPerUpsert": \(perUpsert(spent.compactionNanoseconds)), \
      "bytesFlushed": \(spent.bytesFlushed), "bytesCompacted": \(spent.bytesCompacted)}
      """)
    fflush(nil)
  }

  private mutating func write() {
    var list = MutationList(capacity: 32 << 10)
    ByteView.of("f") { family in
      ByteView.of("v") { qualifier in
        for _ in 0..<MergeBenchmark.rowsPerWrite {
          writeCount += 1
          ByteView.of(randomKey()) { list.beginRow($0) }
          let start = Int(random.next() % UInt64(MergeBenchmark.noiseByteCount))
          ByteView.of(noise) { noise in
            list.setCell(
              family: family, qualifier: qualifier,
              timestamp: Timestamp(microseconds: Int64(writeCount) * 1_000),
              value: noise[start..<start + MergeBenchmark.valueByteCount])
          }
        }
      }
    }
    table.mutate(list) { result in
      guard case .success = result else { preconditionFailure("a write failed: \(result)") }
    }
  }

  /// One of the keys: 14 digits that scatter, as a hash of a customer's number does.
  private mutating func randomKey() -> [UInt8] {
    var scattered = SplitMix64(seed: random.next() % keyCount)
    var rest = scattered.next()
    var digits = [UInt8](repeating: 0, count: 14)
    for index in digits.indices {
      digits[index] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    }
    return digits
  }
}
