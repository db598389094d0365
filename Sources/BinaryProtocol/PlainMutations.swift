// Mutate requests as nearly all clients send them, read front to back without a copy: the table,
// then rows, each its key and then cells, every field where its number puts it (what writers of
// protobuf do, though none is bound to). Whatever else a request holds, wrong bytes too, makes it
// not plain, and MutateRequestView reads it from its start.

package import Bytes
package import DataModel

/// A position in a mutate request that has been plain so far.
package struct PlainMutations {
  /// A cell to set.
  package struct Cell {
    package let family: ByteView
    package let qualifier: ByteView
    package let timestamp: Timestamp
    package let value: ByteView
  }

  /// Tags of fields: number << 3 │ wire type.
  private enum Tag {
    static let table: UInt8 = 0x0a
    static let row: UInt8 = 0x12
    static let key: UInt8 = 0x0a
    static let mutation: UInt8 = 0x12
    static let setCell: UInt8 = 0x0a
    static let family: UInt8 = 0x0a
    static let qualifier: UInt8 = 0x12
    static let timestamp: UInt8 = 0x19
    static let value: UInt8 = 0x22
  }

  private let body: ByteView
  private var offset = 0
  private var rowEnd = 0
  package let table: ByteView
  /// False where something else than a plain request has come; nothing more is read then.
  package private(set) var isPlain = true

  package init(_ body: ByteView) {
    self.body = body
    var start = 0
    table = PlainMutations.field(Tag.table, of: body, at: &start, before: body.count) ?? ByteView()
    offset = start
  }

  /// The key of the next row; nil at the end, and where the request is not plain.
  @inline(__always)
  package mutating func nextRow() -> ByteView? {
    guard isPlain, offset < body.count else { return nil }
    guard let end = enter(Tag.row, before: body.count) else { return stop() }
    rowEnd = end
    guard let key = field(Tag.key, before: end) else { return stop() }
    return key
  }

  /// The next cell of the row; nil at its end, and where the request is not plain.
  @inline(__always)
  package mutating func nextCell() -> Cell? {
    guard isPlain, offset < rowEnd else { return nil }
    guard let mutationEnd = enter(Tag.mutation, before: rowEnd),
      let end = enter(Tag.setCell, before: mutationEnd), end == mutationEnd,
      let family = field(Tag.family, before: end)
    else { return stop() }
    let qualifier = field(Tag.qualifier, before: end) ?? ByteView()
    var timestamp = Timestamp.server
    if offset < end, body[offset] == Tag.timestamp {
      guard end &- offset >= 9 else { return stop() }
      timestamp = Timestamp(
        microseconds: Int64(bitPattern: body.littleEndian64(at: offset &+ 1)))
      offset &+= 9
    }
    let value = field(Tag.value, before: end) ?? ByteView()
    guard offset == end else { return stop() }
    return Cell(family: family, qualifier: qualifier, timestamp: timestamp, value: value)
  }

  private mutating func stop<Result>() -> Result? {
    isPlain = false
    return nil
  }

  /// Steps into the field that begins here, if it has this tag: where it ends.
  @inline(__always)
  private mutating func enter(_ tag: UInt8, before limit: Int) -> Int? {
    PlainMutations.enter(tag, of: body, at: &offset, before: limit)
  }

  /// Steps over the field that begins here, if it has this tag.
  @inline(__always)
  private mutating func field(_ tag: UInt8, before limit: Int) -> ByteView? {
    PlainMutations.field(tag, of: body, at: &offset, before: limit)
  }

  @inline(__always)
  private static func field(
    _ tag: UInt8, of body: ByteView, at offset: inout Int, before limit: Int
  ) -> ByteView? {
    guard let end = enter(tag, of: body, at: &offset, before: limit) else { return nil }
    let bytes = body[offset..<end]
    offset = end
    return bytes
  }

  @inline(__always)
  private static func enter(
    _ tag: UInt8, of body: ByteView, at offset: inout Int, before limit: Int
  ) -> Int? {
    guard limit &- offset >= 2, body[offset] == tag else { return nil }
    var start = offset &+ 2
    var count = Int(body[offset &+ 1])
    if count >= 0x80 {
      guard let long = longLength(of: body, at: &start, before: limit, count & 0x7f) else {
        return nil
      }
      count = long
    }
    guard count <= limit &- start else { return nil }
    offset = start
    return start &+ count
  }

  /// The rest of a length of more than one byte; below 2³⁵, so that sums with it cannot overflow.
  private static func longLength(
    of body: ByteView, at offset: inout Int, before limit: Int, _ first: Int
  ) -> Int? {
    var count = first
    for shift in stride(from: 7, to: 35, by: 7) {
      guard offset < limit else { return nil }
      let byte = body[offset]
      offset &+= 1
      count |= Int(byte & 0x7f) &<< shift
      if byte < 0x80 { return count }
    }
    return nil
  }
}
