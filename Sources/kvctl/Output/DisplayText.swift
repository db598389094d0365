// Text for a terminal: control characters made visible (data must not drive the terminal), widths
// in columns, cuts with …

/// Text as a terminal shows it.
enum DisplayText {
  /// Replaces what would move the cursor.
  static func visible(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var shown = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": shown += "\\n"
      case "\t": shown += "\\t"
      case "\r": shown += "\\r"
      case _ where isControl(scalar):
        let digits = String(scalar.value, radix: 16)
        shown +=
          scalar.value < 0x100
          ? "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits : "\\u{\(digits)}"
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }

  /// C0, DEL, C1, and the marks that turn the direction of writing.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069: true
    default: false
    }
  }

  /// Columns of a terminal that the text takes.
  static func width(_ text: String) -> Int {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
    return text.reduce(0) { $0 + width($1) }
  }

  private static func width(_ character: Character) -> Int {
    guard let scalar = character.unicodeScalars.first else { return 0 }
    switch scalar.value {
    case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
      0xff00...0xff60, 0x1f300...0x1faff, 0x20000...0x3fffd:
      return 2
    default: return 1
    }
  }

  /// The text in exactly `width` columns: cut with … or filled with spaces.
  static func fitted(_ text: String, _ width: Int, alignRight: Bool = false) -> String {
    let own = self.width(text)
    if own <= width {
      let space = String(repeating: " ", count: width - own)
      return alignRight ? space + text : text + space
    }
    guard width > 0 else { return "" }
    var cut = ""
    var used = 0
    for character in text {
      let next = self.width(character)
      if used + next > width - 1 { break }
      cut.append(character)
      used += next
    }
    return cut + "…" + String(repeating: " ", count: width - 1 - used)
  }

  /// 1234567 as 1,234,567.
  static func grouped(_ number: some BinaryInteger) -> String {
    let digits = String(number.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.utf8.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return number < 0 ? "-" + text : text
  }

  /// Bytes in the largest binary unit, with one decimal.
  static func bytes(_ count: UInt64) -> String {
    var value = Double(count)
    var unit = 0
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1_024, unit + 1 < units.count {
      value /= 1_024
      unit += 1
    }
    return unit == 0 ? "\(count) B" : "\(decimal(value, 1)) \(units[unit])"
  }

  /// A number with a fixed count of decimals.
  static func decimal(_ value: Double, _ places: Int) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "–" }
    var factor = 1.0
    for _ in 0..<places { factor *= 10 }
    let scaled = Int64((value.magnitude * factor).rounded())
    let whole = scaled / Int64(factor)
    var fraction = String(scaled % Int64(factor))
    while fraction.utf8.count < places { fraction = "0" + fraction }
    let sign = value < 0 && scaled != 0 ? "-" : ""
    return sign + grouped(whole) + (places > 0 ? "." + fraction : "")
  }
}
