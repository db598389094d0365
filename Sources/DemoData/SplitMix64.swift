// The demo's random numbers: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
// Generators, OOPSLA 2014). Integer arithmetic only, so that every machine draws the same.

/// A stream of 64-bit numbers from a seed.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  /// The stream of one company, independent of how many others there are.
  package init(seed: UInt64, stream: UInt64) {
    var mixer = SplitMix64(seed: seed ^ (stream &* 0xd134_2543_de82_ef95))
    state = mixer.next()
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// A number in 0..<bound, by the high half of a product (Lemire 2019, bias below 2⁻³²).
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0 && bound <= 1 << 32, "bound of a draw")
    return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A number in the closed range.
  package mutating func within(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.count)
  }
}
