// A packed row: the value of a row's engine entry. It is the normal form of a change of the row
// (entry kind `merge`: the tombstones first, then the cells) or of a whole row (kind `put`).
//
//   packed := version: u8 = 1 │ family*                                       ascending by id
//   family := id: varint │ byteCount: varint │ flags: u8 │ column*           ascending by qualifier
//   flags  := 1 family tombstone │ 2 a column has tombstones │ 4 a column has several cells
//   column := qualifierCount: varint │ qualifier │ head: varint │ [byteCount: varint] │ body
//   head   := cellCount << 1 │ hasTombstones         byteCount, of body, only when head is not 2
//   body   := [rangeCount: varint │ range*] │ cell*  ranges only with hasTombstones
//   range  := gap: varint │ length: varint           ms, [start, end), ascending and not touching;
//                                    gap from the last end (first: from 0); length 0: no end
//   cell   := time: varint │ valueHead: varint │ value       ms, newest first: the first absolute,
//                                    then how much older than the one before (≥ 1)
//   valueHead := byteCount << 1 │ isDelta            a delta's value: kind: u8 │ i64 big-endian
//
// Tombstones hide cells of older entries only. A row tombstone is the entry's kind: `put` and
// `delete` hide whatever is older. Written by PackedRowWriter; read by PackedFamilyReader,
// ColumnCursor and CellCursor below.

internal import Bytes
internal import DataModel

/// Constants of the format.
enum PackedRow {
  static let version: UInt8 = 1
  static let familyTombstone: UInt8 = 1
  static let hasColumnTombstones: UInt8 = 2
  static let hasManyCells: UInt8 = 4
  /// A head of one cell and no tombstones: the common column.
  static let singleCellHead: UInt64 = 2
  /// End of a range without end, in memory.
  static let openEnd = Int64.max
  static let deltaByteCount = 9
  static let millisecondsLimit = UInt64(Int64.max / 1_000)
}

/// What a cell's value is: bytes, or something to be combined with an older cell of the same
/// timestamp.
enum CellKind: Equatable {
  case value
  case delta(AggregateKind)
}

extension AggregateKind {
  /// The tag in a packed delta; persisted.
  var tag: UInt8 {
    switch self {
    case .sum: 1
    case .min: 2
    case .max: 3
    }
  }

  init?(tag: UInt8) {
    switch tag {
    case 1: self = .sum
    case 2: self = .min
    case 3: self = .max
    default: return nil
    }
  }

  /// Sums wrap, as Bigtable counters.
  func combine(_ left: Int64, _ right: Int64) -> Int64 {
    switch self {
    case .sum: left &+ right
    case .min: Swift.min(left, right)
    case .max: Swift.max(left, right)
    }
  }
}

/// One family of a packed row: where its columns are.
struct PackedFamily {
  var flags: UInt8
  var columns: ByteView

  var hasTombstone: Bool { flags & PackedRow.familyTombstone != 0 }
}

/// Walks the families of a packed row.
struct PackedFamilyReader {
  private var reader: ByteReader

  init(_ packed: ByteView) throws(ByteReadError) {
    reader = ByteReader(packed)
    guard try reader.byte() == PackedRow.version else { throw .lengthOutOfRange }
  }

  var isAtEnd: Bool { reader.isAtEnd }

  @inline(__always)
  mutating func next() throws(ByteReadError) -> (id: UInt32, family: PackedFamily)? {
    if reader.isAtEnd { return nil }
    let id = try reader.varint()
    guard id <= UInt64(UInt32.max) else { throw .lengthOutOfRange }
    let body = try reader.lengthPrefixed()
    guard body.count >= 1 else { throw .truncated }
    return (UInt32(id), PackedFamily(flags: body[0], columns: body.dropFirst(1)))
  }
}

/// Walks the columns of one family of a packed row.
struct ColumnCursor {
  private var reader: ByteReader
  /// The column's whole bytes, for copying it as it is.
  private(set) var start = 0
  private(set) var isValid = false
  private(set) var qualifier = ByteView()
  private(set) var cellCount = 0
  private(set) var hasTombstones = false
  private(set) var body = ByteView()
  /// The column is one plain cell: `time` and `value` are it.
  private(set) var isPlainCell = false
  /// Milliseconds.
  private(set) var time: Int64 = 0
  private(set) var value = ByteView()

  init(_ family: PackedFamily) { reader = ByteReader(family.columns) }

  /// Where the next column begins, in the family's columns.
  var nextStart: Int { reader.offset }

  /// Goes on behind columns that somebody else has read.
  mutating func skip(to offset: Int) throws(ByteReadError) {
    try reader.skip(offset &- reader.offset)
  }

  /// To the next column; false at the end.
  @inline(__always)
  mutating func next() throws(ByteReadError) {
    start = reader.offset
    if reader.isAtEnd {
      isValid = false
      return
    }
    qualifier = try reader.lengthPrefixed()
    let head = try reader.varint()
    if head == PackedRow.singleCellHead {
      let before = reader.offset
      let milliseconds = try reader.varint()
      let valueHead = try reader.varint()
      guard valueHead >> 1 <= UInt64(reader.remaining) else { throw .truncated }
      value = try reader.bytes(Int(valueHead >> 1))
      isPlainCell = valueHead & 1 == 0 && milliseconds <= PackedRow.millisecondsLimit
      if isPlainCell { time = Int64(milliseconds) }
      body = reader.view[before..<reader.offset]
      cellCount = 1
      hasTombstones = false
    } else {
      isPlainCell = false
      body = try reader.lengthPrefixed()
      // Each cell takes two bytes at least.
      guard head >> 1 <= UInt64(body.count / 2) else { throw .lengthOutOfRange }
      cellCount = Int(head >> 1)
      hasTombstones = head & 1 != 0
    }
    isValid = true
  }

