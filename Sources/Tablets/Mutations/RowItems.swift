// The cells and tombstones that the mutations of one row come to, before they are packed: sorted,
// overwritten and deleted ones gone, so that the tombstones left apply to older entries only.

internal import Bytes
internal import DataModel

/// One cell or one column tombstone of a row being encoded.
private struct RowItem {
  var family: UInt32
  var qualifier: ByteView
  /// Milliseconds; of a tombstone, where it starts.
  var time: Int64
  /// Of a tombstone, where it ends; nil for a cell.
  var end: Int64?
  /// Place in the list of mutations.
  var order: Int
  var value: ByteView
  var number: Int64
  var aggregate: AggregateKind?

  func isSameColumn(_ other: RowItem) -> Bool {
    family == other.family && qualifier == other.qualifier
  }

  /// By family and qualifier; tombstones by start, then cells newest first, the last written first.
  static func isBefore(_ left: RowItem, _ right: RowItem) -> Bool {
    if left.family != right.family { return left.family < right.family }
    let byQualifier = left.qualifier.compare(right.qualifier)
    if byQualifier != 0 { return byQualifier < 0 }
    switch (left.end == nil, right.end == nil) {
    case (false, true): return true
    case (true, false): return false
    case (false, false): return left.time < right.time
    case (true, true):
      return left.time != right.time ? left.time > right.time : left.order > right.order
    }
  }
}

/// Collects a row's mutations. Reused from row to row.
struct RowItems: ~Copyable {
  private var items: ContiguousArray<RowItem> = []
  /// Families deleted and where in the list, last deletion only.
  private var deletedFamilies: ContiguousArray<(id: UInt32, order: Int)> = []
  private var tombstones: ContiguousArray<TombstoneRange> = []
  private var covering = CoveringTombstones()
  /// The items came as they must be written and none deletes another.
  private var isInOrder = true
  private var order = 0
  private(set) var deletesRow = false
  private(set) var deletionCount = 0
  /// After `normalize`.
  private(set) var cellCount = 0
  /// Newest cell, milliseconds; -1 without cells.
  private(set) var maxTime: Int64 = -1

  init() {}

  mutating func removeAll() {
    // A request of many mutations must not hold its memory for ever.
    items.removeAll(keepingCapacity: items.capacity <= 4_096)
    deletedFamilies.removeAll(keepingCapacity: true)
    isInOrder = true
    order = 0
    deletesRow = false
    deletionCount = 0
    cellCount = 0
    maxTime = -1
  }

  @inline(__always)
  mutating func append(cell family: UInt32, _ qualifier: ByteView, time: Int64, value: ByteView) {
    append(
      RowItem(
        family: family, qualifier: qualifier, time: time, end: nil, order: order, value: value,
        number: 0, aggregate: nil))
  }

  mutating func append(
    delta family: UInt32, _ qualifier: ByteView, time: Int64, _ number: Int64,
    _ aggregate: AggregateKind
  ) {
    append(
      RowItem(
        family: family, qualifier: qualifier, time: time, end: nil, order: order,
        value: ByteView(), number: number, aggregate: aggregate))
  }

  mutating func append(tombstone family: UInt32, _ qualifier: ByteView, _ range: TombstoneRange) {
    isInOrder = false
    deletionCount += 1
    append(
      RowItem(
        family: family, qualifier: qualifier, time: range.start, end: range.end, order: order,
        value: ByteView(), number: 0, aggregate: nil))
  }

  private mutating func append(_ item: RowItem) {
    if isInOrder, let last = items.last {
      isInOrder =
        RowItem.isBefore(last, item) && !(last.time == item.time && last.isSameColumn(item))
    }
    order += 1
    items.append(item)
  }

  mutating func deleteFamily(_ id: UInt32) {
    deletionCount += 1
    order += 1
    if !items.isEmpty { isInOrder = false }
    if let known = deletedFamilies.firstIndex(where: { $0.id == id }) {
      deletedFamilies[known].order = order
    } else {
      deletedFamilies.append((id: id, order: order))
    }
  }

  mutating func deleteRow() {
    let deletions = deletionCount
    removeAll()
    deletionCount = deletions + 1
    deletesRow = true
  }

  /// Nothing to write (after `normalize`).
  var isVoid: Bool { items.isEmpty && deletedFamilies.isEmpty && !deletesRow }

  /// Sorts, and removes what later mutations of the list replaced or deleted.
  mutating func normalize() {
    if !isInOrder {
      if !deletedFamilies.isEmpty {
        items.removeAll { item in
          deletedFamilies.contains { $0.id == item.family && item.order < $0.order }
        }
      }
      sort()
      removeDeleted()
      combineEqualTimes()
    }
    if deletesRow { deletedFamilies.removeAll(keepingCapacity: true) }
    if deletedFamilies.count > 1 { deletedFamilies.sort { $0.id < $1.id } }
    cellCount = 0
    for item in items where item.end == nil {
      cellCount += 1
      maxTime = max(maxTime, item.time)
    }
  }

