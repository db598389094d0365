// An engine's directory as a long life leaves it, for planting damage: table files on several
// levels, a manifest of many edits, several live logs, one of them in a recycled file with rubble
// behind its end, and spare logs. Every byte of it is known: what it is and whether anybody reads
// it.

import Bytes
import TestSupport
import VFS

@testable import LSM

/// What a file of an engine is for.
enum FileKind: String, CaseIterable {
  case tableFile = "table file"
  case manifest
  case olderLog = "older log"
  case newestLog = "newest log"
  case spareLog = "spare log"
}

/// A stretch of a file.
struct Region {
  let range: Range<Int>
  let name: String
  /// False where no reader ever looks, or looks and does not care.
  let isUsed: Bool
}

/// A file of the fixture.
struct FixtureFile {
  let path: String
  let kind: FileKind
  let bytes: [UInt8]
  /// In order, without gaps.
  let regions: [Region]

  func region(at offset: Int) -> Region {
    regions.first { $0.range.contains(offset) } ?? regions[regions.count - 1]
  }
  /// The newest log's last record, which nothing later vouches for; empty in other files.
  var lastRecord: Range<Int> { regions.first { $0.name == "last record" }?.range ?? 0..<0 }
}

/// The directory and what a reader must find in it.
struct DamageFixture {
  let disk: SimulatedFileSystem
  let directory: String
  let options: EngineOptions
  let files: [FixtureFile]
  /// All keys with their values, ascending.
  let pairs: [String]
  /// The same before the last commit, before the last two, and so on, as far as anybody may ask.
  let earlierPairs: [[String]]
  let seed: UInt64

  init(seed: UInt64) throws {
    self.seed = seed
    let life = try FixtureLife(seed: seed)
    try life.run()
    directory = life.world.directory
    options = life.world.options
    disk = life.world.files.crashClone(keeping: 1)
    pairs = life.pairs
    earlierPairs = life.earlierPairs
    files = try DamageFixture.files(of: disk, in: directory)
  }

  func files(_ kind: FileKind) -> [FixtureFile] { files.filter { $0.kind == kind } }

  // MARK: - What each byte is

  static func files(
    of disk: SimulatedFileSystem, in directory: String
  ) throws -> [FixtureFile] {
    let names = try disk.list(directory).sorted()
    var files: [FixtureFile] = []
    var logs: [any ReadableFile] = []
    var oldestLog: UInt64 = 0
    for name in names {
      let path = "\(directory)/\(name)"
      let bytes = disk.contents(of: path) ?? []
      switch FileName(name) {
      case .manifest(let number):
        let state = try ManifestReader.read(number, in: directory, fileSystem: disk)
        oldestLog = state?.oldestLogNumber ?? 0
        files.append(
          FixtureFile(
            path: path, kind: .manifest, bytes: bytes, regions: manifestRegions(bytes, number)))
      case .table:
        let whole = [Region(range: 0..<bytes.count, name: "table file", isUsed: true)]
        files.append(FixtureFile(path: path, kind: .tableFile, bytes: bytes, regions: whole))
      case .log: logs.append(try disk.openForReading(path))
      case nil: break
      }
    }
    return files + (try logFiles(logs, disk, oldest: LogNumber(oldestLog)))
  }

  private static func manifestRegions(_ bytes: [UInt8], _ number: FileNumber) -> [Region] {
    ByteView.of(bytes) { view in
      var end = ManifestFormat.headerByteCount
      var last = end
      while let payload = ManifestFormat.payload(at: end, of: view, number: number) {
        last = end
        end += ManifestFormat.recordHeaderByteCount + payload.count
      }
      return [
        Region(range: 0..<last, name: "header and edits", isUsed: true),
        Region(range: last..<end, name: "last edit", isUsed: true),
        Region(range: end..<bytes.count, name: "zeros behind the last edit", isUsed: false),
      ]
    }
  }

  private static func logFiles(
    _ logs: [any ReadableFile], _ disk: SimulatedFileSystem, oldest: LogNumber
  ) throws -> [FixtureFile] {
    let chain = try LogChain(logs, oldestLive: oldest, in: "/data/engine")
    while try chain.next() != nil {}
    return try logs.map { log in
      let bytes = disk.contents(of: log.path) ?? []
      let isLive = chain.livePaths.contains(log.path)
      let kind: FileKind =
        log.path == chain.livePaths.last ? .newestLog : isLive ? .olderLog : .spareLog
      let regions =
        isLive
        ? try logRegions(log, isNewest: kind == .newestLog)
        : [Region(range: 0..<bytes.count, name: "a log that is not alive", isUsed: false)]
      return FixtureFile(path: log.path, kind: kind, bytes: bytes, regions: regions)
    }
  }

