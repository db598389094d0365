// The Date field (RFC 9110 section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`, always 29 bytes.
// Civil date from a day number by the usual 400-year cycle of 146,097 days.

package import Bytes

/// The text of the present second, rendered once a second.
package struct HTTPDate: ~Copyable {
  private var second: Int64 = .min
  private var text = ByteBuffer(capacity: 32)

  package init() {}

  /// The 29 bytes for a time; valid until the next call.
  package mutating func text(atMicroseconds microseconds: Int64) -> ByteView {
    let now = microseconds.quotientFloored(by: 1_000_000)
    if now != second {
      second = now
      render()
    }
    return text.view
  }

  private mutating func render() {
    let names: StaticString = "SunMonTueWedThuFriSat"
    let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
    let days = second.quotientFloored(by: 86_400)
    let inDay = Int(second - days * 86_400)
    // 1970-01-01 was a Thursday; the cycle starts on 0000-03-01, 719,468 days before.
    let weekday = Int((days + 4) - (days + 4).quotientFloored(by: 7) * 7)
    let shifted = days + 719_468
    let cycle = shifted.quotientFloored(by: 146_097)
    let dayOfCycle = shifted - cycle * 146_097
    let yearOfCycle =
      (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
    let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let day = Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    let month = Int(marchMonth < 10 ? marchMonth + 3 : marchMonth - 9)
    let year = Int(yearOfCycle + cycle * 400) + (month <= 2 ? 1 : 0)
    text.clear()
    text.append(ByteView(UnsafeRawPointer(names.utf8Start) + weekday * 3, count: 3))
    text.append(", ")
    text.appendDigits(day, count: 2)
    text.append(0x20 as UInt8)
    text.append(ByteView(UnsafeRawPointer(months.utf8Start) + (month - 1) * 3, count: 3))
    text.append(0x20 as UInt8)
    text.appendDigits(year, count: 4)
    text.append(0x20 as UInt8)
    text.appendDigits(inDay / 3_600, count: 2)
    text.append(0x3a as UInt8)
    text.appendDigits(inDay / 60 % 60, count: 2)
    text.append(0x3a as UInt8)
    text.appendDigits(inDay % 60, count: 2)
    text.append(" GMT")
  }
}

extension Int64 {
  fileprivate func quotientFloored(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}

extension ByteBuffer {
  /// The last `count` decimal digits of a non-negative value, with leading zeros.
  fileprivate mutating func appendDigits(_ value: Int, count: Int) {
    var divisor = 1
    for _ in 1..<count { divisor *= 10 }
    while divisor > 0 {
      append(UInt8(0x30 + value / divisor % 10))
      divisor /= 10
    }
  }
}
