// What a read answered, in one word: the version of the range, and of which question.
//
//   etag := '"' epoch: hex '-' sequence: hex '-' fingerprint: hex '"'
//
// Equal tags mean equal answers. The epoch covers schema changes and restarts; the fingerprint
// covers table, range, columns, versions, shape, limit and page.

internal import Bytes
internal import HTTP1
internal import Tablets

struct EntityTag: Sendable, Equatable {
  var version: RangeVersion
  var fingerprint: UInt64

  func write(into buffer: inout ByteBuffer) {
    buffer.append(0x22 as UInt8)
    buffer.append(hexadecimal: version.epoch)
    buffer.append(0x2d as UInt8)
    buffer.append(hexadecimal: version.sequence)
    buffer.append(0x2d as UInt8)
    buffer.append(hexadecimal: fingerprint)
    buffer.append(0x22 as UInt8)
  }

  /// The tag of an `If-None-Match` list that answers the question of `fingerprint`; nil when none
  /// does. Weak tags count (RFC 9110 section 13.1.2); `*` does not: nobody knows what it saw.
  static func matching(_ fingerprint: UInt64, in list: ByteView) -> EntityTag? {
    var found: EntityTag?
    HTTPText.forEachElement(of: list) { element in
      let text = element.hasPrefix("W/") ? element.dropFirst(2) : element
      guard let tag = EntityTag(text), tag.fingerprint == fingerprint else { return true }
      found = tag
      return false
    }
    return found
  }

  init(version: RangeVersion, fingerprint: UInt64) {
    self.version = version
    self.fingerprint = fingerprint
  }

  /// Reads a tag in its quotes; nil for anything that is not one of ours.
  init?(_ text: ByteView) {
    guard text.count >= 2, text[0] == 0x22, text[text.count - 1] == 0x22 else { return nil }
    let inner = text[1..<text.count - 1]
    guard let first = inner.firstIndex(of: 0x2d),
      let second = inner.firstIndex(of: 0x2d, from: first + 1),
      let epoch = Self.hexadecimal(inner.prefix(first)),
      let sequence = Self.hexadecimal(inner[first + 1..<second]),
      let fingerprint = Self.hexadecimal(inner.dropFirst(second + 1))
    else { return nil }
    self.init(
      version: RangeVersion(epoch: epoch, sequence: sequence), fingerprint: fingerprint)
  }

  private static func hexadecimal(_ digits: ByteView) -> UInt64? {
    guard !digits.isEmpty, digits.count <= 16 else { return nil }
    var value: UInt64 = 0
    for index in 0..<digits.count {
      guard let digit = PercentCoding.hexValue(digits[index]) else { return nil }
      value = value << 4 | UInt64(digit)
    }
    return value
  }
}
