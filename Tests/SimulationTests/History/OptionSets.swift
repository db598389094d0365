// Twenty ways to set a store up, all of which must give the same answers.

import LSM
import Tablets

/// Options by a name that a failure can print and a command can ask for.
struct OptionSet: Sendable, CustomStringConvertible {
  var name: String
  var options: TableServiceOptions
  /// Every table hides doomed cells at once.
  var forcesGCOnRead = false

  var description: String { name }

  static let all: [OptionSet] = [
    make("small") { _ in },
    make("no-compression") { $0.engine.compress = false },
    make("no-filters") { $0.engine.filterBitsPerKey = 0 },
    make("tiny-blocks") { $0.engine.blockByteCount = 128 },
    make("large-blocks") { $0.engine.blockByteCount = 16 << 10 },
    make("tiny-memtables") { $0.engine.memtableByteCount = 1 << 10 },
    make("large-memtables") { $0.engine.memtableByteCount = 1 << 20 },
    make("one-sealed") { $0.engine.sealedMemtableLimit = 1 },
    make("tiny-files") { $0.engine.tableFileByteCount = 1 << 10 },
    make("large-files") { $0.engine.tableFileByteCount = 1 << 20 },
    make("steep-levels") {
      $0.engine.baseLevelByteCount = 4 << 10
      $0.engine.levelMultiplier = 2
    },
    make("one-level-zero-file") { $0.engine.levelZeroTrigger = 1 },
    make("many-level-zero-files") { $0.engine.levelZeroTrigger = 12 },
    make("tiny-logs") { $0.engine.logFileByteCount = 2 << 10 },
    make("large-logs") { $0.engine.logFileByteCount = 256 << 10 },
    make("interval") { $0.durability = .interval },
    make("none") { $0.durability = .none },
    make("tiny-memory") { $0.memoryByteCount = 24 << 10 },
    make("large-memory") {
      $0.memoryByteCount = 1 << 30
      $0.engine.memtableByteCount = 64 << 10
      $0.durability = .interval
    },
    makeCollecting("collects-on-read"),
  ]

  static func named(_ name: String) -> OptionSet? { all.first { $0.name == name } }

  /// Stores small enough that a short history reaches every part of the engine.
  private static func make(
    _ name: String, _ change: (inout TableServiceOptions) -> Void
  ) -> OptionSet {
    var options = TableServiceOptions()
    options.memoryByteCount = 4 << 20
    options.collectionIntervalNanoseconds = 60_000_000_000
    options.engine.memtableByteCount = 4 << 10
    options.engine.blockByteCount = 512
    options.engine.tableFileByteCount = 4 << 10
    options.engine.baseLevelByteCount = 16 << 10
    options.engine.levelMultiplier = 4
    options.engine.levelZeroTrigger = 3
    options.engine.logFileByteCount = 8 << 10
    change(&options)
    return OptionSet(name: name, options: options)
  }

  private static func makeCollecting(_ name: String) -> OptionSet {
    var set = make(name) { $0.engine.levelZeroTrigger = 2 }
    set.forcesGCOnRead = true
    return set
  }
}
