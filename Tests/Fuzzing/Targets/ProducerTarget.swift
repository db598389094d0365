// Positions of producers as they are stored. Any bytes are read without a trap; what changes come
// to does not depend on which of them are merged first; damage is kept, not dropped.

import Bytes
import LSM

@testable import Tablets

final class ProducerTarget: FuzzTarget {
  func run(_ input: ByteView) throws(Finding) {
    var parts = FuzzInput(input)
    var operands: [Operand] = []
    while !parts.isAtEnd, operands.count < 6 {
      let shape = parts.byte()
      let kinds: [EntryKind] = [.merge, .merge, .merge, .put, .delete]
      let kind = kinds[Int(shape >> 5) % kinds.count]
      let value = parts.bytes(Int(shape & 31))
      operands.append(Operand(kind: kind, value: kind == .delete ? ByteView() : value))
    }
    guard !operands.isEmpty else { return }
    var first = ByteBuffer()
    let outcome = ProducerPositions.merge(operands, isOldest: true, into: &first)
    guard let positions = try? ProducerPositions(operands) else {
      try require(outcome == .put && !first.isEmpty, "damage that a merge drops")
      return try require((try? read(first.view)) == nil, "damage that a merge mends")
    }
    let all = positions.all
    let told = all.map { [$0.name, Array("\($0.next)".utf8)] }
    try require(told == ProducerTarget.newest(of: operands), "another than the newest: \(all)")
    try require(all.count == positions.count, "\(positions.count) producers are \(all.count)")
    for (left, right) in zip(all, all.dropFirst()) {
      try require(
        left.name.lexicographicallyPrecedes(right.name), "names that do not ascend")
    }
    for producer in all {
      let next = ByteView.of(producer.name) { positions.next(of: $0) }
      try require(next == producer.next, "a position that is not found")
    }
    try require(outcome == .nothing ? all.isEmpty : outcome == .put, "what is left: \(outcome)")
    if outcome == .put { try require((try? read(first.view)) == all, "merged: \(first.view)") }
    for split in 1..<operands.count { try checkMerge(operands, split, all) }
  }

  /// What counts, told the long way round: of each name the newest change.
  private static func newest(of operands: [Operand]) -> [[[UInt8]]] {
    var newest: [[UInt8]: UInt64] = [:]
    for operand in operands {
      var reader = ByteReader(operand.value)
      while let name = try? reader.lengthPrefixed().array, let next = try? reader.varint() {
        if newest[name] == nil { newest[name] = next }
      }
      if operand.kind != .merge { break }
    }
    return newest.filter { $0.value > 0 }
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { [$0.key, Array("\($0.value)".utf8)] }
  }

  /// The newest `split` operands, merged first, are worth as much.
  private func checkMerge(
    _ operands: [Operand], _ split: Int, _ all: [ProducerPosition]
  ) throws(Finding) {
    var merged = ByteBuffer()
    let newest = Array(operands[..<split])
    let kind: EntryKind
    switch ProducerPositions.merge(newest, isOldest: false, into: &merged) {
    case .unchanged: return
    case .put: kind = .put
    case .merge: kind = .merge
    default: throw Finding("changes that come to nothing, with older ones behind them")
    }
    let rest = [Operand(kind: kind, value: merged.view)] + operands[split...]
    try require(
      (try? ProducerPositions(rest))?.all == all, "\(split) of \(operands.count) merged first")
  }

  private func read(_ value: ByteView) throws(ByteReadError) -> [ProducerPosition] {
    try ProducerPositions([Operand(kind: .put, value: value)]).all
  }
}
