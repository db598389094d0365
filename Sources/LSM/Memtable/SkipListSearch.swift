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
  var splice: InlineArray<20, SkipListNode>
  /// Where it is: before the entry.
  private var node: SkipListNode
  private var level: Int
  /// What must be compared to the end, as its prefix is the entry's.
  private var candidate: UnsafeMutableRawPointer?
  /// What has been, and lies behind the entry.
  private var bound: UnsafeMutableRawPointer?

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
  }

  /// One step: goes on until it needs a line that is not asked for yet, and asks for it.
  ///
  /// - Returns: True at the end.
  @inline(__always)
  mutating func step() -> Bool {
    if let candidate {
      if SkipList.isBefore(SkipListNode(candidate), key, order) {
        node = SkipListNode(candidate)
      } else {
        bound = candidate
      }
      self.candidate = nil
    }
    while true {
      let prefix = node.nextPrefix(level)
      if prefix <= key.prefix, let next = node.next(level), next.base != bound {
        if prefix < key.prefix {
          node = next
          strata_prefetch(next.link(level))
        } else {
          candidate = next.base
          // The key lies in the first line or the second.
          strata_prefetch(next.base)
          strata_prefetch(next.base + 64)
        }
        return false
      }
      splice[level] = node
      if level == 0 { return true }
      level &-= 1
    }
  }

  /// Walks over what has been inserted since the search; returns the last node before the entry.
  @inline(__always)
  mutating func advance(_ level: Int) -> SkipListNode {
    var before = splice[level]
    while true {
      let prefix = before.nextPrefix(level)
      guard prefix <= key.prefix, let next = before.next(level),
        prefix < key.prefix || SkipList.isBefore(next, key, order)
      else { break }
      before = next
    }
    splice[level] = before
    return before
  }

  /// The entry that will follow if it is of the same key: its newest older one.
  @inline(__always)
  mutating func olderEntry() -> SkipListNode? {
    let before = advance(0)
    guard before.nextPrefix(0) == key.prefix, let next = before.next(0), key.compare(next) == 0
    else { return nil }
    return next
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
}
