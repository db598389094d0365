// An engine in a simulated world: files in memory, a clock that stands still, no threads.

internal import Bytes
package import LSM
package import VFS

/// Everything around one engine, and the engine itself once opened.
package final class EngineWorld {
  package var files: SimulatedFileSystem
  package let clock: ManualClock
  package let scheduler: ManualScheduler
  package var options = EngineOptions()
  /// A process has one; whoever opens the engine again starts with what is in it.
  package let cache = BlockCache(byteCount: 8 << 20)
  package var memory = MemoryBudget(byteCount: 64 << 20)
  /// Stands in front of `files` while it is set.
  package var disk: (any FileSystem)?
  package var merger: any ValueMerger = TextMerger()
  package let directory = "/data/engine"
  package let seed: UInt64

  package init(seed: UInt64 = 1) throws {
    self.seed = seed
    options.logFileByteCount = 64 << 10
    files = SimulatedFileSystem()
    clock = ManualClock()
    scheduler = ManualScheduler(clock: clock, seed: seed)
    try files.createDirectory("/data")
    try files.syncDirectory("/")
  }

  package func open(observer: (any CommitObserver)? = nil) throws(EngineError) -> Engine {
    let environment = EngineEnvironment(
      fileSystem: disk ?? files, time: clock, scheduler: scheduler, randomSeed: seed,
      cache: cache, memory: memory)
    return try Engine.open(
      directory, environment: environment, options: options, merger: merger,
      observer: observer)
  }

  /// The machine loses power: what was not synced survives by `share`. Work that waited is gone.
  package func crash(keeping share: Double = 0, seed: UInt64 = 0) {
    files = files.crashClone(keeping: share, seed: seed)
    scheduler.dropAll()
  }
}

extension Engine {
  /// Commits one entry.
  @discardableResult
  package func write(
    _ kind: EntryKind, _ key: String, _ value: String = "", durability: Durability? = nil
  ) throws(EngineError) -> SequenceNumber {
    var batch = WriteBatch()
    ByteView.of(key) { key in
      ByteView.of(value) { value in batch.append(kind, key: key, value: value) }
    }
    return try commitAndWait(batch, durability: durability)
  }

  /// The value of a key as `TextMerger` makes it.
  package func text(of key: String, at snapshot: Snapshot? = nil) throws(EngineError) -> String? {
    let list = OperandList()
    let snapshot = snapshot ?? self.snapshot()
    let lookup = try ByteView.of(key) { (key) throws(EngineError) in
      try get(key, at: snapshot, wait: .allowed, into: list)
    }
    let value = TextMerger.value(of: list.operands)
    precondition((value != nil) == (lookup == .found), "the answer fits the operands")
    return value.map { String(decoding: $0, as: UTF8.self) }
  }

  /// All visible keys and values, up or down.
  package func pairs(
    from lower: String? = nil, to upper: String? = nil, reversed: Bool = false,
    at snapshot: Snapshot? = nil
  ) throws(EngineError) -> [String] {
    let cursor = cursor(
      from: lower.map { Array($0.utf8) }, to: upper.map { Array($0.utf8) },
      at: snapshot ?? self.snapshot())
    var pairs: [String] = []
    if reversed { try cursor.seekToLast() } else { try cursor.seekToFirst() }
    while cursor.isValid {
      let value = TextMerger.value(of: cursor.operands) ?? []
      pairs.append(
        "\(String(decoding: cursor.key.array, as: UTF8.self))="
          + String(decoding: value, as: UTF8.self))
      if reversed { try cursor.previous() } else { try cursor.next() }
    }
    return pairs
  }
}
