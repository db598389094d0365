// The families and columns of several entries of one row, newest entry first, walked together:
// what RowMerger (compaction) and RowReader (reads) have in common.

internal import Bytes
internal import LSM

/// Aligns entries by family and column. Reused from row to row.
struct FamilyMerge: ~Copyable {
  /// Each entry's section of each family, by `entry * familyCount + familyIndex`.
  private var sections: ContiguousArray<PackedFamily?> = []
  private var familyCount = 0
  private var entryCount = 0
  /// The sections of the current family that still count, newest first.
  private(set) var members: ContiguousArray<PackedFamily> = []
  /// One cursor a member.
  private(set) var columns: ContiguousArray<ColumnCursor> = []
  /// Members that have the current column, newest first; while `isAligned`.
  private(set) var holders: ContiguousArray<Int> = []
  /// True when a family that the schema does not know was passed over.
  private(set) var hasDroppedFamilies = false

  init() {}

  /// Finds the sections of all entries' families.
  mutating func load(_ operands: [Operand], _ rules: RowRules) throws(ByteReadError) {
    familyCount = rules.families.count
    entryCount = operands.count
    hasDroppedFamilies = false
    sections.removeAll(keepingCapacity: true)
    for operand in operands {
      let base = sections.count
      for _ in 0..<familyCount { sections.append(nil) }
      if operand.kind == .delete { continue }
      var reader = try PackedFamilyReader(operand.value)
      var position = 0
      while let (id, family) = try reader.next() {
        // Both ascend by id.
        while position < familyCount, rules.families[rules.indexesByID[position]].id < id {
          position += 1
        }
        guard position < familyCount else {
          hasDroppedFamilies = true
          break
        }
        let index = rules.indexesByID[position]
        if rules.families[index].id == id {
          sections[base + index] = family
        } else {
          hasDroppedFamilies = true
        }
      }
    }
  }

  /// Collects the sections of one family into `members`; older ones than a family tombstone do not
  /// count. Answers whether there was one.
  mutating func select(family index: Int) -> Bool {
    members.removeAll(keepingCapacity: true)
    for entry in 0..<entryCount {
      guard let section = sections[entry * familyCount + index] else { continue }
      members.append(section)
      if section.hasTombstone { return true }
    }
    return false
  }

  /// Starts the columns of the selected family.
  mutating func beginColumns() throws(ByteReadError) {
    columns.removeAll(keepingCapacity: true)
    for member in members {
      var cursor = ColumnCursor(member)
      try cursor.next()
      columns.append(cursor)
    }
    align()
  }

  /// True while `holders` names a column.
  var isAligned: Bool { !holders.isEmpty }

  /// To the next column.
  mutating func nextColumn() throws(ByteReadError) {
    for holder in holders { try columns[holder].next() }
    align()
  }

  /// Finds the least qualifier and who has it.
  private mutating func align() {
    holders.removeAll(keepingCapacity: true)
    for index in columns.indices where columns[index].isValid {
      guard let first = holders.first else {
        holders.append(index)
        continue
      }
      let order = columns[index].qualifier.compare(columns[first].qualifier)
      if order < 0 { holders.removeAll(keepingCapacity: true) }
      if order <= 0 { holders.append(index) }
    }
  }

  /// Starts the current column's cells.
  func beginCells(_ merge: inout ColumnMerge) throws(ByteReadError) {
    merge.reset()
    for holder in holders { try merge.add(columns[holder]) }
  }
}
