// The cells of one column over several entries of a row, newest entry first: each cell once, the
// newest write of a timestamp winning, cells under newer tombstones skipped, deltas combined.

internal import Bytes
internal import DataModel

/// Pulls merged cells, newest timestamp first. Reused from column to column.
struct ColumnMerge: ~Copyable {
  private var cursors: ContiguousArray<CellCursor> = []
  /// Tombstones of all columns, newest entry first, and where each entry's begin.
  private var ranges: ContiguousArray<TombstoneRange> = []
  private var rangeStarts: ContiguousArray<Int> = []

  /// The current cell.
  private(set) var time: Int64 = 0
  private(set) var value = ByteView()
  private(set) var kind = CellKind.value
  /// Set when the value is not in any entry but the result of combining several.
  private(set) var combined: Int64?

  init() {}

  /// Starts a column.
  ///
  /// - Parameter columns: Newest entry first, all of one qualifier.
  mutating func begin(_ column: borrowing ColumnCursor) throws(ByteReadError) {
    reset()
    try add(column)
  }

  mutating func reset() {
    cursors.removeAll(keepingCapacity: true)
    ranges.removeAll(keepingCapacity: true)
    rangeStarts.removeAll(keepingCapacity: true)
  }

  /// Adds the next older entry's part of the column.
  mutating func add(_ column: borrowing ColumnCursor) throws(ByteReadError) {
    rangeStarts.append(ranges.count)
    var cursor = CellCursor(column)
    if column.hasTombstones { try cursor.readTombstones(into: &ranges) }
    try cursor.next()
    cursors.append(cursor)
  }

  /// To the next living cell; false at the end.
  mutating func next() throws(ByteReadError) -> Bool {
    if cursors.count == 1 {
      guard cursors[0].isValid else { return false }
      take(0)
      try cursors[0].next()
      return true
    }
    while true {
      var newest = -1
      for index in cursors.indices where cursors[index].isValid {
        if newest < 0 || cursors[index].time > cursors[newest].time { newest = index }
      }
      if newest < 0 { return false }
      take(newest)
      try cursors[newest].next()
      if isCovered(time, before: newest) { continue }
      try passOlder(than: newest)
      return true
    }
  }

  private mutating func take(_ index: Int) {
    time = cursors[index].time
    value = cursors[index].value
    kind = cursors[index].kind
    combined = nil
  }

  /// Passes older entries' cells of the same timestamp; a delta takes them in as far as no
  /// tombstone lies between.
  private mutating func passOlder(than newest: Int) throws(ByteReadError) {
    var aggregate: AggregateKind?
    if case .delta(let kind) = kind { aggregate = kind }
    for index in cursors.indices.dropFirst(newest + 1)
    where cursors[index].isValid && cursors[index].time == time {
      if let combining = aggregate {
        if isCovered(time, before: index) {
          aggregate = nil
        } else {
          if cursors[index].value.count == 8 {
            let older = Int64(bitPattern: cursors[index].value.bigEndian64(at: 0))
            let newer = combined ?? Int64(bitPattern: value.bigEndian64(at: 0))
            combined = combining.combine(newer, older)
          }
          if cursors[index].kind == .value {
            kind = .value
            aggregate = nil
          }
        }
      }
      try cursors[index].next()
    }
  }

  /// Whether an entry newer than the one at `index` deletes cells of this time.
  private func isCovered(_ time: Int64, before index: Int) -> Bool {
    let limit = rangeStarts[index]
    if limit == 0 { return false }
    for entry in 0..<index {
      var low = rangeStarts[entry]
      var high = rangeStarts[entry + 1]
      while low < high {
        let middle = low + (high - low) / 2
        if ranges[middle].end <= time { low = middle + 1 } else { high = middle }
      }
      if low < rangeStarts[entry + 1], ranges[low].covers(time) { return true }
    }
    return false
  }

  /// The union of all tombstones, coalesced, with `extra`. Ends the column.
  mutating func takeTombstones(
    adding extra: TombstoneRange?, into output: inout ContiguousArray<TombstoneRange>
  ) {
    output.removeAll(keepingCapacity: true)
    if let extra { ranges.append(extra) }
    if ranges.count > 1, extra != nil || rangeStarts.count > 1 {
      ranges.sort { $0.start < $1.start }
    }
    for range in ranges { TombstoneRange.append(range, to: &output) }
  }
}

extension TombstoneRange {
  /// Appends to ascending ranges, merging those that overlap or touch.
  static func append(_ range: TombstoneRange, to ranges: inout ContiguousArray<TombstoneRange>) {
    if let last = ranges.last, range.start <= last.end {
      if range.end > last.end { ranges[ranges.count - 1].end = range.end }
    } else {
      ranges.append(range)
    }
  }
}
