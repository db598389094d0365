// Which row the next request is for: uniform, zipfian as YCSB draws it, or the latest. After Gray
// et al., "Quickly Generating Billion-Record Synthetic Databases" (SIGMOD 1994), and YCSB's
// generators.

import Glibc
import Runtime

/// How requests spread over the rows.
enum KeyChoice: String, CaseIterable, Sendable {
  case uniform
  case zipfian
  case latest
}

/// Ranks with a zipfian frequency: rank 0 is the most frequent.
struct ZipfianRanks: Sendable {
  static let theta = 0.99
  private(set) var count: UInt64
  private var zeta: Double
  private let alpha = 1 / (1 - ZipfianRanks.theta)
  private let half = 1 + pow(0.5, ZipfianRanks.theta)
  private var eta = 0.0

  /// - Parameter zeta: The sum of 1/i^θ where it is known already.
  init(count: UInt64, zeta: Double? = nil) {
    precondition(count > 0, "ranks of something")
    self.count = count
    self.zeta = zeta ?? ZipfianRanks.sum(1...count)
    setEta()
  }

  static func sum(_ ranks: ClosedRange<UInt64>) -> Double {
    ranks.reduce(0) { $0 + pow(Double($1), -theta) }
  }

  private mutating func setEta() {
    let zetaOfTwo = 1 + pow(2, -ZipfianRanks.theta)
    eta = (1 - pow(2 / Double(count), 1 - ZipfianRanks.theta)) / (1 - zetaOfTwo / zeta)
  }

  /// Takes in rows that were added.
  mutating func grow(to larger: UInt64) {
    guard larger > count else { return }
    zeta += ZipfianRanks.sum((count + 1)...larger)
    count = larger
    setEta()
  }

  /// - Parameter random: 64 random bits.
  func rank(_ random: UInt64) -> UInt64 {
    let uniform = Double(random >> 11) * 0x1p-53
    let scaled = uniform * zeta
    if scaled < 1 { return 0 }
    if scaled < half { return min(1, count - 1) }
    return min(UInt64(Double(count) * pow(eta * uniform - eta + 1, alpha)), count - 1)
  }
}

/// Draws row numbers.
struct KeyChooser: Sendable {
  let choice: KeyChoice
  /// Rows there are; grows with inserts.
  private(set) var count: UInt64
  private var ranks: ZipfianRanks

  /// YCSB scrambles ranks of ten thousand million items whatever the table's size, so that the
  /// same rows stay hot while it grows.
  private static let scrambledItems: UInt64 = 10_000_000_000
  private static let scrambledZeta = 26.46902820178302

  init(_ choice: KeyChoice, count: UInt64) {
    self.choice = choice
    self.count = max(count, 1)
    switch choice {
    case .uniform: ranks = ZipfianRanks(count: 2)
    case .zipfian:
      ranks = ZipfianRanks(
        count: KeyChooser.scrambledItems, zeta: KeyChooser.scrambledZeta)
    case .latest: ranks = ZipfianRanks(count: self.count)
    }
  }

  mutating func grow(to larger: UInt64) {
    guard larger > count else { return }
    count = larger
    if choice == .latest { ranks.grow(to: larger) }
  }

  /// A number below `count`.
  @inline(__always)
  func next(_ random: inout SplitMix64) -> UInt64 {
    let bits = random.next()
    switch choice {
    case .uniform: return bits.multipliedFullWidth(by: count).high
    case .zipfian: return KeyChooser.fnv(ranks.rank(bits)) % count
    case .latest: return count - 1 - ranks.rank(bits)
    }
  }

  /// FNV-1a of the number's eight bytes.
  static func fnv(_ number: UInt64) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    var rest = number
    for _ in 0..<8 {
      hash = (hash ^ (rest & 0xff)) &* 0x100_0000_01b3
      rest >>= 8
    }
    return hash
  }
}
