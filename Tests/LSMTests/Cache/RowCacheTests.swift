// The row cache: what was put in comes out, whatever else is put in; a change is never followed by
// what was there before.

import Bytes
import Runtime
import Synchronization
import TestSupport
import Testing
import VFS

@testable import LSM

@Suite struct RowCacheTests {
  private static func value(_ key: Int, _ version: Int, _ count: Int) -> [UInt8] {
    Array("\(key).\(version).".utf8)
      + [UInt8](repeating: UInt8(truncatingIfNeeded: key), count: count)
  }

  /// What the cache says of a key: its operands' bytes, or nil and a ticket.
  private func find(
    _ cache: RowCache, _ key: [UInt8], _ owner: RowCacheOwner
  ) -> (values: [[UInt8]]?, ticket: RowCache.Ticket?) {
    let list = OperandList()
    return ByteView.of(key) { key in
      switch cache.find(key, keyHash: key.persistedHash, owner: owner, into: list) {
      case .hit: (list.operands.map { $0.value.array }, nil)
      case .miss(let ticket): (nil, ticket)
      }
    }
  }

  private func insert(
    _ cache: RowCache, _ key: [UInt8], _ values: [[UInt8]], _ ticket: RowCache.Ticket
  ) {
    let list = OperandList()
    var bytes = ByteBuffer()
    for value in values { bytes.append(value) }
    var rest = bytes.view
    for (index, value) in values.enumerated() {
      list.append(
        kind: index == values.count - 1 ? .put : .merge, value: rest.prefix(value.count), pin: nil)
      rest = rest.dropFirst(value.count)
    }
    ByteView.of(key) { cache.insert($0, list, ticket) }
    withExtendedLifetime(bytes) {}
  }

  private func change(_ cache: RowCache, _ keys: [[UInt8]], _ owner: RowCacheOwner) -> UInt64 {
    cache.beginChange(
      keyHashes: ContiguousArray(keys.map { ByteView.of($0) { $0.persistedHash } }), owner: owner)
  }

  @Test func `any mix of reads, inserts and changes equals a map that may forget`() throws {
    for seed in seeds(20) {
      var random = SeededGenerator(seed: seed)
      let memory = MemoryBudget(byteCount: 3 << 20)
      let cache = RowCache(byteCount: (128 << 10) << random.below(3), borrowing: memory)
      var owner = cache.makeOwner()
      let other = cache.makeOwner()
      var model: [Int: [[UInt8]]] = [:]
      var hits = 0
      for step in 0..<20_000 {
        let number = random.below(random.below(2) == 0 ? 40 : 3_000)
        let key = Array("key\(number)".utf8) + [UInt8](repeating: 7, count: number % 50)
        let found = find(cache, key, owner)
        if let values = found.values {
          hits += 1
          #expect(values == model[number], "seed \(seed), step \(step)")
        }
        #expect(find(cache, key, other).values == nil)
        switch random.below(10) {
        case 0..<6:
          guard let ticket = found.ticket else { continue }
          // What the store would say.
          let values =
            model[number]
            ?? (0..<random.below(4)).map {
              Self.value(number, $0, random.below(600))
            }
          model[number] = values
          insert(cache, key, values, ticket)
        case 6..<9:
          let touched = change(cache, [key], owner)
          model[number] = [Self.value(number, step, random.below(200))]
          if let ticket = found.ticket { insert(cache, key, [[1]], ticket) }
          #expect(find(cache, key, owner).values == nil)
          cache.endChange(touched)
          // A ticket of before the change is void after it, too.
          if let ticket = found.ticket { insert(cache, key, [[2]], ticket) }
        default:
          if random.below(200) == 0 { cache.forget(owner) }
          if random.below(10) == 0 {
            let wanted = random.below(1 << 20)
            #expect(cache.loan.borrow(atMost: wanted) <= wanted)
          }
          // What a merge has collected: in force first, then forgotten.
          model[number] = [Self.value(number, step, random.below(100))]
          cache.forget(collected([key]), of: owner)
          if let ticket = found.ticket { insert(cache, key, [[3]], ticket) }
          #expect(find(cache, key, owner).values == nil)
        }
      }
      #expect(hits > 1_000 && cache.entryCount > 0, "seed \(seed): \(hits) hits")
      owner = cache.makeOwner()
    }
  }

  private func collected(_ keys: [[UInt8]]) -> CollectedKeys {
    var collected = CollectedKeys()
    for key in keys { collected.add(ByteView.of(key) { $0.persistedHash }) }
    return collected
  }

