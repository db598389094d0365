// Numbers of JSON text: integers exact in 64 bits, doubles correctly rounded.

internal import Bytes

/// A number as its text says it.
package enum JSONNumber: Sendable, Equatable {
  /// Without fraction and exponent, and within 64 bits.
  case integer(Int64)
  /// Everything else; the nearest double.
  case double(Double)
}

extension JSONReader {
  /// A number written without fraction or exponent that fits 64 bits.
  package mutating func int64() throws(JSONError) -> Int64 {
    guard try peek() == .number else { throw try mismatch(.number) }
    let start = offset
    if case .integer(let value) = try number() { return value }
    for index in start..<offset where text[index] > UInt8(ascii: "9") || text[index] == 0x2e {
      throw failure(.type, at: start, "expected an integer, found \(excerpt(from: start))")
    }
    throw failure(.range, at: start, "\(excerpt(from: start)) does not fit a 64-bit integer")
  }

  /// Any number, as the nearest double.
  package mutating func double() throws(JSONError) -> Double {
    guard try peek() == .number else { throw try mismatch(.number) }
    let isNegative = text[offset] == UInt8(ascii: "-")
    switch try number() {
    case .integer(0): return isNegative ? -0.0 : 0
    case .integer(let value): return Double(value)
    case .double(let value): return value
    }
  }

  package mutating func number() throws(JSONError) -> JSONNumber {
    guard try peek() == .number else { throw try mismatch(.number) }
    let start = offset
    let isNegative = text[offset] == UInt8(ascii: "-")
    if isNegative { offset &+= 1 }

    var digits = Digits()
    try integerPart(&digits)
    let isIntegral =
      !isAt(UInt8(ascii: ".")) && !isAt(UInt8(ascii: "e")) && !isAt(UInt8(ascii: "E"))
    if isIntegral, digits.dropped == 0 {
      if let value = digits.integer(isNegative: isNegative) { return .integer(value) }
    }
    if isAt(UInt8(ascii: ".")) {
      offset &+= 1
      try someDigits(&digits, areFraction: true)
    }
    if isAt(UInt8(ascii: "e")) || isAt(UInt8(ascii: "E")) { try exponent(&digits) }
    if let value = digits.exactDouble(isNegative: isNegative) { return .double(value) }

    let spelled = String(decoding: text[start..<offset].buffer, as: UTF8.self)
    guard let value = Double(spelled), value.isFinite else {
      throw failure(.range, at: start, "\(excerpt(from: start)) does not fit a double")
    }
    return .double(value)
  }

  private mutating func integerPart(_ digits: inout Digits) throws(JSONError) {
    guard isAt(UInt8(ascii: "0")) else { return try someDigits(&digits, areFraction: false) }
    offset &+= 1
    if offset < text.count, text[offset] &- UInt8(ascii: "0") < 10 {
      throw failure(.syntax, at: offset, "a number must not begin with 0")
    }
  }

  private mutating func someDigits(_ digits: inout Digits, areFraction: Bool) throws(JSONError) {
    let start = offset
    while offset < text.count {
      let digit = text[offset] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      digits.append(digit, isFraction: areFraction)
      offset &+= 1
    }
    if offset == start { throw unexpected("a digit") }
  }

  private mutating func exponent(_ digits: inout Digits) throws(JSONError) {
    offset &+= 1
    let isNegative = isAt(UInt8(ascii: "-"))
    if isNegative || isAt(UInt8(ascii: "+")) { offset &+= 1 }
    var power = Digits()
    try someDigits(&power, areFraction: false)
    let magnitude = power.dropped == 0 ? Int(min(power.mantissa, 100_000)) : 100_000
    digits.exponent &+= isNegative ? -magnitude : magnitude
  }

  private func isAt(_ byte: UInt8) -> Bool { offset < text.count && text[offset] == byte }

  /// The number's text, cut where it is long.
  private func excerpt(from start: Int) -> String {
    let end = min(offset, start &+ 40)
    let shown = String(decoding: text[start..<end].buffer, as: UTF8.self)
    return end < offset ? shown + "…" : shown
  }
}

/// Decimal digits as an integer times a power of ten.
private struct Digits {
  var mantissa: UInt64 = 0
  var exponent = 0
  /// Digits that did not fit the mantissa.
  var dropped = 0
  private var count = 0

  mutating func append(_ digit: UInt8, isFraction: Bool) {
    guard count < 19 else {
      dropped &+= 1
      return
    }
    mantissa = mantissa &* 10 &+ UInt64(digit)
    if mantissa > 0 { count &+= 1 }
    if isFraction { exponent &-= 1 }
  }

  func integer(isNegative: Bool) -> Int64? {
    if !isNegative { return Int64(exactly: mantissa) }
    if mantissa == 1 << 63 { return .min }
    return Int64(exactly: mantissa).map { -$0 }
  }

  /// The nearest double where one multiplication or division of exact operands gives it
  /// (Clinger, PLDI 1990).
  func exactDouble(isNegative: Bool) -> Double? {
    guard dropped == 0, mantissa <= 1 << 53, exponent >= -22, exponent <= 22 else { return nil }
    let magnitude = Double(mantissa)
    let value =
      exponent < 0 ? magnitude / Digits.power(-exponent) : magnitude * Digits.power(exponent)
    return isNegative ? -value : value
  }

  private static func power(_ exponent: Int) -> Double { powersOfTen[exponent] }

  private static let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]
}
