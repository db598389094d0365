// The demo's random numbers: a stream for each company, and draws without bias that matters.

internal import Runtime

/// What one company draws from.
struct DemoDraws {
  private var random: SplitMix64

  /// The stream of one company, independent of how many others there are.
  init(seed: UInt64, stream: UInt64) {
    var mixer = SplitMix64(seed: seed ^ (stream &* 0xd134_2543_de82_ef95))
    random = SplitMix64(seed: mixer.next())
  }

  mutating func next() -> UInt64 { random.next() }

  /// A number in 0..<bound, by the high half of a product (Lemire 2019, bias below 2⁻³²).
  mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0 && bound <= 1 << 32, "bound of a draw")
    return Int(random.next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A number in the closed range.
  mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }
}
