// Percent-encoded bytes in paths and queries (RFC 3986 section 2.1): `%` and two hexadecimal
// digits stand for a byte, anything else for itself; `+` stands for a space in queries only.

package import Bytes

/// A `%` that is not followed by two hexadecimal digits.
package struct BrokenPercentEncoding: Error, Sendable {}

package enum PercentCoding {
  package static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }

  /// The decoded bytes: `text` itself when nothing is encoded, else a part of `scratch`, to which
  /// they are appended and which must have been given room for them before (`reserve`), so that
  /// earlier views into it stay valid.
  package static func decode(
    _ text: ByteView, plusIsSpace: Bool = false, into scratch: inout ByteBuffer
  ) throws(BrokenPercentEncoding) -> ByteView {
    var index = 0
    while index < text.count {
      let byte = text[index]
      if byte == 0x25 || (plusIsSpace && byte == 0x2b) { break }
      index += 1
    }
    guard index < text.count else { return text }
    let start = scratch.count
    precondition(scratch.allocatedByteCount - start >= text.count, "the scratch has room")
    scratch.append(text.prefix(index))
    while index < text.count {
      let byte = text[index]
      if byte == 0x25 {
        guard index + 2 < text.count, let high = hexValue(text[index + 1]),
          let low = hexValue(text[index + 2])
        else { throw BrokenPercentEncoding() }
        scratch.append(high << 4 | low)
        index += 3
      } else {
        scratch.append(plusIsSpace && byte == 0x2b ? 0x20 : byte)
        index += 1
      }
    }
    return scratch.view.dropFirst(start)
  }
}

/// The `name=value` pairs of a query, in order, still encoded.
package struct QueryPairs: Sequence, IteratorProtocol {
  private var rest: ByteView

  package init(_ query: ByteView) { rest = query }

  package mutating func next() -> (name: ByteView, value: ByteView)? {
    while !rest.isEmpty {
      let end = rest.firstIndex(of: 0x26) ?? rest.count
      let pair = rest.prefix(end)
      rest = rest.dropFirst(Swift.min(end + 1, rest.count))
      guard !pair.isEmpty else { continue }
      guard let equals = pair.firstIndex(of: 0x3d) else { return (pair, ByteView()) }
      return (pair.prefix(equals), pair.dropFirst(equals + 1))
    }
    return nil
  }
}
