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

  private func block(of keys: [[UInt8]]) -> Block {
    var builder = BlockBuilder(restartInterval: 4)
    for (index, key) in keys.enumerated() {
      var handle = ByteBuffer()
      BlockHandle(offset: UInt64(index) * 4_096 + 16, payloadByteCount: 4_000).append(to: &handle)
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
    let fences = try #require(search.makeFences())
    #expect(fences.byteCount >= keys.count * 12)
    let probes =
      keys + keys.map { $0 + [0] } + keys.map { Array($0.dropLast()) }
      + keys.map { $0.dropLast() + [0x31, 0xff] } + [[], [0], [0xff], [0x30, 0x2f]]
    var decided = 0
    for probe in probes {
      try ByteView.of(probe) { probe in
        let plain = try search.lowerBound(probe)
        let found = try search.lowerBound(probe, by: fences)
        #expect(found.offset == plain.offset)
        #expect(found.entry?.endOffset == plain.entry?.endOffset)
        if fences.place(of: probe) != .unsure { decided += 1 }
      }
    }
    #expect(decided > 0)
  }

  @Test func `keys that do not ascend have no fences`() throws {
    let bytes = block(of: [[1, 5], [2, 5], [3, 5], [4, 5], [5, 5]]).view.array
    var refused = 0
    for index in bytes.indices.dropLast(12) {
      var changed = bytes
      changed[index] ^= 0xff
      let damaged = Block.of(changed)
      guard let search = try? BlockSearch(damaged.view) else { continue }
      if search.makeFences() == nil { refused += 1 }
    }
    #expect(refused > 10)
  }
}
