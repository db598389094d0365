// Durations as people write them: `30d`, `12h`, `90m`, `45s`, `500ms`, `250us`, and sums, largest
// unit first: `1d12h`.

/// Durations in whole microseconds.
package enum DurationText {
  private static let units: [(name: String, microseconds: Int64)] = [
    ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000),
    ("ms", 1_000), ("us", 1),
  ]

  /// The microseconds that `text` stands for; nil when it is no duration or does not fit.
  package static func parse(_ text: String) -> Int64? {
    var total: Int64 = 0
    var rest = text[...]
    var smallest = Int64.max
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      let letters = rest.dropFirst(digits.count).prefix { $0.isASCII && $0.isLetter }
      guard let count = Int64(digits), let unit = units.first(where: { $0.name == letters }),
        unit.microseconds < smallest
      else { return nil }
      let (part, tooLarge) = count.multipliedReportingOverflow(by: unit.microseconds)
      let (sum, overflow) = total.addingReportingOverflow(part)
      guard !tooLarge, !overflow else { return nil }
      total = sum
      smallest = unit.microseconds
      rest = rest.dropFirst(digits.count + letters.count)
    }
    return total
  }

  /// The text with the largest unit that divides the duration.
  package static func format(microseconds: Int64) -> String {
    for unit in units where microseconds % unit.microseconds == 0 && microseconds != 0 {
      return "\(microseconds / unit.microseconds)\(unit.name)"
    }
    return "0s"
  }
}