  private mutating func sort() {
    guard items.count <= 32 else { return items.sort(by: RowItem.isBefore) }
    // Insertion: no allocation, and most lists are nearly in order.
    for index in items.indices.dropFirst() {
      var place = index
      while place > 0, RowItem.isBefore(items[place], items[place - 1]) {
        items.swapAt(place, place - 1)
        place -= 1
      }
    }
  }

  /// Removes cells that a later tombstone of the list covers.
  private mutating func removeDeleted() {
    var kept = 0
    var start = 0
    while start < items.count {
      var firstCell = start
      while firstCell < items.count, items[firstCell].end != nil,
        items[firstCell].isSameColumn(items[start])
      {
        firstCell += 1
      }
      var end = firstCell
      while end < items.count, items[end].isSameColumn(items[start]) { end += 1 }
      if firstCell > start { markDeleted(tombstones: start..<firstCell, cells: firstCell..<end) }
      for index in start..<end where items[index].order >= 0 {
        items[kept] = items[index]
        kept += 1
      }
      start = end
    }
    items.removeLast(items.count - kept)
  }

  /// Sets the order of deleted cells to -1. O(n log n) whatever a client sends.
  private mutating func markDeleted(tombstones: Range<Int>, cells: Range<Int>) {
    covering.removeAll()
    var next = tombstones.lowerBound
    for index in cells.reversed() {
      let time = items[index].time
      while next < tombstones.upperBound, items[next].time <= time {
        covering.insert(order: items[next].order, end: items[next].end ?? PackedRow.openEnd)
        next += 1
      }
      if let newest = covering.newestOrder(at: time), newest > items[index].order {
        items[index].order = -1
      }
    }
  }

  /// Of cells with one timestamp the last written stays; deltas add up.
  private mutating func combineEqualTimes() {
    var kept = 0
    for index in items.indices {
      let item = items[index]
      if kept > 0, item.end == nil, items[kept - 1].end == nil, items[kept - 1].time == item.time,
        items[kept - 1].isSameColumn(item)
      {
        if let aggregate = item.aggregate {
          items[kept - 1].number = aggregate.combine(items[kept - 1].number, item.number)
        }
      } else {
        items[kept] = item
        kept += 1
      }
    }
    items.removeLast(items.count - kept)
  }

  /// Packs what is left.
  mutating func write(_ writer: inout PackedRowWriter, into output: inout ByteBuffer) {
    writer.begin(&output)
    var index = 0
    var deleted = 0
    while index < items.count || deleted < deletedFamilies.count {
      let next = index < items.count ? items[index].family : .max
      if deleted < deletedFamilies.count, deletedFamilies[deleted].id < next {
        writer.beginFamily(deletedFamilies[deleted].id, hasTombstone: true)
        writer.endFamily(&output)
        deleted += 1
        continue
      }
      let isDeleted = deleted < deletedFamilies.count && deletedFamilies[deleted].id == next
      if isDeleted { deleted += 1 }
      writer.beginFamily(next, hasTombstone: isDeleted)
      while index < items.count, items[index].family == next {
        writeColumn(&index, &writer, hidesOlder: isDeleted || deletesRow)
      }
      writer.endFamily(&output)
    }
  }

  private mutating func writeColumn(
    _ index: inout Int, _ writer: inout PackedRowWriter, hidesOlder: Bool
  ) {
    let first = items[index]
    writer.beginColumn(first.qualifier)
    tombstones.removeAll(keepingCapacity: true)
    repeat {
      let item = items[index]
      if let end = item.end {
        if !hidesOlder {
          TombstoneRange.append(TombstoneRange(start: item.time, end: end), to: &tombstones)
        }
      } else if let aggregate = item.aggregate {
        withUnsafeBytes(of: item.number.bigEndian) {
          writer.append(time: item.time, value: ByteView($0), kind: .delta(aggregate))
        }
      } else {
        writer.append(time: item.time, value: item.value, kind: .value)
      }
      index += 1
    } while index < items.count && items[index].isSameColumn(first)
    writer.endColumn(tombstones: tombstones)
  }
}

/// Tombstones that start at or before the sweep's time: a binary heap, the latest written on top;
/// those that have ended leave when they come to the top.
private struct CoveringTombstones {
  private var heap: ContiguousArray<(order: Int, end: Int64)> = []

  mutating func removeAll() { heap.removeAll(keepingCapacity: heap.capacity <= 4_096) }

  mutating func insert(order: Int, end: Int64) {
    heap.append((order: order, end: end))
    var place = heap.count - 1
    while place > 0, heap[place].order > heap[(place - 1) / 2].order {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// The latest written tombstone that covers `time`; times must ascend from call to call.
  mutating func newestOrder(at time: Int64) -> Int? {
    while let top = heap.first, top.end <= time { removeTop() }
    return heap.first?.order
  }

  private mutating func removeTop() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var place = 0
    while true {
      var largest = place
      for child in [2 * place + 1, 2 * place + 2]
      where child < heap.count && heap[child].order > heap[largest].order {
        largest = child
      }
      if largest == place { return }
      heap.swapAt(place, largest)
      place = largest
    }
  }
}
