// A row that only sets cells in order is encoded by a short cut: to the same bytes as by the
// general way, which every other row goes.

import Bytes
import DataModel
import LSM
import TestSupport
import Testing

@testable import Tablets

@Suite struct PlainRowTests {
  /// Rows hold nothing yet.
  private struct EmptyRows: CommitReader {
    func operands(of key: ByteView) -> [Operand] { [] }
  }

  /// A batch, or why the row is refused.
  private static func encode(
    _ mutations: [TestMutation], generally: Bool, _ world: RowWorld
  ) -> Result<[UInt8], TableServiceError> {
    let list = MutationList.of("key", mutations)
    var batch = WriteBatch()
    var reader = MutationListReader(list.encoded)
    // Who asks for a row's size sees it whole first: that goes the general way.
    let admission =
      generally ? RowAdmission(world.merger.sizes, world.merger, EmptyRows()) : nil
    do throws(TableServiceError) {
      try MutationEncoder().encodeRow(
        &reader, world.rules, now: world.time.wallMicroseconds, admission: admission, into: &batch)
      return .success(batch.encoded.array)
    } catch {
      return .failure(error)
    }
  }

  private static func expectEqual(_ mutations: [TestMutation], _ world: RowWorld) {
    let plain = encode(mutations, generally: false, world)
    let general = encode(mutations, generally: true, world)
    switch (plain, general) {
    case (.success(let plain), .success(let general)): #expect(plain == general, "\(mutations)")
    case (.failure(let plain), .failure(let general)):
      #expect("\(plain)" == "\(general)", "\(mutations)")
    default: Issue.record("\(mutations): \(plain) and \(general)")
    }
  }

  /// Mostly in order, and now and then not, or wrong.
  private static func mutations(_ generator: inout SeededGenerator) -> [TestMutation] {
    var mutations: [TestMutation] = []
    for family in ["b", "a", "c"] where generator.chance(0.6) {
      for column in 0..<Int.random(in: 0...4, using: &generator) {
        let time = generator.chance(0.2) ? -1 : Int64.random(in: 0...1 << 44, using: &generator)
        let length = generator.chance(0.05) ? 20_000 : Int.random(in: 0...200, using: &generator)
        mutations.append(
          .set(
            family, "q\(column)", time < 0 || generator.chance(0.01) ? time : time / 1_000 * 1_000,
            [UInt8](repeating: UInt8(column), count: length)))
      }
    }
    if let again = mutations.last, generator.chance(0.2) { mutations.append(again) }
    if generator.chance(0.2) { mutations.shuffle(using: &generator) }
    if generator.chance(0.1) { mutations.append(.deleteColumn("a", "q1", 0, nil)) }
    if generator.chance(0.05) { mutations.insert(.deleteRow, at: 0) }
    if generator.chance(0.05) { mutations.append(.set("n", "q", 0, [1])) }
    if generator.chance(0.05) { mutations.append(.set("none", "q", 0, [1])) }
    return mutations
  }

  @Test("the short cut leads to the same bytes", arguments: Array(1...40) as [UInt64])
  func same(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let world = RowWorld.standard()
    for _ in 0..<100 { Self.expectEqual(Self.mutations(&generator), world) }
  }

  @Test func `rows of many columns and long qualifiers too`() {
    let world = RowWorld.standard()
    for count in [1, 15, 16, 17, 4_095, 4_096, 4_097, 10_000] {
      Self.expectEqual(
        (0..<count).map { .set("a", "q\($0 + 10_000)", Int64($0) * 1_000, [1, 2, 3]) }, world)
    }
    for length in [0, 1, 127, 128, 16_383, 16_384, 16_385] {
      let qualifier = String(repeating: "x", count: length)
      Self.expectEqual([.set("b", qualifier, 0, []), .set("a", qualifier, 1_000, [1])], world)
    }
  }
}
