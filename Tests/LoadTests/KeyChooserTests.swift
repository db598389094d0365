// Which rows are drawn how often, against theory.

import Foundation
import Runtime
import Testing

@testable import kvbench

@Suite struct KeyChooserTests {
  private func frequencies(
    _ draws: Int, _ draw: (inout SplitMix64) -> UInt64
  ) -> [UInt64: Double] {
    var random = SplitMix64(seed: 11)
    var counts: [UInt64: Double] = [:]
    for _ in 0..<draws { counts[draw(&random), default: 0] += 1 / Double(draws) }
    return counts
  }

  @Test func `zipfian ranks have the frequencies of their law`() {
    let count: UInt64 = 1_000
    let zeta = (1...count).reduce(0) { $0 + pow(Double($1), -0.99) }
    let ranks = ZipfianRanks(count: count)
    let found = frequencies(200_000) { ranks.rank($0.next()) }
    // The method is exact for the first two ranks and an approximation behind them.
    #expect(abs((found[0] ?? 0) - 1 / zeta) < 0.004)
    #expect(abs((found[1] ?? 0) - pow(2, -0.99) / zeta) < 0.003)
    for (first, last) in [(2, 9), (10, 99), (100, 999)] as [(UInt64, UInt64)] {
      let share = (first...last).reduce(0) { $0 + (found[$1] ?? 0) }
      let theory = (first...last).reduce(0) { $0 + pow(Double($1 + 1), -0.99) } / zeta
      #expect(abs(share - theory) < 0.03, "ranks \(first) to \(last): \(share), not \(theory)")
    }
    #expect(found.keys.allSatisfy { $0 < count })
  }

  @Test func `growing ranks equal ranks made large`() {
    var grown = ZipfianRanks(count: 100)
    grown.grow(to: 5_000)
    let large = ZipfianRanks(count: 5_000)
    var random = SplitMix64(seed: 3)
    for _ in 0..<10_000 {
      let bits = random.next()
      #expect(grown.rank(bits) == large.rank(bits))
    }
  }

  @Test func `scrambled zipfian is as skewed as YCSB's and hits any row`() {
    let chooser = KeyChooser(.zipfian, count: 1_000_000)
    let found = frequencies(200_000) { chooser.next(&$0) }
    let top = found.values.sorted(by: >)
    // 1 / ζ of ten thousand million items.
    #expect(abs(top[0] - 1 / 26.469) < 0.003)
    #expect(found.keys.allSatisfy { $0 < 1_000_000 })
    let upper = found.filter { $0.key >= 500_000 }.values.reduce(0, +)
    #expect(upper > 0.3 && upper < 0.7)
  }

  @Test func `latest prefers the newest rows, those that were added too`() {
    var chooser = KeyChooser(.latest, count: 10_000)
    chooser.grow(to: 10_100)
    let found = frequencies(50_000) { chooser.next(&$0) }
    #expect(found.max { $0.value < $1.value }?.key == 10_099)
    #expect(found.filter { $0.key >= 10_000 }.values.reduce(0, +) > 0.4)
    #expect(found.keys.allSatisfy { $0 < 10_100 })
  }

  @Test func `uniform draws all alike`() {
    let chooser = KeyChooser(.uniform, count: 10)
    let found = frequencies(100_000) { chooser.next(&$0) }
    #expect(found.count == 10)
    #expect(found.values.allSatisfy { abs($0 - 0.1) < 0.01 })
  }
}

@Suite struct RowContentsTests {
  private let contents = RowContents()

  private func key(_ number: UInt64, _ space: KeySpace) -> [UInt8] {
    var key = [UInt8](repeating: 0, count: RowContents.keyByteCount)
    key.withUnsafeMutableBytes { bytes in
      if let base = bytes.baseAddress { contents.writeKey(number, space, to: base) }
    }
    return key
  }

  private func value(_ key: [UInt8], _ column: Int, _ nonce: UInt64) -> [UInt8] {
    var value = [UInt8](repeating: 0, count: 100)
    value.withUnsafeMutableBytes { target in
      key.withUnsafeBytes { key in
        if let target = target.baseAddress, let key = key.baseAddress {
          contents.writeValue(100, key: key, column: column, nonce: nonce, to: target)
        }
      }
    }
    return value
  }

  private func isValue(_ value: [UInt8], _ key: [UInt8], _ column: Int) -> Bool {
    value.withUnsafeBytes { value in
      key.withUnsafeBytes { key in
        guard let value = value.baseAddress, let key = key.baseAddress else { return false }
        return contents.isValue(value, 100, key: key, column: column)
      }
    }
  }

  @Test func `keys are fourteen digits, in order or anywhere`() {
    #expect(key(42, .ordered) == Array("00000000000042".utf8))
    #expect(key(98_765_432_109_876, .ordered) == Array("98765432109876".utf8))
    let hashed = Set((0..<1_000).map { key(UInt64($0), .hashed) })
    #expect(hashed.count == 1_000)
    #expect(hashed.allSatisfy { $0.allSatisfy { (48...57).contains($0) } })
  }

  @Test func `a value is known as its own cell's and no other's`() {
    let mine = key(7, .hashed)
    for nonce in [0, 1, 0xffff] as [UInt64] {
      let written = value(mine, 3, nonce)
      #expect(written.allSatisfy { (97...122).contains($0) })
      #expect(isValue(written, mine, 3))
      #expect(!isValue(written, mine, 4))
      #expect(!isValue(written, key(8, .hashed), 3))
      var damaged = written
      damaged[60] ^= 1
      #expect(!isValue(damaged, mine, 3))
    }
    #expect(value(mine, 3, 1) != value(mine, 3, 2))
  }
}
