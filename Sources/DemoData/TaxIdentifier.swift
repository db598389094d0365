// CNPJ, the Brazilian company tax id: 8 characters of root, 4 of branch, 2 check digits. A string,
// never a number: since 2026 root and branch may hold letters, each worth its ASCII code minus 48
// (Receita Federal, Instrução Normativa 2.229/2024). The demo's start at root 90000000.

/// Tax ids with valid check digits.
package enum TaxIdentifier {
  /// The id of company `index` (0...9,999,999), branch 0001.
  package static func synthetic(_ index: Int) -> String {
    precondition(index >= 0 && index < 10_000_000, "demo roots run from 90000000 to 99999999")
    let base = String(90_000_000 + index) + "0001"
    return base + checkDigits(of: Array(base.utf8))
  }

  /// The two check digits (modulus 11, weights 2…9 from the right) of 12 characters.
  package static func checkDigits(of base: [UInt8]) -> String {
    precondition(base.count == 12, "root and branch")
    let first = checkDigit(of: base)
    let second = checkDigit(of: base + [48 + UInt8(first)])
    return "\(first)\(second)"
  }

  /// True for 14 characters whose last two check the others.
  package static func isValid(_ identifier: String) -> Bool {
    let bytes = Array(identifier.utf8)
    guard bytes.count == 14 else { return false }
    for byte in bytes.prefix(12) where !(48...57).contains(byte) && !(65...90).contains(byte) {
      return false
    }
    return Array(checkDigits(of: Array(bytes.prefix(12))).utf8) == Array(bytes.suffix(2))
  }

  private static func checkDigit(of characters: [UInt8]) -> Int {
    var sum = 0
    var weight = 2
    for character in characters.reversed() {
      sum += (Int(character) - 48) * weight
      weight = weight == 9 ? 2 : weight + 1
    }
    let rest = sum % 11
    return rest < 2 ? 0 : 11 - rest
  }
}
