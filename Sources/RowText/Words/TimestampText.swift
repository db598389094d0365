// Timestamps as people write them: microseconds since 1970, or RFC 3339
// (2025-09-01T12:00:00.250Z, 2025-09-01T12:00:00+02:00, 2025-09-01).

package import DataModel

/// Reads and writes cell timestamps.
package enum TimestampText {
  /// The timestamp, cut to milliseconds; nil when the text is none.
  package static func parse(_ text: String) -> Timestamp? {
    if let microseconds = Int64(text) {
      guard microseconds >= 0, microseconds <= Timestamp.max.microseconds else { return nil }
      return Timestamp(microseconds: microseconds - microseconds % 1_000)
    }
    var rest = text.utf8[...]
    guard let year = digits(4, &rest), take("-", &rest), let month = digits(2, &rest),
      take("-", &rest), let day = digits(2, &rest), (1...12).contains(month),
      (1...daysOf(month, year)).contains(day)
    else { return nil }
    var seconds = dayNumber(year, month, day) * 86_400
    var milliseconds: Int64 = 0
    if !rest.isEmpty {
      guard take("T", &rest) || take("t", &rest) || take(" ", &rest), let hour = digits(2, &rest),
        take(":", &rest), let minute = digits(2, &rest), take(":", &rest),
        let second = digits(2, &rest), hour < 24, minute < 60, second <= 60
      else { return nil }
      seconds += hour * 3_600 + minute * 60 + second
      if take(".", &rest) {
        let fraction = rest.prefix { (0x30...0x39).contains($0) }
        guard !fraction.isEmpty else { return nil }
        rest = rest.dropFirst(fraction.count)
        let padded = (String(decoding: fraction, as: UTF8.self) + "00").prefix(3)
        milliseconds = Int64(padded) ?? 0
      }
      guard let offset = zone(&rest), rest.isEmpty else { return nil }
      seconds -= offset
    }
    guard seconds >= 0 else { return nil }
    return Timestamp(microseconds: (seconds * 1_000 + milliseconds) * 1_000)
  }

  /// RFC 3339 in UTC with milliseconds where there are any.
  package static func format(_ timestamp: Timestamp) -> String {
    let milliseconds = timestamp.microseconds / 1_000
    // Beyond year 9999 there is no RFC 3339.
    guard milliseconds >= 0, milliseconds < 253_402_300_800_000 else {
      return String(timestamp.microseconds)
    }
    let (year, month, day) = civil(milliseconds / 86_400_000)
    let second = milliseconds / 1_000 % 86_400
    let fraction = milliseconds % 1_000
    let clock = [second / 3_600, second / 60 % 60, second % 60].map { padded($0, 2) }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
      + clock.joined(separator: ":") + (fraction == 0 ? "Z" : ".\(padded(fraction, 3))Z")
  }

  // MARK: - Steps

  private static func zone(_ rest: inout Substring.UTF8View) -> Int64? {
    if take("Z", &rest) || take("z", &rest) { return 0 }
    let isWest = rest.first == UInt8(ascii: "-")
    guard isWest || rest.first == UInt8(ascii: "+") else { return nil }
    rest = rest.dropFirst()
    guard let hour = digits(2, &rest), take(":", &rest), let minute = digits(2, &rest), hour < 24,
      minute < 60
    else { return nil }
    let offset = hour * 3_600 + minute * 60
    return isWest ? -offset : offset
  }

  private static func digits(_ count: Int, _ rest: inout Substring.UTF8View) -> Int64? {
    let taken = rest.prefix(count)
    guard taken.count == count, taken.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    rest = rest.dropFirst(count)
    return taken.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
  }

  private static func take(_ character: Character, _ rest: inout Substring.UTF8View) -> Bool {
    guard let byte = character.asciiValue, rest.first == byte else { return false }
    rest = rest.dropFirst()
    return true
  }

  private static func daysOf(_ month: Int64, _ year: Int64) -> Int64 {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    default: 31
    }
  }

  /// Days since 1970-01-01 in the Gregorian calendar; years from 0.
  private static func dayNumber(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    // Counted from 1 March of year 0, so that the leap day is a year's last.
    let shifted = month > 2 ? year : year - 1
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func civil(_ dayNumber: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = dayNumber + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month,
      dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    )
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}
