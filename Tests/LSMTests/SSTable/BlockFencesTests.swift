// Index blocks searched by their fences: the same answers as from the block itself.

import Bytes
import Testing
import TestSupport

@testable import LSM

@Suite struct BlockFencesTests {
  /// Keys that end within a word, agree in a whole word, or begin differently.
  private func keys(_ random: inout SeededGenerator) -> [[UInt8]] {
    let head = [UInt8](repeating: 0x30, count: Int.random(in: 0...12, using: &random))
    let keys = (0..<Int.random(in: 1...120, using: &random)).map { _ in
      head
        + (0..<Int.random(in: 0...11, using: &random)).map { _ in
          UInt8.random(in: 0x30...0x32, using: &random)
        } + [UInt8](repeating: 0, count: Int.random(in: 0...2, using: &random))
    }
    return Set(keys).sorted { $0.lexicographicallyPrecedes($1) }
  }

  private func handle(_ rank: Int) -> BlockHandle {
    BlockHandle(offset: UInt64(rank) * 4_096 + 16, payloadByteCount: 4_000)
  }

  private func block(of keys: [[UInt8]]) -> Block {
    var builder = BlockBuilder(restartInterval: 4)
    for (index, key) in keys.enumerated() {
      var handle = ByteBuffer()
      self.handle(index).append(to: &handle)
      ByteView.of(key) { builder.add(key: $0, kind: .put, value: handle.view) }
    }
    return Block(copying: builder.finish())
  }

  @Test(arguments: seeds(60))
  func `fences answer as the block does`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let keys = keys(&random)
    let block = block(of: keys)
    let search = try BlockSearch(block.view)
    try block.fence()
    let fences = try block.searchable
    #expect(fences.count == keys.count)
    #expect(block.heldByteCount >= block.allocatedByteCount + keys.count * 28)
    for rank in keys.indices { #expect(fences.handle(rank) == handle(rank)) }
    let probes =
      keys + keys.map { $0 + [0] } + keys.map { Array($0.dropLast()) }
      + keys.map { $0.dropLast() + [0x31, 0xff] } + [[], [0], [0xff], [0x30, 0x2f]]
    var decided = 0
    for probe in probes {
      let wanted = keys.firstIndex { !$0.lexicographicallyPrecedes(probe) } ?? keys.count
      try ByteView.of(probe) { probe in
        let rank = try fences.rank(of: probe, in: block.view)
        let found = try search.lowerBound(probe)
        #expect(rank == wanted)
        #expect((found.entry == nil) == (wanted == keys.count))
        if fences.place(of: probe) != .unsure { decided += 1 }
      }
    }
    #expect(decided > 0)
  }

  @Test func `a cursor walks either way and ends at both ends`() throws {
    let keys = (0..<9).map { [UInt8(0x40 + $0)] }
    let block = block(of: keys)
    try block.fence()
    var cursor = IndexCursor()
    #expect(throws: BlockDamage.self) { try cursor.seekToFirst() }
    try cursor.open(block)
    try cursor.seekToFirst()
    for rank in keys.indices {
      #expect(cursor.isValid && cursor.handle == handle(rank))
      try cursor.next()
    }
    #expect(!cursor.isValid)
    try cursor.seekToLast()
    for rank in keys.indices.reversed() {
      #expect(cursor.isValid && cursor.handle == handle(rank))
      try cursor.previous()
    }
    #expect(!cursor.isValid)
  }

  @Test func `a block with keys that do not ascend, or values that are no handles, is no index`()
    throws
  {
    let bytes = block(of: [[1, 5], [2, 5], [3, 5], [4, 5], [5, 5]]).view.array
    var refused = 0
    for index in bytes.indices.dropLast(12) {
      var changed = bytes
      changed[index] ^= 0xff
      let damaged = Block.of(changed)
      do throws(BlockDamage) { try damaged.fence() } catch { refused += 1 }
      if damaged.fences == nil {
        #expect(throws: BlockDamage.self) { try damaged.searchable.count }
      }
    }
    #expect(refused > 10)
    var builder = BlockBuilder(restartInterval: 4)
    ByteView.of([1, 2, 3]) { builder.add(key: $0.prefix(1), kind: .put, value: $0) }
    let data = Block(copying: builder.finish())
    #expect(throws: BlockDamage.self) { try data.fence() }
  }
}