  @Test func `a merge takes away the keys it has collected something of, and no others`() {
    let cache = RowCache(byteCount: 16 << 20)
    let owner = cache.makeOwner()
    let keys = (0..<5_000).map { Array("key\($0)".utf8) }
    for key in keys {
      if let ticket = find(cache, key, owner).ticket { insert(cache, key, [key], ticket) }
    }
    #expect(cache.entryCount == keys.count)
    let gone = (0..<keys.count).filter { $0 % 7 == 0 }
    cache.forget(collected(gone.map { keys[$0] }), of: owner)
    #expect(cache.entryCount == keys.count - gone.count)
    #expect(gone.allSatisfy { find(cache, keys[$0], owner).values == nil })
    #expect(find(cache, keys[1], owner).values == [keys[1]])
    // More than can be noted is everything.
    var all = CollectedKeys()
    for hash in 0..<(512 << 10) as Range<UInt64> { all.add(hash) }
    #expect(!all.isOverflown && all.hashes.count == 512 << 10)
    all.add(1)
    #expect(all.isOverflown && all.hashes.isEmpty && !all.isEmpty)
    cache.forget(all, of: owner)
    #expect(keys.allSatisfy { find(cache, $0, owner).values == nil })
  }

  @Test func `what memtables leave is lent, and back before they take it`() {
    let memory = MemoryBudget(byteCount: 24 << 20)
    let share = memory.memtableByteCount
    let cache = RowCache(byteCount: 1 << 20, borrowing: memory)
    let owner = cache.makeOwner()
    func fill() {
      for number in 0..<20_000 {
        let key = Array("key\(number)".utf8)
        guard let ticket = find(cache, key, owner).ticket else { continue }
        insert(cache, key, [Self.value(number, 0, 100)], ticket)
      }
    }
    fill()
    let lent = memory.lentByteCount
    let most = cache.entryCount
    #expect(lent > share / 2 && lent <= share / 8 * 5)
    // Four fifths of them fit in both parts together, the newest in the own part alone.
    #expect(most > 15_000)
    var inUse = 0
    while inUse < share {
      inUse += 256 << 10
      memory.memtablesChanged(by: 256 << 10)
      #expect(inUse >= share || memory.lentByteCount + inUse <= share)
    }
    #expect(memory.lentByteCount == 0)
    #expect(cache.entryCount > 0 && cache.entryCount < most / 3)
    fill()
    #expect(cache.entryCount < most / 2)
    memory.memtablesChanged(by: -inUse)
    #expect(memory.lentByteCount == 0)
    memory.writersRest()
    #expect(memory.lentByteCount == lent)
    fill()
    #expect(cache.entryCount > most / 2)
  }

  @Test func `a part takes entries when its pages have come, and not before`() {
    let memory = MemoryBudget(byteCount: 24 << 20)
    let scheduler = ManualScheduler(clock: ManualClock(), seed: 1)
    let cache = RowCache(byteCount: 1 << 20, borrowing: memory, scheduler: scheduler)
    let owner = cache.makeOwner()
    let keys = (0..<500).map { Array("key\($0)".utf8) }
    func fill() {
      for key in keys {
        if let ticket = find(cache, key, owner).ticket { insert(cache, key, [[1]], ticket) }
      }
    }
    #expect(!scheduler.runOne(), "nobody has wanted pages yet")
    fill()
    #expect(cache.entryCount == 0)
    // One piece of work a shard, and a last one that finds nothing.
    var pieces = 0
    while scheduler.runOne() { pieces += 1 }
    #expect(pieces == 9)
    fill()
    #expect(cache.entryCount == keys.count)
    #expect(!scheduler.runOne())
    // Memtables take the lent parts back; when they come again, they want pages again.
    let lent = memory.lentByteCount
    memory.memtablesChanged(by: memory.memtableByteCount)
    let few = cache.entryCount
    #expect(memory.lentByteCount == 0 && few < keys.count / 2)
    memory.memtablesChanged(by: -memory.memtableByteCount)
    memory.writersRest()
    #expect(memory.lentByteCount == lent)
    fill()
    #expect(cache.entryCount == few)
    // They go once more while their pages are on the way.
    memory.memtablesChanged(by: memory.memtableByteCount)
    while scheduler.runOne() {}
    fill()
    #expect(cache.entryCount == keys.count, "all belong to the own parts")
    memory.memtablesChanged(by: -memory.memtableByteCount)
    memory.writersRest()
    fill()
    #expect(cache.entryCount == few, "pages that came too late are gone")
    while scheduler.runOne() {}
    fill()
    #expect(keys.allSatisfy { find(cache, $0, owner).values == [[1]] })
  }

  @Test func `what is read again stays, what is read once goes`() {
    let cache = RowCache(byteCount: 128 << 10)
    let owner = cache.makeOwner()
    let hot = (0..<50).map { Array("hot\($0)".utf8) }
    for number in 0..<5_000 {
      let key = Array("cold\(number)".utf8)
      if let ticket = find(cache, key, owner).ticket {
        insert(cache, key, [Self.value(number, 0, 100)], ticket)
      }
      let again = hot[number % hot.count]
      if let ticket = find(cache, again, owner).ticket { insert(cache, again, [[9]], ticket) }
    }
    // At the end of the ring nothing gets its second chance.
    #expect(hot.filter { find(cache, $0, owner).values != nil }.count >= hot.count - 3)
    #expect(find(cache, Array("cold0".utf8), owner).values == nil)
  }