  /// All bytes of the column as they lie.
  var bytes: ByteView { reader.view[start..<reader.offset] }
}

/// A column of one plain cell, told at a glance. Nearly all columns are: they are read without a
/// cursor's state.
struct PlainColumn {
  var qualifier: ByteView
  /// Milliseconds.
  var time: Int64
  var value: ByteView
  /// Where the next column begins.
  var end: Int

  /// The column at `offset`; nil where it is not plain, or not to be told so quickly, or damaged: a
  /// `ColumnCursor` knows.
  @inline(__always)
  init?(_ columns: ByteView, at offset: Int) {
    // Lengths of one byte, head, at most eight bytes of time, a value's head of two.
    guard columns.count &- offset >= 1 else { return nil }
    let qualifierCount = Int(columns.byte(unchecked: offset))
    let head = offset &+ 1 &+ qualifierCount
    guard qualifierCount < 0x80, columns.count &- head >= 11,
      columns.byte(unchecked: head) == UInt8(PackedRow.singleCellHead),
      let time = columns.varint(upToEightAt: head &+ 1), time.value <= PackedRow.millisecondsLimit
    else { return nil }
    var valueHead = Int(columns.byte(unchecked: time.end))
    var start = time.end &+ 1
    if valueHead >= 0x80 {
      let high = Int(columns.byte(unchecked: start))
      guard high < 0x80 else { return nil }
      valueHead = valueHead & 0x7f | high &<< 7
      start &+= 1
    }
    let valueCount = valueHead &>> 1
    guard valueHead & 1 == 0, valueCount <= columns.count &- start else { return nil }
    qualifier = columns.part(unchecked: offset &+ 1, qualifierCount)
    self.time = Int64(truncatingIfNeeded: time.value)
    value = columns.part(unchecked: start, valueCount)
    end = start &+ valueCount
  }
}

/// A half-open range of milliseconds in which older cells are hidden.
struct TombstoneRange: Equatable {
  var start: Int64
  /// `PackedRow.openEnd` for none.
  var end: Int64

  func covers(_ time: Int64) -> Bool { time >= start && time < end }
}

/// Walks the cells of one column, newest first; the tombstones come first.
struct CellCursor {
  private var reader: ByteReader
  private(set) var remaining: Int
  private(set) var isValid = false
  /// Milliseconds.
  private(set) var time: Int64 = 0
  private(set) var value = ByteView()
  private(set) var kind = CellKind.value
  private var isFirst = true

  @inline(__always)
  init(_ column: borrowing ColumnCursor) {
    reader = ByteReader(column.body)
    remaining = column.cellCount
  }

  /// Reads the tombstones, before the first `next`; only when the column has some.
  mutating func readTombstones(
    into ranges: inout ContiguousArray<TombstoneRange>
  ) throws(ByteReadError) {
    let count = try reader.length(limit: reader.remaining / 2)
    var last: Int64 = 0
    for _ in 0..<count {
      let start = try ahead(of: last)
      let length = try reader.varint()
      guard length <= PackedRow.millisecondsLimit &- UInt64(start) &+ 1 else {
        throw .lengthOutOfRange
      }
      let end = length == 0 ? PackedRow.openEnd : start + Int64(length)
      ranges.append(TombstoneRange(start: start, end: end))
      last = length == 0 ? Int64(PackedRow.millisecondsLimit) : end
    }
  }

  /// Passes the tombstones.
  mutating func skipTombstones() throws(ByteReadError) {
    let count = try reader.length(limit: reader.remaining / 2)
    for _ in 0..<count {
      _ = try reader.varint()
      _ = try reader.varint()
    }
  }

  private mutating func ahead(of last: Int64) throws(ByteReadError) -> Int64 {
    let gap = try reader.varint()
    guard gap <= PackedRow.millisecondsLimit, UInt64(last) + gap <= PackedRow.millisecondsLimit
    else { throw .lengthOutOfRange }
    return last + Int64(gap)
  }

  /// To the next older cell; invalid at the end.
  @inline(__always)
  mutating func next() throws(ByteReadError) {
    guard remaining > 0 else {
      isValid = false
      return
    }
    remaining &-= 1
    let step = try reader.varint()
    guard step <= PackedRow.millisecondsLimit else { throw .lengthOutOfRange }
    if isFirst {
      time = Int64(step)
      isFirst = false
    } else {
      guard step >= 1, Int64(step) <= time else { throw .lengthOutOfRange }
      time &-= Int64(step)
    }
    let head = try reader.varint()
    guard head >> 1 <= UInt64(reader.remaining) else { throw .truncated }
    let bytes = try reader.bytes(Int(head >> 1))
    if head & 1 == 0 {
      kind = .value
      value = bytes
    } else {
      guard bytes.count == PackedRow.deltaByteCount, let aggregate = AggregateKind(tag: bytes[0])
      else { throw .lengthOutOfRange }
      kind = .delta(aggregate)
      value = bytes.dropFirst(1)
    }
    isValid = true
  }
}
