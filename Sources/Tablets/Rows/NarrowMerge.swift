// The merge of most rows: several entries that each set single cells of one family, all of whose
// older cells are garbage, overwritten or deleted. Column by column the newest cell stays as it
// lies.
//
// A column from which a rule has taken a cell, while older entries were elsewhere, has a tombstone
// (RowMerger); so the same columns come again, each with a `floor`: the end of its only tombstone,
// which begins with time and hides older entries' cells.
//
// Everything else (other deletions, deltas, columns of several cells, a cell that a rule keeps) is
// not decided here: the answer is nil, and nothing was written.

internal import Bytes
internal import LSM

/// Merges narrow rows. Scratch of one merge at a time, kept for the next.
struct NarrowMerge: ~Copyable {
  /// What level 0 gathers before it is merged, twice; more entries of one row are rare, and worth
  /// the general way.
  private static let entryLimit = 16

  /// Where the merge is in an entry: at a column of one cell.
  private struct Member {
    var columns: ColumnCursor
    var time: Int64 = 0
    /// The cell as it lies: its time and value.
    var cell = ByteView()
    var floor: Int64 = 0
  }

  /// The column with the least qualifier.
  private struct Column {
    /// Who has it, a bit each.
    var holders: UInt16 = 0
    /// Whose cell is newest.
    var newest = -1
    /// Whose cell is the newest of those with another time that are not deleted; -1 for none.
    var older = -1
    /// The highest of all.
    var floor: Int64 = 0
  }

  private let members = UnsafeMutablePointer<Member>.allocate(capacity: entryLimit)
  private var count = 0
  private var familyID: UInt32 = 0

  init() {}

  deinit { members.deallocate() }

  /// - Parameters:
  ///   - operands: Newest first.
  ///   - output: Receives the row or the change, unless the answer is nil.
  /// - Returns: Whether a rule has taken a cell; nil when the row is not narrow.
  mutating func merge(
    _ operands: [Operand], _ request: borrowing MergeRequest, _ horizon: inout CollectionHorizon,
    _ writer: inout PackedRowWriter, into output: inout ByteBuffer
  ) throws(ByteReadError) -> Bool? {
    guard operands.count <= NarrowMerge.entryLimit, try load(operands),
      let rules = request.rules.family(id: familyID)
    else { return nil }
    guard rules.gc == nil || rules.harmlessCellCount ?? 0 >= 1 else { return nil }
    var hasCollected = false
    writer.beginFamily(familyID, hasTombstone: false)
    while let column = leastColumn() {
      var floor = request.isComplete ? 0 : column.floor
      if column.older >= 0 {
        let time = members[column.older].time
        guard let gc = rules.gc,
          horizon.dooms(gc, rules, newerCount: 1, milliseconds: time, request)
        else { return nil }
        hasCollected = true
        if !request.isComplete { floor = max(floor, time &+ 1) }
      }
      write(members + column.newest, floor: floor, to: &writer)
      for index in 0..<count where column.holders & 1 << UInt16(index) != 0 {
        guard try advance(members + index) else { return nil }
      }
    }
    writer.begin(&output)
    writer.endFamily(&output)
    return hasCollected
  }

  private func write(
    _ member: UnsafePointer<Member>, floor: Int64, to writer: inout PackedRowWriter
  ) {
    if member.pointee.floor == floor {
      writer.copyColumn(member.pointee.columns)
    } else {
      writer.copyCell(
        member.pointee.cell, of: member.pointee.columns.qualifier, floor: floor)
    }
  }

  /// Starts the columns of each entry; false when one is not of one family of single cells.
  private mutating func load(_ operands: [Operand]) throws(ByteReadError) -> Bool {
    count = 0
    for operand in operands {
      if case .delete = operand.kind { return false }
      var reader = try PackedFamilyReader(operand.value)
      guard let (id, family) = try reader.next(),
        family.flags & ~PackedRow.hasColumnTombstones == 0, !family.columns.isEmpty,
        reader.isAtEnd, count == 0 || id == familyID
      else { return false }
      familyID = id
      (members + count).initialize(to: Member(columns: ColumnCursor(family)))
      guard try advance(members + count) else { return false }
      count &+= 1
    }
    return true
  }

  /// To an entry's next column; false when it is more than one cell and a floor.
  private func advance(_ member: UnsafeMutablePointer<Member>) throws(ByteReadError) -> Bool {
    try member.pointee.columns.next()
    guard member.pointee.columns.isValid else { return true }
    guard member.pointee.columns.isPlainCell else { return try takeFloor(member) }
    member.pointee.time = member.pointee.columns.time
    member.pointee.cell = member.pointee.columns.body
    member.pointee.floor = 0
    return true
  }

  private func takeFloor(_ member: UnsafeMutablePointer<Member>) throws(ByteReadError) -> Bool {
    guard member.pointee.columns.cellCount == 1, member.pointee.columns.hasTombstones else {
      return false
    }
    var reader = ByteReader(member.pointee.columns.body)
    // One range, no gap before it, and an end.
    guard try reader.varint() == 1, try reader.varint() == 0 else { return false }
    let floor = try reader.varint()
    let cell = reader.rest
    let time = try reader.varint()
    let valueHead = try reader.varint()
    guard floor >= 1, floor <= PackedRow.millisecondsLimit,
      time <= PackedRow.millisecondsLimit, valueHead & 1 == 0,
      valueHead >> 1 == UInt64(reader.remaining)
    else { return false }
    member.pointee.time = Int64(time)
    member.pointee.cell = cell
    member.pointee.floor = Int64(floor)
    return true
  }

  private func leastColumn() -> Column? {
    var column = Column()
    for index in 0..<count where members[index].columns.isValid {
      let order =
        column.newest < 0
        ? -1 : members[index].columns.qualifier.compare(members[column.newest].columns.qualifier)
      if order > 0 { continue }
      let bit: UInt16 = 1 << UInt16(index)
      if order < 0 {
        column = Column(holders: bit, newest: index, floor: members[index].floor)
        continue
      }
      column.holders |= bit
      let time = members[index].time
      // Of equal times the entry that was written last wins: the one met first.
      if time >= column.floor {
        if time > members[column.newest].time {
          column.older = column.newest
          column.newest = index
        } else if time < members[column.newest].time,
          column.older < 0 || time > members[column.older].time
        {
          column.older = index
        }
      }
      column.floor = max(column.floor, members[index].floor)
    }
    return column.newest < 0 ? nil : column
  }
}
