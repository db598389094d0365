// Dates without a calendar library: days since 1970-01-01 in the proleptic Gregorian calendar.

/// A day.
package struct CivilDate: Sendable, Comparable {
  /// Days since 1970-01-01.
  package let dayNumber: Int

  package init(dayNumber: Int) { self.dayNumber = dayNumber }

  package init(year: Int, month: Int, day: Int) {
    // Years start in March, so that the leap day is the last day of a year; 146,097 days an era.
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    dayNumber = era * 146_097 + dayOfEra - 719_468
  }

  /// Midnight UTC of the day.
  package var microseconds: Int64 { Int64(dayNumber) * 86_400_000_000 }

  /// `yyyy-mm-dd`.
  package var text: String {
    let (year, month, day) = components
    return "\(CivilDate.padded(year, 4))-\(CivilDate.padded(month, 2))-\(CivilDate.padded(day, 2))"
  }

  package var components: (year: Int, month: Int, day: Int) {
    let days = dayNumber + 719_468
    let era = days / 146_097
    let dayOfEra = days - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }

  /// The first day of the month `count` months earlier.
  package func firstOfMonth(monthsBefore count: Int) -> CivilDate {
    let (year, month, _) = components
    let months = year * 12 + (month - 1) - count
    return CivilDate(year: months / 12, month: months % 12 + 1, day: 1)
  }

  package static func < (left: Self, right: Self) -> Bool { left.dayNumber < right.dayNumber }

  /// The number with zeros in front, at least `width` digits.
  package static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}
