// Random mutations over a small world, so that they meet.

/// Draws mutations.
package struct MutationGenerator {
  package var random: SeededGenerator
  package var plainFamilies = ["a", "b", "c"]
  package var sumFamilies = ["n"]
  package var deletes = true
  /// Bytes of a value, below this.
  package var valueByteLimit = 4

  package init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  package mutating func mutations() -> [TestMutation] {
    (0...random.below(6)).map { _ in mutation() }
  }

  package mutating func mutation() -> TestMutation {
    let qualifier = ["", "q", "qq", "r"][random.below(4)]
    let time = Int64(random.below(6)) * 1_000
    let family = plainFamilies[random.below(plainFamilies.count)]
    let any = (plainFamilies + sumFamilies)[random.below(plainFamilies.count + sumFamilies.count)]
    switch random.below(deletes ? 100 : 70) {
    case 0..<55:
      return .set(
        family, qualifier, time,
        (0..<random.below(valueByteLimit)).map { _ in UInt8(random.below(256)) })
    case 55..<70:
      let sum = sumFamilies[random.below(sumFamilies.count)]
      let input = Int64(random.below(2_000)) - 1_000
      return random.chance(0.2)
        ? .merge(sum, qualifier, time, input) : .add(sum, qualifier, time, input)
    case 70..<90:
      let end = random.chance(0.3) ? nil : time + Int64(1 + random.below(3)) * 1_000
      return .deleteColumn(any, qualifier, time, end)
    case 90..<96: return .deleteFamily(any)
    default: return .deleteRow
    }
  }
}
