// Searches of the list's writer, many side by side. A search is a chain of loads that each miss the
// processor's cache; alone it waits for one after the other. Here each search takes one step, asks
// for the node it will look at next, and lets the others step meanwhile (as in Kocberber et al.,
// Asynchronous Memory Access Chaining, VLDB 2015).

internal import Bytes
internal import CLinux
internal import Synchronization

/// A search for the place of one entry: on its way down, then done.
struct SkipListSearch {
  var key: SkipListKey
  var order: UInt64
  /// For each level the last node found that sorts before the entry.
  var splice: InlineArray<12, SkipListNode>
  /// Where it is, what comes next there, and what is known to lie behind the entry.
  private var node: SkipListNode
  private var next: SkipListNode?
  private var bound: SkipListNode?
  private var level: Int

  /// - Parameters:
  ///   - head: In front of all nodes.
  ///   - height: Levels in use; above them only `head` is before anything.
  @inline(__always)
  init(_ key: SkipListKey, order: UInt64, from head: SkipListNode, height: Int) {
    self.key = key
    self.order = order
    splice = InlineArray(repeating: head)
    node = head
    level = height &- 1
    next = head.next(height &- 1)
  }

  /// One step: looks at one node that has not been looked at.
  ///
  /// - Returns: True at the end.
  @inline(__always)
  mutating func step() -> Bool {
    if let next, SkipList.isBefore(next, key, order) {
      node = next
    } else {
      bound = next
      splice[level] = node
      level &-= 1
    }
    while level >= 0 {
      next = node.next(level)
      if next != bound, let next {
        // The key lies in the first line or the second.
        strata_prefetch(next.base)
        strata_prefetch(next.base + 64)
        return false
      }
      splice[level] = node
      level &-= 1
    }
    return true
  }
}

extension SkipList {
  /// Searches that go side by side: about as many misses as a core has in flight.
  static var searchCount: Int { 16 }

  /// The place for what goes in alone, beside those of `findPlaces`.
  var loneSearch: UnsafeMutablePointer<SkipListSearch> { searches + SkipList.searchCount }

  /// Begins the search `index` of the next `findPlaces`. One writer.
  @inline(__always)
  func begin(_ search: UnsafeMutablePointer<SkipListSearch>, _ key: SkipListKey, order: UInt64) {
    search.pointee = SkipListSearch(
      key, order: order, from: head, height: heightInUse.load(ordering: .relaxed))
  }

  /// Finds the places of the first `count` searches.
  func findPlaces(count: Int) {
    var unfinished = InlineArray<16, Int>(repeating: 0)
    for index in 0..<count { unfinished[index] = index }
    var rest = count
    while rest > 0 {
      var turn = 0
      while turn < rest {
        if searches[unfinished[turn]].step() {
          rest &-= 1
          unfinished[turn] = unfinished[rest]
        } else {
          turn &+= 1
        }
      }
    }
  }

  /// Finds the place of one entry.
  func findPlace(_ key: SkipListKey, order: UInt64) -> UnsafeMutablePointer<SkipListSearch> {
    begin(loneSearch, key, order: order)
    while !loneSearch.pointee.step() {}
    return loneSearch
  }

  /// The entry that will follow: of the same key, its newest older one. One writer.
  func follower(of search: UnsafeMutablePointer<SkipListSearch>) -> SkipListNode? {
    var next = search.pointee.splice[0].next(0)
    while let node = next, SkipList.isBefore(node, search.pointee.key, search.pointee.order) {
      search.pointee.splice[0] = node
      next = node.next(0)
    }
    return next
  }
}
