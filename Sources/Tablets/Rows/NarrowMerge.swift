// The merge of most rows: several entries that each set single cells of one family, all of whose
// older cells are garbage or overwritten. Column by column the newest cell stays as it lies.
//
// Everything else (deletions, deltas, columns of several cells, a cell that a rule keeps, entries
// whose older ones are elsewhere) is not decided here: the answer is nil, and nothing was written.

internal import Bytes
internal import LSM

/// Merges narrow rows. Scratch of one merge at a time, kept for the next.
struct NarrowMerge: ~Copyable {
  /// More entries of one row are rare, and worth the general way.
  private static let entryLimit = 8

  private let cursors = UnsafeMutablePointer<ColumnCursor>.allocate(capacity: entryLimit)
  private var count = 0
  private var familyID: UInt32 = 0

  init() {}

  deinit { cursors.deallocate() }

  /// - Parameters:
  ///   - operands: Newest first.
  ///   - output: Receives the whole row, unless the answer is nil.
  /// - Returns: Whether a rule has taken a cell; nil when the row is not narrow.
  mutating func merge(
    _ operands: [Operand], _ request: borrowing MergeRequest, _ horizon: inout CollectionHorizon,
    _ writer: inout PackedRowWriter, into output: inout ByteBuffer
  ) throws(ByteReadError) -> Bool? {
    guard request.isComplete, operands.count <= NarrowMerge.entryLimit, try load(operands),
      let rules = request.rules.family(id: familyID)
    else { return nil }
    guard rules.gc == nil || rules.harmlessCellCount ?? 0 >= 1 else { return nil }
    var hasCollected = false
    writer.beginFamily(familyID, hasTombstone: false)
    while let column = leastColumn() {
      if column.older >= 0 {
        guard let gc = rules.gc,
          horizon.dooms(
            gc, rules, newerCount: 1, milliseconds: cursors[column.older].time, request)
        else { return nil }
        hasCollected = true
      }
      writer.copyColumn(cursors[column.newest])
      for index in 0..<count where column.holders & 1 << UInt8(index) != 0 {
        guard try advance(index) else { return nil }
      }
    }
    writer.begin(&output)
    writer.endFamily(&output)
    return hasCollected
  }

  /// Starts the columns of each entry; false when one is not of one family without flags.
  private mutating func load(_ operands: [Operand]) throws(ByteReadError) -> Bool {
    count = 0
    for operand in operands {
      guard operand.kind != .delete else { return false }
      var reader = try PackedFamilyReader(operand.value)
      guard let (id, family) = try reader.next(), family.flags == 0, !family.columns.isEmpty,
        reader.isAtEnd, count == 0 || id == familyID
      else { return false }
      familyID = id
      cursors[count] = ColumnCursor(family)
      guard try advance(count) else { return false }
      count &+= 1
    }
    return true
  }

  /// To an entry's next column; false when it is more than one plain cell.
  private func advance(_ index: Int) throws(ByteReadError) -> Bool {
    try cursors[index].next()
    return !cursors[index].isValid || cursors[index].isPlainCell
  }

  /// The column with the least qualifier: who has it, a bit each; whose cell is newest; whose is
  /// the newest of those with another time, -1 for none. Nil at the end.
  private func leastColumn() -> (holders: UInt8, newest: Int, older: Int)? {
    var holders: UInt8 = 0
    var newest = -1
    var older = -1
    for index in 0..<count where cursors[index].isValid {
      let order = newest < 0 ? -1 : cursors[index].qualifier.compare(cursors[newest].qualifier)
      if order > 0 { continue }
      if order < 0 {
        holders = 1 << UInt8(index)
        newest = index
        older = -1
        continue
      }
      holders |= 1 << UInt8(index)
      let time = cursors[index].time
      // Of equal times the entry that was written last wins: the one met first.
      if time > cursors[newest].time {
        older = newest
        newest = index
      } else if time < cursors[newest].time, older < 0 || time > cursors[older].time {
        older = index
      }
    }
    return newest < 0 ? nil : (holders, newest, older)
  }
}
