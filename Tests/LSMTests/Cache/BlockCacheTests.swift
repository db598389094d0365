// The block cache: its bound, its favourites, its forgetting.

import Bytes
import Testing
import TestSupport

@testable import LSM

@Suite struct BlockCacheTests {
  private func block(_ byteCount: Int) -> Block {
    Block.of([UInt8](repeating: 1, count: byteCount))
  }

  private func key(_ file: UInt64, _ index: Int) -> BlockKey {
    BlockKey(file: file, offset: UInt64(index) * 4_096)
  }

  /// Reads through the cache; true when it was there.
  private func read(_ cache: BlockCache, _ key: BlockKey, _ byteCount: Int = 4_096) -> Bool {
    if cache.block(for: key) != nil { return true }
    _ = cache.insert(block(byteCount), for: key, priority: .normal)
    return false
  }

  @Test(arguments: [0, 100_000, 1 << 20, 5 << 20])
  func `the bound holds at every moment`(byteCount: Int) {
    let cache = BlockCache(byteCount: byteCount)
    var generator = SeededGenerator(seed: 1)
    for step in 0..<6_000 {
      let key = key(
        UInt64.random(in: 0...3, using: &generator), Int.random(in: 0...999, using: &generator))
      if cache.block(for: key) == nil {
        let count = step % 50 == 0 ? 60_000 : Int.random(in: 1...6_000, using: &generator)
        _ = cache.insert(block(count), for: key, priority: step % 7 == 0 ? .high : .normal)
      }
      expectSame(cache.statistics.byteCount <= byteCount, true, "step \(step)")
    }
    if byteCount > 0 { #expect(cache.statistics.byteCount > byteCount / 2) }
    cache.byteCountLimit = byteCount / 2
    #expect(cache.statistics.byteCount <= byteCount / 2)
    #expect(cache.byteCountLimit == byteCount / 2)
  }

  @Test func `filters that files hold take their room from the cache, up to a quarter`() {
    let cache = BlockCache(byteCount: 1 << 20)
    for index in 0..<400 { _ = read(cache, key(1, index)) }
    #expect(cache.lend(200 << 10))
    #expect(cache.statistics.byteCount <= 1 << 20)
    #expect(cache.statistics.blockCount < 210)
    #expect(!cache.lend(100 << 10), "more than a quarter")
    for index in 0..<400 { _ = read(cache, key(2, index)) }
    #expect(cache.statistics.byteCount <= 1 << 20)
    cache.giveBack(200 << 10)
    for index in 0..<400 { _ = read(cache, key(3, index)) }
    #expect(cache.statistics.blockCount > 230)
    #expect(!BlockCache(byteCount: 0).lend(1))
  }

  @Test func `blocks are found, whatever came and went between`() {
    let cache = BlockCache(byteCount: 64 << 10)
    var random = SeededGenerator(seed: 4)
    for step in 0..<40_000 {
      let file = UInt64.random(in: 0...3, using: &random)
      let key = key(file, Int.random(in: 0...60, using: &random))
      let byteCount = Int(key.file) * 100 + Int(key.offset / 4_096) + 1
      if let found = cache.block(for: key) {
        expectSame(found.view.count, byteCount, "step \(step)")
      } else {
        _ = cache.insert(block(byteCount), for: key, priority: step % 9 == 0 ? .high : .normal)
        expectSame(cache.block(for: key)?.view.count, byteCount, "step \(step)")
      }
      if step % 500 == 0 { cache.removeFile(CachedFileID(namespace: 0, number: file)) }
    }
  }

  @Test func `a scan does not push out what is read again and again`() {
    let cache = BlockCache(byteCount: 4 << 20)
    let hot = 500
    for _ in 0..<4 { for index in 0..<hot { _ = read(cache, key(1, index)) } }
    for index in 0..<20_000 {
      _ = read(cache, key(2, index))
      if index % 40 == 0 { _ = read(cache, key(1, index / 40 % hot)) }
    }
    let kept = (0..<hot).count { cache.block(for: key(1, $0)) != nil }
    #expect(kept > hot * 9 / 10, "\(kept) of \(hot)")
  }

  @Test func `a block that is offered takes room and makes none`() {
    let cache = BlockCache(byteCount: 1 << 20)
    var count = 0
    while read(cache, key(1, count)) == false, cache.statistics.blockCount > count { count += 1 }
    let held = (0..<count).filter { cache.peek(at: key(1, $0)) != nil }
    for index in 0..<1_000 { cache.offer(block(4_096), for: key(2, index)) }
    #expect(held.allSatisfy { cache.peek(at: key(1, $0)) != nil })
    #expect(cache.statistics.byteCount <= 1 << 20)
    cache.removeFile(CachedFileID(namespace: 0, number: 1))
    cache.offer(block(4_096), for: key(2, 1))
    #expect(cache.peek(at: key(2, 1)) != nil)
    // It is the first to go.
    for index in 0..<2_000 { _ = read(cache, key(3, index)) }
    #expect(cache.peek(at: key(2, 1)) == nil)
  }

  @Test func `a merge hands on what readers made of a block`() {
    let cache = BlockCache(byteCount: 1 << 20)
    #expect(cache.look(at: key(1, 0)) == nil)
    _ = read(cache, key(1, 0))
    #expect(cache.look(at: key(1, 0))?.use == .kept)
    _ = read(cache, key(1, 0))
    #expect(cache.look(at: key(1, 0))?.use == .asked)
    let before = cache.statistics
    let next = CachedFile(CachedFileID(namespace: 0, number: 2), in: cache)
    let contents = [UInt8](repeating: 1, count: 4_096)
    for (index, use) in [BlockUse.absent, .kept, .asked].enumerated() {
      ByteView.of(contents) { next.keep($0, at: UInt64(index) * 4_096, for: use) }
      #expect(cache.look(at: key(2, index))?.use ?? .absent == use)
    }
    #expect(cache.statistics.hits == before.hits && cache.statistics.misses == before.misses)
    // Read once each, as a range is, other blocks push out what was kept, not what was asked for.
    for index in 0..<300 { _ = read(cache, key(3, index)) }
    #expect(cache.look(at: key(2, 1)) == nil)
    #expect(cache.look(at: key(2, 2))?.use == .asked)
  }

  @Test func `a look leaves no trace`() {
    for looks in [false, true] {
      let cache = BlockCache(byteCount: 1 << 20)
      _ = read(cache, key(1, 0))
      for _ in 0..<4 {
        if looks { _ = cache.peek(at: key(1, 0)) } else { _ = cache.block(for: key(1, 0)) }
      }
      for index in 0..<300 { _ = read(cache, key(2, index)) }
      #expect((cache.peek(at: key(1, 0)) == nil) == looks)
    }
  }

  @Test func `filters and indexes outlive data`() {
    let cache = BlockCache(byteCount: 1 << 20)
    for index in 0..<20 { _ = cache.insert(block(4_096), for: key(1, index), priority: .high) }
    for index in 0..<2_000 { _ = read(cache, key(2, index)) }
    let kept = (0..<20).count { cache.block(for: key(1, $0)) != nil }
    #expect(kept == 20)
  }

  @Test func `a removed file leaves nothing`() {
    let cache = BlockCache(byteCount: 8 << 20)
    let removed = CachedFileID(namespace: cache.makeNamespace(), number: 5)
    let kept = CachedFileID(namespace: cache.makeNamespace(), number: 5)
    for index in 0..<100 {
      _ = read(cache, key(removed.rawValue, index))
      _ = read(cache, key(kept.rawValue, index))
    }
    cache.removeFile(removed)
    for index in 0..<100 {
      expectSame(cache.block(for: key(removed.rawValue, index)) == nil, true, "removed")
      expectSame(cache.block(for: key(kept.rawValue, index)) == nil, false, "kept")
    }
    #expect(cache.statistics.blockCount == 100)
  }

  @Test func `two readers of one block share the first one's`() {
    let cache = BlockCache(byteCount: 1 << 20)
    let first = cache.insert(block(10), for: key(1, 1), priority: .normal)
    let second = cache.insert(block(10), for: key(1, 1), priority: .normal)
    #expect(first === second)
    #expect(cache.block(for: key(1, 1)) === first)
    #expect(cache.statistics.hits == 1)
    #expect(cache.statistics.misses == 0)
  }

  @Test func `a block outlives its eviction while somebody holds it`() {
    let cache = BlockCache(byteCount: 1 << 20)
    let held = cache.insert(block(100), for: key(1, 1), priority: .normal)
    for index in 0..<5_000 { _ = read(cache, key(2, index)) }
    #expect(cache.block(for: key(1, 1)) == nil)
    #expect(held.view.array == [UInt8](repeating: 1, count: 100))
  }
}
