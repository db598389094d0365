// Rows as skewed loads ask for them: zipfian with YCSB's exponent, after Gray et al., "Quickly
// Generating Billion-Record Synthetic Databases" (SIGMOD 1994). Drawn beforehand, so that drawing
// is not what is measured.

import Glibc
import Runtime

struct HotRows: Sendable {
  private static let exponent = 0.99
  /// Draws before they repeat.
  private static let count = 1 << 20
  private let drawn: [UInt32]

  init(entryCount: Int) {
    let exponent = HotRows.exponent
    let total = Double(entryCount)
    let zeta = (1...entryCount).reduce(0.0) { $0 + pow(Double($1), -exponent) }
    let zetaOfTwo = 1 + pow(2, -exponent)
    let eta = (1 - pow(2 / total, 1 - exponent)) / (1 - zetaOfTwo / zeta)
    let head = 1 + pow(0.5, exponent)
    var random = SplitMix64(seed: 31)
    drawn = (0..<HotRows.count).map { _ in
      let uniform = Double(random.next() >> 11) * 0x1p-53
      let scaled = uniform * zeta
      var rank: UInt64 = 0
      if scaled >= head {
        rank = UInt64(total * pow(eta * uniform - eta + 1, 1 / (1 - exponent)))
      } else if scaled >= 1 {
        rank = 1
      }
      // Scrambled: neighbours in rank are no neighbours in order of writing.
      var scrambler = SplitMix64(seed: rank)
      return UInt32(truncatingIfNeeded: scrambler.next() % UInt64(entryCount))
    }
  }

  /// The row asked for at a step; threads begin at different ones.
  @inline(__always)
  func row(_ step: UInt64) -> UInt64 {
    UInt64(drawn[Int(truncatingIfNeeded: step) & (HotRows.count - 1)])
  }
}
