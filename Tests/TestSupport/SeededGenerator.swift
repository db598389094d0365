// Randomness of tests: the same seed gives the same numbers on every machine.

internal import Runtime

/// Random numbers from a seed.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var random: SplitMix64

  package init(seed: UInt64) { random = SplitMix64(seed: seed) }

  package mutating func next() -> UInt64 { random.next() }

  /// True with this probability.
  package mutating func chance(_ probability: Double) -> Bool {
    Double.random(in: 0..<1, using: &self) < probability
  }

  /// 0 to `count` - 1.
  package mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self) }
}