  /// One key in one shard: nearly every change empties the cache, and finds it empty or does not
  /// while a reader is about to fill it.
  @Test func `an insert and a change that meet in an empty cache see each other`() throws {
    let cache = RowCache(byteCount: 128 << 10)
    let owner = cache.makeOwner()
    let published = Atomic<Int>(0)
    let isOver = Atomic<Bool>(false)
    let hits = Atomic<Int>(0)
    let wentBack = Atomic<Int>(0)
    let reader = WorkerThread(name: "reader") {
      let list = OperandList()
      ByteView.of("key") { key in
        let keyHash = key.persistedHash
        while !isOver.load(ordering: .acquiring) {
          let floor = published.load(ordering: .acquiring)
          list.clear()
          switch cache.find(key, keyHash: keyHash, owner: owner, into: list) {
          case .hit:
            hits.add(1, ordering: .relaxed)
            let text = list.operands.first.map { String(decoding: $0.value.array, as: UTF8.self) }
            if text.flatMap({ Int($0) }) ?? -1 < floor { wentBack.add(1, ordering: .relaxed) }
          case .miss(let ticket):
            guard let ticket else { continue }
            ByteView.of("\(published.load(ordering: .acquiring))") { value in
              list.clear()
              list.append(kind: .put, value: value, pin: nil)
              cache.insert(key, list, ticket)
            }
          }
        }
      }
    }
    let hashes = ContiguousArray([ByteView.of("key") { $0.persistedHash }])
    for round in 1...400_000 {
      let touched = cache.beginChange(keyHashes: hashes, owner: owner)
      published.store(round, ordering: .releasing)
      cache.endChange(touched)
      // Time for the reader to come between.
      for _ in 0..<round % 64 { _ = cache.isEnabled }
    }
    isOver.store(true, ordering: .releasing)
    try #require(reader).join()
    #expect(wentBack.load(ordering: .relaxed) == 0)
    #expect(hits.load(ordering: .relaxed) > 100)
  }

  /// Writers count keys up; no reader may see a count go down, nor less than what was acknowledged
  /// before it asked.
  @Test func `reads of many threads beside commits never go back`() throws {
    let files = SimulatedFileSystem()
    try files.createDirectory("/data")
    let scheduler = ThreadScheduler()
    defer { scheduler.shutDown() }
    let environment = EngineEnvironment(
      fileSystem: files, time: SystemTime(), scheduler: scheduler, randomSeed: 1,
      cache: BlockCache(byteCount: 1 << 20), memory: MemoryBudget(byteCount: 64 << 20),
      rows: RowCache(byteCount: 1 << 20))
    var options = EngineOptions()
    options.memtableByteCount = 64 << 10
    let engine = try Engine.open(
      "/data/engine", environment: environment, options: options, merger: TextMerger())
    let keys = (0..<16).map { Array("key\($0)".utf8) }
    let acknowledged = Mutex([Int](repeating: 0, count: keys.count))
    let isOver = Atomic<Bool>(false)
    let wentBack = Atomic<Int>(0)
    let readCount = Atomic<Int>(0)
    let threads = (0..<3).compactMap { thread in
      WorkerThread(name: "reader-\(thread)") {
        let list = OperandList()
        var seen = [Int](repeating: 0, count: keys.count)
        var index = thread
        while !isOver.load(ordering: .acquiring) {
          index = (index + 1) % keys.count
          let floor = max(seen[index], acknowledged.withLock { $0[index] })
          let found = ByteView.of(keys[index]) {
            (try? engine.read($0, wait: .allowed, into: list)) ?? .absent
          }
          let text = list.operands.first.map { String(decoding: $0.value.array, as: UTF8.self) }
          let value = found == .found ? text.flatMap { Int($0) } ?? -1 : 0
          if value < floor { wentBack.add(1, ordering: .relaxed) }
          seen[index] = value
          readCount.add(1, ordering: .relaxed)
        }
      }
    }
    for round in 1...4_000 {
      let index = round * 7 % keys.count
      var batch = WriteBatch()
      ByteView.of(keys[index]) { key in
        ByteView.of("\(round)") { batch.append(.put, key: key, value: $0) }
      }
      _ = try engine.commitAndWait(batch, durability: round % 3 == 0 ? Durability.none : nil)
      acknowledged.withLock { $0[index] = round }
    }
    isOver.store(true, ordering: .releasing)
    for thread in threads { thread.join() }
    #expect(wentBack.load(ordering: .relaxed) == 0)
    #expect(readCount.load(ordering: .relaxed) > 1_000)
    try engine.close()
  }
}
