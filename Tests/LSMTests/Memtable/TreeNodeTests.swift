// A node's ranks are those of the moment it was looked at, whatever its writer does meanwhile.

import Bytes
import TestSupport
import Testing

@testable import LSM

@Suite struct TreeNodeTests {
  private static func ranks(_ words: [UInt64], _ word: UInt64) -> [Int] {
    [words.count { $0 < word }, words.count { $0 <= word }]
  }

  private static func expectRanks(_ view: NodeView, _ words: [UInt64]) {
    let probes = [0, 1, .max - 1, .max] + words + words.map { $0 &- 1 } + words.map { $0 &+ 1 }
    for word in probes {
      let found = view.ranks(of: word)
      #expect([found.below, found.notAbove] == ranks(words, word), "\(word) among \(words)")
    }
  }

  /// Words of few values, so that some are equal, the least and the greatest among them.
  private static func word(_ generator: inout SeededGenerator) -> UInt64 {
    switch generator.below(8) {
    case 0: 0
    case 1: .max
    default: UInt64(generator.below(20)) << 40
    }
  }

  /// Inserts behind all that are not above.
  private static func insert(_ word: UInt64, _ node: TreeNode, _ words: inout [UInt64]) {
    let rank = NodeView(node).ranks(of: word).notAbove
    node.insert(word, node.base, at: rank)
    words.insert(word, at: rank)
  }

  @Test("views keep their ranks", arguments: Array(1...50) as [UInt64])
  func views(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let arena = Arena(memory: MemoryBudget(byteCount: 64 << 20))
    for _ in 0..<20 {
      let node = TreeNode.make(level: 0, low: nil, right: nil, in: arena)
      var words: [UInt64] = []
      for _ in 0..<Permutation.slotCount {
        let (before, wordsBefore) = (NodeView(node), words)
        Self.insert(Self.word(&generator), node, &words)
        Self.expectRanks(NodeView(node), words)
        Self.expectRanks(before, wordsBefore)
      }
      // A split takes the upper half away; its slots fill again.
      let kept = generator.below(Permutation.slotCount)
      node.truncate(to: kept)
      words.removeSubrange(kept...)
      Self.expectRanks(NodeView(node), words)
      while words.count < Permutation.slotCount {
        let (before, wordsBefore) = (NodeView(node), words)
        Self.insert(Self.word(&generator), node, &words)
        Self.expectRanks(before, wordsBefore)
      }
    }
  }
}
