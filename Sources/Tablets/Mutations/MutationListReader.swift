// Reads a MutationList back (its bytes are drawn there). The list was written in this process, so
// a wrong byte is a broken promise, not bad input.

internal import Bytes
internal import DataModel

/// A position in a mutation list.
struct MutationListReader {
  enum Mutation {
    case setCell(family: ByteView, qualifier: ByteView, timestamp: Timestamp, value: ByteView)
    case deleteFromColumn(
      family: ByteView, qualifier: ByteView, start: Timestamp, end: Timestamp)
    case deleteFromFamily(ByteView)
    case deleteFromRow
    case addToCell(
      family: ByteView, qualifier: ByteView, timestamp: Timestamp, input: Int64)
    case mergeToCell(family: ByteView, qualifier: ByteView, timestamp: Timestamp, state: ByteView)
  }

  private let view: ByteView
  private(set) var offset = 0

  init(_ encoded: ByteView) { view = encoded }

  var isAtEnd: Bool { offset == view.count }

  /// The key of the next row.
  mutating func beginRow() -> ByteView {
    precondition(byte() == 0, "a row begins here")
    return bytes()
  }

  mutating func skipRow() {
    _ = beginRow()
    while nextMutation() != nil {}
  }

  /// The next mutation of the row; nil at the row's end.
  @inline(__always)
  mutating func nextMutation() -> Mutation? {
    guard offset < view.count, view[offset] != 0 else { return nil }
    switch byte() {
    case 1:
      let family = bytes()
      let qualifier = bytes()
      let timestamp = timestamp()
      return .setCell(family: family, qualifier: qualifier, timestamp: timestamp, value: bytes())
    case 2:
      let family = bytes()
      let qualifier = bytes()
      let start = timestamp()
      return .deleteFromColumn(
        family: family, qualifier: qualifier, start: start, end: timestamp())
    case 3: return .deleteFromFamily(bytes())
    case 4: return .deleteFromRow
    case 5:
      let family = bytes()
      let qualifier = bytes()
      let timestamp = timestamp()
      return .addToCell(
        family: family, qualifier: qualifier, timestamp: timestamp, input: integer())
    case 6:
      let family = bytes()
      let qualifier = bytes()
      let timestamp = timestamp()
      return .mergeToCell(
        family: family, qualifier: qualifier, timestamp: timestamp, state: bytes())
    default: preconditionFailure("a mutation tag is 1 to 6")
    }
  }

  private mutating func byte() -> UInt8 {
    let value = view[offset]
    offset += 1
    return value
  }

  private mutating func integer() -> Int64 {
    let value = Int64(bitPattern: view.littleEndian64(at: offset))
    offset += 8
    return value
  }

  private mutating func timestamp() -> Timestamp { Timestamp(microseconds: integer()) }

  @inline(__always)
  private mutating func bytes() -> ByteView {
    var count = 0
    var shift = 0
    while true {
      let byte = byte()
      count |= Int(byte & 0x7f) << shift
      if byte < 0x80 { break }
      shift += 7
    }
    let start = offset
    offset += count
    return view[start..<offset]
  }
}