  private static func logRegions(_ log: any ReadableFile, isNewest: Bool) throws -> [Region] {
    guard let header = try LogReader.header(of: log, oldestLive: LogNumber(0)) else { return [] }
    let reader = try LogReader(log, header: header, provenEnd: nil)
    var regions = [
      Region(range: 0..<LogFormat.headerByteCount, name: "log header", isUsed: true)
    ]
    var start = LogFormat.headerByteCount
    while let record = try reader.next() {
      let payloadEnd = start + LogFormat.recordHeaderByteCount + record.payload.count
      regions.append(Region(range: start..<payloadEnd, name: "record", isUsed: true))
      start = Int(reader.end.byteCount)
      regions.append(
        Region(range: payloadEnd..<start, name: "padding of a record", isUsed: false))
    }
    if isNewest, regions.count > 2 {
      let last = regions.remove(at: regions.count - 2)
      regions.insert(
        Region(range: last.range, name: "last record", isUsed: true), at: regions.count - 1)
    }
    regions.append(
      Region(
        range: start..<Int(log.byteCount), name: "zeros or rubble behind the end", isUsed: false))
    return regions
  }
}

/// The life that fills the directory: writes from a seed beside a sorted map.
final class FixtureLife {
  /// Keys are `key-100` up to this, exclusive.
  static let keyLimit = 240

  let world: EngineWorld
  private var random: SeededGenerator
  private var model: [String: String] = [:]
  /// Before each commit.
  private var before: [[String: String]] = []

  init(seed: UInt64) throws {
    world = try EngineWorld(seed: seed)
    random = SeededGenerator(seed: seed)
    world.options.memtableByteCount = 3 << 10
    world.options.sealedMemtableLimit = 8
    world.options.blockByteCount = 256
    world.options.tableFileByteCount = 1 << 10
    world.options.baseLevelByteCount = 6 << 10
    world.options.levelMultiplier = 3
    world.options.levelZeroTrigger = 2
    world.options.logFileByteCount = 4 << 10
  }

  var pairs: [String] { FixtureLife.pairs(model) }
  var earlierPairs: [[String]] { before.suffix(40).reversed().map { FixtureLife.pairs($0) } }

  private static func pairs(_ model: [String: String]) -> [String] {
    model.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      .map { "\($0.key)=\($0.value)" }
  }

  func run() throws {
    let first = try world.open()
    try write(to: first, count: 100, pumping: true)
    let name = try world.files.list(world.directory).first { $0.hasSuffix(".log") } ?? ""
    let dead = world.files.contents(of: "\(world.directory)/\(name)") ?? []
    try first.compactAll()
    try first.close()
    world.scheduler.runReady()
    let engine = try world.open()
    try write(to: engine, count: 60, pumping: true)
    // Nobody flushes these: several logs stay alive. The first are recycled together, so that the
    // second are in their files.
    for _ in 0..<2 {
      try engine.flush()
      world.scheduler.runReady()
      repeat {
        try write(to: engine, count: 1, pumping: false)
      } while try !hasLogsEnough()
    }
    // A log of the first life whose removal did not reach the disk.
    world.files.setContents(of: "\(world.directory)/000900.log", to: dead)
  }

  private func write(to engine: Engine, count: Int, pumping: Bool) throws {
    for _ in 0..<count {
      before.append(model)
      _ = try engine.commitAndWait(anyBatch())
      if pumping { while random.chance(0.4) { world.scheduler.runOne() } }
    }
  }

  /// Are there three live logs, and a few records in the newest?
  private func hasLogsEnough() throws -> Bool {
    let files = try DamageFixture.files(of: world.files, in: world.directory)
    guard files.count(where: { $0.kind == .olderLog }) >= 2,
      let newest = files.first(where: { $0.kind == .newestLog })
    else { return false }
    return newest.regions.count { $0.name.hasSuffix("record") && $0.isUsed } >= 4
  }

  private func anyBatch() -> WriteBatch {
    var batch = WriteBatch()
    for _ in 0...Int.random(in: 0...2, using: &random) {
      let key = "key-\(Int.random(in: 100..<FixtureLife.keyLimit, using: &random))"
      let value = anyValue()
      let kind: EntryKind = random.chance(0.15) ? .delete : random.chance(0.3) ? .merge : .put
      switch kind {
      case .put: model[key] = value
      case .merge: model[key, default: ""] += value
      case .delete: model[key] = nil
      }
      ByteView.of(key) { key in
        ByteView.of(kind == .delete ? "" : value) { batch.append(kind, key: key, value: $0) }
      }
    }
    return batch
  }

  /// Half of them pack well.
  private func anyValue() -> String {
    let count = Int.random(in: 1...120, using: &random)
    if random.chance(0.5) { return String(repeating: "ab", count: count / 2 + 1) }
    let bytes = (0..<count).map { _ in UInt8.random(in: 33...126, using: &random) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
